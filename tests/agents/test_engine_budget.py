"""How many rows the memory for keys and values allows."""

from pathlib import Path
from typing import Any

import pytest
import torch

from gym_reason.agents.engines.local import budget
from gym_reason.agents.engines.local.budget import (
    available_bytes,
    count_fitting,
    default_cache_bytes,
)
from gym_reason.agents.engines.local.requests import Request
from gym_reason.agents.policy import SamplingParams


def request(tokens: int) -> Request:
    """Return a request whose row may become `tokens` long."""
    ignore: Any = [].append
    return Request((1, 2), SamplingParams(), tokens - 2, (), ignore, ignore)


@pytest.mark.parametrize(
    ("running", "waiting", "limit_tokens", "max_rows", "expected"),
    [
        ([], [64] * 100, 10**9, 40, 40),
        ([], [64] * 100, 32 * 64, 512, 32),
        ([64] * 10, [64] * 100, 32 * 64, 512, 22),
        ([], [64] * 100, 1, 512, 1),  # one row always runs
        ([64], [64], 1, 512, 0),
        ([], [64, 64, 4096, 64], 32 * 64, 512, 2),  # in order: none overtakes a long one
        ([4096], [64], 32 * 64, 512, 0),
        ([], [], 10**9, 512, 0),
    ],
)
def test_rows_that_fit(
    running: list[int], waiting: list[int], limit_tokens: int, max_rows: int, expected: int
) -> None:
    found = count_fitting(
        [request(tokens) for tokens in running],
        [request(tokens) for tokens in waiting],
        limit_tokens,
        max_rows,
    )
    assert found == expected


def test_available_memory_is_within_the_limit_of_a_container(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    memory, limit, used = (tmp_path / name for name in ("meminfo", "limit", "used"))
    memory.write_text("MemTotal:  999 kB\nMemAvailable:     800 kB\n")
    monkeypatch.setattr(budget, "MEMORY", memory)
    monkeypatch.setattr(budget, "GROUP_LIMITS", ((limit, used),))
    assert available_bytes() == 800 * 1024
    limit.write_text("max\n")
    used.write_text("1000\n")
    assert available_bytes() == 800 * 1024
    limit.write_text("5000\n")
    assert available_bytes() == 4000
    assert default_cache_bytes(torch.device("cpu")) == 1000
    used.write_text("6000\n")
    assert available_bytes() == 1


def test_this_machine_has_memory() -> None:
    assert available_bytes() > 2**20
