"""Policy losses, aggregations, token weights: what they are worth and where their gradient goes."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gym_reason.trainers.formulas import aggregations, mismatch_weights, policy_losses
from gym_reason.trainers.formulas.aggregation import (
    seq_mean_token_mean,
    seq_mean_token_sum_norm,
    token_mean,
)
from gym_reason.trainers.formulas.policy_loss import ClipSettings, PolicyRows, TokenLoss
from gym_reason.trainers.formulas.token_weights import (
    TokenWeightSettings,
    WeighedRows,
    credit_steps,
    low_probability,
    split_passes,
)
from tests.trainers.tabular import (
    G,
    T,
    V,
    logps_of,
    mask_of,
    method_gradient,
    sample_actions,
    tabular_policy,
)

ADVANTAGES_NT = torch.tensor([[1.0], [-0.5], [2.0], [-1.5]], dtype=torch.float64).expand(G, T)


def loss_of(
    name: str, ratios: list[float], advantages: list[float], clip: ClipSettings | None = None
) -> tuple[TokenLoss, torch.Tensor]:
    """Return the token losses of given ratios, and the gradient of their sum by log pi."""
    logps_NT = torch.tensor([ratios], dtype=torch.float64).log().requires_grad_()
    rows = PolicyRows(
        logps_NT,
        torch.zeros_like(logps_NT),
        torch.tensor([advantages], dtype=torch.float64),
        torch.ones_like(logps_NT),
    )
    token = policy_losses.get(name)(rows, clip or ClipSettings(0.2, 0.28))
    (gradient_NT,) = torch.autograd.grad(token.loss_NT.sum(), logps_NT)
    return token, gradient_NT[0]


def test_the_clip_takes_the_gradient_exactly_where_it_binds() -> None:
    token, gradient = loss_of("clipped_ratio", [1.5, 0.5, 1.5, 0.5, 1.1], [1, -1, -1, 1, 1])
    assert token.clipped_NT.tolist() == [[True, True, False, False, False]]
    assert (gradient == 0).tolist() == [True, True, False, False, False]


def test_the_upper_range_is_the_upper_one() -> None:
    narrow, _ = loss_of("clipped_ratio", [1.25], [1], ClipSettings(0.2, 0.2))
    wide, _ = loss_of("clipped_ratio", [1.25], [1], ClipSettings(0.2, 0.28))
    assert narrow.loss_NT.item() == pytest.approx(-1.2)
    assert wide.loss_NT.item() == pytest.approx(-1.25)


def test_the_dual_clip_bounds_the_loss_of_a_bad_token() -> None:
    token, gradient = loss_of("clipped_ratio", [10.0, 2.0], [-1, -1], ClipSettings(dual=3.0))
    assert token.loss_NT.tolist() == [pytest.approx([3.0, 2.0])]
    assert token.clipped_NT.tolist() == [[True, False]]
    assert gradient[0] == 0


def test_cispo_keeps_a_gradient_where_ppo_has_none() -> None:
    ratios, advantages = [3.0, 0.1, 1.1], [1.0, -1.0, 2.0]
    clip = ClipSettings(low=0.5, high=1.0)
    token, gradient = loss_of("clipped_weight", ratios, advantages, clip)
    # the weight is clip(rho): 2, 0.5 and 1.1
    torch.testing.assert_close(gradient, torch.tensor([-2.0, 0.5, -2.2], dtype=torch.float64))
    assert token.clipped_NT.tolist() == [[True, True, False]]
    assert loss_of("clipped_ratio", ratios, advantages, clip)[1][:2].tolist() == [0, 0]


def test_gspo_gives_every_token_the_ratio_of_its_response() -> None:
    token, gradient = loss_of("sequence_ratio", [4.0, 1.0], [1, 1], ClipSettings(1.0, 9.0))
    assert token.loss_NT.tolist() == [pytest.approx([-2.0, -2.0])]  # exp of the mean log is 2
    assert gradient.tolist() == pytest.approx([-2.0, -2.0])


def test_gspo_leaves_masked_tokens_out_of_the_ratio() -> None:
    logps_NT = torch.tensor([[2.0, 7.0]]).log()
    mask_NT = torch.tensor([[1.0, 0.0]])
    rows = PolicyRows(logps_NT, torch.zeros(1, 2), torch.ones(1, 2), mask_NT)
    token = policy_losses.get("sequence_ratio")(rows, ClipSettings(1.0, 9.0))
    assert token.loss_NT[0, 0].item() == pytest.approx(-2.0)


def test_luffys_weight_has_its_gradient() -> None:
    probability = torch.tensor([[0.01, 0.5, 0.9]], dtype=torch.float64)
    logps_NT = probability.log().requires_grad_()
    one_NT = torch.ones_like(probability)
    rows = PolicyRows(logps_NT, logps_NT.detach(), one_NT, one_NT, torch.tensor([True]))
    clip = ClipSettings(expert_gamma=0.1)
    token = policy_losses.get("mixed_policy")(rows, clip)
    torch.testing.assert_close(token.loss_NT.detach(), -probability / (probability + 0.1))
    (gradient,) = torch.autograd.grad(token.loss_NT.sum(), logps_NT)
    expected = -(0.1 / (probability + 0.1) ** 2) * probability
    torch.testing.assert_close(gradient, expected)
    # beside a linear weight p, the rarest token gains most
    gain = (gradient / -probability)[0].tolist()
    assert gain == sorted(gain, reverse=True)


def test_masked_tokens_have_exactly_no_gradient() -> None:
    mask_NT = mask_of(6, 3, 5, 2)
    for name in policy_losses:
        logps_NT = logps_of(tabular_policy(1), sample_actions()).requires_grad_()
        old_NT = logps_of(tabular_policy(2), sample_actions())
        rows = PolicyRows(
            logps_NT, old_NT, ADVANTAGES_NT * mask_NT, mask_NT, torch.tensor([True, False] * 2)
        )
        loss_NT = policy_losses.get(name)(rows, ClipSettings()).loss_NT
        for mode in aggregations:
            weights_NT = aggregations.get(mode)(mask_NT, T)
            (gradient_NT,) = torch.autograd.grad(
                (loss_NT * weights_NT).sum(), logps_NT, retain_graph=True
            )
            assert torch.count_nonzero(gradient_NT[mask_NT == 0]) == 0, (name, mode)


# `clipped_weight` and `sequence_ratio` stop gradients on purpose, which finite differences do not
# see; their gradients are worked by hand above.
@pytest.mark.parametrize("name", ["log_likelihood", "ratio", "clipped_ratio", "mixed_policy"])
def test_autograd_matches_finite_differences_off_policy(name: str) -> None:
    actions_NT = sample_actions()
    old_NT = logps_of(tabular_policy(2), actions_NT)
    mask_NT = mask_of(6, 3, 5, 2)

    def loss(theta_TV: torch.Tensor) -> torch.Tensor:
        rows = PolicyRows(
            logps_of(theta_TV, actions_NT),
            old_NT,
            ADVANTAGES_NT,
            mask_NT,
            torch.tensor([True, False] * 2),
        )
        token = policy_losses.get(name)(rows, ClipSettings(0.2, 0.28, 3.0))
        return (token.loss_NT * token_mean(mask_NT, T)).sum()

    assert torch.autograd.gradcheck(loss, (tabular_policy(4).requires_grad_(),), atol=1e-6)


def test_token_mean_equals_the_mean_of_means_at_equal_lengths() -> None:
    mask_NT = torch.ones(G, T)
    torch.testing.assert_close(token_mean(mask_NT, T), seq_mean_token_mean(mask_NT, T))


def test_a_longer_response_leaves_the_others_alone_under_dr_grpo() -> None:
    mask_NT = mask_of(6, 3, 5, 2)
    longer_NT = mask_of(6, 3, 5, 4)
    before_NT, after_NT = (seq_mean_token_sum_norm(m, 8) for m in (mask_NT, longer_NT))
    torch.testing.assert_close(before_NT[:3], after_NT[:3])
    assert not torch.allclose(token_mean(mask_NT, 8)[:3], token_mean(longer_NT, 8)[:3])


@pytest.mark.parametrize("mode", sorted(aggregations))
@settings(max_examples=20)
@given(seed=st.integers(0, 1000))
def test_padding_and_masked_tokens_weigh_nothing(mode: str, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    mask_NT = (torch.rand(G, T, generator=generator) < 0.6).float()
    padded_NT = torch.nn.functional.pad(mask_NT, (0, 3))
    weights_NT = aggregations.get(mode)(padded_NT, 16)
    assert torch.count_nonzero(weights_NT[padded_NT == 0]) == 0
    torch.testing.assert_close(weights_NT[:, :T], aggregations.get(mode)(mask_NT, 16))


def test_rare_tokens_count_less_by_their_old_probability() -> None:
    old_NT = torch.tensor([[0.1, 1.0]], dtype=torch.float64).log()
    rows = WeighedRows(old_NT, None)
    found = low_probability(rows, TokenWeightSettings(alpha=0.3))
    torch.testing.assert_close(found, torch.tensor([[0.73, 1.0]], dtype=torch.float64))


def test_right_steps_of_wrong_responses_keep_a_share() -> None:
    rows = WeighedRows(torch.zeros(1, 3), torch.tensor([[1.0, 0.0, 1.0]]))
    assert credit_steps(rows, TokenWeightSettings(correct_steps=-0.5)).tolist() == [[-0.5, 1, -0.5]]
    assert credit_steps(rows, TokenWeightSettings(correct_steps=0.0)).tolist() == [[0, 1, 0]]
    with pytest.raises(ValueError, match="needs judged steps"):
        credit_steps(WeighedRows(torch.zeros(1, 3), None), TokenWeightSettings())


@given(split=st.floats(0.01, 1.0), seed=st.integers(0, 99))
def test_the_passes_partition_the_mask_rare_tokens_first(split: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    old_NT = torch.rand(G, T, generator=generator).clamp(min=1e-3).log()
    mask_NT = (torch.rand(G, T, generator=generator) < 0.7).float()
    mask_NT[0, 0] = 1.0
    passes = split_passes(mask_NT, old_NT, split)
    torch.testing.assert_close(torch.stack(passes).sum(0), mask_NT)
    if len(passes) == 2:
        assert (old_NT[passes[0] > 0].exp() < split).all()
        assert (old_NT[passes[1] > 0].exp() >= split).all()


def test_a_split_below_everything_or_above_everything_is_one_pass() -> None:
    old_NT = torch.rand(G, T, generator=torch.Generator().manual_seed(0)).clamp(1e-3, 0.99).log()
    mask_NT = torch.ones(G, T)
    for split in (1e-9, 1.5):
        (only,) = split_passes(mask_NT, old_NT, split)
        assert torch.equal(only, mask_NT)


def test_mismatch_corrections() -> None:
    log_ratio_NT = torch.tensor([[0.0, 3.0, -3.0, 0.5]])
    truncated = mismatch_weights.get("truncated")(log_ratio_NT, 2.0)[0].tolist()
    assert truncated == pytest.approx([1.0, 2.0, 0.049787, 1.648721], rel=1e-4)
    masked = mismatch_weights.get("masked")(log_ratio_NT, 2.0)[0].tolist()
    assert masked == pytest.approx([1.0, 0.0, 0.0, 1.648721], rel=1e-4)
    assert mismatch_weights.get("none")(log_ratio_NT, 2.0).tolist() == [[1.0] * 4]


def test_the_gradient_norm_of_a_rare_token_is_the_larger_one() -> None:
    # arXiv 2505.12929: between sqrt(V / (V - 1)) and sqrt(2) times 1 - pi(a), by the logits
    theta_TV = tabular_policy(9).requires_grad_()
    logps_V = theta_TV.log_softmax(-1)[0]
    for action in range(V):
        (gradient,) = torch.autograd.grad(logps_V[action], theta_TV, retain_graph=True)
        share = gradient.norm().item() / (1.0 - logps_V[action].exp().item())
        assert (V / (V - 1)) ** 0.5 - 1e-9 <= share <= 2**0.5 + 1e-9


def test_on_policy_all_ratio_losses_have_the_gradient_of_reinforce() -> None:
    mask_NT = mask_of(6, 3, 5, 2)
    plain = method_gradient(ADVANTAGES_NT, "log_likelihood", "token_mean", mask_NT)
    for name in ("ratio", "clipped_ratio", "sequence_ratio", "clipped_weight", "mixed_policy"):
        found = method_gradient(ADVANTAGES_NT, name, "token_mean", mask_NT)
        torch.testing.assert_close(found, plain, msg=name)
