"""Matrix precision and threads."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from gym_reason.agents.engines import precision
from gym_reason.agents.engines.precision import (
    ERROR_LIMIT,
    choose_threads,
    use_fast_matmul,
)
from gym_reason.errors import UsageError


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    yield
    torch.set_float32_matmul_precision(before)


def test_the_setting_in_force_is_within_the_limit() -> None:
    choice = use_fast_matmul()
    assert torch.get_float32_matmul_precision() == choice.precision
    assert precision.matmul_error() < ERROR_LIMIT
    assert f"precision {choice.precision}" in str(choice)


@pytest.mark.parametrize(
    ("error_limit", "speed_limit", "expected"),
    [(1.0, 0.0, "medium"), (0.0, 0.0, "highest"), (1.0, 1e9, "highest")],
)
def test_medium_must_be_both_exact_and_fast(
    monkeypatch: pytest.MonkeyPatch, error_limit: float, speed_limit: float, expected: str
) -> None:
    monkeypatch.setattr(precision, "ERROR_LIMIT", error_limit)
    monkeypatch.setattr(precision, "SPEED_LIMIT", speed_limit)
    choice = use_fast_matmul()
    assert choice.precision == torch.get_float32_matmul_precision() == expected
    assert "times as fast" in str(choice)


def test_a_choice_can_be_forced() -> None:
    for forced in ("medium", "highest"):
        choice = use_fast_matmul(forced)
        assert choice.precision == torch.get_float32_matmul_precision() == forced
    with pytest.raises(UsageError, match="'exact'"):
        use_fast_matmul("exact")  # type: ignore[arg-type]


def test_measuring_speed_leaves_the_setting() -> None:
    torch.set_float32_matmul_precision("high")
    assert precision.matmul_speedup(rounds=1) > 0
    assert torch.get_float32_matmul_precision() == "high"


@pytest.mark.parametrize(
    ("cores", "idle", "expected"),
    [(8, 0.97, 8), (8, 0.6, 5), (8, 0.0, 1), (2, 0.8, 2), (2, 0.5, 1), (1, 0.1, 1), (4, None, 4)],
)
def test_threads_follow_the_cores_and_what_is_idle(
    monkeypatch: pytest.MonkeyPatch, cores: int, idle: float | None, expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    monkeypatch.setattr(precision, "idle_share", lambda: idle)
    choice = choose_threads("auto")
    assert choice.threads == expected
    assert f"threads: {expected}" in choice.reason


def test_threads_that_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert choose_threads(3).threads == 3
    # A run keeps the number it began with, or its results would change in the last digits.
    assert choose_threads(100).threads == 100
    with pytest.raises(UsageError, match="0 threads"):
        choose_threads(0)


def test_the_idle_share_is_read_from_the_counters(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    counters = tmp_path / "stat"
    monkeypatch.setattr(precision, "STATISTICS", counters)
    assert precision.idle_share(0.0) is None  # no such file
    counters.write_text("cpu  nonsense\n")
    assert precision.idle_share(0.0) is None
    counters.write_text("cpu  100 0 50 800 20 0 0 0 100 0\ncpu0 1 2 3\n")

    def go_on(_: float) -> None:
        counters.write_text("cpu  110 0 60 850 30 0 0 0 110 0\ncpu0 1 2 3\n")

    monkeypatch.setattr("gym_reason.agents.engines.precision.time.sleep", go_on)
    assert precision.idle_share() == pytest.approx(60 / 80)
