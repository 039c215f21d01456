"""Best of N: draw several answers and keep the one that a scorer likes best."""

from collections.abc import Mapping
from typing import Any

from gym_reason.agents.refine.loop import refine_loop
from gym_reason.agents.refine.talk import Talk
from gym_reason.agents.search.branches import best_index, sample_branches, take
from gym_reason.agents.search.scorers import ORACLE, check_scorer, score_branches
from gym_reason.agents.search.settings import MOST_CALLS, check_least


def _check(settings: Mapping[str, Any]) -> None:
    check_least(settings, n=1)
    check_scorer(settings)


@refine_loop(
    "best-of-n",
    paper="best-of-N sampling, arXiv 2009.01325",
    grade="G",
    oracle_when=("by", ORACLE),
    check=_check,
    calls=MOST_CALLS,
)
async def best_of_n(talk: Talk, *, n: int = 8, by: str = "likelihood") -> None:
    """Draw N answers at once and give the one with the highest score, the first of equals.

    `by=tests` takes the likeliest of those that pass the public tests, `by=verifier` asks the
    environment's verifier and is an oracle; `by=reward_model:PATH` and the others are listed in
    `gym_reason.agents.search.scorers`.
    Source: best-of-N against a reward model as in Stiennon et al. 2020.
    """
    answers = await sample_branches(talk, n)
    take(talk, answers[best_index(await score_branches(talk, by, answers))])
