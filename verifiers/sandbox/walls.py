"""Starting bubblewrap and ending it: what every program behind its walls has in common."""

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from gym_reason.errors import RunError
from gym_reason.verifiers.sandbox import launcher
from gym_reason.verifiers.sandbox.cgroups import Cgroup

_FIRST_PRIVATE_UID = 0x70000000
_counter = itertools.count()


class Walled:
    """A program behind bubblewrap's walls, and the cgroup that counts what it uses."""

    def __init__(self, cgroup: Cgroup | None) -> None:
        """Have nothing started yet; the cgroup, whose limits are set, goes with the program."""
        self.cgroup = cgroup
        self.process: subprocess.Popen[bytes] | None = None
        """The launcher, which becomes bubblewrap."""
        self.inner_pid = 0
        """The first process inside, as the host numbers it; 0 where there is none."""

    def start(
        self,
        program: str,
        arguments: Sequence[str],
        *,
        seccomp: bytes | None,
        folders: Sequence[str],
        descriptors: Sequence[int] = (),
        stdin: int = subprocess.DEVNULL,
        stdout: int | IO[bytes] = subprocess.DEVNULL,
        stderr: int | IO[bytes] = subprocess.DEVNULL,
    ) -> None:
        """Start it; call this through `run_in_starter`.

        Args:
            program: bubblewrap.
            arguments: Its arguments after those about the namespaces, the command included.
            seccomp: The filter of system calls, which is laid on with the last step.
            folders: What `mount_folders` was given.
            descriptors: What else is open inside.
            stdin: Standard input, as for `subprocess.Popen`.
            stdout: Standard output.
            stderr: Standard error, of the launcher and bubblewrap too.
        """
        as_root = os.geteuid() == 0
        uid = None
        if as_root:
            uid = _FIRST_PRIVATE_UID + (os.getpid() * 1_000 + next(_counter)) % 0x0FFFFFFF
        info_reading, info_writing = os.pipe2(os.O_CLOEXEC)
        filter_file = memory_file(seccomp) if seccomp else None
        passed = [info_writing, *descriptors] + ([] if filter_file is None else [filter_file])
        argv = [program, "--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000"]
        argv += ["--hostname", "sandbox", "--die-with-parent", "--new-session"]
        argv += ["--cap-drop", "ALL", "--info-fd", str(info_writing)]
        argv += [] if filter_file is None else ["--seccomp", str(filter_file)]
        views = [[folder, f"view-{number}"] for number, folder in enumerate(folders)]
        settings = {
            "join": [] if self.cgroup is None else self.cgroup.join_files,
            "uid": uid,
            "binds": views if as_root else [],
            "argv": [*argv, *arguments],
        }
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", launcher.__file__, json.dumps(settings)],
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                env={},
                pass_fds=passed,
                start_new_session=True,
            )
        finally:
            os.close(info_writing)
            if filter_file is not None:
                os.close(filter_file)
        # bubblewrap closes its end once it has said which process is the first one inside.
        with os.fdopen(info_reading, "rb") as info, contextlib.suppress(ValueError, KeyError):
            self.inner_pid = int(json.loads(info.read())["child-pid"])

    def signal(self, number: signal.Signals) -> None:
        """Send the first process inside a signal, if it is still there."""
        if self.inner_pid and self.process is not None and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.inner_pid, number)

    def end(self) -> None:
        """Kill the first process inside, with it all the others, and then bubblewrap."""
        process = self.process
        if process is not None:
            # The inner one first: bubblewrap then reaps it, and it never becomes an orphan that
            # nobody reaps and that counts against a limit on processes.
            if self.inner_pid and process.poll() is None:
                self.signal(signal.SIGKILL)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(2.0)
            if process.poll() is None:
                process.kill()
            process.wait()
            self.process = None
        cgroup, self.cgroup = self.cgroup, None
        if cgroup is not None:
            cgroup.kill_all()
            cgroup.remove()


def find_bubblewrap(purpose: str) -> str:
    """Return where bubblewrap is. Raises RunError, which says what it is for."""
    program = shutil.which("bwrap")
    if program is None:
        raise RunError(
            "bubblewrap (bwrap) is not installed",
            purpose,
            "install the package bubblewrap: scripts/install-system-deps",
        )
    return program


def mount_folders(folders: Sequence[str]) -> list[str]:
    """Return bubblewrap's arguments that show folders under their own paths, read-only.

    A user who may not reach them sees them through a private view that the launcher makes as root.
    """
    mounts: list[str] = []
    for number, folder in enumerate(folders):
        source = f"/tmp/view-{number}" if os.geteuid() == 0 else folder
        mounts += ["--ro-bind", source, folder]
    return mounts


def mount_system() -> list[str]:
    """Return bubblewrap's arguments for the host's programs and libraries, read-only."""
    arguments = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        path = Path("/", name)
        if path.is_symlink():
            arguments += ["--symlink", os.readlink(path), str(path)]
        elif path.is_dir():
            arguments += ["--ro-bind", str(path), str(path)]
    for name in ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime"):
        arguments += ["--ro-bind-try", name, name]
    return arguments


def memory_file(content: bytes) -> int:
    """Return a descriptor of a file in memory, at its start. Close it after use."""
    descriptor = os.memfd_create("gym-reason", os.MFD_CLOEXEC)
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
