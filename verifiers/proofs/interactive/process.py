"""A prover's process in a sandbox, spoken to through pipes, with a deadline for every answer."""

import os
import select
import signal
import subprocess
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path

from gym_reason.verifiers.processes import run_in_starter
from gym_reason.verifiers.sandbox.base import SandboxLostError
from gym_reason.verifiers.sandbox.cgroups import Counters, make_cgroup
from gym_reason.verifiers.sandbox.limits import MIB
from gym_reason.verifiers.sandbox.seccomp import build_filter
from gym_reason.verifiers.sandbox.walls import (
    Walled,
    find_bubblewrap,
    memory_file,
    mount_folders,
    mount_system,
)

MAX_OUTPUT_BYTES = 8 * MIB
"""Most that one answer may be."""
DISK_BYTES = 64 * MIB
"""What the private `/tmp` holds, and the largest file."""
_SEND_LIMIT_S = 10.0
_READ_BYTES = 1 << 16


class OutputLimitError(Exception):
    """A prover's answer was longer than `MAX_OUTPUT_BYTES`."""


class ProverProcess:
    """A long-lived program in bubblewrap: no network, no files but the read-only system's.

    What it writes to its standard output and standard error comes in one stream. It ends with
    `close`, with this object, and with this process, however that ends.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        memory_bytes: int,
        files: Mapping[str, bytes] = {},
        readable: Sequence[Path] = (),
        environment: Mapping[str, str] = {},
        processes: int = 64,
        purpose: str = "a sandbox for provers",
    ) -> None:
        """Start `argv`, in its private `/tmp`.

        Args:
            argv: The command; the program by its full path.
            memory_bytes: What its process tree may use, `/tmp` included; where no cgroup counts it,
                the address space of each process.
            files: What lies in `/tmp`, by name; none of it can be changed.
            readable: Folders outside `/usr` that are shown, under their own paths.
            environment: Variables besides `LANG`, `HOME` and `PATH`.
            processes: Most processes and threads at a time.
            purpose: What it is for, in the message where bubblewrap is missing.

        Raises:
            RunError: bubblewrap is missing.
        """
        program = find_bubblewrap(purpose)
        self._walled = Walled(make_cgroup())
        self._finalizer = weakref.finalize(self, _end, self._walled, os.getpid())
        self._buffer = bytearray()
        try:
            cgroup = self._walled.cgroup
            limits = [f"--fsize={DISK_BYTES}", "--core=0"]
            if cgroup is not None:
                cgroup.set_limits(memory_bytes, processes)
            if cgroup is None or not cgroup.limits_memory:
                limits.append(f"--as={memory_bytes}")
            if cgroup is None or not cgroup.limits_processes:
                limits.append(f"--nproc={processes}")
            command = ["/usr/bin/prlimit", *limits, "--", *argv]
            run_in_starter(self._start, program, command, files, readable, environment)
        except BaseException:
            self.close()
            raise

    def _start(
        self,
        program: str,
        command: Sequence[str],
        files: Mapping[str, bytes],
        readable: Sequence[Path],
        environment: Mapping[str, str],
    ) -> None:
        folders = [str(folder) for folder in readable]
        contents = {name: memory_file(content) for name, content in files.items()}
        arguments = [*mount_system(), "--proc", "/proc", "--dev", "/dev"]
        arguments += ["--size", str(DISK_BYTES), "--tmpfs", "/tmp"]
        arguments += mount_folders(folders)
        for name, descriptor in contents.items():
            arguments += ["--perms", "0444", "--ro-bind-data", str(descriptor), f"/tmp/{name}"]
        arguments += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]
        variables = {"LANG": "C.UTF-8", "HOME": "/tmp", "PATH": "/usr/bin:/bin", **environment}
        for name, value in variables.items():
            arguments += ["--setenv", name, value]
        # The command is the first process: an interrupt reaches it, and its end ends all.
        arguments += ["--as-pid-1", "--", *command]
        try:
            self._walled.start(
                program,
                arguments,
                seccomp=build_filter(inner=True),
                folders=folders,
                descriptors=list(contents.values()),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        finally:
            for descriptor in contents.values():
                os.close(descriptor)
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        os.set_blocking(process.stdin.fileno(), False)
        os.set_blocking(process.stdout.fileno(), False)

    @property
    def _process(self) -> subprocess.Popen[bytes]:
        process = self._walled.process
        if process is None:
            raise SandboxLostError("a prover's process that is closed", "an open one")
        return process

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        process = self._walled.process
        return process is not None and process.poll() is None

    @property
    def pid(self) -> int:
        """The process inside, as the host numbers it."""
        return self._walled.inner_pid

    def read_counters(self) -> Counters:
        """Return how often the kernel has stepped in so far; zeros where nothing counts."""
        cgroup = self._walled.cgroup
        return Counters(0, 0) if cgroup is None else cgroup.read_counters()

    def send(self, content: bytes) -> None:
        """Write to its standard input. Raises SandboxLostError."""
        stdin = self._process.stdin
        assert stdin is not None
        deadline = time.monotonic() + _SEND_LIMIT_S
        view = memoryview(content)
        while view:
            try:
                view = view[os.write(stdin.fileno(), view) :]
            except BlockingIOError:
                if not _wait(stdin.fileno(), select.POLLOUT, deadline):
                    raise SandboxLostError("a prover does not read what it is sent") from None
            except (OSError, ValueError) as error:
                raise self._lost() from error

    def end_input(self) -> None:
        """Close its standard input: there is nothing more to come."""
        stdin = self._process.stdin
        assert stdin is not None
        stdin.close()

    def read_until(self, marker: bytes, limit_s: float) -> bytes:
        """Return what it says up to and with `marker`.

        What came so far stays where an error is raised, for the next call.

        Raises:
            TimeoutError: It did not say that within `limit_s` seconds.
            OutputLimitError: It said more than it may.
            SandboxLostError: It has ended.
        """
        deadline = time.monotonic() + limit_s
        searched = 0
        while True:
            found = self._buffer.find(marker, max(0, searched - len(marker) + 1))
            if found >= 0:
                end = found + len(marker)
                content = bytes(self._buffer[:end])
                del self._buffer[:end]
                return content
            searched = len(self._buffer)
            if not self._read(deadline):
                raise self._lost()

    def read_to_end(self, limit_s: float) -> tuple[bytes, int]:
        """Return all that it says until it ends, and its exit status (128 and more for a signal).

        Raises:
            TimeoutError: It did not end within `limit_s` seconds.
            OutputLimitError: It said more than it may.
        """
        deadline = time.monotonic() + limit_s
        while self._read(deadline):
            pass
        try:
            status = self._process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise TimeoutError from None
        content = bytes(self._buffer)
        self._buffer.clear()
        return content, status

    def _read(self, deadline: float) -> bool:
        """Read a part of what it says; False at its end."""
        stdout = self._process.stdout
        assert stdout is not None
        if len(self._buffer) > MAX_OUTPUT_BYTES:
            raise OutputLimitError(f"more than {MAX_OUTPUT_BYTES} bytes")
        while True:
            try:
                part = os.read(stdout.fileno(), _READ_BYTES)
            except BlockingIOError:
                if not _wait(stdout.fileno(), select.POLLIN, deadline):
                    raise TimeoutError from None
                continue
            self._buffer += part
            return bool(part)

    def _lost(self) -> SandboxLostError:
        said = " ".join(bytes(self._buffer[-4_096:]).decode(errors="replace").split())[-300:]
        return SandboxLostError(f"a prover's process has ended: {said or 'it said nothing'}")

    def interrupt(self) -> None:
        """Ask it to give up its current work (SIGINT)."""
        self._walled.signal(signal.SIGINT)

    def close(self) -> None:
        """Kill it and all that it started."""
        self._finalizer()


def _wait(descriptor: int, event: int, deadline: float) -> bool:
    left = deadline - time.monotonic()
    if left <= 0:
        return False
    poll = select.poll()
    poll.register(descriptor, event)
    poll.poll(left * 1000)
    return True


def _end(walled: Walled, owner: int) -> None:
    # In a forked child it belongs to the parent.
    if os.getpid() != owner:
        return
    process = walled.process
    walled.end()
    if process is not None:
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
