"""Which episodes of a step enter the update."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch

Filter: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""`(rewards_N, group_N) -> keep_N`, a boolean for each episode."""


def keep_all(rewards_N: torch.Tensor, group_N: torch.Tensor) -> torch.Tensor:
    """Keep every episode."""
    return torch.ones_like(rewards_N, dtype=torch.bool)


def drop_zero_variance(rewards_N: torch.Tensor, group_N: torch.Tensor) -> torch.Tensor:
    """Drop the groups whose rewards are all equal.

    Their advantages are zero, so they only cost time. Source: DAPO's dynamic sampling, arXiv
    2503.14476, section 3.2.
    """
    size = int(group_N.max()) + 1
    high_P = rewards_N.new_full((size,), -torch.inf)
    low_P = rewards_N.new_full((size,), torch.inf)
    high_P.scatter_reduce_(0, group_N, rewards_N, "amax")
    low_P.scatter_reduce_(0, group_N, rewards_N, "amin")
    return (high_P - low_P)[group_N] > 1e-9


FILTERS: Mapping[str, Filter] = {
    "keep_all": keep_all,
    "drop_zero_variance": drop_zero_variance,
}
