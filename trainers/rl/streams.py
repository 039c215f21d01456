"""What is known of each token of a window before its first update, and the networks that say it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import PreTrainedModel

from gym_reason.trainers.distributed.shares import forward_passes
from gym_reason.trainers.formulas import entropy_controls, kl_estimators
from gym_reason.trainers.formulas.advantage import estimate
from gym_reason.trainers.formulas.rewards import kl_in_reward
from gym_reason.trainers.formulas.teacher import teacher_rows, teacher_weight
from gym_reason.trainers.model.batch import TokenBatch
from gym_reason.trainers.model.critic import Critic, all_values
from gym_reason.trainers.model.logprobs import score_tokens
from gym_reason.trainers.rl.window import Window
from gym_reason.trainers.session import Session


@dataclass(frozen=True, slots=True)
class Players:
    """The networks of an RL stage besides the policy, and the optimisers."""

    optimiser: torch.optim.Optimizer
    """Of the policy, and of a value head on it."""
    reference: PreTrainedModel | None = None
    """The weights with which RL began."""
    teacher: PreTrainedModel | None = None
    """The teacher."""
    critic: Critic | None = None
    """The critic."""
    critic_optimiser: torch.optim.Optimizer | None = None
    """Of a critic with a network of its own."""


@dataclass(frozen=True, slots=True)
class Streams:
    """What is known of each token of a window before its first update; None where not asked for."""

    advantages_NT: torch.Tensor
    """Advantages, before the weights of single tokens."""
    entropy_weight_NT: torch.Tensor
    """Weight of the entropy."""
    teacher_weight_NT: torch.Tensor | None
    """Weight of the teacher's pull."""
    old_NT: torch.Tensor | None
    """Log-probabilities of the policy; None where the current ones stand for them."""
    ref_NT: torch.Tensor | None
    """Log-probabilities of the reference."""
    teacher_NT: torch.Tensor | None
    """Log-probabilities of the teacher."""
    values_NT: torch.Tensor | None
    """Values of the critic."""
    returns_NT: torch.Tensor | None
    """What the critic is to learn."""

    def rows(self, index_N: torch.Tensor, width: int) -> "Streams":
        """Return some rows, cut to a width."""
        chosen: dict[str, Any] = {}
        for name in Streams.__dataclass_fields__:
            stream_NT = getattr(self, name)
            chosen[name] = None if stream_NT is None else stream_NT[index_N, :width]
        return Streams(**chosen)


def make_streams(
    session: Session,
    players: Players,
    window: Window,
    parts: list[list[int]],
    step: int,
    *,
    single: bool,
) -> Streams:
    """Return the streams of a window: log-probabilities, values, advantages and weights."""
    settings, model = session.recipe.rl, session.learner.model
    batch, mask_NT = window.batch, window.batch.mask_NT
    in_reward = players.reference is not None and settings.kl.place == "reward"
    needs_old = not single or in_reward
    old_NT = all_logps(session, model, batch, parts) if needs_old else None
    ref_NT = all_logps(session, players.reference, batch, parts) if players.reference else None
    teacher_NT = all_logps(session, players.teacher, batch, parts) if players.teacher else None
    values_NT = last_N = None
    if players.critic is not None:
        values_NT, last_N = all_values(
            players.critic, session.learner, batch, parts, settings.micro_batch_tokens
        )
    rewards_NT = window.token_rewards_NT
    if in_reward:
        assert old_NT is not None
        assert ref_NT is not None
        kl_NT = kl_estimators.get(settings.kl.estimator)(old_NT, ref_NT, mask_NT)
        kl_NT = torch.where(window.expert_N[:, None], 0.0, kl_NT)
        rewards_NT = kl_in_reward(rewards_NT, kl_NT, mask_NT, settings.kl.weight)
    episodes = window.episode_rows(rewards_NT, values_NT, last_N)
    found = estimate(settings.advantage, episodes, settings.returns)
    controls = session.progress.controls
    entropy = entropy_controls.get(settings.entropy.control)(
        episodes,
        settings.entropy,
        controls.get("entropy_bonus", settings.entropy.bonus),
        controls.get("entropy"),
    )
    controls["entropy_bonus"] = entropy.bonus
    pull_NT = None
    if teacher_NT is not None:
        pull = settings.teacher
        pulled_N = teacher_rows(pull.mask, window.reward_N, window.group_N)
        weight = teacher_weight(pull.weight, pull.decay, pull.least, step)
        pull_NT = weight * (pulled_N * ~window.expert_N)[:, None] * mask_NT
    returns_NT = found.returns_NT
    return Streams(
        advantages_NT=window.to_rows(found.advantages_NT).to(mask_NT.dtype),
        entropy_weight_NT=window.to_rows(entropy.weight_NT),
        teacher_weight_NT=pull_NT,
        old_NT=old_NT,
        ref_NT=ref_NT,
        teacher_NT=teacher_NT,
        values_NT=values_NT,
        returns_NT=None if returns_NT is None else window.to_rows(returns_NT),
    )


def has_signal(session: Session, streams: Streams) -> bool:
    """Return whether anything in the window has a gradient."""
    return bool(signal_rows(session, streams).any())


def signal_rows(session: Session, streams: Streams) -> torch.Tensor:
    """Return True for the rows that have a gradient; the passes of the others would be wasted."""
    settings = session.recipe.rl
    signal_N = (streams.advantages_NT != 0.0).any(1) | (streams.entropy_weight_NT != 0.0).any(1)
    if streams.teacher_weight_NT is not None:
        signal_N = signal_N | (streams.teacher_weight_NT != 0.0).any(1)
    if streams.returns_NT is not None or (
        streams.ref_NT is not None and settings.kl.place == "loss"
    ):
        signal_N = torch.ones_like(signal_N)
    return signal_N


@torch.no_grad()
def all_logps(
    session: Session, model: PreTrainedModel, batch: TokenBatch, parts: Sequence[Sequence[int]]
) -> torch.Tensor:
    """Return the log-probabilities of every row under a model, shape `[N, T]`.

    `parts` are the row sets of the optimiser steps: with the same forward passes as theirs, the
    ratio of the first step is 1 to the last bit.
    """
    limit = session.recipe.rl.micro_batch_tokens
    result_NT = torch.zeros_like(batch.mask_NT)
    for rows in forward_passes(session.world, batch, parts, limit):
        with session.learner.mixed_precision():
            scores = score_tokens(
                model, rows.batch.ids_NL, session.recipe.sampling.temperature, rows.batch.start
            )
        if rows.counts:
            result_NT[rows.index_N, : scores.logps_NT.shape[1]] = scores.logps_NT
    session.world.add_up([result_NT], "the log-probabilities of a window")
    return result_NT
