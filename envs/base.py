"""The base class of every environment: one task an episode, text in, text out."""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, SupportsIndex

import gymnasium
import numpy as np
from gymnasium.utils import seeding

from gym_reason.envs.splits import SPLITS, check_split, in_split
from gym_reason.errors import EnvError, UsageError
from gym_reason.registry import explain_unknown
from gym_reason.seeding import derive_rng
from gym_reason.spaces import Utf8Text
from gym_reason.types import Message, Outcome, Task, Verdict
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.builtin import make_verifier

MAX_SPLIT_DRAWS = 10_000
"""Draws outside the split before it counts as empty."""

MAX_REPEAT_DRAWS = 100
"""Draws of a task that was drawn already before it is taken again."""


@dataclass(frozen=True, slots=True)
class Transition:
    """What follows an action."""

    reward: float
    """Reward of the action."""
    terminated: bool
    """Whether the MDP ends here."""
    verdict: Verdict | None = None
    """The verifier's word on the action; None where it was not asked."""
    feedback: str = ""
    """What the world says to the action; the next message of the conversation."""
    observation: str | None = None
    """The state after the action, as text; None where the feedback is all there is to see."""


class ReasoningEnv(gymnasium.Env[str, str]):
    """An MDP over one task.

    A subclass gives either `all_tasks` (a finite set) or `sample_task` (a generator), and for
    several turns `begin` and `transition`. Every `info` holds `task_id`, `verdict` (None where none
    was given) and `messages`: the task's prompt after `reset`, and after `step` what the world said
    to the action.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 1}  # noqa: RUF012
    heavy: ClassVar[bool] = False
    """Whether `step` takes long enough to be run outside an event loop."""
    shows_images: bool = False
    """Whether `illustrate` puts images into messages."""
    max_length: int = 16_384
    """Most characters of an observation or an action."""
    splits: tuple[str, ...] = SPLITS
    """The values that `split` may have."""

    def __init__(
        self,
        *,
        verifier: Verifier | str = "math",
        split: str = "train",
        max_turns: int = 1,
        gamma: float = 1.0,
        render_mode: str | None = None,
    ) -> None:
        """Make the environment.

        Args:
            verifier: What scores an answer: a verifier, or the name of one.
            split: Which tasks are drawn.
            max_turns: Actions after which an episode is truncated.
            gamma: Discount of the MDP, in (0, 1]. The environment pays undiscounted rewards.
            render_mode: `ansi` makes `render` return the transcript; None makes it return None.

        Raises:
            UsageError: For an unknown split or render mode, or a number out of range.
            UnknownNameError: For an unknown verifier.
        """
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            known = list(self.metadata["render_modes"])
            raise UsageError(*explain_unknown("render mode", str(render_mode), known))
        self.max_turns = check_integer("max_turns", max_turns, 1, 1_000_000)
        if not 0.0 < gamma <= 1.0:
            raise UsageError(f"gamma = {gamma}", "a discount above 0 and at most 1")
        self.split = check_split(split, self.splits)
        self.verifier = make_verifier(verifier)
        self.gamma = float(gamma)
        self.render_mode = render_mode
        self.observation_space = Utf8Text(self.max_length)
        self.action_space = Utf8Text(self.max_length)
        self._split_tasks: tuple[Task, ...] | None = None
        self._task: Task | None = None
        self._turns = 0
        self._over = False
        self._transcript: list[tuple[str, float, str]] = []

    # What subclasses give

    def all_tasks(self) -> Sequence[Task] | None:
        """Return every task of every split, in a stable order; None where tasks are generated."""
        return None

    def sample_task(self, rng: np.random.Generator) -> Task:
        """Return a task drawn with `rng` alone, from any split; `draw_task` keeps to the split.

        Raises EnvError where the environment has no task.
        """
        tasks = self.tasks()
        if not tasks:
            raise EnvError(f"{self._name} has no task in split {self.split!r}", "at least one")
        return tasks[int(rng.random() * len(tasks))]

    def begin(self, task: Task) -> str:
        """Start an episode of `task` and return its first observation."""
        return prompt_text(task)

    def transition(self, action: str) -> Transition:
        """Return what follows `action`, a member of the action space, in the current episode.

        One turn by default: the verifier judges the action and the episode ends.
        """
        verdict = self.verifier.verify(self.task, action)
        return Transition(verdict.reward, True, verdict, verdict.feedback)

    def demonstrate(self, task: Task, thinking: bool = True) -> tuple[str, ...]:
        """Return the actions of a perfect episode of `task`, with reasoning or without."""
        del thinking  # The reference is all that is known here.
        return (task.reference,)

    def submissions(self, task: Task) -> tuple[str, ...]:
        """Return whole texts that the verifier must pass, whatever an action is.

        The last action of a demonstration by default, with reasoning and without.
        """
        return self.demonstrate(task, True)[-1], self.demonstrate(task, False)[-1]

    def wrong_action(self, task: Task) -> str:
        """Return one action that must score less than the demonstration of `task`."""
        del task
        return "this is not the answer"

    def make_tools(self, task: Task) -> Mapping[str, Callable[[str], str]]:
        """Return what an agent may use while it works on `task`, by name, from text to text.

        A tool knows no more than the task's prompt does: never the reference. It may be called from
        another thread. `tests` runs a program on the public tests and says what fails, nothing
        where all pass; `prover` says what is wrong with a proof, nothing where it is one;
        `equations` gives a text back as far as its first false equation, with that one mended,
        nothing where all hold; `form` says why an action cannot be read, nothing where it can.
        """
        del task
        return {}

    def film(self, task: Task, actions: Sequence[str], form: str = "page") -> bytes:
        """Return an episode as pictures; nothing where there is nothing to see.

        Args:
            task: The task.
            actions: What was done.
            form: A `page` in HTML; a moving `gif`; or `frames`, a JSON list of objects with
                `number` (of the action on this screen, from 1; 0 behind the last), `picture` (a PNG
                as base64) and `done` (what was done, in words).

        Raises:
            UsageError: Where a package is missing.
            DataError: For a task that cannot be read.
        """
        del task, actions, form
        return b""

    def illustrate(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """Return messages with pictures of the present state; `step` is faster without them."""
        return messages

    def find_missing(self) -> str:
        """Return what this machine lacks for an episode, in one line; empty where nothing."""
        return ""

    # What callers use

    def tasks(self) -> Sequence[Task] | None:
        """Return every task of `self.split`, in a stable order; None where tasks are generated."""
        if self._split_tasks is None:
            everything = self.all_tasks()
            if everything is None:
                return None
            self._split_tasks = tuple(task for task in everything if in_split(task.id, self.split))
        return self._split_tasks

    @property
    def task(self) -> Task:
        """The task of the current episode. Raises EnvError before the first reset."""
        if self._task is None:
            raise EnvError(f"{self._name} has no task yet", "reset() first")
        return self._task

    def draw_task(self, rng: np.random.Generator) -> Task:
        """Return a task of `self.split` drawn with `rng`. Raises EnvError where there is none."""
        if self.split == "all" or self.tasks() is not None:
            return self.sample_task(rng)
        for _ in range(MAX_SPLIT_DRAWS):
            task = self.sample_task(rng)
            if in_split(task.id, self.split):
                return task
        raise EnvError(
            f"{self._name} has no task in split {self.split!r} ({MAX_SPLIT_DRAWS} draws)",
            "at least one",
            "use split='all' or a larger problem",
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Start an episode.

        Args:
            seed: Seed of the environment's draws.
            options: `{"task": ...}` picks the task: a Task, an index into `tasks()`, or None to
                draw one.

        Raises:
            UsageError: For an unknown option or a task that there is not.
            EnvError: Where no task can be drawn.
        """
        self._take_seed(seed)
        task = self._choose_task(options)
        self._task, self._turns, self._over, self._transcript = task, 0, False, []
        observation = self.begin(task)
        if observation not in self.observation_space:
            raise UsageError(
                f"task {task.id} shows {len(observation)} characters",
                f"a text in {self.observation_space}",
            )
        return observation, {"task_id": task.id, "verdict": None, "messages": task.prompt}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Take one action.

        Raises:
            UsageError: For an action that is no text.
            EnvError: Before the first reset and after the end of an episode.
        """
        task = self.task
        if self._over:
            raise EnvError(
                f"the episode of task {task.id} is over", "reset() before another step()"
            )
        if not isinstance(action, str):
            raise UsageError(f"an action of type {type(action).__name__}", "str")
        valid = action in self.action_space
        result = self.transition(action) if valid else self._refuse(action)
        self._turns += 1
        truncated = not result.terminated and self._is_spent()
        self._over = result.terminated or truncated
        feedback = result.feedback
        observation = feedback if result.observation is None else result.observation
        if len(observation) > self.max_length:
            observation = observation[: self.max_length]
        self._transcript.append((action, result.reward, feedback))
        info = {
            "task_id": task.id,
            "verdict": result.verdict,
            "messages": (Message("user", feedback),) if feedback else (),
        }
        return observation, result.reward, result.terminated, truncated, info

    def render(self) -> str | None:
        """Return the episode so far as text, or None without the render mode `ansi`."""
        if self.render_mode is None:
            return None
        if self._task is None:
            return ""
        lines = [f"{message.role}: {message.content}" for message in self._task.prompt]
        for action, reward, feedback in self._transcript:
            lines.append(f"action: {action}")
            lines.append(f"reward: {reward:g}" + (f" ({feedback})" if feedback else ""))
        return "\n".join(lines)

    @property
    def np_random(self) -> np.random.Generator:
        """The generator of the environment's draws, made when it is first asked for."""
        if self._np_random is None and self._np_random_seed is not None:
            self._np_random = seeding.np_random(self._np_random_seed)[0]
        return super().np_random

    @np_random.setter
    def np_random(self, value: np.random.Generator) -> None:
        self._np_random, self._np_random_seed = value, -1

    def _is_spent(self) -> bool:
        """Return whether the actions of the episode are used up."""
        return self._turns >= self.max_turns

    def _take_seed(self, seed: int | None) -> None:
        # Making a generator costs ten times the rest of a reset, and an episode whose task is given
        # seldom draws. What may be no seed is left to Gymnasium to refuse.
        if type(seed) is int and seed >= 0:
            self._np_random, self._np_random_seed = None, seed
        else:
            super().reset(seed=seed)

    @property
    def _name(self) -> str:
        return self.spec.id if self.spec is not None else type(self).__name__

    def _choose_task(self, options: dict[str, Any] | None) -> Task:
        if not options:
            return self.draw_task(self.np_random)
        for key in options:
            if key != "task":
                raise UsageError(*explain_unknown("reset option", str(key), ["task"]))
        choice = options["task"]
        if isinstance(choice, Task):
            return choice
        if choice is None:
            return self.draw_task(self.np_random)
        return self._task_at(choice)

    def _task_at(self, choice: object) -> Task:
        if isinstance(choice, bool) or not isinstance(choice, SupportsIndex):
            raise UsageError(
                f"the option task is of type {type(choice).__name__}", "a Task or an index"
            )
        index = operator.index(choice)
        tasks = self.tasks()
        if tasks is None:
            raise UsageError(
                f"task {index} of {self._name}", "a Task", "its tasks are generated, not numbered"
            )
        if not 0 <= index < len(tasks):
            raise UsageError(
                f"task {index} of {self._name}", f"an index from 0 to {len(tasks) - 1}"
            )
        return tasks[index]

    def _refuse(self, action: str) -> Transition:
        if len(action) > self.max_length:
            reason = f"the action is longer than {self.max_length} characters"
        else:
            reason = "the action is not valid Unicode"
        verdict = Verdict(reward=0.0, correct=False, outcome=Outcome.INVALID, feedback=reason)
        return Transition(0.0, True, verdict, reason)


def sample_tasks(env: gymnasium.Env[str, str], count: int, seed: int) -> tuple[Task, ...]:
    """Return `count` tasks of an environment, distinct where it has enough of them.

    Task `i` is drawn from `(seed, "task", i)`, so that more tasks begin with the fewer.
    """
    source = unwrap(env)
    chosen: list[Task] = []
    seen: set[str] = set()
    redraws = MAX_REPEAT_DRAWS
    for index in range(count):
        rng = derive_rng(seed, "task", index)
        task = source.draw_task(rng)
        for _ in range(redraws):
            if task.id not in seen:
                break
            task = source.draw_task(rng)
        if task.id in seen:
            redraws = 0  # all but the rarest have been drawn
        seen.add(task.id)
        chosen.append(task)
    return tuple(chosen)


def prompt_text(task: Task) -> str:
    """Return the prompt of a task as one text, a blank line between its messages."""
    if len(task.prompt) == 1:
        return task.prompt[0].content
    return "\n\n".join(message.content for message in task.prompt)


def unwrap(env: gymnasium.Env[Any, Any]) -> ReasoningEnv:
    """Return the ReasoningEnv inside Gymnasium's wrappers. Raises UsageError without one."""
    inner = env.unwrapped
    if not isinstance(inner, ReasoningEnv):
        raise UsageError(f"an environment of class {type(inner).__name__}", "a ReasoningEnv")
    return inner


def check_integer(name: str, value: object, low: int, high: int) -> int:
    """Return `value`. Raises UsageError unless it is an integer from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UsageError(f"{name} = {value!r}", f"a whole number from {low} to {high}")
    return value


def check_choice(name: str, value: object, known: Sequence[str]) -> str:
    """Return `value`. Raises UsageError with the nearest name unless it is one of `known`."""
    if not isinstance(value, str) or value not in known:
        raise UsageError(*explain_unknown(f"value of {name}", str(value), list(known)))
    return value
