"""From the score of a reward model to a reward."""

import math
from typing import Literal, TypeAlias

from gym_reason.errors import UsageError
from gym_reason.registry import explain_unknown

RewardScale: TypeAlias = Literal["raw", "sigmoid", "centred"]

SCALES = ("raw", "sigmoid", "centred")


def check_scale(scale: str, center: object) -> None:
    """Raise UsageError where `scale` is unknown or `center` is no mean that it can use."""
    if scale not in SCALES:
        raise UsageError(*explain_unknown("reward scale", str(scale), list(SCALES)))
    if center is None or center == "stored":
        pass
    elif isinstance(center, bool) or not isinstance(center, int | float):
        raise UsageError(f"center = {center!r}", "a number, or stored")
    elif not math.isfinite(center):
        raise UsageError(f"center = {center}", "a finite number")
    if scale == "raw" and center is not None:
        raise UsageError(
            f"center = {center} with reward=raw", "no center", "use reward=centred or sigmoid"
        )


def scale_score(score: float, scale: RewardScale, center: float = 0.0) -> float:
    """Return the reward for a score.

    Args:
        score: What the model says, without bounds.
        scale: `raw` is the score itself, `centred` the score minus `center`, and `sigmoid` the
            chance that the answer is preferred to one whose score is `center`.
        center: Mean score of the answers that a reward is to be measured against.

    Source: Bradley and Terry (1952), "Rank analysis of incomplete block designs".
    """
    if scale == "raw":
        return score
    if scale == "centred":
        return score - center
    return sigmoid(score - center)


def sigmoid(value: float) -> float:
    """Return the logistic function of any number, without overflow."""
    if value >= 0:
        return 1.0 / (1.0 + math.exp(-value))
    power = math.exp(value)
    return power / (1.0 + power)
