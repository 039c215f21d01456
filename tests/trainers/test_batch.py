"""Padding, selection, and the plan of forward passes."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.trainers.model.batch import make_batch, plan_micro_batches
from gym_reason.types import TokenTrace

CPU = torch.device("cpu")


def trace(*ids: int, prompt: int = 1) -> TokenTrace:
    """Return a stream whose tokens after the first `prompt` are the policy's."""
    count = len(ids)
    mask = tuple(i >= prompt for i in range(count))
    return TokenTrace(ids, mask, tuple(-0.1 * i for i in range(count)), (0,) * count)


def test_targets_are_shifted_by_one() -> None:
    batch = make_batch([trace(1, 5, 6, 7, prompt=2), trace(1, 8)], pad_id=0, device=CPU)
    assert batch.ids_NL.tolist() == [[1, 5, 6, 7], [1, 8, 0, 0]]
    assert batch.mask_NT.tolist() == [[0.0, 1.0, 1.0], [1.0, 0.0, 0.0]]
    torch.testing.assert_close(batch.sampler_logps_NT[0], torch.tensor([-0.1, -0.2, -0.3]))


def test_selection_trims_to_the_longest_row() -> None:
    batch = make_batch([trace(1, 5, 6, 7), trace(1, 8)], pad_id=0, device=CPU)
    assert batch.select([1]).ids_NL.tolist() == [[1, 8]]


def test_no_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="at least two tokens"):
        make_batch([], pad_id=0, device=CPU)


@given(st.lists(st.integers(2, 50), min_size=1, max_size=40), st.integers(1, 300))
def test_the_plan_holds_every_row_once_within_the_limit(lengths: list[int], limit: int) -> None:
    plan = plan_micro_batches(lengths, limit)
    assert sorted(row for part in plan for row in part) == list(range(len(lengths)))
    for part in plan:
        padded = len(part) * max(lengths[row] for row in part)
        assert padded <= limit or len(part) == 1
