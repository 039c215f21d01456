"""Cgroups: where one is made, on trees made up for it, and what it does on this machine."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gym_reason.verifiers.sandbox.cgroups import Cgroup, Counters, make_cgroup
from gym_reason.verifiers.sandbox.limits import MIB

DELEGATED = "memory pids"


class Tree:
    """A folder that looks like a host's cgroups, and what a process there would read in /proc."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "cgroup"
        self.process = folder / "proc"
        self.root.mkdir()
        self.process.mkdir()
        self._mounts = ["proc /proc proc rw 0 0"]
        self._own: list[str] = []

    def add(self, path: str, enabled: str = "", *, joinable: bool = True) -> Path:
        """Make a cgroup of version 2 whose children have the controllers `enabled`."""
        folder = self.root / path
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cgroup.subtree_control").write_text(enabled)
        (folder / "cgroup.controllers").write_text("cpu memory pids")
        if joinable:
            (folder / "cgroup.procs").touch()
        return folder

    def mount(self, kind: str, folder: Path, options: str = "rw") -> None:
        folder.mkdir(exist_ok=True)
        self._mounts.append(f"cgroup {folder} {kind} {options} 0 0")
        self._write()

    def stand(self, line: str) -> None:
        self._own.append(line)
        self._write()

    def _write(self) -> None:
        (self.process / "mounts").write_text("".join(f"{line}\n" for line in self._mounts))
        (self.process / "cgroup").write_text("".join(f"{line}\n" for line in self._own))


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def made_in(tree: Tree) -> Cgroup:
    cgroup = make_cgroup(tree.process)
    assert cgroup is not None
    return cgroup


def test_version_2_below_its_own_where_that_is_delegated(tree: Tree) -> None:
    tree.add("")
    own = tree.add("user/service", DELEGATED)
    tree.mount("cgroup2", tree.root)
    tree.stand("0::/user/service")
    cgroup = made_in(tree)
    assert cgroup.version == 2
    assert cgroup.limits_memory
    assert cgroup.limits_processes
    assert cgroup.folders["memory"] == cgroup.folders["pids"]
    assert cgroup.folders["memory"].parent == own
    assert cgroup.join_files == [str(cgroup.folders["memory"] / "cgroup.procs")]


def test_version_2_beside_its_own_where_that_may_have_no_children(tree: Tree) -> None:
    tree.add("")
    beside = tree.add("user", DELEGATED)
    # The kernel refuses to enable controllers below a cgroup with processes: nothing is on then.
    own = tree.add("user/service")
    tree.mount("cgroup2", tree.root)
    tree.stand("0::/user/service")
    assert made_in(tree).folders["memory"].parent == beside
    assert [path.name for path in own.iterdir() if path.is_dir()] == []


def test_version_2_at_the_root(tree: Tree) -> None:
    tree.add("", f"cpu {DELEGATED}")
    tree.mount("cgroup2", tree.root)
    tree.stand("0::/")
    assert made_in(tree).folders["pids"].parent == tree.root


def test_version_2_asks_for_both_controllers(tree: Tree) -> None:
    own = tree.add("", "pids")
    tree.mount("cgroup2", tree.root)
    tree.stand("0::/")
    assert make_cgroup(tree.process) is None
    assert (own / "cgroup.subtree_control").read_text() == "+memory +pids"


def test_version_2_that_may_not_be_joined_is_left_alone(tree: Tree) -> None:
    own = tree.add("", DELEGATED, joinable=False)
    tree.mount("cgroup2", tree.root)
    tree.stand("0::/")
    assert make_cgroup(tree.process) is None
    assert [path for path in own.iterdir() if path.is_dir()] == []


def test_version_1_beside_a_version_2_without_controllers(tree: Tree) -> None:
    tree.add("")
    (tree.root / "cgroup.controllers").write_text("")
    memory, pids = tree.root / "memory", tree.root / "pids"
    tree.mount("cgroup2", tree.root)
    tree.mount("cgroup", memory, "rw,nosuid,memory")
    tree.mount("cgroup", pids, "rw,pids")
    (memory / "service").mkdir()
    tree.stand("4:memory:/service")
    # A container may be told of a path that only its host has.
    tree.stand("8:pids:/of/the/host")
    tree.stand("0::/")
    cgroup = made_in(tree)
    assert cgroup.version == 1
    assert cgroup.folders["memory"].parent == memory / "service"
    assert cgroup.folders["pids"].parent == pids
    assert len(cgroup.join_files) == 2


def test_one_controller_alone_is_used_and_said(tree: Tree) -> None:
    tree.mount("cgroup", tree.root / "pids", "rw,pids")
    cgroup = made_in(tree)
    assert not cgroup.limits_memory
    assert cgroup.limits_processes
    cgroup.set_limits(MIB, 7)
    assert (cgroup.folders["pids"] / "pids.max").read_text() == "7"


def test_no_hierarchy_no_cgroup(tree: Tree, tmp_path: Path) -> None:
    assert make_cgroup(tmp_path / "nowhere") is None
    tree.stand("0::/")
    assert make_cgroup(tree.process) is None


def test_every_sandbox_has_its_own(tree: Tree) -> None:
    tree.add("", DELEGATED)
    tree.mount("cgroup2", tree.root)
    tree.stand("0::/")
    assert len({made_in(tree).folders["pids"] for _ in range(5)}) == 5


def test_folders_of_the_dead_are_removed(tree: Tree) -> None:
    tree.add("", DELEGATED)
    tree.mount("cgroup2", tree.root)
    tree.stand("0::/")
    ended = subprocess.Popen(["true"])
    ended.wait()
    names = [f"gym-reason-{ended.pid}-0", f"gym-reason-{os.getpid()}-99999", "gym-reason-x-1",
             "gym-reasonable"]  # fmt: skip
    for name in names:
        (tree.root / name).mkdir()
    made_in(tree)
    assert [name for name in names if not (tree.root / name).exists()] == names[:1]


def test_limits_of_version_2(tmp_path: Path) -> None:
    Cgroup({"memory": tmp_path, "pids": tmp_path}, 2).set_limits(64 * MIB, 12)
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert written == {"memory.max": str(64 * MIB), "memory.swap.max": "0", "pids.max": "12"}


def test_limits_of_version_1(tmp_path: Path) -> None:
    Cgroup({"memory": tmp_path}, 1).set_limits(64 * MIB, 12)
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    limit = str(64 * MIB)
    assert written == {"memory.limit_in_bytes": limit, "memory.memsw.limit_in_bytes": limit}


@pytest.mark.parametrize(
    ("version", "file", "content"),
    [
        (2, "memory.events", "low 0\nhigh 4\nmax 9\noom 3\noom_kill 2\noom_group_kill 8\n"),
        (1, "memory.oom_control", "oom_kill_disable 0\nunder_oom 1\noom_kill 2\n"),
    ],
)
def test_counts_are_read(tmp_path: Path, version: int, file: str, content: str) -> None:
    cgroup = Cgroup({"memory": tmp_path, "pids": tmp_path}, version)
    assert cgroup.read_counters() == Counters(0, 0)
    (tmp_path / file).write_text(content)
    (tmp_path / "pids.events").write_text("max 5\n")
    assert cgroup.read_counters() == Counters(2, 5)
    (tmp_path / "pids.events").write_text("max many\n")
    assert cgroup.read_counters() == Counters(2, 0)


@pytest.fixture
def real() -> Iterator[Cgroup]:
    cgroup = make_cgroup()
    if cgroup is None or not (cgroup.limits_memory and cgroup.limits_processes):
        pytest.skip("no writable cgroup with the controllers memory and pids")
    cgroup.set_limits(48 * MIB, 8)
    yield cgroup
    cgroup.kill_all()
    cgroup.remove()


JOIN = "import os, sys, time\nfor path in sys.argv[1:]: open(path, 'w').write(str(os.getpid()))\n"


def start_in(cgroup: Cgroup, code: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-I", "-S", "-c", JOIN + code, *cgroup.join_files]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def test_too_much_memory_is_counted(real: Cgroup) -> None:
    with start_in(real, "bytearray(128 << 20)") as process:
        assert process.wait(20) == -signal.SIGKILL
    assert real.read_counters() == Counters(1, 0)


def test_memory_of_children_counts_together(real: Cgroup) -> None:
    code = (
        "for _ in range(4):\n    if os.fork() == 0: block = bytearray(20 << 20); time.sleep(99)\n"
    )
    with start_in(real, code + "time.sleep(99)") as process:
        deadline = time.monotonic() + 20
        while not real.read_counters().killed_for_memory:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        real.kill_all()
        process.wait(20)


def test_too_many_processes_are_counted(real: Cgroup) -> None:
    code = (
        "try:\n    while True:\n        if os.fork() == 0: time.sleep(99)\nexcept OSError: pass\n"
    )
    with start_in(real, code) as process:
        assert process.wait(20) == 0
        assert real.read_counters() == Counters(0, 1)
        real.kill_all()
    real.remove()
    assert not any(folder.exists() for folder in real.folders.values())


def test_nobody_forks_away_from_kill_all(real: Cgroup) -> None:
    code = "print(flush=True)\nwhile True:\n    try: os.fork()\n    except OSError: pass\n"
    with start_in(real, code) as process:
        assert process.stdout is not None
        process.stdout.readline()
        real.kill_all()
        process.wait(20)
    real.remove()
    assert not any(folder.exists() for folder in real.folders.values())


def test_removing_twice_and_without_folders_does_nothing(real: Cgroup) -> None:
    real.remove()
    real.remove()
    real.kill_all()
    assert real.read_counters() == Counters(0, 0)
