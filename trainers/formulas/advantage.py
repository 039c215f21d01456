"""Advantages from the rewards of groups of episodes on the same task."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch

Advantage: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""`(rewards_N, group_N) -> advantages_N`; `group_N` numbers the tasks from 0."""


def group_mean(rewards_N: torch.Tensor, group_N: torch.Tensor) -> torch.Tensor:
    """Return each episode's group mean, shape `[N]`."""
    size = int(group_N.max()) + 1
    count_P = rewards_N.new_zeros(size).index_add_(0, group_N, torch.ones_like(rewards_N))
    sum_P = rewards_N.new_zeros(size).index_add_(0, group_N, rewards_N)
    return (sum_P / count_P.clamp(min=1.0))[group_N]


def group_std(rewards_N: torch.Tensor, group_N: torch.Tensor) -> torch.Tensor:
    """Return each episode's unbiased group deviation, shape `[N]`; 1 for a group of one."""
    size = int(group_N.max()) + 1
    ones_N = torch.ones_like(rewards_N)
    count_N = rewards_N.new_zeros(size).index_add_(0, group_N, ones_N)[group_N]
    squares_N = (rewards_N - group_mean(rewards_N, group_N)).square()
    sum_N = rewards_N.new_zeros(size).index_add_(0, group_N, squares_N)[group_N]
    std_N = (sum_N / (count_N - 1.0).clamp(min=1.0)).sqrt()
    return torch.where(count_N > 1, std_N, ones_N)


def group_zscore(rewards_N: torch.Tensor, group_N: torch.Tensor) -> torch.Tensor:
    """Return `(r - mean) / (std + 1e-6)` within each group; `r` for a group of one.

    Source: GRPO, arXiv 2402.03300, section 4.1.2; unbiased deviation as in verl.
    """
    mean_N = group_mean(rewards_N, group_N)
    counts = torch.bincount(group_N)[group_N]
    centred_N = torch.where(counts > 1, rewards_N - mean_N, rewards_N)
    return centred_N / (group_std(rewards_N, group_N) + 1e-6)


def group_centred(rewards_N: torch.Tensor, group_N: torch.Tensor) -> torch.Tensor:
    """Return `r - mean` within each group.

    Source: Dr.GRPO, arXiv 2503.20783, section 3.
    """
    return rewards_N - group_mean(rewards_N, group_N)


ADVANTAGES: Mapping[str, Advantage] = {
    "group_zscore": group_zscore,
    "group_centred": group_centred,
}
