"""Responses and what a verifier says of them: played in an environment, or read from a file."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gym_reason.agents.base import Action, Agent
from gym_reason.agents.conversation import ChatEncoder, Conversation
from gym_reason.envs.base import unwrap
from gym_reason.evaluate.play import EPISODES_AT_ONCE
from gym_reason.registry import make
from gym_reason.rollout import AgentFactory, EnvPool, EpisodeLimits, TextEnv, run_groups
from gym_reason.seeding import content_id, derive_seed
from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.data.examples import BROKEN, read_prompt
from gym_reason.trainers.data.files import Line, is_valid_text, read_table
from gym_reason.trainers.data.rejection import Candidate
from gym_reason.types import Message, Task, Trajectory
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.pool import VerifierPool

FIELDS = ("id", "prompt", "response", "reference", "meta")
"""What a row to be judged is read from, and `--field` may name a column for."""


class _Transcript:
    """Remembers what an agent had before it, by the seed of its turn: no two turns share one."""

    def __init__(self) -> None:
        self.before: dict[int, tuple[Message, ...]] = {}

    def watch(self, agent: Agent) -> Agent:
        return _Watched(agent, self)

    def prompt_of(self, trajectory: Trajectory) -> tuple[Message, ...]:
        """Return all that came before the last action of an episode."""
        seed = derive_seed(trajectory.seed, "turn", len(trajectory.turns) - 1)
        return self.before.get(seed, trajectory.task.prompt)


class _Watched:
    """An agent whose conversation is noted before each of its actions."""

    def __init__(self, agent: Agent, transcript: _Transcript) -> None:
        self._agent = agent
        self._transcript = transcript

    async def act(self, conversation: Conversation, seed: int) -> Action:
        """Return the agent's action."""
        self._transcript.before[seed] = conversation.messages
        return await self._agent.act(conversation, seed)


def make_envs(env_id: str, kwargs: Mapping[str, object], pool: VerifierPool | None) -> EnvPool:
    """Return environments whose submissions the pool judges; None leaves them their own verifier.

    A step then waits for another process, so it runs beside the others.
    """

    def make_one() -> TextEnv:
        env = make(env_id, **kwargs)
        if pool is not None:
            inner: Any = unwrap(env)
            inner.verifier, inner.heavy = pool, True
        return env

    return EnvPool(make_one)


def verifier_of(env_id: str, kwargs: Mapping[str, object]) -> Verifier:
    """Return the verifier of an environment."""
    env = make(env_id, **kwargs)
    try:
        return unwrap(env).verifier
    finally:
        env.close()


def play_candidates(
    envs: EnvPool,
    agent_for: AgentFactory,
    encoder: ChatEncoder | None,
    tasks: Sequence[Task],
    samples: int,
    seed: int,
    on_episode: Callable[[Trajectory], None] | None = None,
) -> Iterator[Candidate]:
    """Yield the last actions of `samples` episodes on each task, in order.

    A task's draws derive from its id and `seed`.
    """
    chunk = max(EPISODES_AT_ONCE // samples, 1)
    for start in range(0, len(tasks), chunk):
        part = tasks[start : start + chunk]
        seeds = [derive_seed(seed, task.id) for task in part]
        transcript = _Transcript()
        groups = asyncio.run(
            run_groups(
                envs,
                lambda env, task, t=transcript: t.watch(agent_for(env, task)),  # type: ignore[misc]
                part,
                samples,
                seeds,
                encoder,
                EpisodeLimits(),
                on_episode,
            )
        )
        for group in groups:
            for number, trajectory in enumerate(group.trajectories, 1):
                yield _candidate(trajectory, number, transcript)


def _candidate(trajectory: Trajectory, number: int, transcript: _Transcript) -> Candidate:
    turns, task = trajectory.turns, trajectory.task
    last = turns[-1].completion if turns else None
    return Candidate(
        where=f"task {task.id}, sample {number}",
        task_id=task.id,
        prompt=transcript.prompt_of(trajectory),
        response=turns[-1].action if turns else "",
        verdict=trajectory.verdict if trajectory.scorable else None,
        cut_off=last is not None and last.finish_reason == "length",
        row={"reference": task.reference},
    )


def judge_file(
    path: Path,
    columns: Mapping[str, str],
    pool: VerifierPool,
    log: DropLog,
    on_row: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Candidate]:
    """Yield the judged responses of a file; rows without any go into `log`.

    A row holds `response`, or `responses` with several, and what the verifier needs: `reference`
    and, in other columns, whatever it reads. Rows with one `id`, or where they have none with one
    prompt and reference, answer the same task.
    """
    items: list[tuple[str, Task, str, Mapping[str, Any]]] = []
    for line in read_table(path):
        try:
            items += _read_items(line, columns)
        except ValueError as error:
            log.add(line.where, BROKEN, line.row, str(error))
    verdicts = pool.verify_many((task, response) for _, task, response, _ in items)
    for done, ((where, task, response, row), verdict) in enumerate(
        zip(items, verdicts, strict=True), 1
    ):
        on_row(done, len(items))
        yield Candidate(where, task.id, task.prompt, response, verdict, row=row)


def _read_items(
    line: Line, columns: Mapping[str, str]
) -> list[tuple[str, Task, str, Mapping[str, Any]]]:
    """Return the responses of a row and the task that they answer. Raises ValueError."""
    if line.problem:
        raise ValueError(line.problem)
    names = {name: columns.get(name, name) for name in FIELDS}
    for column in columns.values():
        if column not in line.row:
            raise ValueError(f"no column {column!r}")
    prompt = read_prompt(line.row.get(names["prompt"]))
    reference = _as_text(line.row.get(names["reference"]))
    several = line.row.get("responses")
    responses: list[Any] = (
        several if isinstance(several, list) else [line.row.get(names["response"])]
    )
    if not all(isinstance(response, str) for response in responses):
        raise ValueError(f"no text in the column {names['response']!r}")
    if not all(map(is_valid_text, (*responses, *(m.content for m in prompt)))):
        raise ValueError("a text that is not valid Unicode")
    taken = {*names.values(), "responses", "messages"}
    others = {key: value for key, value in line.row.items() if key not in taken}
    own = line.row.get(names["meta"])
    identity = line.row.get(names["id"])
    task = Task(
        id=str(identity)
        if identity is not None
        else content_id(reference, *(m.content for m in prompt)),
        prompt=prompt,
        reference=reference,
        meta={**others, **(own if isinstance(own, dict) else {})},
    )
    row = {**others, "reference": line.row.get(names["reference"])}
    return [(line.where, task, response, row) for response in responses]


def _as_text(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)
