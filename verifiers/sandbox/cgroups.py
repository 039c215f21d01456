"""Memory and process limits for a whole process tree, through cgroups of version 1 or 2.

A sandbox gets a cgroup of its own under the one that this process runs in, or beside it where that
one may not have children (version 2). Where no hierarchy is writable there is none, and the
sandbox says so.

Source: the kernel's Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst.
"""

import contextlib
import itertools
import os
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_PREFIX = "gym-reason"
_counter = itertools.count()


@dataclass(frozen=True, slots=True)
class Counters:
    """How often the kernel stepped in since the cgroup was made."""

    killed_for_memory: int
    """Processes killed because the memory limit was reached."""
    refused_processes: int
    """Forks refused because the limit on processes was reached."""


class Cgroup:
    """The cgroups of one sandbox: one folder in version 2, one per controller in version 1."""

    def __init__(self, folders: Mapping[str, Path], version: int) -> None:
        """Stand for `folders`, which exist: the folder of each controller, `memory` and `pids`."""
        self.folders = folders
        self.version = version

    @property
    def limits_memory(self) -> bool:
        """Whether a limit on memory is enforced."""
        return "memory" in self.folders

    @property
    def limits_processes(self) -> bool:
        """Whether a limit on processes is enforced."""
        return "pids" in self.folders

    @property
    def join_files(self) -> list[str]:
        """The files that a process writes its id to in order to join."""
        return [str(folder / "cgroup.procs") for folder in dict.fromkeys(self.folders.values())]

    def set_limits(self, memory_bytes: int, processes: int) -> None:
        """Set both limits. Swap counts as memory. Raises OSError."""
        if self.limits_memory:
            folder = self.folders["memory"]
            if self.version == 2:
                _write(folder / "memory.max", memory_bytes)
                with contextlib.suppress(OSError):
                    _write(folder / "memory.swap.max", 0)
            else:
                _write(folder / "memory.limit_in_bytes", memory_bytes)
                with contextlib.suppress(OSError):
                    _write(folder / "memory.memsw.limit_in_bytes", memory_bytes)
        if self.limits_processes:
            _write(self.folders["pids"] / "pids.max", processes)

    def read_counters(self) -> Counters:
        """Return what the kernel has counted so far; zeros where it does not count."""
        memory_file = "memory.events" if self.version == 2 else "memory.oom_control"
        killed = refused = 0
        if self.limits_memory:
            killed = _read_key(self.folders["memory"] / memory_file, "oom_kill")
        if self.limits_processes:
            refused = _read_key(self.folders["pids"] / "pids.events", "max")
        return Counters(killed, refused)

    def kill_all(self) -> None:
        """Kill every process in the cgroup, those that fork faster than they die included."""
        stopped: set[int] = set()
        # Who is stopped does not fork: after this nobody is left to make new ones.
        while new := self._read_members() - stopped:
            for process in new:
                _signal(process, signal.SIGSTOP)
            stopped |= new
        for process in stopped:
            _signal(process, signal.SIGKILL)

    def _read_members(self) -> set[int]:
        words: list[str] = []
        for path in self.join_files:
            words += _read_words(Path(path))
        return set(map(int, words))

    def remove(self) -> None:
        """Remove the folders, once the last process in them is gone; waits up to a second."""
        for folder in dict.fromkeys(self.folders.values()):
            _remove_folder(folder, 1.0)


def remove_left_by(process: int) -> None:
    """Remove the cgroups that a process which was killed has left behind."""
    for _, parents, _ in _find_hierarchies(Path("/proc/self")):
        for parent in parents:
            for folder in parent.glob(f"{_PREFIX}-{process}-*"):
                _remove_folder(folder, 0.5)


def make_cgroup(process: Path = Path("/proc/self")) -> Cgroup | None:
    """Make a cgroup for one sandbox; None where no hierarchy with a controller is writable.

    Args:
        process: The folder in which `mounts` and `cgroup` say where this process stands.
    """
    name = f"{_PREFIX}-{os.getpid()}-{next(_counter)}"
    folders: dict[str, Path] = {}
    for controllers, parents, version in _find_hierarchies(process):
        wanted = [one for one in controllers if one not in folders]
        made = _make_folder(parents, name, wanted, version) if wanted else None
        if made is not None:
            folders |= dict.fromkeys(wanted, made)
            if version == 2:
                return Cgroup(folders, 2)
    return Cgroup(folders, 1) if folders else None


def _make_folder(
    parents: list[Path], name: str, controllers: list[str], version: int
) -> Path | None:
    for parent in parents:
        _remove_stale(parent)
        folder = parent / name
        with contextlib.suppress(OSError):
            if version == 2 and not (_may_join_below(parent) and _enable(parent, controllers)):
                continue
            folder.mkdir()
            return folder
    return None


def _may_join_below(parent: Path) -> bool:
    """Say whether a process of `parent` or below may move to a new child of it (version 2)."""
    return os.access(parent / "cgroup.procs", os.W_OK)


def _enable(parent: Path, controllers: list[str]) -> bool:
    """Ask for controllers in the children of `parent`; a parent with processes refuses."""
    enabled = parent / "cgroup.subtree_control"
    if not set(controllers) <= set(_read_words(enabled)):
        _write(enabled, " ".join(f"+{one}" for one in controllers))
    return set(controllers) <= set(_read_words(enabled))


def _find_hierarchies(process: Path) -> Iterator[tuple[list[str], list[Path], int]]:
    """Yield the controllers, the folders to try and the version of each mounted hierarchy."""
    mounts = _read_mounts(process / "mounts")
    own = _read_own_paths(process / "cgroup")
    for kind, mount, options in mounts:
        if kind == "cgroup2":
            own_path = own.get("", "/")
            here = mount / own_path.lstrip("/")
            controllers = _read_words(mount / "cgroup.controllers")
            found = ["memory", "pids"]
            if set(found) <= set(controllers):
                yield found, list(dict.fromkeys([here, here.parent if here != mount else mount])), 2
        else:
            for controller in ("memory", "pids"):
                if controller in options:
                    yield [controller], [mount / own.get(controller, "/").lstrip("/"), mount], 1


def _read_mounts(path: Path) -> list[tuple[str, Path, set[str]]]:
    found = []
    with contextlib.suppress(OSError):
        for line in path.read_text().splitlines():
            _, mount, kind, options, *_ = line.split(" ")
            if kind in ("cgroup", "cgroup2"):
                found.append((kind, Path(mount), set(options.split(","))))
    return found


def _read_own_paths(path: Path) -> dict[str, str]:
    """Return this process's path in each version 1 controller, and under "" in version 2."""
    paths: dict[str, str] = {}
    with contextlib.suppress(OSError):
        for line in path.read_text().splitlines():
            _, controllers, own = line.split(":", 2)
            paths |= dict.fromkeys(controllers.split(","), own)
    return paths


def _remove_folder(folder: Path, limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    while folder.exists():
        try:
            folder.rmdir()
        except OSError:
            if time.monotonic() > deadline:
                return
            time.sleep(0.005)


def _remove_stale(parent: Path) -> None:
    """Remove what processes that are gone have left behind."""
    with contextlib.suppress(OSError):
        for folder in parent.glob(f"{_PREFIX}-*-*"):
            owner = folder.name.split("-")[2]
            if owner.isdigit() and not Path("/proc", owner).exists():
                with contextlib.suppress(OSError):
                    folder.rmdir()


def _read_key(path: Path, key: str) -> int:
    try:
        for line in path.read_text().splitlines():
            name, _, value = line.partition(" ")
            if name == key:
                return int(value)
    except (OSError, ValueError):
        pass
    return 0


def _read_words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []


def _signal(process: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process, number)


def _write(path: Path, value: int | str) -> None:
    path.write_text(str(value))
