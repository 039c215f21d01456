"""The loss of one forward pass: the policy's terms, and the critic's."""

from dataclasses import dataclass

import torch

from gym_reason.trainers.formulas import (
    kl_estimators,
    mismatch_weights,
    policy_losses,
    token_weights,
)
from gym_reason.trainers.formulas.gae import value_loss
from gym_reason.trainers.formulas.kl import k2
from gym_reason.trainers.formulas.policy_loss import PolicyRows
from gym_reason.trainers.formulas.token_weights import WeighedRows
from gym_reason.trainers.model.batch import TokenBatch
from gym_reason.trainers.model.critic import Critic
from gym_reason.trainers.model.logprobs import TokenScores, score_tokens
from gym_reason.trainers.rl.settings import RlSettings
from gym_reason.trainers.rl.streams import Players, Streams
from gym_reason.trainers.session import Session


@dataclass(frozen=True, slots=True)
class Work:
    """The rows of one forward pass."""

    batch: TokenBatch
    """Their tokens."""
    mask_NT: torch.Tensor
    """1 on the tokens of this pass over the window."""
    weights_NT: torch.Tensor
    """The aggregation's weight of each token, over the whole optimiser step."""
    streams: Streams
    """What is known of each token."""
    expert_N: torch.Tensor
    """True on an expert's rows."""
    value_weights_NT: torch.Tensor
    """Weight of each token in the critic's mean."""
    right_step_NT: torch.Tensor | None
    """1 on right steps inside wrong responses."""


def micro_batch_loss(
    session: Session, players: Players, work: Work, *, critic_alone: bool
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return the loss of one forward pass, and sums over its tokens to report.

    With `critic_alone` the policy's terms have no weight.
    """
    settings, learner = session.recipe.rl, session.learner
    critic = players.critic
    shared = critic is not None and settings.critic.kind == "shared"
    with learner.mixed_precision():
        scores = score_tokens(
            learner.model,
            work.batch.ids_NL,
            session.recipe.sampling.temperature,
            work.batch.start,
            entropy_gradient=settings.entropy.active,
            value_head=critic.head if shared and critic is not None else None,
        )
    loss_NT, sums = _policy_loss(settings, work, scores)
    loss = (loss_NT * work.weights_NT * work.mask_NT).sum()
    if critic_alone:
        loss = loss * 0.0
    sums["loss"] = loss.detach()
    if critic is not None:
        values_NT = scores.values_NT
        if values_NT is None:
            values_NT = critic_values(session, critic, work.batch)
        error = _value_error(session, work, values_NT)
        sums["value_loss"] = error.detach()
        loss = loss + error * (settings.critic.weight if shared else 1.0)
    return loss, sums


def _policy_loss(
    settings: RlSettings, work: Work, scores: TokenScores
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return the policy's loss of each token, before aggregation, and sums to report."""
    streams, mask_NT, batch = work.streams, work.mask_NT, work.batch
    own_N1 = ~work.expert_N[:, None]
    current_NT = scores.logps_NT.detach()
    # Where no token is trained on, both sides are the same, so that no ratio there can overflow.
    acted_NT = batch.mask_NT > 0
    old_NT = _where(acted_NT, streams.old_NT, current_NT)
    mismatch_NT = (old_NT - batch.sampler_logps_NT) * batch.mask_NT * own_N1
    weigh = token_weights.get(settings.tokens.name)
    weight_NT = weigh(WeighedRows(old_NT, work.right_step_NT), settings.tokens)
    advantages_NT = streams.advantages_NT * weight_NT
    rows = PolicyRows(scores.logps_NT, old_NT, advantages_NT, batch.mask_NT, work.expert_N)
    policy = policy_losses.get(settings.policy_loss)(rows, settings.clip)
    correct = mismatch_weights.get(settings.mismatch.correction)
    corrected_NT = correct(mismatch_NT, settings.mismatch.cap)
    loss_NT = policy.loss_NT * corrected_NT
    sums = {
        "entropy": (scores.entropy_NT.detach() * mask_NT).sum(),
        "clip_fraction": (policy.clipped_NT * mask_NT).sum(),
        "gap": (mismatch_NT.abs() * mask_NT).sum(),
        "truncated_share": ((corrected_NT != mismatch_NT.exp()) * mask_NT).sum(),
        "tokens": mask_NT.sum(),
        "own_tokens": (mask_NT * own_N1).sum(),
    }
    if streams.ref_NT is not None:
        ref_NT = _where(acted_NT, streams.ref_NT, current_NT)
        estimator = kl_estimators.get(settings.kl.estimator)
        kl_NT = estimator(scores.logps_NT, ref_NT, batch.mask_NT)
        sums["kl"] = (kl_NT.detach() * mask_NT).sum()
        if settings.kl.place == "loss":
            loss_NT = loss_NT + settings.kl.weight * kl_NT
    if streams.teacher_weight_NT is not None:
        teacher_NT = _where(acted_NT, streams.teacher_NT, current_NT)
        pull_NT = k2(scores.logps_NT, teacher_NT, batch.mask_NT)
        sums["teacher_kl"] = (pull_NT.detach() * mask_NT).sum()
        loss_NT = loss_NT + streams.teacher_weight_NT * pull_NT
    if settings.entropy.active:
        loss_NT = loss_NT - streams.entropy_weight_NT * scores.entropy_NT
    return loss_NT, sums


def _where(
    acted_NT: torch.Tensor, stream_NT: torch.Tensor | None, current_NT: torch.Tensor
) -> torch.Tensor:
    return current_NT if stream_NT is None else torch.where(acted_NT, stream_NT, current_NT)


def critic_values(session: Session, critic: Critic, batch: TokenBatch) -> torch.Tensor:
    """Return a separate critic's values of the state before each token, with their gradient."""
    with session.learner.mixed_precision():
        values_NS = critic.values(session.learner.model, batch.ids_NL[:, :-1], batch.start)
    return torch.nn.functional.pad(values_NS, (batch.start, 0))


def _value_error(session: Session, work: Work, values_NT: torch.Tensor) -> torch.Tensor:
    """Return this pass's share of the mean value loss over the tokens of the optimiser step."""
    streams, clip = work.streams, session.recipe.rl.critic.clip
    assert streams.values_NT is not None
    assert streams.returns_NT is not None
    error_NT = value_loss(values_NT, streams.values_NT, streams.returns_NT, clip)
    return (error_NT * work.value_weights_NT).sum()
