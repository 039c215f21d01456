"""Tell what a program prints."""

from collections.abc import Sequence

import numpy as np

from gym_reason.envs.base import ReasoningEnv, check_choice, check_integer
from gym_reason.envs.code.base import PROMPT_STYLES
from gym_reason.envs.code.generator import MAX_DEPTH, TOPICS, Case, Problem, draw_problem
from gym_reason.envs.code.tree import trace, write_call
from gym_reason.envs.splits import in_split
from gym_reason.errors import EnvError, UsageError
from gym_reason.seeding import content_id
from gym_reason.types import Message, Task
from gym_reason.verifiers.base import Verifier

MAX_OUTPUT_CHARS = 60
"""Longest output that is asked for."""

_TRIES = 100


class CodeOutput(ReasoningEnv):
    """Tell what a short program prints. No program is run: the output is known by construction.

    The answer is compared as text, spaces around it aside. Programs are drawn as for the other
    environments here, so the problems of a split are the same.
    """

    def __init__(
        self,
        *,
        topic: str = "mixed",
        depth: int = 2,
        largest: int | None = None,
        prompt_style: str = "question",
        verifier: Verifier | str = "exact",
        split: str = "train",
        max_turns: int = 1,
        gamma: float = 1.0,
        render_mode: str | None = None,
    ) -> None:
        """Make the environment.

        Args:
            topic: `lists`, `strings`, `formulas`, `arithmetic`, `recursion` or `mixed`.
            depth: Operations of a program, from 1 to 6.
            largest: Largest number, without its sign, among the arguments, the values on the way
                and the output, from 9 up; None for any.
            prompt_style: `bare`, the program alone, or `question`.
            verifier: What compares the answer with the output.
            split: `train`, `test` or `all`.
            max_turns: Actions after which an episode is truncated.
            gamma: Discount of the MDP.
            render_mode: `ansi` or None.

        Raises:
            UsageError: For a value out of range.
        """
        self.topic = check_choice("topic", topic, list(TOPICS))
        self.depth = check_integer("depth", depth, 1, MAX_DEPTH)
        self.largest = None if largest is None else check_integer("largest", largest, 9, 10**9)
        self.prompt_style = check_choice("prompt_style", prompt_style, PROMPT_STYLES)
        super().__init__(
            verifier=verifier,
            split=split,
            max_turns=max_turns,
            gamma=gamma,
            render_mode=render_mode,
        )

    def sample_task(self, rng: np.random.Generator) -> Task:
        """Return a program and its output, drawn with `rng` alone, from any split."""
        return self._draw(rng, "all")

    def draw_task(self, rng: np.random.Generator) -> Task:
        """Return a program and its output of `self.split`, drawn with `rng`."""
        return self._draw(rng, self.split)

    def demonstrate(self, task: Task, thinking: bool = True) -> tuple[str, ...]:
        """Return the output, after the value of each variable or empty thoughts."""
        values = task.meta.get("values")
        if not isinstance(values, str):
            raise UsageError(f"task {task.id} holds no trace", "values in its meta")
        return (f"<think>{values if thinking else ''}</think>{task.reference}",)

    def wrong_action(self, task: Task) -> str:
        """Return the output with one more character, or the other truth value."""
        return {"True": "False", "False": "True"}.get(task.reference, f"{task.reference}0")

    def _draw(self, rng: np.random.Generator, split: str) -> Task:
        for _ in range(_TRIES):
            problem = draw_problem(
                rng, self.topic, self.depth, 1, 4, lambda name: in_split(name, split)
            )
            cases = [case for case in problem.tests if self._is_asked_for(problem, case)]
            if cases:
                return self._make_task(problem, cases[int(rng.random() * len(cases))])
        raise EnvError("no program whose output may be asked for", "a larger limit of its numbers")

    def _is_asked_for(self, problem: Problem, case: Case) -> bool:
        if not _is_printable(case) or self.largest is None:
            return _is_printable(case)
        results: Sequence[object] = trace(problem.program, case.arguments)
        return all(_size(value) <= self.largest for value in (*case.arguments, *results))

    def _make_task(self, problem: Problem, case: Case) -> Task:
        program = f"{problem.solution}\n\nprint({write_call(case.arguments)})\n"
        text = program
        if self.prompt_style == "question":
            text = (
                f"What does this program print?\n\n```python\n{program}```\n\n"
                "Reason between <think> and </think>, then write the output alone."
            )
        names = problem.program.names[len(case.arguments) :]
        results: Sequence[object] = trace(problem.program, case.arguments)
        values = [f"{name} = {value!r}" for name, value in zip(names, results, strict=True)]
        return Task(
            id=f"{problem.id}-{content_id(program)[:8]}",
            prompt=(Message("user", text),),
            reference=str(case.result),
            difficulty=float(self.depth),
            meta={"values": "\n".join(values)},
        )


def _is_printable(case: Case) -> bool:
    text = str(case.result)
    return 0 < len(text) <= MAX_OUTPUT_CHARS and text == text.strip()


def _size(value: object) -> int:
    """Return the largest number in a value, without its sign."""
    if isinstance(value, int):
        return abs(value)
    return max(map(_size, value), default=0) if isinstance(value, list) else 0
