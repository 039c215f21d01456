"""Sandboxes that are kept warm in this process, and the choice of a backend."""

import atexit
import contextlib
import functools
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gym_reason.errors import RunError, UnknownNameError
from gym_reason.registry import explain_unknown
from gym_reason.verifiers.sandbox import cgroups
from gym_reason.verifiers.sandbox.base import Job, Sandbox
from gym_reason.verifiers.sandbox.bubblewrap import BubblewrapSandbox
from gym_reason.verifiers.sandbox.docker import DockerSandbox
from gym_reason.verifiers.sandbox.limits import Limits
from gym_reason.verifiers.sandbox.process import ProcessSandbox
from gym_reason.verifiers.sandbox.process import remove_left_by as remove_folders_left_by
from gym_reason.verifiers.sandbox.supervise import run_job

_BACKENDS: dict[str, Callable[[Limits, tuple[str, ...]], Sandbox]] = {
    "bubblewrap": BubblewrapSandbox,
    "docker": DockerSandbox,
    "process": ProcessSandbox,
}
ISOLATING = ("bubblewrap", "docker")
"""What `auto` tries, in this order."""
_MOST_IDLE = 32
_TRIAL_LIMIT_S = 10.0


@dataclass(frozen=True, slots=True)
class BoxSpec:
    """Which sandboxes are alike."""

    backend: str
    """A backend's name, `docker:IMAGE`, or `auto`."""
    limits: Limits
    """What one run may use."""
    modules: tuple[str, ...]
    """Modules whose functions are run there."""


class _Warm:
    """The sandboxes of this process; a forked child starts with none."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.idle: dict[BoxSpec, list[Sandbox]] = {}
        self.lent: set[Sandbox] = set()


_warm = _Warm()
_inherited: list[_Warm] = []


def _forget() -> None:
    """Leave the parent's sandboxes alone in a forked child."""
    global _warm
    # Kept, or their end would be announced here too.
    _inherited.append(_warm)
    _warm = _Warm()


os.register_at_fork(after_in_child=_forget)


@contextlib.contextmanager
def borrow(spec: BoxSpec) -> Iterator[Sandbox]:
    """Lend a warm sandbox to one caller; it goes back unless an exception passes through.

    Raises:
        RunError: Where the backend does not work here.
        UnknownNameError: Where no backend has the name.
    """
    owner = os.getpid()
    sandbox = _take_idle(spec) or open_sandbox(spec)
    _warm.lent.add(sandbox)
    unharmed = False
    try:
        yield sandbox
        unharmed = True
    finally:
        # In a forked child it belongs to the parent.
        if os.getpid() == owner:
            _warm.lent.discard(sandbox)
            _give_back(spec, sandbox, unharmed)


def _give_back(spec: BoxSpec, sandbox: Sandbox, unharmed: bool) -> None:
    with _warm.lock:
        idle = _warm.idle.setdefault(spec, [])
        if unharmed and len(idle) < _MOST_IDLE:
            idle.append(sandbox)
            return
    sandbox.close()


def _take_idle(spec: BoxSpec) -> Sandbox | None:
    while True:
        with _warm.lock:
            idle = _warm.idle.get(spec)
            if not idle:
                return None
            sandbox = idle.pop()
        if sandbox.alive:
            return sandbox
        sandbox.close()


def check_backend(name: str) -> str:
    """Return the name of a backend, `docker:IMAGE` or `auto`. Raises UnknownNameError."""
    kind, _, image = name.partition(":")
    if name not in (*_BACKENDS, "auto") and not (kind == "docker" and image):
        raise UnknownNameError(*explain_unknown("sandbox", name, [*_BACKENDS, "auto"]))
    return name


def open_sandbox(spec: BoxSpec) -> Sandbox:
    """Start a new sandbox. Raises RunError, UnknownNameError."""
    name = choose_backend() if spec.backend == "auto" else check_backend(spec.backend)
    _, _, image = name.partition(":")
    if image:
        return DockerSandbox(spec.limits, spec.modules, image)
    return _BACKENDS[name](spec.limits, spec.modules)


def try_backend(name: str) -> str:
    """Return what a backend keeps apart here, after a trial run. Raises RunError."""
    job = Job("gym_reason.verifiers.sandbox.inside.script:run", {"source": "print(6 * 7)"})
    with contextlib.closing(_BACKENDS[name](Limits(), ())) as sandbox:
        finished = run_job(sandbox, job, time.monotonic() + _TRIAL_LIMIT_S)
        if finished.stdout != b"42\n":
            said = finished.stderr[-200:].decode(errors="replace")
            raise RunError(f"the {name} sandbox does not run programs: {said}")
        return f"{sandbox.isolation}, Python {sandbox.python}"


@functools.cache
def choose_backend() -> str:
    """Return the backend that `auto` stands for: the first that isolates and works here.

    Raises:
        RunError: Where none does; a run without isolation has to be asked for by name.
    """
    reasons = []
    for name in ISOLATING:
        try:
            try_backend(name)
            return name
        except RunError as error:
            reasons.append(f"{name}: {error}")
    raise RunError(
        f"no sandbox that isolates works here ({'; '.join(reasons)})",
        "bubblewrap or docker",
        "see `gym-reason doctor`, or say sandbox=process to run submissions without isolation",
    )


def remove_left_by(process: int) -> None:
    """Remove what the sandboxes of a process which was killed have left behind."""
    for remove in (cgroups.remove_left_by, remove_folders_left_by):
        with contextlib.suppress(OSError):
            remove(process)


@atexit.register
def close_all() -> None:
    """Close every sandbox of this process, also one that a thread still waits for."""
    with _warm.lock:
        sandboxes = [sandbox for idle in _warm.idle.values() for sandbox in idle]
        sandboxes += _warm.lent
        _warm.idle.clear()
    for sandbox in sandboxes:
        sandbox.close()
