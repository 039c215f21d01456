"""Small tasks on a row of digits, learnable by a model of a few thousand weights."""

import numpy as np

from gym_reason.envs.base import ReasoningEnv, check_choice, check_integer
from gym_reason.errors import UsageError
from gym_reason.seeding import content_id
from gym_reason.types import Message, Task
from gym_reason.verifiers.base import Verifier

OPERATIONS = ("sort", "reverse", "max")
"""What is asked of the digits."""

MAX_COUNT = 64
"""Most digits of a row."""


class Digits(ReasoningEnv):
    """Sort or reverse a row of digits, or name the largest.

    The prompt is the operation's first letter, the digits and an equals sign: `s3142=` asks for
    `1234`, `r3142=` for `2413`, `m3142=` for `4`.
    """

    def __init__(
        self,
        *,
        operation: str = "sort",
        count: int = 4,
        verifier: Verifier | str | None = None,
        split: str = "train",
        max_turns: int = 1,
        gamma: float = 1.0,
        render_mode: str | None = None,
    ) -> None:
        """Make the environment.

        Args:
            operation: `sort`, `reverse` or `max`.
            count: Digits of a row, from 1 to 64.
            verifier: What scores an answer; None for `exact` with `max` and else `positions`, which
                pays 1 for an exact answer and half the share of right positions for another.
            split: `train`, `test` or `all`.
            max_turns: Actions after which an episode is truncated.
            gamma: Discount of the MDP.
            render_mode: `ansi` or None.

        Raises:
            UsageError: For a value out of range.
        """
        self.operation = check_choice("operation", operation, OPERATIONS)
        self.count = check_integer("count", count, 1, MAX_COUNT)
        if verifier is None:
            verifier = "exact" if operation == "max" else "positions"
        super().__init__(
            verifier=verifier,
            split=split,
            max_turns=max_turns,
            gamma=gamma,
            render_mode=render_mode,
        )

    def sample_task(self, rng: np.random.Generator) -> Task:
        """Return a task drawn with `rng`."""
        digits = "".join([str(int(draw * 10)) for draw in rng.random(self.count)])
        prompt = f"{self.operation[0]}{digits}="
        return Task(
            id=content_id("digits", prompt),
            prompt=(Message("user", prompt),),
            reference=solve(self.operation, digits),
            difficulty=float(self.count),
            meta={"operation": self.operation, "digits": digits},
        )

    def demonstrate(self, task: Task, thinking: bool = True) -> tuple[str, ...]:
        """Return the answer, after those to each longer beginning of the row or empty thoughts."""
        operation, digits = task.meta.get("operation"), task.meta.get("digits")
        if operation not in OPERATIONS or not isinstance(digits, str):
            raise UsageError(
                f"task {task.id} holds no row of digits", "operation and digits in its meta"
            )
        assert isinstance(operation, str)
        beginnings = [digits[: end + 1] for end in range(len(digits))] if thinking else []
        thoughts = ",".join(solve(operation, beginning) for beginning in beginnings)
        return (f"<think>{thoughts}</think>{task.reference}",)

    def wrong_action(self, task: Task) -> str:
        """Return the answer with its first digit changed."""
        first = str((int(task.reference[0]) + 1) % 10)
        return f"<think></think>{first}{task.reference[1:]}"


def solve(operation: str, digits: str) -> str:
    """Return the answer for a row of digits."""
    if operation == "sort":
        return "".join(sorted(digits))
    if operation == "reverse":
        return digits[::-1]
    return max(digits)
