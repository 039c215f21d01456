"""The sandbox by bubblewrap: namespaces of every kind, a read-only root, a warm interpreter.

bubblewrap is the outer wall, around the server. Each run stands besides in namespaces of its own,
which the server makes for it and which end with it, so that no run sees another's processes, files
or shared memory.
"""

import os
import socket
import sys
from collections.abc import Iterable
from pathlib import Path

from gym_reason.verifiers.processes import run_in_starter
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
from gym_reason.verifiers.sandbox.walls import (
    Walled,
    find_bubblewrap,
    mount_folders,
    mount_system,
)

_START_LIMIT_S = 20.0
_SERVER_BYTES = 48 * MIB
"""Room for the server itself in the sandbox's memory limit."""
_SERVER_PROCESSES = 8


class BubblewrapSandbox(Sandbox):
    """A sandbox made by bubblewrap, the default on Linux."""

    name = "bubblewrap"

    def __init__(self, limits: Limits, modules: Iterable[str] = ()) -> None:
        """Start one. Raises RunError where bubblewrap is missing, SandboxLostError."""
        super().__init__(limits, modules)
        program = find_bubblewrap("a sandbox for programs")
        self._walled = Walled(make_cgroup())
        self.isolation = self._describe()
        try:
            if self._walled.cgroup is not None:
                self._walled.cgroup.set_limits(
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
        missing, cgroup = [], self._walled.cgroup
        if cgroup is None or not cgroup.limits_memory:
            missing.append("memory of each process, not of the tree")
        if cgroup is None or not cgroup.limits_processes:
            missing.append("no cgroup counts processes")
        if build_filter(inner=True) is None:
            missing.append("no system call filter for this machine")
        return "namespaces" + (f" ({'; '.join(missing)})" if missing else ", seccomp, cgroups")

    def _inner_limits(self) -> dict[str, int]:
        limits, cgroup = self.limits, self._walled.cgroup
        values = limits.of_each_run()
        if cgroup is None or not cgroup.limits_memory:
            values["address_bytes"] = limits.memory_bytes
        if cgroup is None or not cgroup.limits_processes:
            values["processes"] = limits.processes + _SERVER_PROCESSES
        return values

    def _start_process(self, program: str, stderr: int) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        folders = _python_folders()
        # Under their own paths, since an interpreter may look for its libraries there.
        mounts = mount_folders(folders)
        # This library knows how tasks are made, and so their solutions.
        for folder in filter(os.path.isdir, (f"{one}/gym_reason" for one in package_folders())):
            mounts += ["--tmpfs", folder, "--remount-ro", folder]
        arguments = ["--cap-add", "CAP_SYS_ADMIN", *mount_system(), *mounts]
        arguments += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--chdir", "/tmp"]
        arguments += ["--remount-ro", "/dev", "--remount-ro", "/tmp", "--remount-ro", "/"]
        arguments += ["--setenv", "PYTHONHASHSEED", "0", "--setenv", "LANG", "C.UTF-8"]
        arguments += [os.path.realpath(sys.executable), *PYTHON_ARGUMENTS, str(theirs.fileno())]
        with theirs:
            self._walled.start(
                program,
                arguments,
                seccomp=build_filter(inner=False),
                folders=folders,
                descriptors=[theirs.fileno()],
                stderr=stderr,
            )
        self._control = ours

    def read_counters(self) -> Counters:
        """Return the counts of its cgroup."""
        cgroup = self._walled.cgroup
        return Counters(0, 0) if cgroup is None else cgroup.read_counters()

    def close(self) -> None:
        """End it and all that runs in it."""
        self.closed = True
        if self._control is not None:
            self._control.close()
            self._control = None
        self._walled.end()


def _python_folders() -> list[str]:
    """Return the folders of this interpreter and of its packages that `/usr` does not hold."""
    folders = [os.path.realpath(sys.base_prefix), *package_folders()]
    outside: list[str] = []
    for folder in folders:
        if not any(Path(folder).is_relative_to(known) for known in ("/usr", *outside)):
            outside.append(folder)
    return outside
