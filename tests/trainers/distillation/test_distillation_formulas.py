"""The distances from a teacher against numbers worked by hand, their limits and invariances."""

from math import log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gym_reason.trainers.formulas.aggregation import token_mean
from gym_reason.trainers.formulas.distillation import (
    DivergenceSettings,
    TopK,
    advantage_loss,
    bce,
    compare_on_top_k,
    distillation_losses,
    forward_kl,
    implicit_reward,
    jsd,
    mse,
    pairwise_log_loss,
    reverse_kl,
    soft_targets,
    take_top_k,
    teacher_advantage,
    union_of_top_k,
)

N, T, V = 3, 4, 5
FULL = DivergenceSettings()


def logits(seed: int, *shape: int) -> torch.Tensor:
    """Return random logits, `[N, T, V]` unless told otherwise."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape or (N, T, V), generator=generator, dtype=torch.float64)


def logps(seed: int, *shape: int) -> torch.Tensor:
    """Return random log-probabilities."""
    return logits(seed, *shape).log_softmax(-1)


def gradient(loss: torch.Tensor, of: torch.Tensor) -> torch.Tensor:
    """Return the gradient of a loss, and keep the graph for the next one."""
    return torch.autograd.grad(loss, of, retain_graph=True)[0]


# Divergences


def test_divergences_match_numbers_worked_by_hand() -> None:
    teacher = torch.tensor([0.5, 0.5], dtype=torch.float64).log()
    student = torch.tensor([0.25, 0.75], dtype=torch.float64).log()
    assert forward_kl(student, teacher, FULL).item() == pytest.approx(0.5 * log(4 / 3))
    assert reverse_kl(student, teacher, FULL).item() == pytest.approx(
        0.25 * log(0.5) + 0.75 * log(1.5)
    )
    # M = (3/8, 5/8)
    half = 0.5 * (0.5 * log(4 / 3) + 0.5 * log(4 / 5)) + 0.5 * (
        0.25 * log(2 / 3) + 0.75 * log(6 / 5)
    )
    assert jsd(student, teacher, FULL).item() == pytest.approx(half)
    # T^2 = 9 times the forward divergence of what is tempered already
    hot = DivergenceSettings(temperature=3.0)
    assert soft_targets(student, teacher, hot).item() == pytest.approx(9 * 0.5 * log(4 / 3))


@pytest.mark.parametrize("name", list(distillation_losses))
@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_a_student_that_is_its_teacher_has_no_loss_and_no_gradient(name: str, beta: float) -> None:
    theta = logits(0).requires_grad_()
    loss = distillation_losses.get(name)
    found = loss(
        theta.log_softmax(-1), theta.detach().log_softmax(-1), DivergenceSettings(beta=beta)
    )
    torch.testing.assert_close(found, torch.zeros(N, T, dtype=torch.float64))
    assert gradient(found.sum(), theta).abs().max() < 1e-12


@pytest.mark.parametrize("name", list(distillation_losses))
def test_divergences_pass_the_check_of_their_gradient(name: str) -> None:
    teacher, chosen = logps(1), DivergenceSettings(beta=0.3)

    def loss(theta: torch.Tensor) -> torch.Tensor:
        return distillation_losses.get(name)(theta.log_softmax(-1), teacher, chosen).sum()

    assert torch.autograd.gradcheck(loss, (logits(2).requires_grad_(),))


def test_a_one_hot_teacher_under_forward_kl_is_supervised_training() -> None:
    theta, targets = logits(3).requires_grad_(), torch.randint(V, (N, T))
    one_hot = torch.full((N, T, V), -torch.inf, dtype=torch.float64)
    one_hot.scatter_(-1, targets[..., None], 0.0)
    student = theta.log_softmax(-1)
    found = forward_kl(student, one_hot, FULL)
    nll = -student.gather(-1, targets[..., None]).squeeze(-1)
    torch.testing.assert_close(found, nll)
    torch.testing.assert_close(
        gradient(found.sum(), theta), gradient(nll.sum(), theta), rtol=0, atol=1e-12
    )


def test_jsd_is_symmetric_in_the_middle_and_nowhere_else() -> None:
    student, teacher = logps(4), logps(5)
    middle, aside = DivergenceSettings(beta=0.5), DivergenceSettings(beta=0.2)
    torch.testing.assert_close(jsd(student, teacher, middle), jsd(teacher, student, middle))
    assert not torch.allclose(jsd(student, teacher, aside), jsd(teacher, student, aside))


def test_jsd_goes_to_both_divergences_at_its_ends() -> None:
    student, teacher = logps(6), logps(7)
    small = 1e-7
    near_0 = jsd(student, teacher, DivergenceSettings(beta=small))
    near_1 = jsd(student, teacher, DivergenceSettings(beta=1 - small))
    forward, reverse = (f(student, teacher, FULL) for f in (forward_kl, reverse_kl))
    torch.testing.assert_close(near_0 / small, forward, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(near_1 / small, reverse, rtol=1e-5, atol=1e-5)
    # The divergence itself would teach nothing there.
    assert near_0.max() < 1e-5
    assert torch.equal(jsd(student, teacher, DivergenceSettings(beta=0.0)), forward)
    assert torch.equal(jsd(student, teacher, DivergenceSettings(beta=1.0)), reverse)


def test_hot_soft_targets_match_logits() -> None:
    theta, teacher = logits(8).requires_grad_(), logits(9)
    hot = DivergenceSettings(temperature=1e4)
    student_hot, teacher_hot = (x / 1e4 for x in (theta, teacher))
    loss = soft_targets(student_hot.log_softmax(-1), teacher_hot.log_softmax(-1), hot).sum()
    centred = [x - x.mean(-1, keepdim=True) for x in (theta, teacher)]
    expected = (centred[0] - centred[1]).detach() / V
    torch.testing.assert_close(gradient(loss, theta), expected, rtol=1e-3, atol=1e-4)


def test_masked_tokens_get_exactly_no_gradient_even_where_the_loss_is_infinite() -> None:
    theta = logits(10).requires_grad_()
    mask = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]], dtype=torch.float64)
    teacher = logps(11)
    teacher[mask == 0] = -torch.inf
    teacher[..., 0] = torch.where(mask == 0, 0.0, teacher[..., 0])
    loss = (forward_kl(theta.log_softmax(-1), teacher, FULL) * token_mean(mask, T)).sum()
    found = gradient(loss, theta)
    assert torch.count_nonzero(found[mask == 0]) == 0
    assert found.isfinite().all()


@pytest.mark.parametrize("name", list(distillation_losses))
def test_padding_and_micro_batches_change_nothing(name: str) -> None:
    teacher, divergence = logps(12), distillation_losses.get(name)
    mask = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]], dtype=torch.float64)
    weights = token_mean(mask, T)
    theta = logits(13).requires_grad_()
    whole = gradient((divergence(theta.log_softmax(-1), teacher, FULL) * weights).sum(), theta)
    parts = sum(
        gradient((divergence(theta.log_softmax(-1)[n], teacher[n], FULL) * weights[n]).sum(), theta)
        for n in range(N)
    )
    torch.testing.assert_close(whole, parts, rtol=0, atol=1e-12)
    padded = torch.nn.functional.pad(mask, (0, 3))
    torch.testing.assert_close(token_mean(padded, T)[:, :T], weights)


@pytest.mark.parametrize(
    ("settings_of", "message"),
    [
        ({"name": "kl"}, "there is no divergence 'kl'"),
        ({"beta": 1.5}, "expected 0 to 1"),
        ({"temperature": 0.0}, "expected a number above 0"),
    ],
)
def test_a_divergence_that_cannot_be_is_refused(
    settings_of: dict[str, object], message: str
) -> None:
    with pytest.raises(Exception, match=message):
        DivergenceSettings(**settings_of)  # type: ignore[arg-type]


# The likeliest tokens and their tail


@pytest.mark.parametrize("name", list(distillation_losses))
def test_all_tokens_kept_is_the_dense_loss(name: str) -> None:
    teacher, divergence = logps(14), distillation_losses.get(name)
    theta = logits(15).requires_grad_()
    dense = divergence(theta.log_softmax(-1), teacher, FULL)
    kept = take_top_k(teacher, V)
    assert kept.tail_NT.eq(-torch.inf).all()
    sparse = divergence(*compare_on_top_k(theta.log_softmax(-1), kept), FULL)
    torch.testing.assert_close(sparse, dense, rtol=0, atol=1e-12)
    torch.testing.assert_close(
        gradient(sparse.sum(), theta), gradient(dense.sum(), theta), rtol=0, atol=1e-12
    )


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), k=st.integers(1, V))
def test_the_tail_is_the_mass_of_all_others_and_bounds_the_loss(seed: int, k: int) -> None:
    teacher, student = logps(seed), logps(seed + 1)
    top = take_top_k(teacher, k)
    mass = top.logps_NTK.exp().sum(-1) + top.tail_NT.exp()
    torch.testing.assert_close(mass, torch.ones(N, T, dtype=torch.float64))
    for divergence in (forward_kl, reverse_kl, jsd):
        coarse = divergence(*compare_on_top_k(student, top), FULL)
        assert (coarse >= -1e-12).all()
        assert (coarse <= divergence(student, teacher, FULL) + 1e-12).all()


def test_a_tiny_tail_keeps_its_digits() -> None:
    row = torch.tensor([0.0, -60.0, -61.0], dtype=torch.float32).log_softmax(-1)
    top = take_top_k(row, 1)
    expected = torch.tensor([-60.0, -61.0]).logsumexp(0)
    torch.testing.assert_close(top.tail_NT, expected)
    assert (1.0 - top.logps_NTK.exp()).item() == 0.0  # what a difference would have said


def test_without_its_tail_a_truncated_divergence_is_biased() -> None:
    theta = logits(16).requires_grad_()
    student, teacher = theta.log_softmax(-1), theta.detach().log_softmax(-1)
    top = take_top_k(teacher, 2)
    with_tail = forward_kl(*compare_on_top_k(student, top), FULL)
    without = (top.logps_NTK.exp() * (top.logps_NTK - student.gather(-1, top.ids_NTK))).sum(-1)
    torch.testing.assert_close(with_tail, without, rtol=0, atol=1e-12)  # both values are 0 here
    assert gradient(with_tail.sum(), theta).abs().max() < 1e-12
    assert gradient(without.sum(), theta).abs().max() > 0.05
    # Away from the teacher its value can fall below zero, which no divergence does.
    shifted = logits(17)
    shifted.scatter_add_(-1, top.ids_NTK, torch.full_like(top.logps_NTK, 5.0))
    far = shifted.log_softmax(-1)
    negative = (top.logps_NTK.exp() * (top.logps_NTK - far.gather(-1, top.ids_NTK))).sum(-1)
    assert negative.min() < 0.0
    assert forward_kl(*compare_on_top_k(far, top), FULL).min() >= 0.0


def test_a_given_tail_is_used_as_it_is() -> None:
    top = TopK(torch.tensor([[2]]), torch.tensor([[0.75]]).log(), torch.tensor([0.25]).log())
    student = torch.tensor([[0.25, 0.25, 0.5]]).log()
    found = forward_kl(*compare_on_top_k(student, top), FULL)
    assert found.item() == pytest.approx(0.75 * log(1.5) + 0.25 * log(0.5))


# ADPA


def test_the_gradient_of_the_advantage_is_the_policy_times_what_is_above_the_mean() -> None:
    theta, advantage = logits(20).requires_grad_(), logits(21)
    found = gradient(-advantage_loss(theta.log_softmax(-1), advantage).sum(), theta)
    policy = theta.detach().softmax(-1)
    mean = (policy * advantage).sum(-1, keepdim=True)
    torch.testing.assert_close(found, policy * (advantage - mean), rtol=0, atol=1e-12)


def test_a_number_added_to_a_state_changes_no_gradient() -> None:
    theta, advantage, shift = logits(22).requires_grad_(), logits(23), logits(24, N, T, 1)
    for k in (None, 2):
        kept = None if k is None else union_of_top_k(logps(25), logps(26), k)
        plain, shifted = (
            gradient(advantage_loss(theta.log_softmax(-1), a, kept).sum(), theta)
            for a in (advantage, advantage + shift)
        )
        torch.testing.assert_close(plain, shifted, rtol=0, atol=1e-12)


def test_teachers_that_agree_leave_supervised_training_alone() -> None:
    theta, teacher = logits(27).requires_grad_(), logps(28)
    advantage = teacher_advantage(teacher, teacher, beta=0.7)
    assert torch.count_nonzero(advantage) == 0
    nll = -theta.log_softmax(-1)[..., 0].sum()
    both = nll + 1.5 * advantage_loss(theta.log_softmax(-1), advantage).sum()
    torch.testing.assert_close(gradient(both, theta), gradient(nll, theta), rtol=0, atol=1e-12)


def test_the_advantage_is_the_scaled_log_ratio_of_the_teachers() -> None:
    aligned = torch.tensor([0.5, 0.5], dtype=torch.float64).log()
    reference = torch.tensor([0.25, 0.75], dtype=torch.float64).log()
    advantage = teacher_advantage(aligned, reference, beta=0.1)
    assert advantage.tolist() == pytest.approx([0.1 * log(2), 0.1 * log(2 / 3)])
    student = torch.tensor([0.2, 0.8], dtype=torch.float64).log()
    expected = -(0.2 * 0.1 * log(2) + 0.8 * 0.1 * log(2 / 3))
    assert advantage_loss(student, advantage).item() == pytest.approx(expected)


def test_the_union_of_all_tokens_is_the_dense_advantage() -> None:
    student, advantage = logps(29), logits(30)
    all_kept = union_of_top_k(logps(31), logps(32), V)
    assert all_kept.all()
    torch.testing.assert_close(
        advantage_loss(student, advantage, all_kept), advantage_loss(student, advantage)
    )


def test_the_union_holds_the_likeliest_of_both_and_the_student_is_renormalised_on_it() -> None:
    left = torch.tensor([[0.7, 0.1, 0.1, 0.1]]).log()
    right = torch.tensor([[0.1, 0.1, 0.7, 0.1]]).log()
    kept = union_of_top_k(left, right, 1)
    assert kept.tolist() == [[True, False, True, False]]
    student = torch.tensor([[0.3, 0.3, 0.1, 0.3]]).log()
    found = advantage_loss(student, torch.tensor([[1.0, 9.0, 0.0, 9.0]]), kept)
    assert found.item() == pytest.approx(-0.75)


# UFT and UNA


def test_at_the_reference_every_score_is_a_half() -> None:
    same = logits(40, 4)
    assert torch.equal(implicit_reward(same, same, 0.01).sigmoid(), torch.full_like(same, 0.5))


def test_the_gradient_at_a_score_of_one_is_damped_supervised_training() -> None:
    beta, reference = 0.3, logits(41, 4)
    logp = logits(42, 4).requires_grad_()
    reward = implicit_reward(logp, reference, beta)
    found = gradient(mse(reward, torch.ones(4, dtype=torch.float64)).sum(), logp)
    share = reward.detach().sigmoid()
    torch.testing.assert_close(found, -2 * beta * share * (1 - share) ** 2, rtol=0, atol=1e-12)


@pytest.mark.parametrize("loss", [mse, bce])
def test_scores_are_fitted_where_they_are_met(loss: object) -> None:
    scores = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    reward = (scores / (1 - scores)).log().requires_grad_()
    found = gradient(loss(reward, scores).sum(), reward)  # type: ignore[operator]
    assert found.abs().max() < 1e-12
    high, low = (
        gradient(loss(reward + step, scores).sum(), reward)  # type: ignore[operator]
        for step in (1.0, -1.0)
    )
    assert (high > 0).all()
    assert (low < 0).all()


def test_bce_matches_numbers_worked_by_hand_and_has_no_overflow() -> None:
    reward = torch.tensor([0.0, 2.0, 800.0], dtype=torch.float64)
    scores = torch.tensor([0.25, 1.0, 0.0], dtype=torch.float64)
    expected = [log(2), log(1 + torch.exp(torch.tensor(-2.0)).item()), 800.0]
    assert bce(reward, scores).tolist() == pytest.approx(expected, rel=1e-6)


def test_the_pairwise_loss_is_that_of_dpo_whatever_the_offset() -> None:
    beta = 0.1
    chosen, rejected, ref_chosen, ref_rejected = (logits(seed, 6) for seed in range(50, 54))
    margin = beta * ((chosen - ref_chosen) - (rejected - ref_rejected))
    dpo = -margin.sigmoid().log()
    for offset in (0.0, 3.0):
        left, right = (
            implicit_reward(logp, ref, beta, offset)
            for logp, ref in ((chosen, ref_chosen), (rejected, ref_rejected))
        )
        torch.testing.assert_close(pairwise_log_loss(left, right), dpo)


@pytest.mark.parametrize("loss", [mse, bce])
def test_score_losses_pass_the_check_of_their_gradient(loss: object) -> None:
    scores = torch.tensor([0.0, 0.3, 1.0], dtype=torch.float64)

    def total(reward: torch.Tensor) -> torch.Tensor:
        return loss(reward, scores).sum()  # type: ignore[operator,no-any-return]

    assert torch.autograd.gradcheck(total, (logits(60, 3).requires_grad_(),))
