"""What weighs the policy's entropy: a constant, a controller, or the variance of rewards."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch

from gym_reason.registry import Registry
from gym_reason.trainers.formulas.rows import EpisodeRows, group_mean, group_size, group_sum


@dataclass(frozen=True, slots=True)
class EntropySettings:
    """The entropy term; `bonus` times the entropy of each token is subtracted from its loss."""

    bonus: float = 0.0
    """Weight; with the control `target`, the one to begin with."""
    control: str = "constant"
    """Name in `formulas.entropy_controls`."""
    target: float = 0.2
    """Entropy in nats a token that the control `target` holds the policy above."""
    rate: float = 0.005
    """Change of the weight in a step, with the control `target`."""
    decay: float = 1.0
    """The beta of the control `adaptive` (experimental)."""
    sign: Literal["survey", "prose"] = "survey"
    """Of the control `adaptive`: the survey's formula, or what its text says (experimental)."""

    def __post_init__(self) -> None:
        """Refuse names that no registry holds, and rates that do nothing."""
        entropy_controls.get(self.control)
        if self.rate < 0.0 or self.decay < 0.0:
            raise ValueError(f"rate = {self.rate}, decay = {self.decay}; expected 0 or more")

    @property
    def active(self) -> bool:
        """Whether the loss may have an entropy term."""
        return self.bonus > 0.0 or self.control == "target"


@dataclass(frozen=True, slots=True)
class EntropyWeight:
    """What a control returns."""

    weight_NT: torch.Tensor
    """Weight of each token's entropy in this step; carries no gradient."""
    bonus: float
    """The weight that the next step begins with."""


EntropyControl: TypeAlias = Callable[
    [EpisodeRows, EntropySettings, float, float | None], EntropyWeight
]
"""`(rows, settings, bonus, entropy) -> EntropyWeight`; `entropy` is that of the last step."""

entropy_controls: Registry[EntropyControl] = Registry("entropy control")
"""Controls by name."""


@entropy_controls.register("constant")
def constant(
    rows: EpisodeRows, settings: EntropySettings, bonus: float, entropy: float | None
) -> EntropyWeight:
    """Weigh every token's entropy alike."""
    return EntropyWeight(settings.bonus * rows.mask_NT, settings.bonus)


@entropy_controls.register("target")
def target(
    rows: EpisodeRows, settings: EntropySettings, bonus: float, entropy: float | None
) -> EntropyWeight:
    """Raise the weight by `rate` while the entropy is at or below the target, lower it above.

    It is applied only at or below the target. Source: Skywork-OR1, arXiv 2505.22312, section 4.
    """
    if entropy is None:
        return EntropyWeight(torch.zeros_like(rows.mask_NT), bonus)
    low = entropy <= settings.target
    moved = max(bonus + (settings.rate if low else -settings.rate), 0.0)
    return EntropyWeight((moved if low else 0.0) * rows.mask_NT, moved)


@entropy_controls.register("adaptive")
def adaptive(
    rows: EpisodeRows, settings: EntropySettings, bonus: float, entropy: float | None
) -> EntropyWeight:
    """Weigh by `bonus * exp(-decay * Var)`, the variance of the rewards so far within the group.

    EXPERIMENTAL: known from a survey alone (arXiv 2503.06072), and never confirmed. `Var` is taken
    over the group's episodes at equal index of the action, of the sum of the rewards up to and with
    it. With a reward at the end alone it is 0 before the end. The survey's prose says the opposite
    of its formula: `sign="prose"` weighs by `bonus * (1 - exp(-decay * Var))`.
    """
    variance_NT = reward_variance(rows)
    factor_NT = torch.exp(-settings.decay * variance_NT)
    if settings.sign == "prose":
        factor_NT = 1.0 - factor_NT
    return EntropyWeight(settings.bonus * factor_NT * rows.mask_NT, settings.bonus)


def reward_variance(rows: EpisodeRows) -> torch.Tensor:
    """Return, for each token, the group's variance of the rewards up to its action, `[N, T]`.

    Over the episodes that have such an action; 0 where that is one alone.
    """
    so_far_NT = rows.token_rewards_NT.cumsum(1)
    variance_NT = torch.zeros_like(so_far_NT)
    for step in range(int(rows.step_NT.max()) + 1):
        here_NT = (rows.step_NT == step) & (rows.mask_NT > 0)
        has_N = here_NT.any(1)
        if not has_N.any():
            continue
        last_N = (here_NT * torch.arange(here_NT.shape[1], device=here_NT.device)).amax(1)
        total_N = so_far_NT.gather(1, last_N[:, None]).squeeze(1)[has_N]
        group_N = rows.group_N[has_N]
        squares_N = (total_N - group_mean(total_N, group_N)).square()
        count_N = group_size(group_N, total_N)
        spread_N = group_sum(squares_N, group_N) / (count_N - 1.0).clamp(min=1.0)
        whole_N = torch.zeros_like(so_far_NT[:, 0])
        whole_N[has_N] = torch.where(count_N > 1, spread_N, 0.0)
        variance_NT = torch.where(here_NT, whole_N[:, None], variance_NT)
    return variance_NT
