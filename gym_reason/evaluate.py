"""Evaluation: how often an agent solves the tasks of an environment, with how sure we are of it."""

import asyncio
import json
import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gym_reason.agents.conversation import ChatEncoder
from gym_reason.errors import DataError, RunError, UsageError
from gym_reason.records import dump_line, explain_os_errors, read_jsonl, write_atomic
from gym_reason.rollout import AgentFactory, EnvPool, EpisodeLimits, run_groups
from gym_reason.seeding import derive_seed
from gym_reason.stats import pass_at_k, wilson_interval
from gym_reason.types import Group, Json, StopReason, Task, Trajectory

EPISODES_AT_ONCE = 512
NO_ROOM = "no_room"
"""Outcome of an episode whose prompt left the policy no token to answer with."""


@dataclass(frozen=True, slots=True)
class TaskResult:
    """All episodes on one task."""

    task_id: str
    """The task."""
    prompt: str
    """Its last message, for people who read the file."""
    reference: str
    """Its reference."""
    correct: tuple[bool, ...]
    """One for each episode that could be scored."""
    rewards: tuple[float, ...]
    """Their returns."""
    tokens: tuple[int, ...]
    """Tokens that the policy emitted in each."""
    outcomes: tuple[str, ...]
    """How each episode, unscorable ones too, was judged: see `outcome_of`."""
    actions: tuple[str, ...]
    """Last action of each."""
    rounds: tuple[tuple[bool, ...], ...] = ()
    """For each episode that could be scored, whether each answer of a loop was right, the last one
    among them; one alone where the agent did not better its answer."""


@dataclass(frozen=True, slots=True)
class EvalSummary:
    """What an evaluation found."""

    env: str
    """The environment."""
    policy: str
    """Who acted."""
    tasks: int
    """How many tasks."""
    samples: int
    """Episodes a task."""
    accuracy: float
    """Mean over tasks of the share of right episodes."""
    interval: tuple[float, float]
    """95% interval of the accuracy over tasks."""
    pass_at: dict[str, float] = field(default_factory=dict)
    """Unbiased pass@k for each k asked for."""
    reward: float = 0.0
    """Mean return."""
    tokens: float = 0.0
    """Mean tokens of an episode."""
    rounds: tuple[float, ...] = ()
    """Accuracy of the first answer, of the second and so on; an episode that stopped counts with
    its last one. One entry where no agent bettered its answer."""
    fixed: float = 0.0
    """Share of the episodes whose first answer was wrong that end with a right one."""
    broken: float = 0.0
    """Share of the episodes whose first answer was right that end with a wrong one."""
    outcomes: dict[str, int] = field(default_factory=dict)
    """How many episodes ended in each outcome."""
    unscorable: int = 0
    """Episodes that our side failed to judge; they count neither for nor against."""
    without_room: int = 0
    """Episodes, counted as wrong, whose prompt left the policy no token to answer with."""
    unreadable: int = 0
    """Tasks with characters that the policy's tokenizer has no token for."""
    repeated: int = 0
    """Tasks that were left out because another one is the same."""
    oracle: bool = False
    """Whether the agent heard the reference: no fair comparison for one that did not."""
    seconds: float = 0.0
    """Time spent."""


def evaluate_tasks(
    envs: EnvPool,
    agent_for: AgentFactory,
    tasks: Sequence[Task],
    samples: int,
    seed: int,
    encoder: ChatEncoder | None,
    limits: EpisodeLimits,
    on_episode: Callable[[Trajectory], None] | None = None,
) -> Iterable[TaskResult]:
    """Yield the result of each task, in order, a bounded number of episodes at a time.

    A task's draws derive from its id, so they are the same wherever an interrupted evaluation goes
    on.
    """
    chunk = max(EPISODES_AT_ONCE // samples, 1)
    for start in range(0, len(tasks), chunk):
        part = tasks[start : start + chunk]
        seeds = [derive_seed(seed, task.id) for task in part]
        groups = asyncio.run(
            run_groups(envs, agent_for, part, samples, seeds, encoder, limits, on_episode)
        )
        yield from map(summarise_group, groups)


def summarise_group(group: Group) -> TaskResult:
    """Return the result of the episodes on one task."""
    scorable = [trajectory for trajectory in group.trajectories if trajectory.scorable]
    return TaskResult(
        task_id=group.task.id,
        prompt=group.task.prompt[-1].content,
        reference=group.task.reference,
        correct=tuple(trajectory.correct for trajectory in scorable),
        rewards=tuple(trajectory.ret for trajectory in scorable),
        tokens=tuple(trajectory.completion_tokens for trajectory in scorable),
        outcomes=tuple(map(outcome_of, group.trajectories)),
        actions=tuple(t.turns[-1].action if t.turns else "" for t in group.trajectories),
        rounds=tuple(judged_rounds(trajectory) for trajectory in scorable),
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


def summarise(
    env: str,
    policy: str,
    results: Sequence[TaskResult],
    samples: int,
    ks: Sequence[int],
    started: float,
) -> EvalSummary:
    """Return the summary of all tasks.

    Args:
        env: The environment's id.
        policy: Who acted.
        results: One for each task.
        samples: Episodes a task that were asked for.
        ks: The k of pass@k; a task with fewer scorable episodes than k is left out of that figure.
        started: `time.monotonic()` when it began.
    """
    scored = [result for result in results if result.correct]
    if results and not scored:
        raise RunError(f"none of the episodes of {len(results)} problems could be scored")
    means = [sum(result.correct) / len(result.correct) for result in scored]
    pass_at = {}
    for k in ks:
        enough = [r for r in scored if len(r.correct) >= k]
        values = [pass_at_k(len(r.correct), sum(r.correct), k) for r in enough]
        if values:
            pass_at[str(k)] = sum(values) / len(values)
    rewards = [reward for result in results for reward in result.rewards]
    tokens = [count for result in results for count in result.tokens]
    outcomes = Counter(outcome for result in results for outcome in result.outcomes)
    episodes = [judged for result in results for judged in result.rounds]
    longest = max(map(len, episodes), default=0)
    return EvalSummary(
        env=env,
        policy=policy,
        tasks=len(results),
        samples=samples,
        accuracy=sum(means) / len(means) if means else 0.0,
        interval=interval_over_tasks(means),
        pass_at=pass_at,
        reward=sum(rewards) / len(rewards) if rewards else 0.0,
        tokens=sum(tokens) / len(tokens) if tokens else 0.0,
        rounds=tuple(
            _share([judged[min(at, len(judged) - 1)] for judged in episodes])
            for at in range(longest)
        ),
        fixed=_share([judged[-1] for judged in episodes if not judged[0]]),
        broken=_share([not judged[-1] for judged in episodes if judged[0]]),
        outcomes=dict(sorted(outcomes.items())),
        unscorable=sum(len(r.outcomes) - len(r.correct) for r in results),
        without_room=outcomes[NO_ROOM],
        seconds=round(time.monotonic() - started, 2),
    )


def _share(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else 0.0


def compare_results(
    first: Sequence[TaskResult], second: Sequence[TaskResult]
) -> tuple[float, tuple[float, float]]:
    """Return by how much the second agent is better on the same tasks, with a 95% interval.

    The difference is taken task by task, which takes out how hard the tasks are. Tasks that either
    could not be scored on are left out. Without two tasks nothing is known: (-1, 1).

    Source: E. Miller, "Adding Error Bars to Evals", arXiv 2411.00640, section 4.2.
    """
    other = {result.task_id: result for result in second if result.correct}
    differences = [
        _share(other[result.task_id].correct) - _share(result.correct)
        for result in first
        if result.correct and result.task_id in other
    ]
    count = len(differences)
    mean = sum(differences) / count if count else 0.0
    if count < 2:
        return mean, (-1.0, 1.0)
    variance = sum((value - mean) ** 2 for value in differences) / (count - 1)
    half = 1.96 * math.sqrt(variance / count)
    return mean, (max(mean - half, -1.0), min(mean + half, 1.0))


def interval_over_tasks(means: Sequence[float]) -> tuple[float, float]:
    """Return the 95% interval of the mean of per-task accuracies.

    Episodes on one task are no independent trials, so the spread is taken over tasks. Where each
    task is all right or all wrong that is a binomial proportion, and Wilson's interval is the
    better one.

    Source: E. Miller, "Adding Error Bars to Evals", arXiv 2411.00640, section 2.2.
    """
    count = len(means)
    if count == 0:
        return (0.0, 1.0)
    mean = sum(means) / count
    if all(value in (0.0, 1.0) for value in means) or count == 1:
        return wilson_interval(round(mean * count), count)
    variance = sum((value - mean) ** 2 for value in means) / (count - 1)
    if variance == 0.0:
        return wilson_interval(round(mean * count), count)
    half = 1.96 * math.sqrt(variance / count)
    return (max(mean - half, 0.0), min(mean + half, 1.0))


class ResultFile:
    """The results of an evaluation as JSON lines, one a task, to go on with after a crash."""

    def __init__(self, path: Path) -> None:
        """Use `path`; nothing is read or written yet."""
        self._path = path

    def read(self) -> list[TaskResult]:
        """Return the results that are there, and drop a last line that a crash cut short.

        Raises DataError where a line is no result.
        """
        if not self._path.exists():
            return []
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            with explain_os_errors(self._path):
                os.truncate(self._path, len(whole))
        try:
            return [_read_result(row) for _, row in read_jsonl(self._path)]
        except TypeError as error:
            raise DataError(
                f"{self._path} holds something else: {error}", "results of an evaluation"
            ) from None

    def check_settings(self, settings: Mapping[str, Json]) -> None:
        """Keep what the results depend on beside them.

        Raises UsageError where results made with other settings are there, and RunError.
        """
        path = self._path.with_suffix(".settings.json")
        if path.exists() and self._path.exists():
            kept = next((row for _, row in read_jsonl(path)), {})
            for key, value in json.loads(dump_line(settings)).items():
                if kept.get(key) != value:
                    raise UsageError(
                        f"{self._path} holds results with {key} = {kept.get(key)!r}",
                        f"{key} = {value!r}",
                        "ask for the same, or name another folder",
                    )
        write_atomic(path, dump_line(settings))

    def append(self, result: TaskResult) -> None:
        """Add a result. Raises RunError."""
        with explain_os_errors(self._path), self._path.open("ab") as file:
            file.write(dump_line(result))


def _read_result(row: Mapping[str, Any]) -> TaskResult:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in row.items()
    }
    values["rounds"] = tuple(map(tuple, values.get("rounds", ())))
    return TaskResult(**values)
