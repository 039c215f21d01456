"""The sandbox by bubblewrap: namespaces of every kind, a read-only root, a warm interpreter.

bubblewrap is the outer wall, around the server. Each run stands besides in namespaces of its own,
which the server makes for it and which end with it, so that no run sees another's processes, files
or shared memory.
"""

import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from gym_reason.errors import RunError
from gym_reason.verifiers.processes import run_in_starter
from gym_reason.verifiers.sandbox import launcher
from gym_reason.verifiers.sandbox.base import (
    PYTHON_ARGUMENTS,
    Sandbox,
    package_folders,
    server_settings,
    stderr_file,
)
from gym_reason.verifiers.sandbox.cgroups import Counters, make_cgroup
from gym_reason.verifiers.sandbox.limits import MIB, Limits
from gym_reason.verifiers.sandbox.seccomp import build_filter

_START_LIMIT_S = 20.0
_SERVER_BYTES = 48 * MIB
"""Room for the server itself in the sandbox's memory limit."""
_SERVER_PROCESSES = 8
_FIRST_PRIVATE_UID = 0x70000000
_counter = itertools.count()


class BubblewrapSandbox(Sandbox):
    """A sandbox made by bubblewrap, the default on Linux."""

    name = "bubblewrap"

    def __init__(self, limits: Limits, modules: Iterable[str] = ()) -> None:
        """Start one. Raises RunError where bubblewrap is missing, SandboxLostError."""
        super().__init__(limits, modules)
        program = shutil.which("bwrap")
        if program is None:
            raise RunError(
                "bubblewrap (bwrap) is not installed",
                "a sandbox for programs",
                "install the package bubblewrap: scripts/install-system-deps",
            )
        self._process: subprocess.Popen[bytes] | None = None
        self._inner_pid = 0
        self._cgroup = make_cgroup()
        self.isolation = self._describe()
        try:
            if self._cgroup is not None:
                self._cgroup.set_limits(
                    limits.memory_bytes + _SERVER_BYTES, limits.processes + _SERVER_PROCESSES
                )
            with stderr_file() as stderr:
                run_in_starter(self._start_process, program, stderr)
                settings = server_settings(
                    "namespaces", self._inner_limits(), build_filter(inner=True)
                )
                settings["paths"] = package_folders()
                self._greet(settings, _START_LIMIT_S, stderr)
        except BaseException:
            self.close()
            raise

    def _describe(self) -> str:
        missing = []
        if self._cgroup is None or not self._cgroup.limits_memory:
            missing.append("memory of each process, not of the tree")
        if self._cgroup is None or not self._cgroup.limits_processes:
            missing.append("no cgroup counts processes")
        if build_filter(inner=True) is None:
            missing.append("no system call filter for this machine")
        return "namespaces" + (f" ({'; '.join(missing)})" if missing else ", seccomp, cgroups")

    def _inner_limits(self) -> dict[str, int]:
        limits = self.limits
        values = limits.of_each_run()
        if self._cgroup is None or not self._cgroup.limits_memory:
            values["address_bytes"] = limits.memory_bytes
        if self._cgroup is None or not self._cgroup.limits_processes:
            values["processes"] = limits.processes + _SERVER_PROCESSES
        return values

    def _start_process(self, program: str, stderr: int) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        info_reading, info_writing = os.pipe2(os.O_CLOEXEC)
        outer = build_filter(inner=False)
        filter_file = os.memfd_create("filter", os.MFD_CLOEXEC) if outer else None
        if outer and filter_file is not None:
            os.write(filter_file, outer)
            os.lseek(filter_file, 0, os.SEEK_SET)
        passed = [fd for fd in (theirs.fileno(), info_writing, filter_file) if fd is not None]
        try:
            settings = self._launcher_settings(program, theirs.fileno(), info_writing, filter_file)
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", launcher.__file__, json.dumps(settings)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env={},
                pass_fds=passed,
                start_new_session=True,
            )
        finally:
            theirs.close()
            os.close(info_writing)
            if filter_file is not None:
                os.close(filter_file)
        self._control = ours
        # bubblewrap closes its end once it has said which process is the first one inside.
        with os.fdopen(info_reading, "rb") as info, contextlib.suppress(ValueError, KeyError):
            self._inner_pid = int(json.loads(info.read())["child-pid"])

    def _launcher_settings(
        self, program: str, control: int, info: int, filter_file: int | None
    ) -> dict[str, object]:
        as_root = os.geteuid() == 0
        uid = None
        if as_root:
            uid = _FIRST_PRIVATE_UID + (os.getpid() * 1_000 + next(_counter)) % 0x0FFFFFFF
        # Under their own paths, since an interpreter may look for its libraries there. A user who
        # may not reach them sees them through a private view that the launcher makes as root.
        folders = _python_folders()
        views = [f"python-{number}" for number in range(len(folders))]
        mounts: list[str] = []
        for folder, view in zip(folders, views, strict=True):
            mounts += ["--ro-bind", f"/tmp/{view}" if as_root else folder, folder]
        # This library knows how tasks are made, and so their solutions.
        for folder in filter(os.path.isdir, (f"{one}/gym_reason" for one in package_folders())):
            mounts += ["--tmpfs", folder, "--remount-ro", folder]
        argv = [program, "--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000"]
        argv += ["--hostname", "sandbox", "--die-with-parent", "--new-session"]
        argv += ["--cap-drop", "ALL", "--cap-add", "CAP_SYS_ADMIN", "--info-fd", str(info)]
        argv += [] if filter_file is None else ["--seccomp", str(filter_file)]
        argv += [*_system_mounts(), *mounts]
        argv += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--chdir", "/tmp"]
        argv += ["--remount-ro", "/dev", "--remount-ro", "/tmp", "--remount-ro", "/"]
        argv += ["--setenv", "PYTHONHASHSEED", "0", "--setenv", "LANG", "C.UTF-8"]
        argv += [os.path.realpath(sys.executable), *PYTHON_ARGUMENTS, str(control)]
        binds = [list(pair) for pair in zip(folders, views, strict=True)] if as_root else []
        join = [] if self._cgroup is None else self._cgroup.join_files
        return {"join": join, "uid": uid, "binds": binds, "argv": argv}

    def read_counters(self) -> Counters:
        """Return the counts of its cgroup."""
        return Counters(0, 0) if self._cgroup is None else self._cgroup.read_counters()

    def close(self) -> None:
        """Kill the first process inside, with it all the others, and then bubblewrap."""
        self.closed = True
        if self._control is not None:
            self._control.close()
            self._control = None
        process, self._process = self._process, None
        if process is not None:
            # The inner one first: bubblewrap then reaps it, and it never becomes an orphan that
            # nobody reaps and that counts against a limit on processes.
            if self._inner_pid and process.poll() is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(self._inner_pid, signal.SIGKILL)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(2.0)
            if process.poll() is None:
                process.kill()
            process.wait()
        cgroup, self._cgroup = self._cgroup, None
        if cgroup is not None:
            cgroup.kill_all()
            cgroup.remove()


def _python_folders() -> list[str]:
    """Return the folders of this interpreter and of its packages that `/usr` does not hold."""
    folders = [os.path.realpath(sys.base_prefix), *package_folders()]
    outside: list[str] = []
    for folder in folders:
        if not any(Path(folder).is_relative_to(known) for known in ("/usr", *outside)):
            outside.append(folder)
    return outside


def _system_mounts() -> list[str]:
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
