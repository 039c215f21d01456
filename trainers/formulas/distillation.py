"""Losses that draw a student to a teacher: one value a token, or one a response.

Axes: V vocabulary, K likeliest tokens of the teacher, C categories on which both are compared. C is
V, or K and one more for all other tokens together, their tail. What stands before these axes is
free: `[N, T]`, or the M tokens of a mask in a row.

A divergence on K tokens and their tail is that of two coarser distributions: never above the whole
one, and zero where the student is the teacher, with a gradient of zero. Without the tail neither
holds: the K tokens alone are no distribution, and the student is pushed to put all its mass there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import log
from typing import TypeAlias

import torch
from torch.nn.functional import logsigmoid

from gym_reason.registry import Registry


@dataclass(frozen=True, slots=True)
class DivergenceSettings:
    """Which divergence, and its numbers."""

    name: str = "jsd"
    """Name in `formulas.distillation_losses`."""
    beta: float = 0.5
    """Of `jsd`: 0 is the forward KL divergence, 1 the reverse one."""
    temperature: float = 1.0
    """Divides the logits of teacher and student."""

    def __post_init__(self) -> None:
        """Refuse an unknown divergence and numbers out of range."""
        distillation_losses.get(self.name)
        if not 0.0 <= self.beta <= 1.0:
            raise ValueError(f"beta = {self.beta}; expected 0 to 1")
        if self.temperature <= 0.0:
            raise ValueError(f"temperature = {self.temperature}; expected a number above 0")


DistillationLoss: TypeAlias = Callable[
    [torch.Tensor, torch.Tensor, DivergenceSettings], torch.Tensor
]
"""`(student_logps_NTC, teacher_logps_NTC, settings) -> loss_NT`; both are log-probabilities."""

distillation_losses: Registry[DistillationLoss] = Registry("divergence")
"""Divergences of a student from a teacher by name."""


@distillation_losses.register("forward_kl")
def forward_kl(
    student_NTC: torch.Tensor, teacher_NTC: torch.Tensor, settings: DivergenceSettings
) -> torch.Tensor:
    """Return `KL(teacher || student)`: the student covers all that the teacher does."""
    return _divergence(teacher_NTC, student_NTC)


@distillation_losses.register("reverse_kl")
def reverse_kl(
    student_NTC: torch.Tensor, teacher_NTC: torch.Tensor, settings: DivergenceSettings
) -> torch.Tensor:
    """Return `KL(student || teacher)`: the student keeps to what the teacher finds likely."""
    return _divergence(student_NTC, teacher_NTC)


@distillation_losses.register("jsd")
def jsd(
    student_NTC: torch.Tensor, teacher_NTC: torch.Tensor, settings: DivergenceSettings
) -> torch.Tensor:
    """Return `beta KL(teacher || M) + (1 - beta) KL(student || M)`, M their mean of weight beta.

    The divergence itself goes to 0 at both ends; there the limits of `D / beta` and of
    `D / (1 - beta)` stand in its place, the forward and the reverse KL divergence.

    Source: GKD, arXiv 2306.13649.
    """
    beta = settings.beta
    if beta == 0.0:
        return _divergence(teacher_NTC, student_NTC)
    if beta == 1.0:
        return _divergence(student_NTC, teacher_NTC)
    mixture_NTC = torch.logaddexp(teacher_NTC + log(beta), student_NTC + log(1.0 - beta))
    return beta * _divergence(teacher_NTC, mixture_NTC) + (1.0 - beta) * _divergence(
        student_NTC, mixture_NTC
    )


@distillation_losses.register("soft_targets")
def soft_targets(
    student_NTC: torch.Tensor, teacher_NTC: torch.Tensor, settings: DivergenceSettings
) -> torch.Tensor:
    """Return `T^2 KL(teacher || student)` of distributions that are at the temperature T already.

    The factor keeps the size of the gradient as T grows; it then becomes that of half the squared
    distance of the centred logits, over V. Source: Hinton et al., arXiv 1503.02531, section 2.
    """
    return settings.temperature**2 * _divergence(teacher_NTC, student_NTC)


def _divergence(p_NTC: torch.Tensor, q_NTC: torch.Tensor) -> torch.Tensor:
    """Return `sum_c p (log p - log q)`; a category without mass in p counts for nothing."""
    # Where p is 0 its logarithm is not finite, and zero times it would be no number.
    empty_NTC = torch.isneginf(p_NTC)
    difference_NTC = (p_NTC - q_NTC).masked_fill(empty_NTC, 0.0)
    return (p_NTC.exp() * difference_NTC).sum(-1)


@dataclass(frozen=True, slots=True)
class TopK:
    """The K likeliest tokens of a distribution, and the mass of all others."""

    ids_NTK: torch.Tensor
    """Their ids, the likeliest first."""
    logps_NTK: torch.Tensor
    """Their log-probabilities."""
    tail_NT: torch.Tensor
    """Logarithm of the mass of all other tokens; minus infinity where there is none."""


def take_top_k(logps_NTV: torch.Tensor, k: int) -> TopK:
    """Return the `k` likeliest tokens of a distribution and the tail behind them."""
    logps_NTK, ids_NTK = logps_NTV.topk(min(k, logps_NTV.shape[-1]), dim=-1)
    return TopK(ids_NTK, logps_NTK, tail_of(logps_NTV, ids_NTK))


def tail_of(logps_NTV: torch.Tensor, ids_NTK: torch.Tensor) -> torch.Tensor:
    """Return the logarithm of the mass of all tokens but some, summed without cancellation."""
    if ids_NTK.shape[-1] == logps_NTV.shape[-1]:
        return logps_NTV.new_full(logps_NTV.shape[:-1], -torch.inf)
    return logps_NTV.scatter(-1, ids_NTK, -torch.inf).logsumexp(-1)


def compare_on_top_k(
    student_logps_NTV: torch.Tensor, teacher: TopK
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return both distributions on the teacher's K tokens and the tail, `[N, T, K + 1]`.

    With K = V there is no tail and nothing is lost: the categories are the tokens, reordered.
    """
    student_NTK = student_logps_NTV.gather(-1, teacher.ids_NTK)
    if teacher.ids_NTK.shape[-1] == student_logps_NTV.shape[-1]:
        return student_NTK, teacher.logps_NTK
    tail_NT = tail_of(student_logps_NTV, teacher.ids_NTK)
    return (
        torch.cat([student_NTK, tail_NT[..., None]], -1),
        torch.cat([teacher.logps_NTK, teacher.tail_NT[..., None]], -1),
    )


def teacher_advantage(
    aligned_NTV: torch.Tensor, reference_NTV: torch.Tensor, beta: float
) -> torch.Tensor:
    """Return `beta log(pi_aligned / pi_reference)` of every token at every state.

    It is the advantage under the reward that the aligned teacher is optimal for.
    Source: ADPA, arXiv 2502.17927.
    """
    return beta * (aligned_NTV - reference_NTV)


def advantage_loss(
    student_logps_NTV: torch.Tensor,
    advantage_NTV: torch.Tensor,
    kept_NTV: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return `-sum_v pi(v) A(v)`: its gradient in the logits is `-pi (A - E_pi A)`.

    A number that is added to the advantages of a whole state changes no gradient. `kept_NTV` takes
    the sum over some tokens only, with the student renormalised on them.

    Source: ADPA, arXiv 2502.17927.
    """
    if kept_NTV is not None:
        student_logps_NTV = student_logps_NTV.masked_fill(~kept_NTV, -torch.inf).log_softmax(-1)
        advantage_NTV = advantage_NTV.masked_fill(~kept_NTV, 0.0)
    return -(student_logps_NTV.exp() * advantage_NTV).sum(-1)


def union_of_top_k(left_NTV: torch.Tensor, right_NTV: torch.Tensor, k: int) -> torch.Tensor:
    """Return True at tokens that are among the `k` likeliest of either distribution."""
    k = min(k, left_NTV.shape[-1])
    kept_NTV = torch.zeros_like(left_NTV, dtype=torch.bool)
    kept_NTV.scatter_(-1, left_NTV.topk(k, dim=-1).indices, True)
    return kept_NTV.scatter_(-1, right_NTV.topk(k, dim=-1).indices, True)


ScoreLoss: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""`(implicit_rewards_N, scores_N) -> loss_N`; scores are from 0 to 1."""

score_losses: Registry[ScoreLoss] = Registry("loss of scores")
"""Losses of scored responses by name."""


def implicit_reward(
    logps_N: torch.Tensor, ref_logps_N: torch.Tensor, beta: float, offset: float = 0.0
) -> torch.Tensor:
    """Return `beta log(pi / pi_ref) + offset` of whole responses.

    Source: UFT, arXiv 2410.21438; the offset is UNA's, arXiv 2408.15339.
    """
    return beta * (logps_N - ref_logps_N) + offset


@score_losses.register("mse")
def mse(implicit_N: torch.Tensor, scores_N: torch.Tensor) -> torch.Tensor:
    """Return `(sigmoid(r) - score)^2`.

    At a score of 1 the gradient is `-2 beta s (1 - s)^2` times that of the log-likelihood, with
    `s = sigmoid(r)`: supervised training that damps itself. Source: UFT, arXiv 2410.21438.
    """
    return (implicit_N.sigmoid() - scores_N).square()


@score_losses.register("bce")
def bce(implicit_N: torch.Tensor, scores_N: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy of `sigmoid(r)` under the score. Source: UNA, arXiv 2408.15339."""
    return -scores_N * logsigmoid(implicit_N) - (1.0 - scores_N) * logsigmoid(-implicit_N)


def pairwise_log_loss(chosen_N: torch.Tensor, rejected_N: torch.Tensor) -> torch.Tensor:
    """Return `-log sigmoid(r_chosen - r_rejected)`, in which offsets cancel: DPO's loss.

    Source: UNA, arXiv 2408.15339; DPO, arXiv 2305.18290, equation 7.
    """
    return -logsigmoid(chosen_N - rejected_N)
