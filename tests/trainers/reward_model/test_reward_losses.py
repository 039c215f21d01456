"""Losses of reward models against numbers worked by hand, and the limits in which they agree."""

import math

import pytest
import torch

from gym_reason.trainers.formulas.reward_model import (
    RewardRows,
    count_right,
    reward_losses,
)

F64 = torch.float64


def rows(
    logits: list[float] | list[list[float]] | torch.Tensor,
    targets: list[float] | list[list[float]],
    example: list[int],
    margin: float = 0.0,
) -> RewardRows:
    """Return scored places; numbers stand for heads of one output."""
    logits_RC = torch.as_tensor(logits, dtype=F64)
    targets_RC = torch.as_tensor(targets, dtype=F64)
    return RewardRows(
        logits_RC if logits_RC.ndim == 2 else logits_RC[:, None],
        targets_RC if targets_RC.ndim == 2 else targets_RC[:, None],
        torch.tensor(example),
        torch.full((len(example),), margin, dtype=F64),
    )


def pair(gap: float, chance: float = 1.0, margin: float = 0.0, shift: float = 0.0) -> RewardRows:
    """Return one pair whose scores are `gap` apart."""
    return rows([shift + gap / 2, shift - gap / 2], [chance, 1.0 - chance], [0, 0], margin)


def loss_of(name: str, given: RewardRows, centring: float = 0.0) -> list[float]:
    """Return the losses of the examples."""
    return reward_losses.get(name)(given, centring).tolist()


def gradient(name: str, given: RewardRows, centring: float = 0.0) -> torch.Tensor:
    """Return the gradient of the summed loss with respect to the logits."""
    logits_RC = given.logits_RC.clone().requires_grad_()
    loss = reward_losses.get(name)(
        RewardRows(logits_RC, given.targets_RC, given.example_R, given.margin_R), centring
    ).sum()
    return torch.autograd.grad(loss, logits_RC)[0]


def test_bradley_terry_by_hand() -> None:
    assert loss_of("bradley_terry", pair(0.0)) == pytest.approx([math.log(2.0)])
    assert loss_of("bradley_terry", pair(2.0)) == pytest.approx([math.log1p(math.exp(-2.0))])
    # -log sigmoid(2 - 0.5), and 0.01 times the square of the sum of both scores.
    assert loss_of("bradley_terry", pair(2.0, margin=0.5)) == pytest.approx(
        [math.log1p(math.exp(-1.5))]
    )
    centred = loss_of("bradley_terry", pair(2.0, shift=3.0), 0.01)
    assert centred == pytest.approx([math.log1p(math.exp(-2.0)) + 0.01 * 36.0])


def test_a_shift_of_all_scores_changes_nothing_without_centring() -> None:
    for shift in (-3.0, 5.0):
        moved = pair(0.7, shift=shift)
        assert loss_of("bradley_terry", moved) == pytest.approx(loss_of("bradley_terry", pair(0.7)))
        assert loss_of("bradley_terry", moved, 0.01) != pytest.approx(
            loss_of("bradley_terry", pair(0.7), 0.01)
        )


def test_swapped_labels_flip_the_gradient() -> None:
    right, swapped = gradient("bradley_terry", pair(0.0)), gradient("bradley_terry", pair(0.0, 0.0))
    torch.testing.assert_close(right, -swapped)
    assert right[0, 0].item() == pytest.approx(-0.5)
    # The answers in the other order, with the other label, are the same pair.
    one = loss_of("bradley_terry", rows([1.0, -2.0], [0.3, 0.7], [0, 0], 0.4))
    other = loss_of("bradley_terry", rows([-2.0, 1.0], [0.7, 0.3], [0, 0], 0.4))
    assert one == pytest.approx(other)


def test_an_even_soft_label_is_least_at_equal_rewards() -> None:
    for margin in (0.0, 0.5):
        at_zero = loss_of("bradley_terry", pair(0.0, 0.5, margin))[0]
        for gap in (-1.0, -0.01, 0.01, 1.0):
            assert loss_of("bradley_terry", pair(gap, 0.5, margin))[0] > at_zero
        torch.testing.assert_close(
            gradient("bradley_terry", pair(0.0, 0.5, margin)), torch.zeros(2, 1, dtype=F64)
        )
    # A label of 0.8 is least where the sigmoid of the gap is 0.8.
    gap = math.log(0.8 / 0.2)
    assert gradient("bradley_terry", pair(gap, 0.8)).abs().max().item() == pytest.approx(0.0)


def test_a_list_of_two_is_a_pair_and_a_longer_one_the_mean_of_its_pairs() -> None:
    for centring in (0.0, 0.02):
        both = rows([0.3, -1.0, 2.0, 0.5], [1.0, 0.0, 1.0, 0.0], [0, 0, 1, 1])
        assert loss_of("ranked", both, centring) == pytest.approx(
            loss_of("bradley_terry", both, centring)
        )
    listed = rows([1.0, 0.5, -0.5], [3.0, 2.0, 1.0], [0, 0, 0])
    gaps = (0.5, 1.5, 1.0)
    assert loss_of("ranked", listed) == pytest.approx(
        [sum(math.log1p(math.exp(-gap)) for gap in gaps) / 3]
    )
    tied = rows([1.0, 0.5, -0.5], [3.0, 3.0, 1.0], [0, 0, 0])
    assert loss_of("ranked", tied) == pytest.approx(
        [sum(math.log1p(math.exp(-gap)) for gap in (1.5, 1.0)) / 2]
    )


def test_a_process_model_of_one_step_solutions_is_an_outcome_model() -> None:
    one_step = rows([0.3, -1.2, 2.0], [1.0, 0.0, 0.0], [0, 1, 2])
    assert loss_of("process", one_step) == loss_of("outcome", one_step)
    torch.testing.assert_close(gradient("process", one_step), gradient("outcome", one_step))
    assert loss_of("outcome", one_step)[2] == pytest.approx(math.log1p(math.exp(2.0)))
    # Of several steps, the mean.
    steps = rows([0.0, 2.0, 1.0], [1.0, 0.0, 1.0], [0, 0, 1])
    assert loss_of("process", steps) == pytest.approx(
        [(math.log(2.0) + math.log1p(math.exp(2.0))) / 2, math.log1p(math.exp(-1.0))]
    )


def test_regression_and_classification_by_hand() -> None:
    assert loss_of("regression", rows([0.5, -1.0], [1.0, 1.0], [0, 1])) == [0.25, 4.0]
    hard = rows([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]], [0, 1])
    expected = [math.log1p(math.exp(-1.0)), math.log1p(math.exp(1.0))]
    assert loss_of("classification", hard) == pytest.approx(expected)
    soft = rows([[1.0, 0.0]], [[0.25, 0.75]], [0])
    assert loss_of("classification", soft) == pytest.approx(
        [0.25 * expected[0] + 0.75 * expected[1]]
    )
    # Two labels are the sigmoid of their difference.
    two = rows([[0.7, -0.6]], [[0.9, 0.1]], [0])
    one = rows([1.3], [0.9], [0])
    assert loss_of("classification", two) == pytest.approx(loss_of("outcome", one))


@pytest.mark.parametrize("name", list(reward_losses))
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    torch.manual_seed(0)
    wide = name == "classification"
    logits_RC = torch.randn(6, 3 if wide else 1, dtype=F64, requires_grad=True)
    targets = torch.rand(6, 3 if wide else 1, dtype=F64)
    targets = targets / targets.sum(1, keepdim=True) if wide else targets
    example_R = torch.tensor([0, 0, 1, 1, 2, 2])
    margin_R = torch.full((6,), 0.3, dtype=F64)

    def of(logits: torch.Tensor) -> torch.Tensor:
        return reward_losses.get(name)(RewardRows(logits, targets, example_R, margin_R), 0.05)

    assert torch.autograd.gradcheck(of, (logits_RC,), atol=1e-6)


@pytest.mark.parametrize("name", list(reward_losses))
def test_the_loss_of_an_example_does_not_depend_on_the_others(name: str) -> None:
    torch.manual_seed(1)
    width = 2 if name == "classification" else 1
    logits_RC, targets_RC = torch.randn(6, width, dtype=F64), torch.rand(6, width, dtype=F64)
    example_R, margin_R = torch.tensor([0, 0, 1, 1, 2, 2]), torch.zeros(6, dtype=F64)
    whole = reward_losses.get(name)(RewardRows(logits_RC, targets_RC, example_R, margin_R), 0.05)
    parts = [
        reward_losses.get(name)(
            RewardRows(
                logits_RC[2 * e : 2 * e + 2],
                targets_RC[2 * e : 2 * e + 2],
                torch.tensor([0, 0]),
                margin_R[:2],
            ),
            0.05,
        )
        for e in range(3)
    ]
    torch.testing.assert_close(whole, torch.cat(parts))


def test_right_judgements_are_counted() -> None:
    pairs = rows([1.0, 0.0, 0.0, 1.0, 2.0, 2.0], [1.0, 0.0, 1.0, 0.0, 1.0, 0.0], [0, 0, 1, 1, 2, 2])
    assert count_right("bradley_terry", pairs) == (1.5, 3)
    assert count_right("bradley_terry", pair(1.0, 0.5)) == (0.0, 0)
    steps = rows([1.0, -1.0, 1.0, 1.0], [1.0, 0.0, 0.0, 0.5], [0, 0, 0, 0])
    assert count_right("process", steps) == (2.0, 3)
    labels = rows([[1.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]], [0, 1])
    assert count_right("classification", labels) == (1.0, 2)
