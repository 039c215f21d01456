"""Beam search over steps: keep the few chains of thought that a value function likes best."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from gym_reason.agents.refine.loop import refine_loop
from gym_reason.agents.refine.talk import LimitReached, Talk
from gym_reason.agents.search.branches import (
    Branch,
    begin,
    best_index,
    extend,
    finish,
    rank_value,
    take,
)
from gym_reason.agents.search.scorers import ORACLE, check_scorer, score_branches
from gym_reason.agents.search.settings import MOST_CALLS, check_least, read_separator


def _check(settings: Mapping[str, Any]) -> None:
    check_least(settings, width=1, branches=1, steps=1)
    read_separator(settings["separator"])
    check_scorer(settings)


@refine_loop(
    "beam",
    paper="step-level beam search, arXiv 2305.00633, 2408.03314",
    grade="G",
    oracle_when=("by", ORACLE),
    check=_check,
    calls=MOST_CALLS,
)
async def beam(
    talk: Talk,
    *,
    width: int = 4,
    branches: int = 4,
    steps: int = 16,
    by: str = "likelihood",
    separator: str = "\\n",
) -> None:
    """Draw several next steps of each chain, keep the best chains by a value, until all have ended.

    A step is what the policy says up to the separator. With one branch and a width of one it is a
    plain chain of thought. After `steps` steps the best chain is said to its end.
    Source: Xie et al. 2023, and the search against a verifier in Snell et al. 2024.
    """
    kept, scores = [begin(talk)], [0.0]
    with contextlib.suppress(LimitReached):
        for _ in range(steps):
            if all(branch.ended for branch in kept):
                break
            kept = await grow_all(talk, kept, branches, read_separator(separator))
            kept, scores = await keep_best(talk, kept, width, by)
    best = kept[best_index(scores)]
    with contextlib.suppress(LimitReached):
        best = await finish(talk, best)
    if best.steps:
        take(talk, best)


async def grow_all(
    talk: Talk, kept: Sequence[Branch], branches: int, separator: str
) -> list[Branch]:
    """Return the children of the chains that have not ended, and the others as they are."""
    open_ones = [branch for branch in kept if not branch.ended]
    grown = await extend(talk, open_ones, branches, separator)
    children = {id(parent): found for parent, found in zip(open_ones, grown, strict=True)}
    return [child for parent in kept for child in children.get(id(parent)) or [parent]]


async def keep_best(
    talk: Talk, pool: Sequence[Branch], width: int, by: str
) -> tuple[list[Branch], list[float]]:
    """Return the best chains, those of equal value in order, with their values."""
    scores = await score_branches(talk, by, pool)
    order = sorted(range(len(pool)), key=lambda index: (-rank_value(scores[index]), index))
    chosen = order[:width]
    return [pool[index] for index in chosen], [scores[index] for index in chosen]
