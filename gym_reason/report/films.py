"""Episodes as pictures, for environments that have a screen."""

import inspect
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import gymnasium
from gymnasium.envs.registration import load_env_creator

from gym_reason.envs.base import ReasoningEnv, unwrap
from gym_reason.errors import GymReasonError
from gym_reason.records import read_jsonl
from gym_reason.registry import environments, make
from gym_reason.report.markup import tag, text
from gym_reason.report.runs import RunRecord
from gym_reason.types import Message, Task

MOST_FILMS = 2
"""Most episodes that are shown of those that were solved, and of those that were not."""
MOST_READ = 400
"""Most episodes that are looked through."""

Episode = tuple[Task, tuple[str, ...], bool]
"""A task, what was done, and whether it was solved."""


def films(run: RunRecord) -> str:
    """Return a few episodes of a run as pictures; nothing where its environment has no screen."""
    if not _has_films(run.env):
        return ""
    path = _find_episodes(run.path / "trajectories")
    if path is None:
        return ""
    try:
        parts = _show(run, path)
    except GymReasonError as error:
        parts = [tag("p", text(f"No pictures: {error}."), class_="empty")]
    if not parts:
        return ""
    note = tag(
        "p", text(f"From {path.name}; each screen with what was done to it."), class_="quiet"
    )
    return tag("section", tag("h2", "Some episodes"), note, *parts, class_="films")


def _show(run: RunRecord, path: Path) -> list[str]:
    settings = run.settings.get("env")
    kwargs = settings.get("kwargs", {}) if isinstance(settings, dict) else {}
    env = unwrap(make(run.env, **(kwargs if isinstance(kwargs, dict) else {})))
    try:
        # What a film is made of is markup of ours: the environment escapes what came from outside.
        return [
            tag("div", env.film(task, actions).decode("utf-8"), class_="film-panel")
            for task, actions, _ in _choose(path)
        ]
    finally:
        env.close()


def _has_films(env_id: str) -> bool:
    if not env_id or env_id not in environments:
        return False
    entry_point = gymnasium.spec(env_id).entry_point
    kind = load_env_creator(entry_point) if isinstance(entry_point, str) else entry_point
    return (
        inspect.isclass(kind)
        and issubclass(kind, ReasoningEnv)
        and kind.film is not ReasoningEnv.film
    )


def _find_episodes(folder: Path) -> Path | None:
    """Return the file of the last measurement, or else of the last step of training."""
    held_out = [folder / f"held-out-{when}.jsonl.zst" for when in ("after", "cold_start", "before")]
    steps = sorted(folder.glob("rl-*.jsonl.zst"), reverse=True)
    ordered = [held_out[0], *steps[:1], *held_out[1:]]
    return next((path for path in ordered if path.is_file()), None)


def _choose(path: Path) -> list[Episode]:
    """Return the first episodes that were solved, and the first that were not."""
    chosen: dict[bool, list[Episode]] = {True: [], False: []}
    for episode in islice(_read(path), MOST_READ):
        some = chosen[episode[2]]
        if len(some) < MOST_FILMS:
            some.append(episode)
        if all(len(one) == MOST_FILMS for one in chosen.values()):
            break
    return [*chosen[True], *chosen[False]]


def _read(path: Path) -> Iterator[Episode]:
    for _, row in read_jsonl(path):
        episode = _read_episode(row)
        if episode is not None:
            yield episode


def _read_episode(row: Mapping[str, Any]) -> Episode | None:
    """Return an episode of a file of trajectories; None for a row of another form."""
    match row:
        case {
            "task": {
                "id": str(task_id),
                "prompt": [*prompt],
                "reference": str(reference),
                "meta": dict(meta),
            },
            "turns": [*turns],
        }:
            pass
        case _:
            return None
    messages = tuple(
        Message("user", one["content"])
        for one in prompt
        if isinstance(one, dict) and isinstance(one.get("content"), str)
    )
    steps = [turn for turn in turns if isinstance(turn, dict)]
    actions = tuple(one["action"] for one in steps if isinstance(one.get("action"), str))
    verdict = steps[-1].get("verdict") if steps else None
    solved = isinstance(verdict, dict) and verdict.get("correct") is True
    return Task(task_id, messages, reference, 0.0, meta), actions, solved
