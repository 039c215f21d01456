"""Which episodes of a step enter the update."""

from collections.abc import Callable
from typing import TypeAlias

import torch

from gym_reason.registry import Registry

Filter: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""`(rewards_N, group_N) -> keep_N`, a boolean for each episode; `group_N` counts from 0."""

filters: Registry[Filter] = Registry("filter")
"""Filters by name."""


@filters.register("keep_all")
def keep_all(rewards_N: torch.Tensor, group_N: torch.Tensor) -> torch.Tensor:
    """Keep every episode."""
    return torch.ones_like(rewards_N, dtype=torch.bool)


@filters.register("drop_zero_variance")
def drop_zero_variance(rewards_N: torch.Tensor, group_N: torch.Tensor) -> torch.Tensor:
    """Drop the groups whose rewards are all equal: the solved and the unsolved ones.

    Their advantages are zero, so they only cost time. Source: DAPO's dynamic sampling, arXiv
    2503.14476, section 3.2.
    """
    high_N, low_N = _extremes(rewards_N, group_N)
    return high_N - low_N > 1e-9


@filters.register("drop_solved")
def drop_solved(rewards_N: torch.Tensor, group_N: torch.Tensor) -> torch.Tensor:
    """Drop the groups of equal rewards above zero."""
    high_N, low_N = _extremes(rewards_N, group_N)
    return (high_N - low_N > 1e-9) | (high_N <= 0.0)


@filters.register("drop_unsolved")
def drop_unsolved(rewards_N: torch.Tensor, group_N: torch.Tensor) -> torch.Tensor:
    """Drop the groups in which nothing was rewarded.

    Source: what brings most of GRPO's gain over RAFT in arXiv 2504.11343, section 4.
    """
    return _extremes(rewards_N, group_N)[0] > 0.0


@filters.register("keep_rewarded")
def keep_rewarded(rewards_N: torch.Tensor, group_N: torch.Tensor) -> torch.Tensor:
    """Keep the episodes with a reward above zero: rejection sampling.

    Source: RAFT, arXiv 2504.11343, section 3.
    """
    return rewards_N > 0.0


def _extremes(rewards_N: torch.Tensor, group_N: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the highest and the lowest reward of each episode's group."""
    size = int(group_N.max()) + 1
    high_P = rewards_N.new_full((size,), -torch.inf).scatter_reduce(0, group_N, rewards_N, "amax")
    low_P = rewards_N.new_full((size,), torch.inf).scatter_reduce(0, group_N, rewards_N, "amin")
    return high_P[group_N], low_P[group_N]
