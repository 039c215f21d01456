"""Arithmetic in one turn: a sum, a difference or a product of two numbers."""

from collections.abc import Callable, Mapping

import numpy as np

from gym_reason.envs.base import ReasoningEnv, check_choice, check_integer
from gym_reason.envs.equations import mend_first_equation
from gym_reason.envs.problems import (
    MAX_DIGITS,
    OPERATIONS,
    SYMBOLS,
    Problem,
    draw_problem,
    problem_of,
)
from gym_reason.seeding import content_id
from gym_reason.types import Message, Task
from gym_reason.verifiers.base import Verifier

PROMPT_STYLES = ("bare", "question")
"""How a problem is put."""


class Arithmetic(ReasoningEnv):
    """Compute a sum, a difference or a product.

    The prompt is `347+285=`, the answer `632`, with or without a derivation between `<think>` and
    `</think>` before it. Both operands have the same number of digits, so that prompts of one
    setting have one width.
    """

    def __init__(
        self,
        *,
        operation: str = "add",
        digits: int = 3,
        prompt_style: str = "bare",
        verifier: Verifier | str = "math:strict,plain=true",
        split: str = "train",
        max_turns: int = 1,
        gamma: float = 1.0,
        render_mode: str | None = None,
    ) -> None:
        """Make the environment.

        Args:
            operation: `add`, `subtract`, `multiply` or `mixed`.
            digits: Digits of each operand, from 1 to 9; one digit includes 0.
            prompt_style: `bare` for `347+285=`, `question` for a sentence.
            verifier: What scores an answer.
            split: `train`, `test` or `all`.
            max_turns: Actions after which an episode is truncated.
            gamma: Discount of the MDP.
            render_mode: `ansi` or None.

        Raises:
            UsageError: For a value out of range.
        """
        self.operation = check_choice("operation", operation, (*OPERATIONS, "mixed"))
        self.digits = check_integer("digits", digits, 1, MAX_DIGITS)
        self.prompt_style = check_choice("prompt_style", prompt_style, PROMPT_STYLES)
        super().__init__(
            verifier=verifier,
            split=split,
            max_turns=max_turns,
            gamma=gamma,
            render_mode=render_mode,
        )

    def sample_task(self, rng: np.random.Generator) -> Task:
        """Return a task drawn with `rng`."""
        return problem_task(
            draw_problem(rng, self.operation, self.digits), self.digits, self.prompt_style
        )

    def make_tools(self, task: Task) -> Mapping[str, Callable[[str], str]]:
        """Return `equations`, which reads a derivation and mends its first false equation.

        The problem itself it does not work out.
        """
        asked = " ".join(message.content for message in task.prompt)
        return {"equations": lambda text: mend_first_equation(text, unasked=asked)}

    def demonstrate(self, task: Task, thinking: bool = True) -> tuple[str, ...]:
        """Return the answer, after the column derivation or after empty thoughts."""
        problem = problem_of(task)
        thoughts = ",".join(problem.steps()) if thinking else ""
        return (f"<think>{thoughts}</think>{problem.answer}",)

    def wrong_action(self, task: Task) -> str:
        """Return a number that is off by one, without thoughts."""
        return f"<think></think>{problem_of(task).value + 1}"


def problem_task(problem: Problem, digits: int, prompt_style: str = "bare") -> Task:
    """Return the task of computing `problem`; its name does not depend on `prompt_style`."""
    question = problem.question
    if prompt_style == "bare":
        text = f"{question}="
    else:
        text = (
            f"What is {problem.left} {SYMBOLS[problem.operation]} {problem.right}? "
            "Reason between <think> and </think>, then write only the number."
        )
    return Task(
        id=content_id("arithmetic", question),
        prompt=(Message("user", text),),
        reference=problem.answer,
        difficulty=float(digits),
        meta={"left": problem.left, "right": problem.right, "operation": problem.operation},
    )
