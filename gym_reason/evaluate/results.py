"""What became of one episode, in one short line: no text but the answer, no tokens."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gym_reason.errors import DataError
from gym_reason.text import THINK_CLOSE, shorten
from gym_reason.types import StopReason, Trajectory
from gym_reason.verifiers.steps.vote import find_answers

NO_ROOM = "no_room"
"""Outcome of an episode whose prompt left the policy no token to answer with."""
LONGEST_ANSWER = 200
LONGEST_ENDING = 4000
"""Most characters, at the end of what was said, in which the answer is looked for."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """Who acted where: what an evaluation has one summary for."""

    env: str
    """The environment."""
    policy: str
    """The policy."""
    agent: str = "answer"
    """The agent around it."""

    @property
    def name(self) -> str:
        """The policy, with the agent around it where that is not the plain one."""
        return self.policy if self.agent in ("", "answer") else f"{self.policy}, {self.agent}"


@dataclass(frozen=True, slots=True)
class EpisodeResult:
    """What became of one episode."""

    who: Contestant
    """Who acted where."""
    key: str
    """The task's content."""
    task_id: str
    """The task's name."""
    sample: int
    """Number of the episode among those of its task, from 0."""
    correct: bool | None
    """Whether it solved the task; None where our side failed to judge it."""
    reward: float
    """Its return; no figure counts that of an episode that could not be judged."""
    tokens: int
    """How many tokens the policy emitted."""
    outcome: str
    """How it was judged: see `outcome_of`."""
    truncated: bool
    """Whether a limit on tokens cut what the policy said."""
    seconds: float
    """Wall-clock time."""
    rounds: tuple[bool, ...]
    """Whether each answer of a loop was right, the last one among them; one alone where the agent
    did not better its answer."""
    answer: str
    """What it answered in the end, shortened; empty where no answer was found."""
    likelihood: float | None
    """Mean log-probability of its last turn's tokens; None where no policy spoke."""
    thought: bool
    """Whether a thought was ended on the way."""
    error: str
    """What broke on our side."""
    prompt: str
    """The end of what was asked, shortened, for people."""


def result_of(who: Contestant, key: str, sample: int, trajectory: Trajectory) -> EpisodeResult:
    """Return what became of an episode."""
    turns = trajectory.turns
    action = turns[-1].action if turns else ""
    completions = [turn.completion for turn in turns if turn.completion is not None]
    last = completions[-1] if completions else None
    answer = find_answers([action[-LONGEST_ENDING:]], "lenient")[0]
    return EpisodeResult(
        who=who,
        key=key,
        task_id=trajectory.task.id,
        sample=sample,
        correct=trajectory.correct if trajectory.scorable else None,
        reward=trajectory.ret,
        tokens=trajectory.completion_tokens,
        outcome=outcome_of(trajectory),
        truncated=last is not None and last.finish_reason == "length" and not trajectory.correct,
        seconds=trajectory.seconds,
        rounds=judged_rounds(trajectory),
        answer=shorten(answer or "", LONGEST_ANSWER),
        likelihood=sum(last.logprobs) / len(last.logprobs) if last and last.logprobs else None,
        thought=any(THINK_CLOSE in turn.action for turn in turns),
        error=shorten(str(trajectory.meta.get("error", "")), LONGEST_ANSWER),
        prompt=shorten(trajectory.task.prompt[-1].content if trajectory.task.prompt else "", 120),
    )


def judged_rounds(trajectory: Trajectory) -> tuple[bool, ...]:
    """Return whether each answer was right that an agent had in its last turn, oldest first."""
    judged: list[bool] = []
    for turn in trajectory.turns:
        if turn.info.get("round"):
            judged.append(turn.verdict is not None and turn.verdict.correct)
        elif turn is not trajectory.turns[-1]:
            judged.clear()
    return (*judged, trajectory.correct)


def outcome_of(trajectory: Trajectory) -> str:
    """Return how an episode was judged: the outcome of its verdict.

    The stop reason stands in where there is no verdict or it does not count, and `no_room` where
    the prompt left the policy no token to answer with.
    """
    if trajectory.stop_reason in (StopReason.ENV_ERROR, StopReason.TIMEOUT):
        return str(trajectory.stop_reason)
    last = trajectory.turns[-1].completion if trajectory.turns else None
    if last is not None and not last.token_ids and not trajectory.correct:
        return NO_ROOM
    verdict = trajectory.verdict
    return str(verdict.outcome if verdict is not None else trajectory.stop_reason)


def result_row(result: EpisodeResult) -> dict[str, Any]:
    """Return a result as a flat row of `results.jsonl`."""
    who = result.who
    row = {name: getattr(result, name) for name in EpisodeResult.__dataclass_fields__}
    del row["who"]
    return {"env": who.env, "policy": who.policy, "agent": who.agent, **row}


def read_result(row: Mapping[str, Any]) -> EpisodeResult:
    """Return the result that a row of `results.jsonl` holds. Raises DataError."""
    try:
        correct = row["correct"]
        if not (correct is None or isinstance(correct, bool)):
            raise TypeError(f"correct = {correct!r}")
        return EpisodeResult(
            who=Contestant(str(row["env"]), str(row["policy"]), str(row["agent"])),
            key=str(row["key"]),
            task_id=str(row["task_id"]),
            sample=int(row["sample"]),
            correct=correct,
            reward=float(row["reward"]),
            tokens=int(row["tokens"]),
            outcome=str(row["outcome"]),
            truncated=bool(row["truncated"]),
            seconds=float(row["seconds"]),
            rounds=tuple(map(bool, row["rounds"])),
            answer=str(row["answer"]),
            likelihood=None if row["likelihood"] is None else float(row["likelihood"]),
            thought=bool(row["thought"]),
            error=str(row["error"]),
            prompt=str(row["prompt"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"a row is no result ({error!r})", "a line of results.jsonl") from None
