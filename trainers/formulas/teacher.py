"""A teacher's pull beside the reward: whom it pulls, and how hard."""

from typing import Literal, TypeAlias

import torch

from gym_reason.trainers.formulas.rows import group_sum

TeacherMask: TypeAlias = Literal["all", "response", "group"]
"""Which responses a teacher pulls: all, the unrewarded ones, those of groups without a reward."""


def teacher_rows(mode: TeacherMask, rewards_N: torch.Tensor, group_N: torch.Tensor) -> torch.Tensor:
    """Return 1 for the rows that the teacher pulls, 0 for the others, shape `[N]`.

    Source: KDRL, arXiv 2506.02208, section 3.3.
    """
    if mode == "all":
        return torch.ones_like(rewards_N)
    rewarded_N = (rewards_N > 0.0).to(rewards_N.dtype)
    if mode == "response":
        return 1.0 - rewarded_N
    return (group_sum(rewarded_N, group_N) == 0.0).to(rewards_N.dtype)


def teacher_weight(first: float, decay: float, least: float, step: int) -> float:
    """Return `max(first - decay * step, least)`, the weight at a step counted from 0.

    Source: KDRL, arXiv 2506.02208, section 3.2.
    """
    return max(first - decay * step, least)
