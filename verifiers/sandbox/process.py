"""Runs without a sandbox's walls: limits on each process, and what a process may forbid itself.

For machines where neither bubblewrap nor docker works, and for submissions that are trusted. It
has to be asked for by name and warns once.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path

from gym_reason.verifiers.processes import run_in_starter
from gym_reason.verifiers.sandbox.base import (
    PYTHON_ARGUMENTS,
    Sandbox,
    server_settings,
    stderr_file,
)
from gym_reason.verifiers.sandbox.cgroups import Counters, make_cgroup
from gym_reason.verifiers.sandbox.inside import landlock
from gym_reason.verifiers.sandbox.limits import MIB, Limits
from gym_reason.verifiers.sandbox.seccomp import build_filter

_START_LIMIT_S = 20.0
_SERVER_BYTES = 48 * MIB
_SERVER_PROCESSES = 8


def folder_prefix(process: int) -> str:
    """Return how the names of the folders begin that the sandboxes of a process make."""
    return f"gym-reason-run-{process}-"


class NoIsolationWarning(UserWarning):
    """Submissions run without a sandbox."""


class ProcessSandbox(Sandbox):
    """A fork server on the host itself: limits, but no isolation."""

    name = "process"

    def __init__(self, limits: Limits, modules: Iterable[str] = ()) -> None:
        """Start one, with a warning that says what it does not stop. Raises SandboxLostError."""
        super().__init__(limits, modules)
        _remove_stale_folders()
        seccomp = build_filter(inner=True, own_ipc=False)
        self._cgroup = make_cgroup()
        counted = self._cgroup is not None and self._cgroup.limits_processes
        self.isolation = _describe(filtered=seccomp is not None, counted=counted)
        inner = limits.of_each_run()
        if self._cgroup is None or not self._cgroup.limits_memory:
            inner["address_bytes"] = limits.memory_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix=folder_prefix(os.getpid()))
        settings = server_settings("none", inner, seccomp)
        settings |= {"folders": [self._folder.name], "readable": _python_folders()}
        try:
            warnings.warn(
                f"sandbox=process does not isolate: {self.isolation}",
                NoIsolationWarning,
                stacklevel=2,
            )
            if self._cgroup is not None:
                self._cgroup.set_limits(
                    limits.memory_bytes + _SERVER_BYTES, limits.processes + _SERVER_PROCESSES
                )
            with stderr_file() as stderr:
                run_in_starter(self._start_process, stderr)
                self._greet(settings, _START_LIMIT_S, stderr)
        except BaseException:
            self.close()
            raise

    def _start_process(self, stderr: int) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, *PYTHON_ARGUMENTS, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env={"PYTHONHASHSEED": "0", "LANG": "C.UTF-8", "TMPDIR": tempfile.gettempdir()},
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        if self._cgroup is not None:
            for path in self._cgroup.join_files:
                Path(path).write_text(str(self._process.pid))
        self._control = ours

    def read_counters(self) -> Counters:
        """Return the counts of its cgroup."""
        return Counters(0, 0) if self._cgroup is None else self._cgroup.read_counters()

    def close(self) -> None:
        """End the server, which ends what it has started first."""
        self.closed = True
        if self._control is not None:
            self._control.close()
            self._control = None
        process, self._process = self._process, None
        if process is not None:
            try:
                process.wait(2.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._folder.cleanup()
        cgroup, self._cgroup = self._cgroup, None
        if cgroup is not None:
            cgroup.kill_all()
            cgroup.remove()


def remove_left_by(process: int) -> None:
    """Remove the folders that a process which was killed has left behind."""
    for folder in Path(tempfile.gettempdir()).glob(f"{folder_prefix(process)}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _remove_stale_folders() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{folder_prefix(0).removesuffix('0-')}*"):
        owner = folder.name.split("-")[3]
        if owner.isdigit() and not Path("/proc", owner).exists():
            shutil.rmtree(folder, ignore_errors=True)


def _describe(*, filtered: bool, counted: bool) -> str:
    known = landlock.version()
    stopped = ["system call filter, no network"] if filtered else []
    if known:
        stopped.append("Landlock on files" + (" and signals" if known >= 6 else ""))
    works = "; ".join(stopped) or "nothing but limits"
    missing = [] if counted else ["the number of processes"]
    missing += [] if known >= 6 else ["signals to other processes"]
    missing += [] if known else ["files of this user"]
    missing += ["the sight of other processes", "kernel faults"]
    return f"{works}; open are {', '.join(missing)}"


def _python_folders() -> list[str]:
    return sorted({os.path.realpath(sys.base_prefix), os.path.realpath(sys.prefix), "/proc"})
