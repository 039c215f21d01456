"""The survey's critic and its pruning rule: what they can never do."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.trainers.model.dual_attention import (
    DualAttentionHead,
    first_pruned,
    judge_pruning,
    step_index,
)

VALUES = st.lists(st.floats(0.001, 0.999), min_size=1, max_size=8)


def make_head() -> DualAttentionHead:
    """Return a head that tells texts apart."""
    torch.manual_seed(0)
    head = DualAttentionHead(8, frozenset({3}))
    for layer in (head.local, head.world):
        torch.nn.init.normal_(layer.weight)
    return head


@given(VALUES)
def test_a_share_of_0_never_prunes(values: list[float]) -> None:
    assert first_pruned(torch.tensor(values), 0.0) is None


@given(VALUES, st.floats(0.0, 1.0))
def test_the_first_step_is_never_pruned(values: list[float], share: float) -> None:
    assert first_pruned(torch.tensor(values), share) != 0


@given(st.floats(0.001, 0.999), st.floats(0.0, 0.99))
def test_a_constant_value_is_never_pruned(value: float, share: float) -> None:
    assert first_pruned(torch.full((6,), value), share) is None


def test_the_rule_stops_at_the_first_fall() -> None:
    assert first_pruned(torch.tensor([0.4, 0.8, 0.5, 0.3]), 0.6) == 3
    assert first_pruned(torch.tensor([0.4, 0.8, 0.5, 0.3]), 0.7) == 2


def test_values_below_0_would_prune_what_improves_and_the_sigmoid_prevents_it() -> None:
    improving = torch.tensor([-1.0, -0.95, -0.9])
    assert first_pruned(improving, 0.9) == 0
    assert first_pruned(torch.sigmoid(improving), 0.9) is None


def test_later_tokens_cannot_change_a_value() -> None:
    head, ids_NT = make_head(), torch.tensor([[5, 6, 3, 7, 8, 3, 9]])
    hidden_NTC = torch.randn(1, 7, 8, generator=torch.Generator().manual_seed(1))
    whole = head(hidden_NTC, ids_NT)
    assert ((whole > 0) & (whole < 1)).all()
    assert len(set(whole[0].tolist())) == 7
    for end in range(1, 7):
        torch.testing.assert_close(head(hidden_NTC[:, :end], ids_NT[:, :end]), whole[:, :end])


def test_steps_end_with_their_separator() -> None:
    assert step_index(torch.tensor([[5, 3, 7, 8, 3, 9]]), [3]).tolist() == [[0, 0, 1, 1, 1, 2]]


def test_the_report_counts_tokens_saved_and_right_answers_lost() -> None:
    ids_NT = torch.tensor([[5, 3, 7, 3, 8, 9], [5, 3, 7, 3, 8, 9]])
    values_NT = torch.tensor([[0.9, 0.9, 0.1, 0.1, 0.9, 0.9], [0.5, 0.5, 0.6, 0.6, 0.7, 0.7]])
    mask_NT = torch.ones(2, 6)
    right_N = torch.tensor([True, True])
    found = judge_pruning(values_NT, ids_NT, mask_NT, right_N, [3], 0.5)
    assert found.tokens_saved == pytest.approx(2 / 12)
    assert found.right_lost == 0.5
