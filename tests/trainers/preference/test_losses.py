"""The preference losses: numbers worked by hand, and what each of them reduces to."""

import dataclasses
import math

import pytest
import torch
from torch.nn.functional import logsigmoid

from gym_reason.trainers.formulas import preference_losses
from gym_reason.trainers.formulas.preference import PreferenceNumbers, Responses, sft_of_best
from gym_reason.trainers.formulas.preference_pairs import token_rewards
from gym_reason.trainers.formulas.preference_tokens import position_kl, token_contrast
from tests.trainers.preference.responses import REF_TV, E, given, respond
from tests.trainers.tabular import T, V, tabular_policy

NUMBERS = PreferenceNumbers(beta=0.1)
PAIR = respond(tabular_policy(1), 2)


def loss_of(name: str, rows: Responses, numbers: PreferenceNumbers = NUMBERS) -> torch.Tensor:
    """Return the loss of each example."""
    return preference_losses.get(name).formula(rows, numbers)


def gradient_of(name: str, rows: Responses, numbers: PreferenceNumbers = NUMBERS) -> torch.Tensor:
    """Return the gradient of the summed loss, shape `[E, K, T]`."""
    (gradient,) = torch.autograd.grad(loss_of(name, rows, numbers).sum(), rows.logps_EKT)
    return gradient


def same(found: torch.Tensor, expected: torch.Tensor) -> None:
    """Assert equality to 1e-6."""
    torch.testing.assert_close(found, expected, rtol=0.0, atol=1e-6)


def test_dpo_is_log_2_at_the_reference() -> None:
    rows = respond(REF_TV, 2)
    same(loss_of("dpo", rows), torch.full((E,), math.log(2.0), dtype=torch.float64))


def test_dpo_matches_numbers_worked_by_hand() -> None:
    # The margin is 0.1 (0.5 - (-1)) = 0.15; log(1 + exp(-0.15)) = 0.620957.
    rows = given([[0.5, -1.0]])
    assert loss_of("dpo", rows).item() == pytest.approx(0.6209569, abs=1e-6)
    # Its gradient is -beta sigma(-margin) on the preferred response: 0.1 * 0.4625702.
    gradient_EKT = gradient_of("dpo", rows)
    weight = 0.1 / (1.0 + math.exp(0.15))
    same(gradient_EKT[0, 0, :2], torch.full((2,), -weight, dtype=torch.float64))
    same(gradient_EKT[0, 1, :2], torch.full((2,), weight, dtype=torch.float64))


def test_rewards_of_tokens_sum_to_the_log_ratio_and_give_the_loss_of_dpo() -> None:
    rewards_EKT = token_rewards(PAIR, NUMBERS)
    same(rewards_EKT.sum(-1), 0.1 * PAIR.delta_EK)
    assert not rewards_EKT[PAIR.mask_EKT == 0].any()
    same(loss_of("token_dpo", PAIR), loss_of("dpo", PAIR))


@pytest.mark.parametrize("name", ["tdpo1", "tdpo2"])
def test_tdpo_without_a_difference_of_divergences_is_dpo(name: str) -> None:
    still = dataclasses.replace(PAIR, kl_EKT=torch.zeros_like(PAIR.mask_EKT))
    same(loss_of(name, still), loss_of("dpo", PAIR))


def test_tdpo2_without_its_weight_is_dpo_and_with_all_of_it_has_the_value_of_tdpo1() -> None:
    none, whole = (dataclasses.replace(NUMBERS, kl_weight=w) for w in (0.0, 1.0))
    same(loss_of("tdpo2", PAIR, none), loss_of("dpo", PAIR))
    same(loss_of("tdpo2", PAIR, whole), loss_of("tdpo1", PAIR))


def test_tdpo_matches_numbers_worked_by_hand() -> None:
    # u = 1.5, delta = 0.8 - 0.3 = 0.5: margins 0.1 * 1.0 and 0.1 * (1.5 - 0.25).
    rows = given([[0.5, -1.0]], kl=[[0.3, 0.8]])
    assert loss_of("tdpo1", rows).item() == pytest.approx(math.log1p(math.exp(-0.1)), abs=1e-9)
    assert loss_of("tdpo2", rows).item() == pytest.approx(math.log1p(math.exp(-0.125)), abs=1e-9)


def test_tdpo2_has_no_gradient_through_the_divergence_of_the_preferred_response() -> None:
    for name, has in (("tdpo1", True), ("tdpo2", False)):
        kl_EKT = PAIR.kl_EKT
        assert kl_EKT is not None
        kl_EKT = kl_EKT.clone().requires_grad_()
        loss_E = loss_of(name, dataclasses.replace(PAIR, kl_EKT=kl_EKT))
        (gradient,) = torch.autograd.grad(loss_E.sum(), kl_EKT)
        assert bool(gradient[:, 0].any()) is has
        assert gradient[:, 1].any()


def test_rpo_adds_the_likelihood_a_token_of_the_preferred_response() -> None:
    none, one = (dataclasses.replace(NUMBERS, sft_weight=w) for w in (0.0, 1.0))
    same(loss_of("dpo", PAIR, none), loss_of("dpo", PAIR))
    nll_E = -(PAIR.logps_EKT * PAIR.mask_EKT)[:, 0].sum(-1) / PAIR.mask_EKT[:, 0].sum(-1)
    same(loss_of("dpo", PAIR, one), loss_of("dpo", PAIR) + nll_E)


def test_an_open_gate_leaves_the_binary_cringe_loss() -> None:
    # 0.5 + 2 * 0.7 = 1.9, whatever the margin.
    rows = given([[-0.5, -1.0]], contrast=[[9.0, 0.7]])
    numbers = PreferenceNumbers(contrast_weight=2.0)
    assert loss_of("cringe", rows, numbers).item() == pytest.approx(1.9)
    # The gate is half shut where the margin 0.5 is b, and a weight alone: no gradient through it.
    gated = dataclasses.replace(numbers, gate_margin=0.5, gate_temperature=3.0)
    assert loss_of("cringe", rows, gated).item() == pytest.approx(0.95)
    same(gradient_of("cringe", rows, gated), 0.5 * gradient_of("cringe", rows, numbers))
    shut = dataclasses.replace(gated, gate_margin=0.0)
    assert loss_of("cringe", rows, shut).item() == pytest.approx(1.9 / (1 + math.exp(0.5 / 3.0)))


def test_the_contrast_is_against_the_likeliest_other_token() -> None:
    logits_KV = torch.tensor([[2.0, 1.0, 0.0], [2.0, 1.0, 0.0]], dtype=torch.float64)
    targets_K, draws_K = torch.tensor([0, 2]), torch.zeros(2, dtype=torch.float64)
    # Token 0 against 1, token 2 against 0: log(1 + exp(2 - 1)) and log(1 + exp(0 - 2)).
    expected = torch.tensor([1.3132617, 0.1269280], dtype=torch.float64)
    same(token_contrast(logits_KV, targets_K, draws_K), expected)
    logits_KV.requires_grad_()
    for detach, zero in ((False, 0), (True, 1)):
        loss_K = token_contrast(logits_KV, targets_K, draws_K, detach=detach)
        (gradient,) = torch.autograd.grad(loss_K.sum(), logits_KV)
        assert gradient[0, 0] > 0
        assert bool(gradient[0, 1] == 0) is bool(zero)


def test_the_contrast_is_drawn_from_the_candidates_by_their_probabilities() -> None:
    logits_V = torch.tensor([0.0, math.log(3.0), 5.0, -1.0], dtype=torch.float64)
    draws_K = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
    loss_K = token_contrast(logits_V.expand(1000, 4), torch.full((1000,), 2), draws_K, candidates=2)
    # Without the target the two likeliest are 1 and 0, with 3 : 1.
    values, counts = torch.unique(loss_K, return_counts=True)
    same(values, torch.tensor([5 - math.log(3.0), 5.0], dtype=torch.float64).exp().log1p())
    assert counts.tolist() == [750, 250]


def test_a_vocabulary_smaller_than_the_candidates_is_no_error() -> None:
    logits_KV = torch.zeros(1, 2, dtype=torch.float64)
    loss_K = token_contrast(logits_KV, torch.tensor([0]), torch.tensor([0.9]), candidates=5)
    assert loss_K.item() == pytest.approx(math.log(2.0))


def test_the_divergence_of_a_position_is_that_of_the_whole_distribution() -> None:
    theta_TV = tabular_policy(1)
    same(position_kl(theta_TV, theta_TV), torch.zeros(T, dtype=torch.float64))
    p_TV, q_TV = REF_TV.softmax(-1), theta_TV.softmax(-1)
    by_hand = [
        sum(float(p_TV[t, v] * (p_TV[t, v] / q_TV[t, v]).log()) for v in range(V)) for t in range(T)
    ]
    same(position_kl(theta_TV, REF_TV), torch.tensor(by_hand, dtype=torch.float64))


def test_r_dpo_adds_the_difference_of_lengths_inside() -> None:
    same(loss_of("r_dpo", PAIR), loss_of("dpo", PAIR))
    # Margin 0.15 and 0.02 for each of the three tokens more.
    rows = given([[0.5, -1.0]], lengths=[[5, 2]])
    numbers = dataclasses.replace(NUMBERS, length_weight=0.02)
    expected = math.log1p(math.exp(-0.21))
    assert loss_of("r_dpo", rows, numbers).item() == pytest.approx(expected, abs=1e-9)


def test_simpo_without_a_margin_at_equal_lengths_is_dpo_without_a_reference() -> None:
    rows = respond(tabular_policy(1), 2, lengths=[[4, 4], [2, 2]])
    numbers = PreferenceNumbers(beta=2.0)
    free = dataclasses.replace(rows, ref_logps_EKT=torch.zeros_like(rows.mask_EKT))
    for row, length in enumerate((4, 2)):
        same(
            loss_of("simpo", rows, numbers)[row],
            loss_of("dpo", free, PreferenceNumbers(beta=2.0 / length))[row],
        )


def test_simpo_matches_numbers_worked_by_hand() -> None:
    # Means -0.2 and -0.5: 2 * 0.3 - 0.4 = 0.2.
    rows = given([[-0.4, -1.5]], lengths=[[2, 3]])
    loss_E = loss_of("simpo", rows, PreferenceNumbers(beta=2.0, margin=0.4))
    assert loss_E.item() == pytest.approx(math.log1p(math.exp(-0.2)), abs=1e-9)


@pytest.mark.parametrize("sums", [[0.5, -1.0], [-1.0, 0.5]], ids=["in order", "out of order"])
def test_lipo_on_a_binary_pair_is_a_constant_times_dpo(sums: list[float]) -> None:
    rows = given([sums])
    weight = 1 / math.log(2) - 1 / math.log(3)
    assert weight == pytest.approx(0.5325, abs=1e-4)
    same(loss_of("lipo", rows), weight * loss_of("dpo", rows))


def test_lipo_ties_at_the_reference_still_teach() -> None:
    rows = respond(REF_TV, 2, scores=[[1.0, 0.0]] * E)
    weight = 1 / math.log(2) - 1 / math.log(3)
    same(loss_of("lipo", rows), weight * loss_of("dpo", rows))


def test_lipo_matches_numbers_worked_by_hand() -> None:
    # s = 0.1, 0.3, 0.2: ranks 3, 1, 2; gains 1, sqrt(2) - 1, 0.
    rows = given([[1.0, 3.0, 2.0]], scores=[[1.0, 0.5, 0.0]])
    discount = [1 / math.log(2), 1 / math.log(3), 1 / math.log(4)]
    half = math.sqrt(2) - 1
    expected = (
        (1 - half) * (discount[0] - discount[2]) * math.log1p(math.exp(0.2))
        + 1.0 * (discount[1] - discount[2]) * math.log1p(math.exp(0.1))
        + half * (discount[0] - discount[1]) * math.log1p(math.exp(-0.1))
    )
    assert loss_of("lipo", rows).item() == pytest.approx(expected, abs=1e-9)


def test_rrhf_on_one_response_is_supervised_training() -> None:
    rows = respond(tabular_policy(1), 1, scores=[[0.3]] * E)
    numbers = PreferenceNumbers(sft_weight=1.0)
    same(loss_of("rrhf", rows, numbers), sft_of_best(rows))
    same(loss_of("rrhf", rows, numbers), -rows.logp_EK[:, 0] / rows.lengths_EK[:, 0])


def test_rrhf_matches_numbers_worked_by_hand() -> None:
    # Means -1, -0.5, -2 with scores 0.2, 0.1, 0.9: both others are above the best one.
    rows = given([[-2.0, -1.0, -4.0]], scores=[[0.2, 0.1, 0.9]])
    expected = (-1 + 2) + (-0.5 + 2) + (-0.5 + 1)
    assert loss_of("rrhf", rows).item() == pytest.approx(expected)
    numbers = PreferenceNumbers(sft_weight=1.0)
    assert loss_of("rrhf", rows, numbers).item() == pytest.approx(expected + 2.0)


def test_pro_on_two_responses_is_one_soft_max_pair() -> None:
    rows = respond(tabular_policy(1), 2, scores=[[0.9, 0.4]] * E)
    mean_EK = rows.mean_logp_EK
    same(loss_of("pro", rows), -logsigmoid(0.5 * (mean_EK[:, 0] - mean_EK[:, 1])))
    numbers = PreferenceNumbers(sft_weight=0.05)
    same(
        loss_of("pro", rows, numbers),
        -logsigmoid(0.5 * (mean_EK[:, 0] - mean_EK[:, 1])) - 0.05 * rows.logp_EK[:, 0],
    )


def test_pro_goes_down_the_list_with_the_gaps_as_temperatures() -> None:
    scores, means = [1.0, 0.6, 0.5, 0.0], [-0.3, -0.1, -0.9, -0.4]
    rows = given([[2 * m for m in means]], scores=[scores])
    expected = 0.0
    for k in range(3):
        gaps = [scores[k] - scores[j] for j in range(k + 1, 4)]
        own = math.exp(means[k] * max(gaps))
        others = sum(math.exp(means[j] * gap) for j, gap in enumerate(gaps, k + 1))
        expected -= math.log(own / (own + others))
    assert loss_of("pro", rows).item() == pytest.approx(expected, abs=1e-9)
    numbers = PreferenceNumbers(sft_weight=0.05)
    assert loss_of("pro", rows, numbers).item() == pytest.approx(expected + 0.05 * 9 * 0.6)


def test_responses_of_one_score_are_not_told_apart() -> None:
    rows = respond(tabular_policy(1), 3, scores=[[1.0, 1.0, 1.0]] * E)
    for name in ("lipo", "rrhf", "pro"):
        assert not loss_of(name, rows).any()


def test_d2o_with_one_sample_and_one_reference_is_dpo() -> None:
    numbers = PreferenceNumbers(beta=0.1, negative_weight=0.1)
    swapped = dataclasses.replace(
        PAIR,
        logps_EKT=PAIR.logps_EKT.flip(1),
        mask_EKT=PAIR.mask_EKT.flip(1),
        ref_logps_EKT=PAIR.ref_logps_EKT.flip(1) if PAIR.ref_logps_EKT is not None else None,
    )
    same(loss_of("d2o", swapped, numbers), loss_of("dpo", PAIR))


def test_d2o_matches_numbers_worked_by_hand() -> None:
    # 0.1 * mean(0.5, 1.5) - 0.2 * (-1) = 0.3; a missing sample counts in neither sum nor K.
    rows = given([[-1.0, 0.5, 1.5, 9.0]], lengths=[[2, 3, 1, 0]], scores=[[0, 1, 1, 1]])
    loss_E = loss_of("d2o", rows, PreferenceNumbers(beta=0.1, negative_weight=0.2))
    assert loss_E.item() == pytest.approx(math.log1p(math.exp(-0.3)), abs=1e-9)


def test_npo_matches_numbers_worked_by_hand() -> None:
    # 20 log(1 + exp(0.1 * -1)); what is to be kept has its NLL a token instead.
    rows = given([[-1.0], [-1.0]], scores=[[0.0], [1.0]])
    loss_E = loss_of("npo", rows, PreferenceNumbers(beta=0.1, retain_weight=3.0))
    same(loss_E, torch.tensor([20 * math.log1p(math.exp(-0.1)), 1.5], dtype=torch.float64))


def test_npo_becomes_gradient_ascent_as_beta_goes_to_0() -> None:
    rows = given([[-1.0, 0.0]], scores=[[0.0, 0.0]])
    gradient_EKT = gradient_of("npo", rows, PreferenceNumbers(beta=1e-8))
    # The gradient of log pi(y), which descent makes smaller.
    same(gradient_EKT[0, 0], rows.mask_EKT[0, 0])
    smaller = gradient_of("npo", rows, PreferenceNumbers(beta=5.0))
    assert 0 < smaller[0, 0, 0] < gradient_EKT[0, 0, 0]
