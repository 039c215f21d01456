"""Runs Python source in a sandbox, and finds what sandboxes have left on the host."""

import os
import time
from pathlib import Path

from gym_reason.verifiers.sandbox import Finished, Job, Sandbox, run_job

SCRIPT = "gym_reason.verifiers.sandbox.inside.script:run"
MOUNTS = Path("/proc/self/mountinfo")


def run_script(
    sandbox: Sandbox, source: str, stdin: bytes = b"", seconds: float = 20.0, cpu_s: int = 60
) -> Finished:
    """Run a program and wait for its end, with a limit that only a hanging one meets."""
    job = Job(SCRIPT, {"source": source}, stdin, cpu_s=cpu_s)
    return run_job(sandbox, job, time.monotonic() + seconds)


def run_and_read(sandbox: Sandbox, source: str) -> str:
    """Return what a program prints, which must end well."""
    finished = run_script(sandbox, source)
    assert finished.limit is None
    assert finished.exit_code == 0, finished.stderr.decode()
    return finished.stdout.decode().strip()


def find_cgroups(owner: int) -> list[Path]:
    """Return the cgroups that a process has made for sandboxes."""
    root = Path("/sys/fs/cgroup")
    return [
        Path(folder, name)
        for folder, names, _ in os.walk(root)
        for name in names
        if name.startswith(f"gym-reason-{owner}-")
    ]


def find_processes(owner: int) -> set[int]:
    """Return the living processes of a process's sandboxes, found by cgroup, user or parents."""
    found = set()
    parents = {}
    dead = set()
    first_uid = 0x70000000 + owner * 1_000 % 0x0FFFFFFF
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            state = folder.joinpath("stat").read_text().rpartition(")")[2].split()
            uid = folder.stat().st_uid
            groups = folder.joinpath("cgroup").read_text()
        except OSError:
            continue
        process = int(folder.name)
        parents[process] = int(state[1])
        ours = first_uid <= uid < first_uid + 1_000 or f"/gym-reason-{owner}-" in groups
        if state[0] == "Z":
            dead.add(process)
        elif ours:
            found.add(process)
    waiting = [owner]
    while waiting:
        parent = waiting.pop()
        children = {one for one, its_parent in parents.items() if its_parent == parent}
        waiting += children - {owner}
        found |= children
    return found - dead


def wait_until_gone(owner: int, processes: set[int]) -> None:
    """Wait until `processes` have ended, and whatever else is of the sandboxes of `owner`."""
    deadline = time.monotonic() + 10
    while left := find_processes(owner) | {one for one in processes if _is_alive(one)}:
        assert time.monotonic() < deadline, f"still there: {sorted(left)}"
        time.sleep(0.02)


def _is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def read_mounts() -> set[str]:
    """Return where something is mounted that a sandbox could have mounted."""
    points = {line.split(" ")[4] for line in MOUNTS.read_text().splitlines()}
    own = ("/tmp/python", "/dev/shm", "/proc", "/newroot", "/oldroot")
    return {point for point in points if point in ("/", "/tmp") or point.startswith(own)}
