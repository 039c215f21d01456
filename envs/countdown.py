"""Countdown: reach a target with given numbers and the four operations."""

import math
from dataclasses import dataclass

import numpy as np

from gym_reason.envs.base import ReasoningEnv, check_integer
from gym_reason.errors import EnvError, UsageError
from gym_reason.seeding import content_id
from gym_reason.types import Message, Task
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.countdown import CountdownVerifier

MIN_NUMBERS, MAX_NUMBERS = 3, 6
"""Fewest and most numbers of a problem."""

_TRIES = 1000


class Countdown(ReasoningEnv):
    """Write an expression that reaches a target with the numbers given.

    Each number may be used at most once (or must be used exactly once), with `+ - * /` and
    parentheses. The answer follows the thoughts: `<think>...</think>(25-7)*3`. Every problem is
    made from a solution, so every one has one.
    """

    def __init__(
        self,
        *,
        numbers: int = 4,
        max_value: int = 25,
        max_target: int = 999,
        use_all: bool = False,
        partial_credit: float = 0.0,
        verifier: Verifier | str | None = None,
        split: str = "train",
        max_turns: int = 1,
        gamma: float = 1.0,
        render_mode: str | None = None,
    ) -> None:
        """Make the environment.

        Args:
            numbers: How many numbers are given, from 3 to 6.
            max_value: Largest number given, from 4 to 1000.
            max_target: Largest target, from 10 to 100000.
            use_all: Whether each number must be used exactly once.
            partial_credit: Reward of an expression that keeps the rules and misses the target, from
                0 to 0.5.
            verifier: What scores an answer; None for the verifier `countdown` with the two settings
                above.
            split: `train`, `test` or `all`.
            max_turns: Actions after which an episode is truncated.
            gamma: Discount of the MDP.
            render_mode: `ansi` or None.

        Raises:
            UsageError: For a value out of range.
        """
        self.numbers = check_integer("numbers", numbers, MIN_NUMBERS, MAX_NUMBERS)
        self.max_value = check_integer("max_value", max_value, 4, 1000)
        self.max_target = check_integer("max_target", max_target, 10, 100_000)
        if not 0.0 <= partial_credit <= 0.5:
            raise UsageError(f"partial_credit = {partial_credit}", "a reward from 0 to 0.5")
        self.use_all = bool(use_all)
        super().__init__(
            verifier=verifier or CountdownVerifier(self.use_all, float(partial_credit)),
            split=split,
            max_turns=max_turns,
            gamma=gamma,
            render_mode=render_mode,
        )

    def sample_task(self, rng: np.random.Generator) -> Task:
        """Return a task drawn with `rng`, together with one solution in its meta."""
        for _ in range(_TRIES):
            numbers = [1 + int(draw * self.max_value) for draw in rng.random(self.numbers)]
            used = self.numbers if self.use_all else 2 + int(rng.random() * (self.numbers - 1))
            solution = _combine(numbers[:used], rng)
            if 0 < solution.value <= self.max_target and solution.value not in numbers:
                return self._make_task(sorted(numbers), solution)
        raise EnvError(f"no problem has a target up to {self.max_target}", "a larger max_target")

    def demonstrate(self, task: Task, thinking: bool = True) -> tuple[str, ...]:
        """Return the solution the task was made from, after its equations or empty thoughts."""
        solution, steps = task.meta.get("solution"), task.meta.get("steps")
        if not isinstance(solution, str) or not isinstance(steps, str):
            raise UsageError(f"task {task.id} holds no solution", "solution and steps in its meta")
        return (f"<think>{steps if thinking else ''}</think>{solution}",)

    def wrong_action(self, task: Task) -> str:
        """Return an expression with the target's value that breaks the rules: the target itself."""
        return f"<think></think>{task.reference.rpartition(' ')[2]}"

    def _make_task(self, numbers: list[int], solution: "_Part") -> Task:
        given = " ".join(map(str, numbers))
        rule = "each exactly once" if self.use_all else "each at most once"
        text = (
            f"Reach {solution.value} with the numbers {given}, {rule}, and with + - * / and ( ). "
            "Reason between <think> and </think>, then write only the expression."
        )
        return Task(
            id=content_id("countdown", given, str(solution.value), rule),
            prompt=(Message("user", text),),
            reference=f"{given} = {solution.value}",
            difficulty=len(numbers) + math.log10(self.max_value),
            meta={"solution": solution.text, "steps": ",".join(solution.steps)},
        )


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a solution; `is_sum` says that it needs parentheses inside a product."""

    value: int
    text: str
    is_sum: bool = False
    steps: tuple[str, ...] = ()

    def as_factor(self) -> str:
        return f"({self.text})" if self.is_sum else self.text


def _combine(numbers: list[int], rng: np.random.Generator) -> _Part:
    """Return a random solution with all of `numbers`; no value on the way is negative or broken."""
    parts = [_Part(number, str(number)) for number in numbers]
    while len(parts) > 1:
        first = parts.pop(int(rng.random() * len(parts)))
        second = parts.pop(int(rng.random() * len(parts)))
        parts.append(_apply("+-*/"[int(rng.random() * 4)], first, second))
    return parts[0]


def _apply(symbol: str, first: _Part, second: _Part) -> _Part:
    if first.value < second.value:
        first, second = second, first
    if symbol == "/" and (second.value < 2 or first.value % second.value):
        symbol = "*"
    if symbol == "*":
        value, text = first.value * second.value, f"{first.as_factor()}*{second.as_factor()}"
    elif symbol == "/":
        # The right side of a division needs parentheses whatever it is made of.
        right = second.text if second.text.isdecimal() else f"({second.text})"
        value, text = first.value // second.value, f"{first.as_factor()}/{right}"
    elif symbol == "-":
        value, text = first.value - second.value, f"{first.text}-{second.as_factor()}"
    else:
        value, text = first.value + second.value, f"{first.text}+{second.text}"
    step = f"{first.value}{symbol}{second.value}={value}"
    return _Part(value, text, symbol in "+-", (*first.steps, *second.steps, step))
