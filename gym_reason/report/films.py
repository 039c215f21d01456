"""Pictures of a few episodes, for environments that have a screen: they are played again."""

import base64
import binascii
import inspect
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import gymnasium
from gymnasium.envs.registration import load_env_creator

from gym_reason.envs.base import ReasoningEnv, unwrap
from gym_reason.errors import GymReasonError
from gym_reason.registry import environments, make
from gym_reason.report.episodes import Row, is_mapping, is_solved, mappings, text_of
from gym_reason.types import Message, Task

MOST_FILMS = 2
"""Most episodes of a file that are filmed of those that were solved, and of those that were not."""
MOST_FILMS_IN_ALL = 12
"""Most episodes that are filmed."""


class Frame(NamedTuple):
    """A screen of an episode."""

    turn: int
    """The turn that acted on it, from 0; the number of turns for the screen behind the last."""
    picture: bytes
    """The screen, with what was done to it marked."""
    done: str
    """What was done, in words."""


class Camera:
    """Films the first episodes of each kind; has to be closed."""

    def __init__(self, kwargs: Mapping[str, Any]) -> None:
        """Film in environments made with `kwargs`."""
        self._kwargs = kwargs
        self._envs: dict[str, ReasoningEnv | None] = {}
        self._filmed: dict[tuple[str, bool], int] = {}
        self.problems: list[str] = []
        """Why there are no pictures, one sentence each."""

    def film(self, source: str, row: Row, env_id: str) -> list[Frame]:
        """Return the screens of an episode.

        None where its environment has no screen, or enough episodes have been filmed.
        """
        kind = source, is_solved(row) is True
        filmed = self._filmed.get(kind, 0)
        if filmed >= MOST_FILMS or sum(self._filmed.values()) >= MOST_FILMS_IN_ALL:
            return []
        env, task = self._find_env(env_id), _read_task(row["task"])
        if env is None or task is None:
            return []
        # A round is an answer that the environment never saw.
        turns = [
            (number, text_of(turn.get("action")))
            for number, turn in enumerate(mappings(row.get("turns")))
            if not (is_mapping(turn.get("info")) and turn["info"].get("round") is True)
        ]
        self._filmed[kind] = filmed + 1
        try:
            content = env.film(task, tuple(action for _, action in turns), "frames")
        except GymReasonError as error:
            problem = f"No pictures: {error}."
            if problem not in self.problems:
                self.problems.append(problem)
            return []
        return _read_frames(content, [number for number, _ in turns])

    def close(self) -> None:
        """Close the environments."""
        for env in self._envs.values():
            if env is not None:
                env.close()
        self._envs.clear()

    def _find_env(self, env_id: str) -> ReasoningEnv | None:
        if env_id not in self._envs:
            self._envs[env_id] = None
            try:
                if _has_screen(env_id):
                    self._envs[env_id] = unwrap(make(env_id, **self._kwargs))
            except GymReasonError as error:
                self.problems.append(f"No pictures: {error}.")
        return self._envs[env_id]


def _has_screen(env_id: str) -> bool:
    if not env_id or env_id not in environments:
        return False
    entry_point = gymnasium.spec(env_id).entry_point
    kind = load_env_creator(entry_point) if isinstance(entry_point, str) else entry_point
    return (
        inspect.isclass(kind)
        and issubclass(kind, ReasoningEnv)
        and kind.film is not ReasoningEnv.film
    )


def _read_frames(content: bytes, turns: list[int]) -> list[Frame]:
    frames = []
    for one in json.loads(content):
        number = one["number"]
        turn = turns[number - 1] if 1 <= number <= len(turns) else len(turns)
        try:
            picture = base64.b64decode(one["picture"], validate=True)
        except binascii.Error:
            continue
        frames.append(Frame(turn, picture, one["done"]))
    return frames


def _read_task(task: Mapping[str, Any]) -> Task | None:
    """Return a task of a file of episodes; None for one of another form."""
    match task:
        case {"id": str(task_id), "reference": str(reference), "meta": dict(meta)}:
            messages = tuple(
                Message("user", text_of(one.get("content"))) for one in mappings(task.get("prompt"))
            )
            return Task(task_id, messages, reference, 0.0, meta)
        case _:
            return None
