"""Environments around another library's world: reset by a seed, changed by texts."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gym_reason.envs.base import ReasoningEnv, Transition, prompt_text
from gym_reason.errors import EnvError, UsageError
from gym_reason.seeding import content_id
from gym_reason.text import after_thinking
from gym_reason.types import Message, Outcome, Task, Verdict

MAX_SEED = 2**31 - 1


@dataclass(frozen=True, slots=True)
class WorldStep:
    """What a world answers to an action."""

    text: str
    """What it shows."""
    reward: float
    """Reward of the action."""
    terminated: bool = False
    """The episode is over."""
    truncated: bool = False
    """The world cut the episode."""
    solved: bool | None = None
    """What the world says of success; None to judge by the return."""
    valid: bool = True
    """Whether the action could be read."""


class World(Protocol):
    """A game or an environment of another library."""

    def reset(self, seed: int) -> str:
        """Start anew and return what is shown: the same for the same seed."""
        ...

    def step(self, action: str) -> WorldStep:
        """Return what follows an action."""
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...


class WorldEnv(ReasoningEnv):
    """Acts in a world. A task is a seed, its prompt what the world then shows.

    An episode is solved where the world says so, or else where it ended with a return of at least
    `solved_at`. Thoughts before `</think>` are cut from an action. Nothing is known of how to solve
    a task: there are no demonstrations.
    """

    heavy = True
    max_length = 131_072

    def __init__(
        self,
        world: World,
        name: str,
        open_world: Callable[[], World],
        *,
        system: str = "",
        solved_at: float = 1.0,
        split: str = "train",
        max_turns: int = 100,
        gamma: float = 1.0,
        render_mode: str | None = None,
    ) -> None:
        """Keep the world; see the subclasses for the arguments."""
        self.world = world
        self.world_name = name
        self.system = system
        self.solved_at = float(solved_at)
        self._return = 0.0
        self._cut = False
        super().__init__(
            verifier=ReplayVerifier(open_world, self.solved_at),
            split=split,
            max_turns=max_turns,
            gamma=gamma,
            render_mode=render_mode,
        )

    def sample_task(self, rng: np.random.Generator) -> Task:
        """Return the task of a seed drawn with `rng`."""
        return self.make_task(int(rng.integers(MAX_SEED)))

    def make_task(self, seed: int) -> Task:
        """Return the task of a seed; its name depends on what the world shows at first."""
        shown = self.world.reset(seed)
        # Where every seed begins alike, the seed is what tells tasks apart.
        return Task(
            id=content_id(self.world_name, shown, str(seed)),
            prompt=(
                *((Message("system", self.system),) if self.system else ()),
                Message("user", shown),
            ),
            reference="",
            meta={"world": self.world_name, "seed": seed},
        )

    def begin(self, task: Task) -> str:
        """Start the world. Raises EnvError where it does not show what the task says."""
        shown = self.world.reset(_read_seed(task))
        if shown != task.prompt[-1].content:
            raise EnvError(
                f"{self.world_name} shows another start for the seed of task {task.id}",
                "a world that its seed decides",
            )
        self._return, self._cut = 0.0, False
        return prompt_text(task)

    def transition(self, action: str) -> Transition:
        """Return what the world answers; the verdict comes with the end."""
        step = self.world.step(after_thinking(action) or "")
        self._return += step.reward
        self._cut = step.truncated
        over = step.terminated or step.truncated or not step.valid
        verdict = judge(step, self._return, self.solved_at) if over else None
        ended = step.terminated or not step.valid
        return Transition(step.reward, ended, verdict, step.text)

    def demonstrate(self, task: Task, thinking: bool = True) -> tuple[str, ...]:
        """Raise UsageError: nobody knows how."""
        del thinking
        raise UsageError(
            f"no demonstration of task {task.id} of {self.world_name} is known",
            "an environment that can play itself",
        )

    def close(self) -> None:
        """Close the world."""
        self.world.close()
        super().close()

    def _is_spent(self) -> bool:
        return self._cut or super()._is_spent()


class ReplayVerifier:
    """Plays the actions of a submission, a JSON list of texts, in a world of its own."""

    name = "replay"

    def __init__(self, open_world: Callable[[], World], solved_at: float) -> None:
        """Keep how to open a world, and the return from which on an episode is solved."""
        self._open_world = open_world
        self._solved_at = solved_at

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on the whole episode."""
        actions = _read_actions(submission)
        if actions is None:
            return Verdict(0.0, False, Outcome.INVALID, feedback="not a JSON list of texts")
        try:
            world = self._open_world()
            try:
                return self._play(world, _read_seed(task), actions)
            finally:
                world.close()
        except Exception as error:  # A world is anybody's code.
            detail = f"the world failed: {type(error).__name__}: {error}"
            return Verdict(0.0, False, Outcome.UNSCORABLE, detail=detail)

    def _play(self, world: World, seed: int, actions: Sequence[str]) -> Verdict:
        world.reset(seed)
        total = 0.0
        for action in actions:
            step = world.step(after_thinking(action) or "")
            total += step.reward
            if step.terminated or step.truncated or not step.valid:
                return judge(step, total, self._solved_at)
        return Verdict(total, False, Outcome.FAIL, feedback="the episode goes on")


def judge(step: WorldStep, total: float, solved_at: float) -> Verdict:
    """Return the verdict on an episode by its last step and its return."""
    if not step.valid:
        return Verdict(total, False, Outcome.INVALID, feedback=step.text)
    solved = step.solved
    if solved is None:
        solved = step.terminated and total >= solved_at
    return Verdict(total, solved, Outcome.PASS if solved else Outcome.FAIL, feedback=step.text)


def _read_seed(task: Task) -> int:
    seed = task.meta.get("seed")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        raise UsageError(f"seed = {seed!r} in the meta of task {task.id}", "a whole number")
    return seed


def _read_actions(submission: str) -> list[str] | None:
    try:
        actions = json.loads(submission)
    except (ValueError, RecursionError):
        return None
    if not isinstance(actions, list) or not all(isinstance(action, str) for action in actions):
        return None
    return actions
