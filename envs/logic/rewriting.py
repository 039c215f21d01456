"""String rewriting: lead a string to another one by given rules."""

import numpy as np

from gym_reason.envs.base import ReasoningEnv, Transition, check_choice, check_integer, prompt_text
from gym_reason.envs.logic.assignment import PROMPT_STYLES, REWARDS, STEP_SHARE
from gym_reason.envs.logic.derivations import distances_to_goal, draw_system, find_derivation
from gym_reason.errors import UsageError
from gym_reason.seeding import content_id
from gym_reason.text import after_thinking
from gym_reason.types import Message, Task
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.logic.answers import PuzzleError
from gym_reason.verifiers.logic.rewriting import (
    RewritingVerifier,
    System,
    apply_step,
    read_system,
    write_system,
)

MODES = ("steps", "derivation")
"""What an action is: one application of a rule, or all of them."""
MAX_RULES, MAX_LETTERS, MAX_LENGTH, MAX_LEAST = 6, 4, 12, 8
"""Largest settings."""


class Rewriting(ReasoningEnv):
    """Lead a string to a goal with rules that replace a part of it.

    An action is a step, `2@3`: rule 2 at the third letter, thoughts in front of it aside. The
    observation is the puzzle and the string as it is now. A step that does not apply changes
    nothing, costs a turn, and the observation says why. The episode ends at the goal, where the
    verifier judges the whole derivation. With the mode `derivation`, the one action is all of it,
    `2@3 1@1`.

    The dense reward is a potential: half of the total times how much nearer the goal is than it was
    at the start, which is taken back with every step away from it, and the goal pays the other
    half.
    """

    def __init__(
        self,
        *,
        steps: int = 3,
        rules: int = 3,
        letters: int = 2,
        length: int = 5,
        shortest: bool = False,
        mode: str = "steps",
        reward: str = "sparse",
        prompt_style: str = "question",
        verifier: Verifier | str | None = None,
        split: str = "train",
        max_turns: int | None = None,
        gamma: float = 1.0,
        render_mode: str | None = None,
    ) -> None:
        """Make the environment.

        Args:
            steps: The least number of steps to the goal, from 1 to 8.
            rules: How many rules there are, from 1 to 6.
            letters: How many letters there are, from 2 to 4.
            length: Length of the first string, from 3 to 12.
            shortest: Whether only a derivation of the least length passes.
            mode: `steps` for one step an action, `derivation` for all of them in one.
            reward: `sparse`, or `dense` with steps.
            prompt_style: `question` or `bare`.
            verifier: What scores a derivation; None for `rewriting`.
            split: `train`, `test` or `all`.
            max_turns: Actions after which an episode is truncated; None for one derivation, or
                twice the least number of steps and two more.
            gamma: Discount of the MDP.
            render_mode: `ansi` or None.

        Raises:
            UsageError: For a value out of range.
        """
        self.steps = check_integer("steps", steps, 1, MAX_LEAST)
        self.rules = check_integer("rules", rules, 1, MAX_RULES)
        self.letters = check_integer("letters", letters, 2, MAX_LETTERS)
        self.length = check_integer("length", length, 3, MAX_LENGTH)
        self.shortest = bool(shortest)
        self.mode = check_choice("mode", mode, MODES)
        self.reward = check_choice("reward", reward, REWARDS)
        self.prompt_style = check_choice("prompt_style", prompt_style, PROMPT_STYLES)
        if reward == "dense" and mode == "derivation":
            raise UsageError("reward = 'dense' with whole derivations", "mode='steps'")
        self._turns_by_task = max_turns is None and mode == "steps"
        self._system: System | None = None
        self._string = ""
        self._steps: list[str] = []
        self._distances: dict[str, int] = {}
        self._least = 1
        super().__init__(
            verifier=verifier or RewritingVerifier(self.shortest),
            split=split,
            max_turns=1 if max_turns is None else max_turns,
            gamma=gamma,
            render_mode=render_mode,
        )

    @property
    def string(self) -> str:
        """The string of the current episode as it is now."""
        return self._string

    def sample_task(self, rng: np.random.Generator) -> Task:
        """Return a task drawn with `rng`."""
        system = draw_system(rng, self.rules, self.letters, self.length, self.steps)
        reference = write_system(system)
        return Task(
            id=content_id("rewriting", reference),
            prompt=(Message("user", self._prompt(system)),),
            reference=reference,
            difficulty=float(self.steps),
            meta={"steps": self.steps, "rules": self.rules},
        )

    def begin(self, task: Task) -> str:
        """Start with the first string. Raises UsageError for another kind of task."""
        if self.mode == "steps":
            self._system = system = _read(task)
            self._string, self._steps = system.start, []
            if self._turns_by_task or self.reward == "dense":
                self._least = system.least or len(_solve(task, system))
            if self._turns_by_task:
                self.max_turns = 2 * self._least + 2
            if self.reward == "dense":
                self._distances = distances_to_goal(system, self._least)
        return prompt_text(task)

    def transition(self, action: str) -> Transition:
        """Apply a rule, or judge a derivation."""
        if self.mode == "derivation":
            return super().transition(action)
        system = self._system
        assert system is not None
        step = (after_thinking(action) or "").strip()
        try:
            result = apply_step(system, self._string, step)
        except PuzzleError as error:
            return Transition(0.0, False, None, str(error), self._state(str(error)))
        before, self._string = self._potential(), result
        self._steps.append(step)
        if result != system.goal:
            earned = self._potential() - before
            return Transition(earned, False, None, result, self._state(""))
        verdict = self.verifier.verify(self.task, " ".join(self._steps))
        # A derivation that the verifier refuses keeps nothing of what it earned on its way.
        earned = (STEP_SHARE if verdict.correct else 0.0) - before
        if self.reward == "sparse":
            return Transition(verdict.reward, True, verdict, verdict.feedback or result)
        earned += verdict.reward * (1.0 - STEP_SHARE)
        return Transition(earned, True, verdict, verdict.feedback or result)

    def demonstrate(self, task: Task, thinking: bool = True) -> tuple[str, ...]:
        """Return the steps of a shortest derivation; all in one, its strings are the thoughts."""
        system = _read(task)
        steps = _solve(task, system)
        if self.mode == "steps":
            return steps
        return (_write(system, steps, thinking),)

    def submissions(self, task: Task) -> tuple[str, ...]:
        """Return a whole derivation with thoughts and without, whatever an action is."""
        system = _read(task)
        steps = _solve(task, system)
        return _write(system, steps, True), _write(system, steps, False)

    def wrong_action(self, task: Task) -> str:
        """Return a step that applies nowhere: a rule behind the last letter."""
        step = f"1@{len(_read(task).start) + 1}"
        return step if self.mode == "steps" else f"<think></think>{step}"

    def _potential(self) -> float:
        """Return what has been earned so far, by the distance to the goal alone."""
        if self.reward == "sparse":
            return 0.0
        distance = self._distances.get(self._string, self._least)
        return STEP_SHARE * (1.0 - distance / self._least)

    def _state(self, feedback: str) -> str:
        lines = (prompt_text(self.task), self._string, *([feedback] if feedback else []))
        return "\n".join(lines)

    def _prompt(self, system: System) -> str:
        if self.prompt_style == "bare":
            shown = write_system(system)
            return shown if self.shortest else shown.rpartition(" in ")[0]
        rules = ", ".join(
            f"{number}: {left} -> {right}" for number, (left, right) in enumerate(system.rules, 1)
        )
        limit = f" in {system.least} steps" if self.shortest else ""
        how = (
            "Write one step; then the string that it makes is shown."
            if self.mode == "steps"
            else "Reason between <think> and </think>, then write only the steps, in order, with "
            "spaces between them."
        )
        return (
            f"Lead {system.start} to {system.goal}{limit} with the rules {rules}. A step puts the "
            "right side of a rule in the place of its left side once: 2@3 is rule 2 at the third "
            f"letter. {how}"
        )


def _read(task: Task) -> System:
    try:
        return read_system(task.reference)
    except PuzzleError as error:
        raise UsageError(
            f"task {task.id} holds no rewriting system: {error}", "rules, a start and a goal"
        ) from None


def _solve(task: Task, system: System) -> tuple[str, ...]:
    steps = find_derivation(system)
    if not steps:
        raise UsageError(f"no derivation for task {task.id} is found", "a goal that can be reached")
    return steps


def _write(system: System, steps: tuple[str, ...], thinking: bool) -> str:
    strings, string = [], system.start
    for step in steps:
        string = apply_step(system, string, step)
        strings.append(string)
    return f"<think>{','.join(strings) if thinking else ''}</think>{' '.join(steps)}"
