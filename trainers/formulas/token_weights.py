"""Streams that weigh single tokens, and the split of a window into passes over its tokens."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch

from gym_reason.registry import Registry


@dataclass(frozen=True, slots=True)
class TokenWeightSettings:
    """How single tokens are weighed."""

    name: str = "uniform"
    """Name in `formulas.token_weights`."""
    alpha: float = 0.3
    """Share of the old probability in `low_probability`."""
    correct_steps: float = 0.5
    """The beta of `credit_steps`: weight of right steps in wrong responses, in [-1, 1]."""
    split_below: float = 0.0
    """Lopti's eta: tokens of less than this old probability are updated in a pass of their own,
    before the others; 0 makes one pass of all."""

    def __post_init__(self) -> None:
        """Refuse names that no registry holds, and weights out of range."""
        token_weights.get(self.name)
        if not 0.0 <= self.alpha <= 1.0 or not -1.0 <= self.correct_steps <= 1.0:
            raise ValueError(
                f"alpha = {self.alpha}, correct_steps = {self.correct_steps}; expected an alpha "
                "from 0 to 1 and correct_steps from -1 to 1"
            )


@dataclass(frozen=True, slots=True)
class WeighedRows:
    """What a stream of token weights sees."""

    old_logps_NT: torch.Tensor
    """Log-probabilities before the window's first update."""
    right_step_NT: torch.Tensor | None
    """1 on the tokens of steps judged right inside wrong responses; None where nobody judged."""


TokenWeight: TypeAlias = Callable[[WeighedRows, TokenWeightSettings], torch.Tensor]
"""`(rows, settings) -> weight_NT`, a factor of the advantage."""

token_weights: Registry[TokenWeight] = Registry("token weight")
"""Token weights by name."""


@token_weights.register("uniform")
def uniform(rows: WeighedRows, settings: TokenWeightSettings) -> torch.Tensor:
    """Weigh every token alike."""
    return torch.ones_like(rows.old_logps_NT)


@token_weights.register("low_probability")
def low_probability(rows: WeighedRows, settings: TokenWeightSettings) -> torch.Tensor:
    """Weigh by `alpha pi_old + 1 - alpha`: rare tokens, whose gradients are largest, count less.

    Source: advantage reweighting, arXiv 2505.12929, equation 7.
    """
    return settings.alpha * rows.old_logps_NT.exp() + 1.0 - settings.alpha


@token_weights.register("credit_steps")
def credit_steps(rows: WeighedRows, settings: TokenWeightSettings) -> torch.Tensor:
    """Weigh the right steps of wrong responses by `correct_steps`, all else by 1.

    Source: BCPG-NSA, arXiv 2505.14403, equation 8. Raises ValueError where no step was judged.
    """
    if rows.right_step_NT is None:
        raise ValueError("credit_steps needs judged steps; expected rl.step_labels")
    return 1.0 + (settings.correct_steps - 1.0) * rows.right_step_NT


def split_passes(
    mask_NT: torch.Tensor, old_logps_NT: torch.Tensor, split_below: float
) -> tuple[torch.Tensor, ...]:
    """Return the masks of the passes over a window's tokens, in order; together they are the mask.

    Tokens of an old probability below `split_below` come first; a pass without tokens is left out.
    Source: Lopti, arXiv 2505.12929, algorithm 1 (its order matters: the reverse is worse).
    """
    low_NT = mask_NT * (old_logps_NT.exp() < split_below)
    passes = (low_NT, mask_NT - low_NT)
    return tuple(part_NT for part_NT in passes if bool(part_NT.any()))
