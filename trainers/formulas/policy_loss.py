"""The loss of each token from its advantage and its probability ratio."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import torch


@dataclass(frozen=True, slots=True)
class ClipRange:
    """How far a token's probability may move within one window."""

    low: float = 0.2
    """The ratio is held above `1 - low`."""
    high: float = 0.2
    """The ratio is held below `1 + high`."""
    dual: float = 0.0
    """Most loss of a token with a negative advantage, in units of `|A|`; 0 sets no limit."""


@dataclass(frozen=True, slots=True)
class TokenLoss:
    """What a policy loss returns, both of shape `[N, T]`."""

    loss_NT: torch.Tensor
    """Loss of each token, before aggregation."""
    clipped_NT: torch.Tensor
    """True where the clip took the gradient away."""


PolicyLoss: TypeAlias = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, ClipRange], TokenLoss]
"""`(logps_NT, old_logps_NT, advantages_NT, clip) -> TokenLoss`."""


def clipped_ratio(
    logps_NT: torch.Tensor, old_logps_NT: torch.Tensor, advantages_NT: torch.Tensor, clip: ClipRange
) -> TokenLoss:
    """Return `-min(ratio * A, clip(ratio) * A)`, where asked with a dual clip.

    Source: PPO, arXiv 1707.06347, equation 7; asymmetric range: DAPO, arXiv 2503.14476, equation
    10; dual clip: arXiv 1912.09729, equation 5.
    """
    ratio_NT = torch.exp(logps_NT - old_logps_NT)
    free_NT = -advantages_NT * ratio_NT
    held_NT = -advantages_NT * ratio_NT.clamp(1.0 - clip.low, 1.0 + clip.high)
    loss_NT = torch.maximum(free_NT, held_NT)
    clipped_NT = held_NT > free_NT
    if clip.dual > 0.0:
        bound_NT = -advantages_NT * clip.dual
        over_NT = (advantages_NT < 0) & (loss_NT > bound_NT)
        loss_NT = torch.where(over_NT, bound_NT, loss_NT)
        clipped_NT = clipped_NT | over_NT
    return TokenLoss(loss_NT, clipped_NT)


POLICY_LOSSES: Mapping[str, PolicyLoss] = {"clipped_ratio": clipped_ratio}
