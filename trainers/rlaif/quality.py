"""How far the labels of a model can be trusted."""

from collections.abc import Sequence

from gym_reason.trainers.rlaif.labeller import Preference
from gym_reason.types import Json


def describe_preferences(
    preferences: Sequence[Preference], truths: Sequence[float | None]
) -> dict[str, Json]:
    """Return the figures of a set of labels.

    Args:
        preferences: What the model said.
        truths: The chance that the first answer is better, as is known of each pair; None where it
            is not.

    Returns:
        `pairs`; `known`, those whose truth takes a side; `alignment`, the share of these with which
        the model agrees, one half for an even chance; `alignment_one_order`, the same without
        averaging; `position_bias`, the share of pairs in which one place is preferred in both
        orders; `place_one`, the mean chance given to place 1. None where there is nothing to count.

    Source: arXiv 2309.00267 (labeller alignment and position bias).
    """
    known = [
        (preference, truth)
        for preference, truth in zip(preferences, truths, strict=True)
        if truth is not None and truth != 0.5
    ]
    return {
        "pairs": len(preferences),
        "known": len(known),
        "alignment": _mean([_agrees(p.chance, truth) for p, truth in known]),
        "alignment_one_order": _mean([_agrees(p.shown_first, truth) for p, truth in known]),
        "position_bias": _mean([float(p.same_place) for p in preferences]),
        "place_one": _mean([p.place_one for p in preferences]),
    }


def _agrees(chance: float, truth: float) -> float:
    if chance == 0.5:
        return 0.5
    return float((chance > 0.5) == (truth > 0.5))


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
