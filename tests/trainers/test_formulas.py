"""The formulas against hand-worked numbers, their limits, invariances and finite differences."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gym_reason.trainers.formulas import AGGREGATIONS
from gym_reason.trainers.formulas.advantage import group_centred, group_zscore
from gym_reason.trainers.formulas.aggregation import (
    seq_mean_token_mean,
    seq_mean_token_sum_norm,
    token_mean,
)
from gym_reason.trainers.formulas.filters import drop_zero_variance
from gym_reason.trainers.formulas.kl import k1, k2, k3, k3_value_k2_gradient
from gym_reason.trainers.formulas.policy_loss import ClipRange, clipped_ratio

V, T, G = 5, 6, 4


def tabular_policy(seed: int) -> torch.Tensor:
    """Return logits theta_TV of a policy that chooses token t from row t."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(T, V, generator=generator, dtype=torch.float64)


def logps_of(theta_TV: torch.Tensor, actions_NT: torch.Tensor) -> torch.Tensor:
    """Return the log-probabilities of sampled tokens under the tabular policy."""
    return theta_TV.log_softmax(-1)[torch.arange(T), actions_NT]


@pytest.fixture
def actions_NT() -> torch.Tensor:
    """Return one group of sampled responses."""
    return torch.randint(V, (G, T), generator=torch.Generator().manual_seed(3))


@pytest.fixture
def mask_NT() -> torch.Tensor:
    """Return a mask of responses of unequal lengths."""
    lengths_N = torch.tensor([6, 3, 5, 2])
    return (torch.arange(T) < lengths_N[:, None]).double()


REWARDS_N = torch.tensor([1.0, 0.0, 0.0, 1.0], dtype=torch.float64)
ONE_GROUP_N = torch.zeros(G, dtype=torch.long)


def test_zscore_matches_numbers_worked_by_hand() -> None:
    # mean 1/2, unbiased deviation sqrt((4 * 1/4) / 3) = 0.577350
    expected_N = (
        torch.tensor([1, -1, -1, 1], dtype=torch.float64) * 0.5 / (0.5773502691896258 + 1e-6)
    )
    torch.testing.assert_close(group_zscore(REWARDS_N, ONE_GROUP_N), expected_N)


def test_a_group_of_one_keeps_its_reward_under_zscore() -> None:
    advantages_N = group_zscore(torch.tensor([0.75]), torch.tensor([0]))
    torch.testing.assert_close(advantages_N, torch.tensor([0.75]), rtol=1e-5, atol=0)


@given(
    rewards=st.lists(st.floats(-5, 5, width=32), min_size=8, max_size=8),
    shift=st.floats(-100, 100, width=32),
    order=st.permutations(range(4)),
)
def test_advantages_ignore_a_shift_and_follow_a_permutation(
    rewards: list[float], shift: float, order: list[int]
) -> None:
    rewards_N = torch.tensor(rewards, dtype=torch.float64)
    group_N = torch.tensor([0] * 4 + [1] * 4)
    permuted = torch.tensor([*order, 4, 5, 6, 7])
    for advantage, tolerance in ((group_centred, 1e-9), (group_zscore, 1e-3)):
        plain_N = advantage(rewards_N, group_N)
        torch.testing.assert_close(
            advantage(rewards_N + shift, group_N), plain_N, rtol=tolerance, atol=tolerance
        )
        torch.testing.assert_close(advantage(rewards_N[permuted], group_N), plain_N[permuted])


@given(st.lists(st.floats(-5, 5, width=32), min_size=2, max_size=9))
def test_centred_advantage_is_leave_one_out_scaled(rewards: list[float]) -> None:
    rewards_N = torch.tensor(rewards, dtype=torch.float64)
    count = len(rewards)
    leave_one_out_N = rewards_N - (rewards_N.sum() - rewards_N) / (count - 1)
    centred_N = group_centred(rewards_N, torch.zeros(count, dtype=torch.long))
    torch.testing.assert_close(leave_one_out_N, centred_N * count / (count - 1))


def test_filter_drops_groups_of_equal_rewards_only() -> None:
    rewards_N = torch.tensor([1.0, 1.0, 0.0, 1.0, 0.0, 0.0])
    group_N = torch.tensor([0, 0, 1, 1, 2, 2])
    assert drop_zero_variance(rewards_N, group_N).tolist() == [
        False,
        False,
        True,
        True,
        False,
        False,
    ]


def test_equal_rewards_give_exactly_no_gradient(
    actions_NT: torch.Tensor, mask_NT: torch.Tensor
) -> None:
    theta_TV = tabular_policy(0).requires_grad_()
    advantages_N = group_zscore(torch.ones(G, dtype=torch.float64), ONE_GROUP_N)
    logps_NT = logps_of(theta_TV, actions_NT)
    loss_NT = clipped_ratio(
        logps_NT, logps_NT.detach(), advantages_N[:, None].expand(G, T), ClipRange()
    ).loss_NT
    (loss_NT * token_mean(mask_NT, T)).sum().backward()  # type: ignore[no-untyped-call]
    assert theta_TV.grad is not None
    assert torch.count_nonzero(theta_TV.grad) == 0


def test_on_policy_gradient_is_length_normalised_reinforce(
    actions_NT: torch.Tensor, mask_NT: torch.Tensor
) -> None:
    advantages_NT = group_zscore(REWARDS_N, ONE_GROUP_N)[:, None].expand(G, T)
    weights_NT = seq_mean_token_mean(mask_NT, T)
    gradients = []
    for reinforce in (True, False):
        theta_TV = tabular_policy(1).requires_grad_()
        logps_NT = logps_of(theta_TV, actions_NT)
        if reinforce:
            loss_NT = -advantages_NT * logps_NT
        else:
            loss_NT = clipped_ratio(logps_NT, logps_NT.detach(), advantages_NT, ClipRange()).loss_NT
        (loss_NT * weights_NT).sum().backward()  # type: ignore[no-untyped-call]
        gradients.append(theta_TV.grad)
    torch.testing.assert_close(gradients[0], gradients[1])


def test_autograd_matches_finite_differences_off_policy(
    actions_NT: torch.Tensor, mask_NT: torch.Tensor
) -> None:
    old_NT = logps_of(tabular_policy(2), actions_NT)
    advantages_NT = group_zscore(REWARDS_N, ONE_GROUP_N)[:, None].expand(G, T)

    def loss(theta_TV: torch.Tensor) -> torch.Tensor:
        logps_NT = logps_of(theta_TV, actions_NT)
        token = clipped_ratio(logps_NT, old_NT, advantages_NT, ClipRange(0.2, 0.28, 3.0))
        kl_NT = k3(logps_NT, old_NT)
        return ((token.loss_NT + 0.04 * kl_NT) * token_mean(mask_NT, T)).sum()

    assert torch.autograd.gradcheck(loss, (tabular_policy(4).requires_grad_(),), atol=1e-6)


def test_the_clip_takes_the_gradient_exactly_where_it_binds() -> None:
    ratio_NT = torch.tensor([[1.5, 0.5, 1.5, 0.5, 1.1]], dtype=torch.float64)
    advantages_NT = torch.tensor([[1.0, -1.0, -1.0, 1.0, 1.0]], dtype=torch.float64)
    logps_NT = ratio_NT.log().requires_grad_()
    token = clipped_ratio(logps_NT, torch.zeros_like(ratio_NT), advantages_NT, ClipRange(0.2, 0.28))
    assert token.clipped_NT.tolist() == [[True, True, False, False, False]]
    token.loss_NT.sum().backward()  # type: ignore[no-untyped-call]
    assert logps_NT.grad is not None
    assert (logps_NT.grad == 0).tolist() == [[True, True, False, False, False]]


def test_the_upper_range_is_the_upper_one() -> None:
    logps_NT = torch.tensor([[1.25]]).log()
    one = torch.ones(1, 1)
    narrow = clipped_ratio(logps_NT, torch.zeros(1, 1), one, ClipRange(0.2, 0.2))
    wide = clipped_ratio(logps_NT, torch.zeros(1, 1), one, ClipRange(0.2, 0.28))
    assert narrow.loss_NT.item() == pytest.approx(-1.2)
    assert wide.loss_NT.item() == pytest.approx(-1.25)


def test_the_dual_clip_bounds_the_loss_of_a_bad_token() -> None:
    logps_NT = torch.tensor([[10.0]]).log()
    token = clipped_ratio(logps_NT, torch.zeros(1, 1), -torch.ones(1, 1), ClipRange(dual=3.0))
    assert token.loss_NT.item() == pytest.approx(3.0)
    assert token.clipped_NT.item() is True


def test_token_mean_equals_grpo_at_equal_lengths() -> None:
    mask_NT = torch.ones(G, T)
    torch.testing.assert_close(token_mean(mask_NT, T), seq_mean_token_mean(mask_NT, T))


def test_a_longer_response_leaves_the_others_alone_under_dr_grpo(mask_NT: torch.Tensor) -> None:
    longer_NT = mask_NT.clone()
    longer_NT[3, :4] = 1.0
    before_NT, after_NT = (seq_mean_token_sum_norm(m, 8) for m in (mask_NT, longer_NT))
    torch.testing.assert_close(before_NT[:3], after_NT[:3])
    assert not torch.allclose(token_mean(mask_NT, 8)[:3], token_mean(longer_NT, 8)[:3])


@pytest.mark.parametrize("mode", sorted(AGGREGATIONS))
@settings(max_examples=20)
@given(seed=st.integers(0, 1000))
def test_padding_and_masked_tokens_weigh_nothing(mode: str, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    mask_NT = (torch.rand(G, T, generator=generator) < 0.6).float()
    padded_NT = torch.nn.functional.pad(mask_NT, (0, 3))
    weights_NT = AGGREGATIONS[mode](padded_NT, 16)
    assert torch.count_nonzero(weights_NT[padded_NT == 0]) == 0
    torch.testing.assert_close(weights_NT[:, :T], AGGREGATIONS[mode](mask_NT, 16))


def test_kl_estimators_have_the_value_and_the_gradient_they_claim() -> None:
    theta_V = tabular_policy(5)[0].requires_grad_()
    reference_V = tabular_policy(6)[0].log_softmax(-1)
    probs_V = theta_V.detach().softmax(-1)
    logps_V = theta_V.log_softmax(-1)
    kl = (theta_V.softmax(-1) * (logps_V - reference_V)).sum()
    reverse = (reference_V.exp() * (reference_V - logps_V)).sum()
    (kl_gradient,) = torch.autograd.grad(kl, theta_V, retain_graph=True)
    (reverse_gradient,) = torch.autograd.grad(reverse, theta_V, retain_graph=True)

    def expect(estimator: object) -> tuple[torch.Tensor, torch.Tensor]:
        value = (probs_V * estimator(logps_V, reference_V)).sum()  # type: ignore[operator]
        return value.detach(), torch.autograd.grad(value, theta_V, retain_graph=True)[0]

    for estimator in (k1, k3, k3_value_k2_gradient):
        torch.testing.assert_close(expect(estimator)[0], kl.detach())
    assert not torch.isclose(expect(k2)[0], kl.detach(), rtol=1e-3)
    torch.testing.assert_close(
        expect(k1)[1], torch.zeros(V, dtype=torch.float64), atol=1e-12, rtol=0
    )
    torch.testing.assert_close(expect(k2)[1], kl_gradient)
    torch.testing.assert_close(expect(k3_value_k2_gradient)[1], kl_gradient)
    torch.testing.assert_close(expect(k3)[1], reverse_gradient)
