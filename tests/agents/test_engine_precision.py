"""Matrix precision and threads."""

import os
from collections.abc import Iterator

import pytest
import torch

from gym_reason.agents.engines import precision
from gym_reason.agents.engines.precision import (
    ERROR_LIMIT,
    choose_matmul,
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
    choice = choose_matmul()
    assert torch.get_float32_matmul_precision() == choice.precision
    assert (choice.error < ERROR_LIMIT) == (choice.precision == "medium")
    assert precision.matmul_error() < ERROR_LIMIT
    assert choice.precision in use_fast_matmul()


def test_an_inexact_product_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "ERROR_LIMIT", 0.0)
    choice = choose_matmul()
    assert choice.precision == torch.get_float32_matmul_precision() == "highest"
    assert "not under" in str(choice)


def test_threads_follow_the_cores_and_the_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    for load, expected in ((0.2, 8), (3.1, 5), (20.0, 1)):
        monkeypatch.setattr(os, "getloadavg", lambda load=load: (load, 0.0, 0.0))
        choice = choose_threads("auto")
        assert choice.threads == expected
        assert f"load of {load}" in choice.reason
    assert choose_threads(3).threads == 3
    assert choose_threads(100).threads == 8
    with pytest.raises(UsageError, match="0 threads"):
        choose_threads(0)
