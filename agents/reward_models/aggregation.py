"""One number for a solution from the scores of its steps."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

from gym_reason.errors import UsageError
from gym_reason.registry import explain_unknown

Aggregation: TypeAlias = Literal["min", "product", "last", "mean"]

_RULES: Mapping[str, Callable[[Sequence[float]], float]] = {
    "min": min,
    "product": math.prod,
    "last": lambda scores: scores[-1],
    "mean": lambda scores: math.fsum(scores) / len(scores),
}


def check_aggregation(name: str) -> None:
    """Raise UsageError unless `name` is an aggregation."""
    if name not in _RULES:
        raise UsageError(*explain_unknown("aggregation", str(name), list(_RULES)))


def aggregate(scores: Sequence[float], rule: Aggregation) -> float:
    """Return one score for a solution.

    Args:
        scores: The chance that each step is right, from 0 to 1, in order; at least one.
        rule: `min`, `product`, `last` or `mean`.

    Raises:
        UsageError: There is no score, or no such rule.

    Source: Lightman et al., arXiv 2305.20050 (product and minimum); Snell et al., arXiv 2408.03314
        (last).
    """
    check_aggregation(rule)
    if not scores:
        raise UsageError("the aggregation of no steps", "at least one score")
    return _RULES[rule](scores)
