"""Advantages: how much better an episode, or a token of it, was than could be expected."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch

from gym_reason.registry import Registry
from gym_reason.trainers.formulas.gae import generalised_advantages
from gym_reason.trainers.formulas.rows import (
    EpisodeRows,
    group_mean,
    group_size,
    group_std,
    reward_to_go,
    whiten,
)


@dataclass(frozen=True, slots=True)
class AdvantageSettings:
    """The numbers of advantages."""

    gamma: float = 1.0
    """Discount of a token, in (0, 1]."""
    lam: float = 0.95
    """Decay of generalised advantages, in [0, 1]."""
    whiten: bool = False
    """Whether the advantages of the window are brought to mean 0 and deviation 1."""

    def __post_init__(self) -> None:
        """Refuse what is no discount."""
        if not 0.0 < self.gamma <= 1.0:
            raise ValueError(f"gamma = {self.gamma}; expected a number above 0 and at most 1")
        if not 0.0 <= self.lam <= 1.0:
            raise ValueError(f"lam = {self.lam}; expected a number from 0 to 1")


@dataclass(frozen=True, slots=True)
class Advantages:
    """What an advantage returns."""

    advantages_NT: torch.Tensor
    """One advantage a token; 0 where the mask is 0."""
    returns_NT: torch.Tensor | None = None
    """What the critic is to learn; None for a method without one."""


Advantage: TypeAlias = Callable[[EpisodeRows, AdvantageSettings], Advantages]
"""`(rows, settings) -> Advantages`."""

advantages: Registry[Advantage] = Registry("advantage")
"""Advantages by name."""


def estimate(name: str, rows: EpisodeRows, settings: AdvantageSettings) -> Advantages:
    """Return the advantages of a window, whitened where asked."""
    result = advantages.get(name)(rows, settings)
    if not settings.whiten:
        return result
    return Advantages(whiten(result.advantages_NT, rows.mask_NT), result.returns_NT)


@advantages.register("group_zscore")
def group_zscore(rows: EpisodeRows, settings: AdvantageSettings) -> Advantages:
    """Return `(r - mean) / (std + 1e-6)` within each group; `r` for a group of one.

    Source: GRPO, arXiv 2402.03300, section 4.1.2; unbiased deviation as in verl.
    """
    rewards_N, group_N = rows.rewards_N, rows.group_N
    alone_N = group_size(group_N, rewards_N) == 1
    centred_N = torch.where(alone_N, rewards_N, rewards_N - group_mean(rewards_N, group_N))
    return Advantages(rows.spread(centred_N / (group_std(rewards_N, group_N) + 1e-6)))


@advantages.register("group_centred")
def group_centred(rows: EpisodeRows, settings: AdvantageSettings) -> Advantages:
    """Return `r - mean` within each group.

    Source: Dr.GRPO, arXiv 2503.20783, section 3.
    """
    return Advantages(rows.spread(rows.rewards_N - group_mean(rows.rewards_N, rows.group_N)))


@advantages.register("leave_one_out")
def leave_one_out(rows: EpisodeRows, settings: AdvantageSettings) -> Advantages:
    """Return `r` less the mean of the others of its group; 0 for a group of one.

    Source: RLOO, arXiv 2402.14740, equation 8.
    """
    rewards_N = rows.rewards_N
    count_N = group_size(rows.group_N, rewards_N)
    scale_N = count_N / (count_N - 1.0).clamp(min=1.0)
    return Advantages(rows.spread((rewards_N - group_mean(rewards_N, rows.group_N)) * scale_N))


@advantages.register("raw")
def raw(rows: EpisodeRows, settings: AdvantageSettings) -> Advantages:
    """Return the reward itself.

    Source: Reinforce-Rej, arXiv 2504.11343, section 3, with the filter that drops groups of equal
    rewards.
    """
    return Advantages(rows.spread(rows.rewards_N))


@advantages.register("positive_only")
def positive_only(rows: EpisodeRows, settings: AdvantageSettings) -> Advantages:
    """Return `max(r, 0)`: only what was rewarded is imitated.

    Source: RAFT and RAFT++, arXiv 2504.11343, section 3.
    """
    return Advantages(rows.spread(rows.rewards_N.clamp(min=0.0)))


@advantages.register("return_to_go")
def return_to_go(rows: EpisodeRows, settings: AdvantageSettings) -> Advantages:
    """Return the discounted sum of the rewards from each token on.

    Source: REINFORCE++, arXiv 2501.03262, section 3, which whitens it over the batch.
    """
    to_go_NT = reward_to_go(rows.token_rewards_NT, settings.gamma)
    return Advantages(to_go_NT * rows.mask_NT)


@advantages.register("group_baseline_return_to_go")
def group_baseline_return_to_go(rows: EpisodeRows, settings: AdvantageSettings) -> Advantages:
    """Return the sum of the rewards from each token on, less the group's mean reward.

    Source: the baseline variant of REINFORCE++, arXiv 2501.03262, section 3; whitened over the
    batch there.
    """
    to_go_NT = reward_to_go(rows.token_rewards_NT, settings.gamma)
    mean_N = group_mean(rows.rewards_N, rows.group_N)
    return Advantages((to_go_NT - mean_N[:, None]) * rows.mask_NT)


@advantages.register("process_steps")
def process_steps(rows: EpisodeRows, settings: AdvantageSettings) -> Advantages:
    """Return, for each token, the z-scored rewards of the steps that end at it or later, summed.

    The z-score is over all step rewards of the group. A step is an action of the episode.
    Source: process supervision in DeepSeekMath, arXiv 2402.03300, section 4.1.3.
    """
    ends_NT = last_tokens(rows.mask_NT, rows.step_NT)
    row_N, at_N = ends_NT.nonzero(as_tuple=True)
    step_rewards_K = rows.token_rewards_NT[row_N, at_N]
    group_K = rows.group_N[row_N]
    centred_K = step_rewards_K - group_mean(step_rewards_K, group_K)
    alone_K = group_size(group_K, step_rewards_K) == 1
    scores_K = torch.where(alone_K, step_rewards_K, centred_K)
    scores_K = scores_K / (group_std(step_rewards_K, group_K) + 1e-6)
    scored_NT = torch.zeros_like(rows.token_rewards_NT)
    scored_NT[row_N, at_N] = scores_K
    return Advantages(reward_to_go(scored_NT) * rows.mask_NT)


@advantages.register("siblings")
def siblings(rows: EpisodeRows, settings: AdvantageSettings) -> Advantages:
    """Return the z-score, over the whole window, of `0.5 + 0.5 (r - mean of the sibling set)`.

    The rows of a group are the children of one node of a tree. Where the window's deviation is
    under 1e-6 there is no signal.
    Source: Savage Conversation Forests, arXiv 2507.04099.
    """
    scores_N = sibling_scores(rows.rewards_N, rows.group_N)
    std = scores_N.std() if len(scores_N) > 1 else scores_N.new_zeros(())
    if std < 1e-6:
        return Advantages(rows.spread(torch.zeros_like(scores_N)))
    return Advantages(rows.spread((scores_N - scores_N.mean()) / std))


@advantages.register("gae")
def gae(rows: EpisodeRows, settings: AdvantageSettings) -> Advantages:
    """Return generalised advantages of the critic's values, with the returns that it is to learn.

    Source: arXiv 1506.02438, equation 16. Raises ValueError without values.
    """
    advantages_NT, returns_NT = generalised_advantages(rows, settings.gamma, settings.lam)
    return Advantages(advantages_NT, returns_NT)


def sibling_scores(rewards_N: torch.Tensor, group_N: torch.Tensor) -> torch.Tensor:
    """Return `0.5 + 0.5 (r - mean of the group)`; the mean over a group is 0.5."""
    return 0.5 + 0.5 * (rewards_N - group_mean(rewards_N, group_N))


def last_tokens(mask_NT: torch.Tensor, step_NT: torch.Tensor) -> torch.Tensor:
    """Return where the last token of each action stands, boolean, shape `[N, T]`."""
    acted_NT = mask_NT > 0
    ends_NT = acted_NT.clone()
    same_NT = (step_NT[:, 1:] == step_NT[:, :-1]) & acted_NT[:, 1:]
    ends_NT[:, :-1] &= ~same_NT
    return ends_NT
