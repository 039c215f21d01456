"""The answers that an agent had before its last one, as turns of a trajectory."""

import dataclasses
from collections.abc import Sequence

from gym_reason.agents.base import Round
from gym_reason.types import Turn, Verdict


def round_turn(observation: str, one: Round, verdict: Verdict | None) -> Turn:
    """Return an answer as a turn that the environment never saw, without a reward."""
    return Turn(
        observation=observation,
        action=one.text,
        completion=one.completion,
        reward=0.0,
        verdict=verdict,
        terminated=False,
        truncated=False,
        info={"heard": one.heard, "round": True},
    )


def credit_rounds(before: Sequence[Turn], last: Turn, improvement: bool) -> list[Turn]:
    """Return the turns of a loop with their rewards, which sum to that of the last one.

    With `improvement`, the first answer earns its score and each later one what it is better than
    the one before; an answer that could not be judged counts like the one before it. Otherwise the
    last one earns all.
    """
    if not improvement or not before:
        return [*before, last]
    turns: list[Turn] = []
    score = 0.0
    for turn in before:
        verdict = turn.verdict
        reached = score if verdict is None else verdict.reward
        turns.append(dataclasses.replace(turn, reward=reached - score))
        score = reached
    return [*turns, dataclasses.replace(last, reward=last.reward - score)]
