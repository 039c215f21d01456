"""Facts of the machine: Python, processors, memory, disk, load."""

import os
import platform
import shutil
from pathlib import Path
from typing import TypeAlias

Fact: TypeAlias = "str | int | float | list[float] | None"


def describe_machine() -> dict[str, Fact]:
    """Return what a run depends on. What the system does not tell is None."""
    disk = shutil.disk_usage(Path.cwd())
    memory = _memory()
    return {
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "cpus_usable": _usable_cpus(),
        "load": _load(),
        "memory_total_bytes": memory.get("MemTotal"),
        "memory_available_bytes": memory.get("MemAvailable"),
        "memory_limit_bytes": _memory_limit(),
        "disk_free_bytes": disk.free,
    }


def machine_lines(facts: dict[str, Fact]) -> list[tuple[str, str]]:
    """Return the facts as names and words for people."""
    load = facts["load"]
    memory = f"{_gib(facts['memory_available_bytes'])} free of {_gib(facts['memory_total_bytes'])}"
    if facts["memory_limit_bytes"] is not None:
        memory += f", limited to {_gib(facts['memory_limit_bytes'])}"
    words = ", ".join(f"{value:.1f}" for value in load) if isinstance(load, list) else "unknown"
    return [
        ("Python", str(facts["python"])),
        ("platform", f"{facts['platform']}, {facts['machine']}"),
        ("processors", f"{facts['cpus_usable']} usable of {facts['cpus']}, load {words}"),
        ("memory", memory),
        ("disk", f"{_gib(facts['disk_free_bytes'])} free here"),
    ]


def _usable_cpus() -> int | None:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _load() -> list[float] | None:
    try:
        return [round(value, 2) for value in os.getloadavg()]
    except OSError:
        return None


def _memory() -> dict[str, int]:
    sizes: dict[str, int] = {}
    try:
        lines = Path("/proc/meminfo").read_text("utf-8").splitlines()
    except OSError:
        return sizes
    for line in lines:
        name, _, rest = line.partition(":")
        amount = rest.split()
        if amount and amount[0].isdigit():
            sizes[name] = int(amount[0]) * 1024
    return sizes


def _memory_limit() -> int | None:
    """Return the control group's limit: a container has less than /proc/meminfo says."""
    try:
        text = Path("/sys/fs/cgroup/memory.max").read_text("ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _gib(size: object) -> str:
    return f"{size / 2**30:.1f} GiB" if isinstance(size, int | float) else "unknown"
