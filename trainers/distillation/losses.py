"""The loss of one forward pass, and the figures that are reported of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch

from gym_reason.trainers.distillation.logits import TokenLogits, by_chunks, token_logits
from gym_reason.trainers.distillation.rows import Row
from gym_reason.trainers.distillation.settings import DistillSettings
from gym_reason.trainers.distillation.teachers import Comparison, Teachers
from gym_reason.trainers.formulas.distillation import (
    advantage_loss,
    distillation_losses,
    implicit_reward,
    pairwise_log_loss,
    score_losses,
    teacher_advantage,
    union_of_top_k,
)
from gym_reason.trainers.model.batch import TokenBatch
from gym_reason.trainers.model.logprobs import score_tokens
from gym_reason.trainers.session import Session


@dataclass(frozen=True, slots=True)
class Work:
    """The rows of one forward pass, with the weight of each token in each term of the loss."""

    rows: Sequence[Row]
    """The rows."""
    batch: TokenBatch
    """Their tokens."""
    imitate_NT: torch.Tensor
    """Weight of the cross-entropy."""
    match_NT: torch.Tensor
    """Weight of the divergence from the teacher."""
    prefer_NT: torch.Tensor
    """Weight of the teacher's advantage."""


@dataclass(frozen=True, slots=True)
class Sides:
    """What the terms of the loss are made from, for M tokens of a forward pass."""

    student: TokenLogits
    """The student."""
    targets_M: torch.Tensor
    """The tokens that stand there."""
    teacher: Comparison | None = None
    """Whom it is compared with."""
    pair: tuple[TokenLogits, TokenLogits] | None = None
    """Of `adpa`: the aligned teacher and its reference."""

    @property
    def tensors(self) -> list[torch.Tensor]:
        """All that has one entry a token, in the order in which `terms` takes it."""
        theirs = self.teacher.tensors if self.teacher is not None else ()
        both = [side.states_MC for side in self.pair] if self.pair is not None else ()
        return [self.student.states_MC, self.targets_M, *theirs, *both]

    def terms(
        self,
        settings: DistillSettings,
        states_KC: torch.Tensor,
        targets_K: torch.Tensor,
        *theirs: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the cross-entropy and the term of the teacher, of K of the tokens."""
        logits_KV = self.student.of(states_KC)
        logps_KV = logits_KV.log_softmax(-1)
        nll_K = -logps_KV.gather(-1, targets_K[:, None]).squeeze(1)
        if self.teacher is not None:
            return nll_K, match_term(settings, self.teacher, logits_KV, theirs)
        if self.pair is not None:
            aligned_KV, reference_KV = (
                side.of(states).log_softmax(-1)
                for side, states in zip(self.pair, theirs, strict=True)
            )
            return nll_K, prefer_term(settings, logps_KV, aligned_KV, reference_KV)
        return nll_K, torch.zeros_like(nll_K)


def token_loss(
    session: Session, teachers: Teachers, work: Work
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return the loss of some rows, and the share of each term in it."""
    start, settings = work.batch.start, session.recipe.distill
    weights = (work.imitate_NT, work.match_NT, work.prefer_NT)
    flat = [weight_NT[:, start:].flatten() for weight_NT in weights]
    index_M = torch.stack(flat).any(0).nonzero().squeeze(1)
    imitate_M, match_M, prefer_M = (weight[index_M] for weight in flat)
    with session.learner.mixed_precision():
        sides = Sides(
            token_logits(session.learner.model, work.batch, index_M, teachers.width),
            work.batch.ids_NL[:, 1 + start :].flatten()[index_M],
            _teacher_side(teachers, work, index_M) if bool(match_M.any()) else None,
            _teacher_pair(teachers, work, index_M) if bool(prefer_M.any()) else None,
        )
        nll_M, other_M = by_chunks(partial(sides.terms, settings), sides.tensors, teachers.width)
    shares = {"nll": (nll_M * imitate_M).sum()}
    if sides.teacher is not None:
        shares["divergence"] = (other_M * match_M).sum()
    elif sides.pair is not None:
        shares["advantage"] = (other_M * prefer_M).sum()
    loss = torch.stack(list(shares.values())).sum()
    return loss, {name: value.detach() for name, value in shares.items()}


def _teacher_side(teachers: Teachers, work: Work, index_M: torch.Tensor) -> Comparison | None:
    return teachers.teacher.at(work.rows, work.batch, index_M) if teachers.teacher else None


def _teacher_pair(
    teachers: Teachers, work: Work, index_M: torch.Tensor
) -> tuple[TokenLogits, TokenLogits] | None:
    if teachers.aligned is None or teachers.reference is None:
        return None
    return (
        teachers.aligned.logits(work.batch, index_M),
        teachers.reference.logits(work.batch, index_M),
    )


def match_term(
    settings: DistillSettings,
    teacher: Comparison,
    logits_KV: torch.Tensor,
    theirs: Sequence[torch.Tensor],
) -> torch.Tensor:
    """Return the divergence from the teacher, at the temperature of the stage."""
    tempered_KV = (logits_KV / settings.divergence.temperature).log_softmax(-1)
    student_KC, teacher_KC = teacher.compare(tempered_KV, *theirs)
    name = divergence_of(settings)
    return distillation_losses.get(name)(student_KC, teacher_KC, settings.divergence)


def prefer_term(
    settings: DistillSettings,
    logps_KV: torch.Tensor,
    aligned_KV: torch.Tensor,
    reference_KV: torch.Tensor,
) -> torch.Tensor:
    """Return minus the advantage that the teachers see in the student's choice."""
    advantage_KV = teacher_advantage(aligned_KV, reference_KV, settings.advantage.beta)
    kept_KV = None
    if settings.top_k > 0:
        kept_KV = union_of_top_k(aligned_KV, reference_KV, settings.top_k)
    return advantage_loss(logps_KV, advantage_KV, kept_KV)


def divergence_of(settings: DistillSettings) -> str:
    """Return the name of the divergence: two objectives are defined with theirs."""
    fixed = {"soft_targets": "soft_targets", "dckd": "forward_kl"}
    return fixed.get(settings.objective, settings.divergence.name)


def score_loss(
    session: Session, work: Work, count: int
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return the loss of scored responses, or of pairs of them, over the `count` of a step.

    The responses of a pair stand one after the other.
    """
    settings, batch = session.recipe.distill.scores, work.batch
    with session.learner.mixed_precision():
        scores = score_tokens(session.learner.model, batch.ids_NL, start=batch.start)
    logps_N = (scores.logps_NT * batch.mask_NT).sum(1)
    ref_N = logps_N.new_tensor([row.ref_logp for row in work.rows])
    implicit_N = implicit_reward(logps_N, ref_N, settings.beta, settings.offset)
    figures = {"implicit_reward": implicit_N.detach().sum() / count}
    if settings.loss == "pairwise":
        margin_N = implicit_N[::2] - implicit_N[1::2]
        loss = pairwise_log_loss(implicit_N[::2], implicit_N[1::2]).sum() / (count / 2)
        return loss, figures | {"ordered": (margin_N > 0).float().sum() / (count / 2)}
    scores_N = logps_N.new_tensor([row.score for row in work.rows])
    loss_N = score_losses.get(settings.loss)(implicit_N, scores_N)
    return loss_N.sum() / count, figures
