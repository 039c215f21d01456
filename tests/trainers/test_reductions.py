"""What each method reduces to: one test a limit, in float64, to a tolerance of 1e-6."""

from collections.abc import Callable

import pytest
import torch

from gym_reason.trainers.formulas.advantage import AdvantageSettings, estimate
from gym_reason.trainers.formulas.entropy import EntropySettings, adaptive, constant, target
from gym_reason.trainers.formulas.kl import k1, k2, k3, k3_value_k2_gradient, sequence_square
from gym_reason.trainers.formulas.policy_loss import ClipSettings
from gym_reason.trainers.formulas.rewards import kl_in_reward
from gym_reason.trainers.formulas.rows import EpisodeRows
from gym_reason.trainers.formulas.teacher import teacher_rows, teacher_weight
from gym_reason.trainers.formulas.token_weights import (
    TokenWeightSettings,
    WeighedRows,
    credit_steps,
    low_probability,
    split_passes,
)
from tests.trainers.tabular import (
    FREE,
    G,
    T,
    V,
    episodes_of,
    gradient_of,
    logps_of,
    mask_of,
    method_gradient,
    sample_actions,
    tabular_policy,
)

REWARDS = [1.0, 0.0, 0.0, 1.0]
GROUPS = [0] * G
MASK_NT = mask_of(6, 3, 5, 2)
FULL_NT = mask_of(6, 6, 6, 6)
OLD_SEED = 2


def advantage(
    name: str,
    mask_NT: torch.Tensor = MASK_NT,
    rewards: list[float] | None = None,
    *,
    whiten: bool = False,
    values_NT: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the advantages of a group."""
    rows = episodes_of(rewards or REWARDS, GROUPS, mask_NT, values_NT)
    return estimate(name, rows, AdvantageSettings(lam=1.0, whiten=whiten)).advantages_NT


def old_logps() -> torch.Tensor:
    """Return the log-probabilities of the responses before the update."""
    return logps_of(tabular_policy(OLD_SEED), sample_actions())


def grpo(
    advantages_NT: torch.Tensor, mask_NT: torch.Tensor = MASK_NT, clip: ClipSettings | None = None
) -> torch.Tensor:
    """Return GRPO's gradient off-policy."""
    return method_gradient(
        advantages_NT,
        "clipped_ratio",
        "seq_mean_token_mean",
        mask_NT,
        old_seed=OLD_SEED,
        clip=clip,
    )


def on_policy_grpo_is_length_normalised_reinforce() -> tuple[torch.Tensor, torch.Tensor]:
    """Section 1."""
    advantages_NT = advantage("group_zscore")
    mode = "seq_mean_token_mean"
    return (
        method_gradient(advantages_NT, "clipped_ratio", mode, MASK_NT),
        method_gradient(advantages_NT, "log_likelihood", mode, MASK_NT),
    )


def dapo_of_equal_ranges_and_lengths_is_grpo() -> tuple[torch.Tensor, torch.Tensor]:
    """Section 1."""
    advantages_NT = advantage("group_zscore", FULL_NT)
    dapo = method_gradient(advantages_NT, "clipped_ratio", "token_mean", FULL_NT, old_seed=OLD_SEED)
    return dapo, grpo(advantages_NT, FULL_NT)


def dr_grpo_is_rloo_up_to_a_factor() -> tuple[torch.Tensor, torch.Tensor]:
    """Section 1."""
    return (
        advantage("group_centred") * G / (G - 1),
        advantage("leave_one_out"),
    )


def gspo_of_one_token_is_grpo() -> tuple[torch.Tensor, torch.Tensor]:
    """Section 1."""
    mask_NT = mask_of(1, 1, 1, 1)
    advantages_NT = advantage("group_zscore", mask_NT)
    gspo = method_gradient(
        advantages_NT, "sequence_ratio", "seq_mean_token_mean", mask_NT, old_seed=OLD_SEED
    )
    return gspo, grpo(advantages_NT, mask_NT)


def gspo_on_policy_is_grpo() -> tuple[torch.Tensor, torch.Tensor]:
    """Section 1."""
    advantages_NT = advantage("group_zscore")
    mode = "seq_mean_token_mean"
    return (
        method_gradient(advantages_NT, "sequence_ratio", mode, MASK_NT),
        method_gradient(advantages_NT, "clipped_ratio", mode, MASK_NT),
    )


def cispo_without_a_clip_is_weighted_reinforce() -> tuple[torch.Tensor, torch.Tensor]:
    """Section 1: the weight is the ratio."""
    advantages_NT = advantage("group_zscore")
    logps_NT = logps_of(tabular_policy(1), sample_actions())
    ratio_NT = (logps_NT - old_logps()).exp()
    cispo = method_gradient(
        advantages_NT,
        "clipped_weight",
        "token_mean",
        MASK_NT,
        old_seed=OLD_SEED,
        clip=ClipSettings(1.0, 1e9),
    )
    plain = method_gradient(advantages_NT * ratio_NT, "log_likelihood", "token_mean", MASK_NT)
    return cispo, plain


def reinforce_pp_without_kl_has_one_advantage_a_response() -> tuple[torch.Tensor, torch.Tensor]:
    """Section 1."""
    found_NT = advantage("return_to_go", whiten=True)
    first_NT = found_NT[:, :1] * MASK_NT
    return found_NT, first_NT


def ppo_of_a_critic_that_says_0_is_reinforce() -> tuple[torch.Tensor, torch.Tensor]:
    """Sections 2 and 18 (ReFT with beta = 0)."""
    values_NT = torch.zeros(G, T, dtype=torch.float64)
    ppo = method_gradient(
        advantage("gae", values_NT=values_NT), "clipped_ratio", "token_mean", MASK_NT
    )
    return ppo, method_gradient(advantage("raw"), "log_likelihood", "token_mean", MASK_NT)


def ppo_of_full_traces_is_reinforce_with_the_value_as_baseline() -> tuple[
    torch.Tensor, torch.Tensor
]:
    """Section 2."""
    values_NT = torch.rand(G, T, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rewards_N1 = torch.tensor(REWARDS, dtype=torch.float64)[:, None]
    return advantage("gae", values_NT=values_NT), (rewards_N1 - values_NT) * MASK_NT


def raft_of_binary_rewards_is_reinforce_without_a_baseline() -> tuple[torch.Tensor, torch.Tensor]:
    """Section 6."""
    return (
        method_gradient(advantage("positive_only"), "log_likelihood", "token_mean", MASK_NT),
        method_gradient(advantage("raw"), "log_likelihood", "token_mean", MASK_NT),
    )


def raft_pp_on_policy_is_raft() -> tuple[torch.Tensor, torch.Tensor]:
    """Section 6."""
    advantages_NT = advantage("positive_only")
    return (
        method_gradient(advantages_NT, "clipped_ratio", "token_mean", MASK_NT),
        method_gradient(advantages_NT, "log_likelihood", "token_mean", MASK_NT),
    )


def luffy_without_an_expert_is_dr_grpo_without_a_clip() -> tuple[torch.Tensor, torch.Tensor]:
    """Section 4."""
    advantages_NT = advantage("group_centred")
    mode = "seq_mean_token_sum_norm"
    luffy = method_gradient(
        advantages_NT,
        "mixed_policy",
        mode,
        MASK_NT,
        old_seed=OLD_SEED,
        expert_N=torch.zeros(G, dtype=torch.bool),
    )
    dr_grpo = method_gradient(
        advantages_NT, "clipped_ratio", mode, MASK_NT, old_seed=OLD_SEED, clip=FREE
    )
    return luffy, dr_grpo


def luffy_of_a_large_gamma_weighs_linearly() -> tuple[torch.Tensor, torch.Tensor]:
    """Section 4: `gamma p / (p + gamma)` is `p`, whose gradient is that of the probability."""
    advantages_NT, gamma = advantage("group_centred"), 1e9
    everyone_N = torch.ones(G, dtype=torch.bool)
    luffy = method_gradient(
        advantages_NT,
        "mixed_policy",
        "token_mean",
        MASK_NT,
        clip=ClipSettings(expert_gamma=gamma),
        expert_N=everyone_N,
    )

    def linear(theta_TV: torch.Tensor) -> torch.Tensor:
        probability_NT = logps_of(theta_TV, sample_actions()).exp()
        return -(probability_NT * advantages_NT * MASK_NT).sum() / MASK_NT.sum()

    return luffy * gamma, gradient_of(linear)


def reweighting_by_0_is_grpo() -> tuple[torch.Tensor, torch.Tensor]:
    """Section 5."""
    weight_NT = low_probability(WeighedRows(old_logps(), None), TokenWeightSettings(alpha=0.0))
    advantages_NT = advantage("group_zscore")
    return grpo(advantages_NT * weight_NT), grpo(advantages_NT)


def reweighting_by_1_multiplies_by_the_old_probability() -> tuple[torch.Tensor, torch.Tensor]:
    """Section 5."""
    weight_NT = low_probability(WeighedRows(old_logps(), None), TokenWeightSettings(alpha=1.0))
    return weight_NT, old_logps().exp()


def lopti_of_one_pass_is_grpo() -> tuple[torch.Tensor, torch.Tensor]:
    """Section 5."""
    (only_NT,) = split_passes(MASK_NT, old_logps(), 1.5)
    advantages_NT = advantage("group_zscore")
    return grpo(advantages_NT, only_NT), grpo(advantages_NT)


def lopti_of_two_passes_sums_to_grpo_before_either_step() -> tuple[torch.Tensor, torch.Tensor]:
    """Section 5: what the second pass adds is that it starts from where the first one ended."""
    advantages_NT = advantage("group_zscore")
    passes = split_passes(MASK_NT, old_logps(), 0.2)
    assert len(passes) == 2
    return sum(grpo(advantages_NT * part_NT) for part_NT in passes), grpo(advantages_NT)  # type: ignore[return-value]


def nsa_of_beta_1_is_bcpg() -> tuple[torch.Tensor, torch.Tensor]:
    """Section 3."""
    right_NT = (sample_actions() == 1).double()
    weight_NT = credit_steps(
        WeighedRows(old_logps(), right_NT), TokenWeightSettings(correct_steps=1.0)
    )
    return weight_NT, torch.ones_like(weight_NT)


def bcpg_without_its_square_is_grpo_without_the_deviation() -> tuple[torch.Tensor, torch.Tensor]:
    """Section 3, on-policy."""
    advantages_NT = advantage("group_centred")
    mode = "seq_mean_token_mean"
    return (
        method_gradient(advantages_NT, "log_likelihood", mode, MASK_NT),
        method_gradient(advantages_NT, "clipped_ratio", mode, MASK_NT),
    )


def bcpg_has_the_gradient_of_its_closed_form() -> tuple[torch.Tensor, torch.Tensor]:
    """Section 3: `(r - mean - tau * log-ratio) grad log pi`, over the length."""
    tau, actions_NT, ref_NT = 0.3, sample_actions(), old_logps()
    advantages_NT = advantage("group_centred")
    weights_NT = MASK_NT / MASK_NT.sum(1, keepdim=True) / G

    def ours(theta_TV: torch.Tensor) -> torch.Tensor:
        logps_NT = logps_of(theta_TV, actions_NT)
        square_NT = sequence_square(logps_NT, ref_NT, MASK_NT)
        return ((-advantages_NT * logps_NT + tau * square_NT) * weights_NT).sum()

    def closed(theta_TV: torch.Tensor) -> torch.Tensor:
        logps_NT = logps_of(theta_TV, actions_NT)
        ratio_N1 = ((logps_NT - ref_NT) * MASK_NT).sum(1, keepdim=True).detach()
        return (-(advantages_NT - tau * ratio_N1) * logps_NT * weights_NT).sum()

    return gradient_of(ours), gradient_of(closed)


def kdrl_of_constant_rewards_is_the_reverse_divergence_at_each_state() -> tuple[
    torch.Tensor, torch.Tensor
]:
    """Section 9: in expectation over the student's own next token."""
    teacher_V = tabular_policy(6)[0].log_softmax(-1)

    def expected(theta_TV: torch.Tensor) -> torch.Tensor:
        logps_V = theta_TV.log_softmax(-1)[0]
        return (logps_V.detach().exp() * k2(logps_V, teacher_V, torch.ones(V))).sum()

    def divergence(theta_TV: torch.Tensor) -> torch.Tensor:
        logps_V = theta_TV.log_softmax(-1)[0]
        return (logps_V.exp() * (logps_V - teacher_V)).sum()

    return gradient_of(expected), gradient_of(divergence)


def kdrl_is_an_advantage_less_the_log_ratio() -> tuple[torch.Tensor, torch.Tensor]:
    """Section 9: on-policy, `A - beta (log pi - log pi_teacher)`."""
    beta, actions_NT = 0.7, sample_actions()
    teacher_NT = logps_of(tabular_policy(6), actions_NT)
    advantages_NT = advantage("group_zscore")

    def ours(theta_TV: torch.Tensor) -> torch.Tensor:
        logps_NT = logps_of(theta_TV, actions_NT)
        loss_NT = -advantages_NT * logps_NT + beta * k2(logps_NT, teacher_NT, MASK_NT)
        return (loss_NT * MASK_NT).sum()

    def folded(theta_TV: torch.Tensor) -> torch.Tensor:
        logps_NT = logps_of(theta_TV, actions_NT)
        shifted_NT = advantages_NT - beta * (logps_NT - teacher_NT).detach()
        return (-shifted_NT * logps_NT * MASK_NT).sum()

    return gradient_of(ours), gradient_of(folded)


def kdrl_of_a_teacher_that_is_the_student_pulls_nowhere() -> tuple[torch.Tensor, torch.Tensor]:
    """Section 9."""

    def pull(theta_TV: torch.Tensor) -> torch.Tensor:
        logps_NT = logps_of(theta_TV, sample_actions())
        return k2(logps_NT, logps_NT.detach(), MASK_NT).sum()

    found = gradient_of(pull)
    return found, torch.zeros_like(found)


def adaptive_entropy_of_alpha_0_is_none() -> tuple[torch.Tensor, torch.Tensor]:
    """Section 2."""
    rows = episodes_of(REWARDS, GROUPS, MASK_NT)
    found = adaptive(rows, EntropySettings(bonus=0.0, control="adaptive"), 0.0, None)
    return found.weight_NT, torch.zeros_like(MASK_NT)


def adaptive_entropy_of_beta_0_is_constant() -> tuple[torch.Tensor, torch.Tensor]:
    """Section 2."""
    rows = episodes_of(REWARDS, GROUPS, MASK_NT)
    settings = EntropySettings(bonus=0.1, control="adaptive", decay=0.0)
    return (
        adaptive(rows, settings, 0.1, None).weight_NT,
        constant(rows, EntropySettings(bonus=0.1), 0.1, None).weight_NT,
    )


LIMITS: tuple[Callable[[], tuple[torch.Tensor, torch.Tensor]], ...] = (
    on_policy_grpo_is_length_normalised_reinforce,
    dapo_of_equal_ranges_and_lengths_is_grpo,
    dr_grpo_is_rloo_up_to_a_factor,
    gspo_of_one_token_is_grpo,
    gspo_on_policy_is_grpo,
    cispo_without_a_clip_is_weighted_reinforce,
    reinforce_pp_without_kl_has_one_advantage_a_response,
    ppo_of_a_critic_that_says_0_is_reinforce,
    ppo_of_full_traces_is_reinforce_with_the_value_as_baseline,
    raft_of_binary_rewards_is_reinforce_without_a_baseline,
    raft_pp_on_policy_is_raft,
    luffy_without_an_expert_is_dr_grpo_without_a_clip,
    luffy_of_a_large_gamma_weighs_linearly,
    reweighting_by_0_is_grpo,
    reweighting_by_1_multiplies_by_the_old_probability,
    lopti_of_one_pass_is_grpo,
    lopti_of_two_passes_sums_to_grpo_before_either_step,
    nsa_of_beta_1_is_bcpg,
    bcpg_without_its_square_is_grpo_without_the_deviation,
    bcpg_has_the_gradient_of_its_closed_form,
    kdrl_of_constant_rewards_is_the_reverse_divergence_at_each_state,
    kdrl_is_an_advantage_less_the_log_ratio,
    kdrl_of_a_teacher_that_is_the_student_pulls_nowhere,
    adaptive_entropy_of_alpha_0_is_none,
    adaptive_entropy_of_beta_0_is_constant,
)


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.__name__)
def test_limit(limit: Callable[[], tuple[torch.Tensor, torch.Tensor]]) -> None:
    found, expected = limit()
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def test_equal_rewards_give_exactly_no_gradient() -> None:
    for name in ("group_zscore", "group_centred", "leave_one_out"):
        found = grpo(advantage(name, rewards=[1.0] * G))
        assert torch.count_nonzero(found) == 0


def test_reinforce_rej_of_single_samples_trains_nothing() -> None:
    from gym_reason.trainers.formulas.filters import drop_zero_variance

    rewards_N = torch.tensor(REWARDS)
    assert not drop_zero_variance(rewards_N, torch.arange(G)).any()


def test_nsa_gives_no_credit_at_beta_0_and_none_to_right_responses() -> None:
    right_NT = torch.zeros(G, T)
    right_NT[1, :2] = 1.0  # the labels of right responses are 0: `right_tokens` sees to it
    weight_NT = credit_steps(WeighedRows(old_logps(), right_NT), TokenWeightSettings())
    assert (weight_NT[right_NT == 0] == 1.0).all()
    none_NT = credit_steps(
        WeighedRows(old_logps(), right_NT), TokenWeightSettings(correct_steps=0.0)
    )
    assert torch.equal(none_NT == 0.0, right_NT == 1.0)


def test_the_teachers_mask_and_schedule() -> None:
    rewards_N = torch.tensor([1.0, 0.0, 0.0, 0.0])
    group_N = torch.tensor([0, 0, 1, 1])
    assert teacher_rows("all", rewards_N, group_N).tolist() == [1, 1, 1, 1]
    assert teacher_rows("response", rewards_N, group_N).tolist() == [0, 1, 1, 1]
    assert teacher_rows("group", rewards_N, group_N).tolist() == [0, 0, 1, 1]
    weights = [teacher_weight(5e-3, 1e-3, 1e-3, step) for step in range(7)]
    assert weights == pytest.approx([5e-3, 4e-3, 3e-3, 2e-3, 1e-3, 1e-3, 1e-3])


def test_the_adaptive_weight_is_the_surveys_or_its_proses() -> None:
    # two steps with a reward each: after the first the rewards are 1 and 0, then 1 and 1
    mask_NT = torch.ones(2, 2, dtype=torch.float64)
    rewards_NT = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    rows = EpisodeRows(mask_NT, rewards_NT, torch.tensor([0, 0]), torch.tensor([[0, 1], [0, 1]]))
    settings = EntropySettings(bonus=2.0, control="adaptive", decay=1.0)
    survey = adaptive(rows, settings, 2.0, None).weight_NT
    low = 2.0 * torch.tensor(-0.5, dtype=torch.float64).exp()  # unbiased variance of 1 and 0
    torch.testing.assert_close(survey, torch.stack([low, low * 0 + 2.0]).expand(2, 2))
    prose = EntropySettings(bonus=2.0, control="adaptive", decay=1.0, sign="prose")
    torch.testing.assert_close(adaptive(rows, prose, 2.0, None).weight_NT, 2.0 - survey)
    assert not survey.requires_grad


def test_a_reward_at_the_end_alone_leaves_the_adaptive_weight_constant_before_it() -> None:
    mask_NT = torch.ones(2, 2, dtype=torch.float64)
    rewards_NT = torch.tensor([[0.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
    rows = EpisodeRows(mask_NT, rewards_NT, torch.tensor([0, 0]), torch.tensor([[0, 1], [0, 1]]))
    settings = EntropySettings(bonus=1.0, control="adaptive")
    weight_NT = adaptive(rows, settings, 1.0, None).weight_NT
    assert weight_NT[:, 0].tolist() == [1.0, 1.0]
    assert (weight_NT[:, 1] < 1.0).all()


def test_the_entropy_controller_moves_by_its_rate_and_acts_below_its_target() -> None:
    rows = episodes_of(REWARDS, GROUPS, MASK_NT)
    settings = EntropySettings(bonus=0.01, control="target", target=0.2, rate=0.005)
    first = target(rows, settings, 0.01, None)
    assert (first.bonus, first.weight_NT.any().item()) == (0.01, False)
    low = target(rows, settings, 0.01, 0.1)
    assert low.bonus == pytest.approx(0.015)
    torch.testing.assert_close(low.weight_NT, 0.015 * MASK_NT)
    high = target(rows, settings, 0.01, 0.3)
    assert high.bonus == pytest.approx(0.005)
    assert not high.weight_NT.any()
    assert target(rows, settings, 0.001, 0.3).bonus == 0.0


def test_rloo_pays_the_sequences_log_ratio_in_the_reward() -> None:
    old_NT, ref_NT = old_logps(), logps_of(tabular_policy(7), sample_actions())
    rows = episodes_of(REWARDS, GROUPS, MASK_NT)
    paid_NT = kl_in_reward(rows.token_rewards_NT, k1(old_NT, ref_NT, MASK_NT), MASK_NT, 0.1)
    expected_N = rows.rewards_N - 0.1 * ((old_NT - ref_NT) * MASK_NT).sum(1)
    torch.testing.assert_close(paid_NT.sum(1), expected_N)


def test_kl_estimators_have_the_value_and_the_gradient_they_claim() -> None:
    theta_V = tabular_policy(5)[0].requires_grad_()
    reference_V = tabular_policy(6)[0].log_softmax(-1)
    probs_V, logps_V = theta_V.detach().softmax(-1), theta_V.log_softmax(-1)
    kl = (theta_V.softmax(-1) * (logps_V - reference_V)).sum()
    reverse = (reference_V.exp() * (reference_V - logps_V)).sum()
    (kl_gradient,) = torch.autograd.grad(kl, theta_V, retain_graph=True)
    (reverse_gradient,) = torch.autograd.grad(reverse, theta_V, retain_graph=True)

    def expect(estimator: Callable[..., torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        value = (probs_V * estimator(logps_V, reference_V, torch.ones(V))).sum()
        return value.detach(), torch.autograd.grad(value, theta_V, retain_graph=True)[0]

    for estimator in (k1, k3, k3_value_k2_gradient):
        torch.testing.assert_close(expect(estimator)[0], kl.detach())
    assert not torch.isclose(expect(k2)[0], kl.detach(), rtol=1e-3)
    nothing = torch.zeros(V, dtype=torch.float64)
    torch.testing.assert_close(expect(k1)[1], nothing, atol=1e-12, rtol=0)
    torch.testing.assert_close(expect(k2)[1], kl_gradient)
    torch.testing.assert_close(expect(k3_value_k2_gradient)[1], kl_gradient)
    torch.testing.assert_close(expect(k3)[1], reverse_gradient)
    # on-policy, the ratio mends k3's gradient
    ratio_V = (logps_V - logps_V.detach()).exp()
    value = (probs_V * ratio_V * k3(logps_V, reference_V, torch.ones(V))).sum()
    torch.testing.assert_close(torch.autograd.grad(value, theta_V)[0], kl_gradient)
