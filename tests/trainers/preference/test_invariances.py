"""What no preference loss may depend on, and that its gradient is that of finite differences."""

import dataclasses
from typing import Any

import pytest
import torch
from torch.nn.functional import pad

from gym_reason.trainers.formulas import preference_losses
from gym_reason.trainers.formulas.preference import PreferenceNumbers, Responses
from tests.trainers.preference.responses import E, respond
from tests.trainers.tabular import T, tabular_policy

NAMES = sorted(preference_losses)
NUMBERS = PreferenceNumbers(
    beta=0.7,
    margin=0.3,
    length_weight=0.05,
    sft_weight=0.4,
    gate_margin=0.5,
    negative_weight=0.3,
)
COUNTS = {"pair": 2, "list": 4, "negative": 3}


def rows_of(name: str, theta_TV: torch.Tensor) -> Responses:
    """Return responses of the shape that a loss reads."""
    shape = preference_losses.get(name).shape
    scores = [[0.0, 1.0, 1.0]] * (E - 1) + [[1.0, 1.0, 1.0]] if shape == "negative" else None
    return respond(theta_TV, COUNTS[shape], scores=scores)


def loss_of(name: str, rows: Responses) -> torch.Tensor:
    """Return the loss of each example."""
    return preference_losses.get(name).formula(rows, NUMBERS)


def change(rows: Responses, **by_stream: Any) -> Responses:
    """Return rows with a function applied to each of their streams `[E, K, T]`."""
    function = by_stream["function"]
    streams = ("logps_EKT", "mask_EKT", "ref_logps_EKT", "kl_EKT", "contrast_EKT")
    return dataclasses.replace(rows, **{name: function(getattr(rows, name)) for name in streams})


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_that_of_finite_differences(name: str) -> None:
    def loss(theta_TV: torch.Tensor) -> torch.Tensor:
        return loss_of(name, rows_of(name, theta_TV)).sum()

    # The gate of Cringe and TDPO2's first divergence carry no gradient, so both are held open.
    theta_TV = tabular_policy(1).requires_grad_()
    if name not in ("cringe", "tdpo2"):
        assert torch.autograd.gradcheck(loss, (theta_TV,), atol=1e-6)
    (gradient,) = torch.autograd.grad(loss(theta_TV), theta_TV)
    assert gradient.abs().sum() > 0


def test_the_gradient_of_cringe_with_its_gate_open_is_that_of_finite_differences() -> None:
    numbers = dataclasses.replace(NUMBERS, gate_margin=float("inf"))

    def loss(theta_TV: torch.Tensor) -> torch.Tensor:
        return preference_losses.get("cringe").formula(respond(theta_TV, 2), numbers).sum()

    assert torch.autograd.gradcheck(loss, (tabular_policy(1).requires_grad_(),), atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_masked_tokens_have_exactly_no_gradient(name: str) -> None:
    rows = rows_of(name, tabular_policy(1))
    leaves = change(rows, function=lambda stream: stream.clone().requires_grad_())
    loss_of(name, leaves).sum().backward()  # type: ignore[no-untyped-call]
    for stream in ("logps_EKT", "kl_EKT", "contrast_EKT"):
        gradient_EKT = getattr(leaves, stream).grad
        if gradient_EKT is not None:
            assert not gradient_EKT[rows.mask_EKT == 0].any()
    assert leaves.logps_EKT.grad is not None
    assert leaves.logps_EKT.grad.any()


@pytest.mark.parametrize("name", NAMES)
def test_padding_by_tokens_and_by_responses_changes_nothing(name: str) -> None:
    rows = rows_of(name, tabular_policy(1))
    more = 0 if preference_losses.get(name).shape == "pair" else 2
    padded = change(rows, function=lambda stream: pad(stream, (0, 3, 0, more)))
    padded = dataclasses.replace(padded, scores_EK=pad(rows.scores_EK, (0, more)))
    torch.testing.assert_close(loss_of(name, padded), loss_of(name, rows), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_examples_do_not_see_each_other(name: str) -> None:
    rows = rows_of(name, tabular_policy(1))
    for e in range(E):
        alone = change(rows, function=lambda stream, e=e: stream[e : e + 1])
        alone = dataclasses.replace(alone, scores_EK=rows.scores_EK[e : e + 1])
        torch.testing.assert_close(loss_of(name, alone)[0], loss_of(name, rows)[e])


@pytest.mark.parametrize("name", ["lipo", "rrhf", "pro"])
def test_a_list_may_stand_in_any_order(name: str) -> None:
    rows = rows_of(name, tabular_policy(1))
    order = [2, 0, 3, 1]
    moved = change(rows, function=lambda stream: stream[:, order])
    moved = dataclasses.replace(moved, scores_EK=rows.scores_EK[:, order])
    torch.testing.assert_close(loss_of(name, moved), loss_of(name, rows))


@pytest.mark.parametrize("name", NAMES)
def test_what_a_loss_does_not_name_it_does_not_read(name: str) -> None:
    loss = preference_losses.get(name)
    rows = rows_of(name, tabular_policy(1))
    given = {"reference": "ref_logps_EKT", "kl": "kl_EKT", "contrast": "contrast_EKT"}
    unread: dict[str, Any] = {f: None for need, f in given.items() if need not in loss.needs}
    bare = dataclasses.replace(rows, **unread)
    torch.testing.assert_close(loss_of(name, bare), loss_of(name, rows))
    for need in loss.needs:
        with pytest.raises(ValueError, match="stream that it needs"):
            loss_of(name, dataclasses.replace(rows, **dict[str, Any]({given[need]: None})))


@pytest.mark.parametrize(
    "wrong",
    [
        {"beta": 0.0},
        {"gate_temperature": -1.0},
        {"sft_weight": -0.1},
        {"contrast_candidates": 0},
    ],
)
def test_numbers_that_turn_a_loss_round_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        PreferenceNumbers(**wrong)  # type: ignore[arg-type]


def test_lengths_differ_in_these_tests() -> None:
    lengths_EK = respond(tabular_policy(1)).lengths_EK
    assert len(set(lengths_EK.flatten().tolist())) > 2
    assert lengths_EK.min() < T
