"""Corrections for a sampler whose probabilities are not quite the trainer's."""

from collections.abc import Callable
from typing import TypeAlias

import torch

from gym_reason.registry import Registry

MismatchWeight: TypeAlias = Callable[[torch.Tensor, float], torch.Tensor]
"""`(log_ratio_NT, cap) -> weight_NT`, with the log-ratio of the trainer to the sampler."""

mismatch_weights: Registry[MismatchWeight] = Registry("mismatch correction")
"""Corrections by name."""


@mismatch_weights.register("none")
def none(log_ratio_NT: torch.Tensor, cap: float) -> torch.Tensor:
    """Leave every token as it is."""
    return torch.ones_like(log_ratio_NT)


@mismatch_weights.register("truncated")
def truncated(log_ratio_NT: torch.Tensor, cap: float) -> torch.Tensor:
    """Weigh each token by `min(pi_old / pi_sampler, cap)`: truncated importance sampling."""
    return log_ratio_NT.exp().clamp(max=cap)


@mismatch_weights.register("masked")
def masked(log_ratio_NT: torch.Tensor, cap: float) -> torch.Tensor:
    """Weigh each token by `pi_old / pi_sampler`, and drop those beyond `cap` or below `1 / cap`."""
    weight_NT = log_ratio_NT.exp()
    inside_NT = (weight_NT <= cap) & (weight_NT >= 1.0 / cap)
    return torch.where(inside_NT, weight_NT, 0.0)
