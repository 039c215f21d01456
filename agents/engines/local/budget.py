"""How much memory keys and values may take, and how many rows fit into it."""

import os
from collections.abc import Sequence
from pathlib import Path

import torch

from gym_reason.agents.engines.local.requests import Request
from gym_reason.agents.engines.local.slabs import round_up

MEMORY = Path("/proc/meminfo")
"""Where Linux tells how much memory is available."""
GROUP_LIMITS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)
"""Where Linux tells the limit of a container and how much of it is used."""
UNKNOWN_BYTES = 4 * 2**30
"""Taken for the available memory where the system does not tell."""


def default_cache_bytes(device: torch.device) -> int:
    """Return a quarter of the available memory, on a GPU half of the free memory."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0]) // 2
    return available_bytes() // 4


def available_bytes() -> int:
    """Return how much memory this process could still take, within its container's limit."""
    found = [_available_to_system()]
    for limit, used in GROUP_LIMITS:
        try:
            found.append(int(limit.read_text()) - int(used.read_text()))
        except (OSError, ValueError):
            continue  # no container, or one without a limit
    return max(1, min(found))


def count_fitting(
    running: Sequence[Request], waiting: Sequence[Request], limit_tokens: int, max_rows: int
) -> int:
    """Return how many waiting requests may join, in order.

    Slabs are as wide as the longest row, so that rows times the longest possible length of any has
    to stay within `limit_tokens`. One row may always run.
    """
    longest = max((_most_tokens(request) for request in running), default=0)
    for count, request in enumerate(waiting):
        longest = max(longest, _most_tokens(request))
        rows = len(running) + count + 1
        if rows > max_rows or (rows > 1 and round_up(rows) * longest > limit_tokens):
            return count
    return len(waiting)


def _most_tokens(request: Request) -> int:
    return round_up(len(request.prompt) + request.limit)


def _available_to_system() -> int:
    try:
        for line in MEMORY.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (OSError, ValueError, IndexError, AttributeError):
        return UNKNOWN_BYTES
