"""Votes: draw several answers and give the one that most of them, or the surest, agree on."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from gym_reason.agents.refine.loop import refine_loop
from gym_reason.agents.refine.talk import LimitReached, Talk
from gym_reason.agents.search.branches import Branch, rank_value, sample_branches, take
from gym_reason.agents.search.scorers import ORACLE, check_scorer, score_branches
from gym_reason.agents.search.settings import MOST_CALLS, check_least
from gym_reason.errors import UsageError
from gym_reason.verifiers.steps.vote import find_answers, majority

MAJORITY = "majority"


def check_vote(settings: Mapping[str, Any]) -> None:
    """Raise UsageError for settings that no vote can be held with."""
    check_least(settings, n=1)
    by, power = settings["by"], settings["p"]
    if by != MAJORITY:
        check_scorer(settings)
    elif power:
        raise UsageError(f"p = {power:g} with by={MAJORITY}", "a scorer to rank the answers by")
    if power is not None and not 0 <= power < math.inf:
        raise UsageError(f"p = {power}", "an exponent, 0 or more")


@refine_loop(
    "vote",
    paper="self-consistency, arXiv 2203.11171; Borda votes, arXiv 2502.18581",
    grade="S",
    oracle_when=("by", ORACLE),
    check=check_vote,
    calls=MOST_CALLS,
)
async def vote(talk: Talk, *, n: int = 8, by: str = MAJORITY, p: float | None = None) -> None:
    """Draw N answers at once and give the one with the most votes, the first of equals.

    Each answer has one vote, or with `by=SCORER` as many as its score says; with an exponent `p`,
    the answer of rank r by the score has `(N - r + 1) ** p`. `by=certainty,p=1` is the Borda vote
    by self-certainty; `p=0` is the majority.
    Source: Wang et al. 2022; ranks as votes from Kang et al. 2025.
    """
    answers = await sample_branches(talk, n)
    take(talk, answers[await elect(talk, answers, by, p)])


async def elect(talk: Talk, answers: Sequence[Branch], by: str, power: float | None) -> int:
    """Return which of some answers is the first that says what the vote elects."""
    weights: list[float] | None = None
    if by != MAJORITY:
        scores = await score_branches(talk, by, answers)
        weights = weigh_scores(scores) if power is None else weigh_ranks(scores, power)
    try:
        texts = [answer.text for answer in answers]
        return await talk.compute(partial(find_elected, texts, weights))
    except LimitReached:
        return 0


def find_elected(texts: Sequence[str], weights: Sequence[float] | None = None) -> int:
    """Return the number of the first text whose answer has the most votes.

    A text without an answer abstains. Where nobody is elected that is the first text.
    """
    answers = find_answers(texts, "lenient")
    result = majority(answers, weights=weights, ties="first")
    if result.elected is None and weights is not None:
        result = majority(answers, ties="first")
    return 0 if result.elected is None else result.candidates.index(result.elected)


def weigh_ranks(scores: Sequence[float], power: float) -> list[float]:
    """Return `(N - r + 1) ** power` for each score, r its rank from 1, ties in order.

    Source: Borda votes in arXiv 2502.18581; power 0 gives one vote each.
    """
    order = sorted(range(len(scores)), key=lambda index: (-rank_value(scores[index]), index))
    weights = [0.0] * len(scores)
    for rank, index in enumerate(order, 1):
        weights[index] = float(len(scores) - rank + 1) ** power
    return weights


def weigh_scores(scores: Sequence[float]) -> list[float] | None:
    """Return the scores as votes: themselves where none is negative, or else their softmax.

    None, for one vote each, where they tell nothing apart.
    """
    if all(score >= 0 and math.isfinite(score) for score in scores):
        return list(scores) if any(scores) else None
    highest = max(map(rank_value, scores))
    if not math.isfinite(highest):
        return None
    return [math.exp(rank_value(score) - highest) for score in scores]
