"""Observations that may hold arrays: compared, and taken out of a batch."""

from typing import Any

import numpy as np


def is_same(first: object, second: object) -> bool:
    """Return whether two values are equal, arrays within them included."""
    if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        return bool(np.array_equal(first, second))  # type: ignore[arg-type]
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(is_same(first[k], second[k]) for k in first)
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        return len(first) == len(second) and all(map(is_same, first, second))
    return first == second


def split_batch(observations: Any) -> list[Any]:
    """Return the observations of each part of a vector environment."""
    if not isinstance(observations, dict):
        return list(observations)
    rows = zip(*map(split_batch, observations.values()), strict=True)
    return [dict(zip(observations, row, strict=True)) for row in rows]
