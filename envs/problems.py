"""Arithmetic problems and their written-out column derivations."""

from dataclasses import dataclass

import numpy as np

from gym_reason.errors import UsageError
from gym_reason.types import Task

OPERATIONS = ("add", "subtract", "multiply")
"""The operations of a problem."""

SYMBOLS = {"add": "+", "subtract": "-", "multiply": "*"}
"""How each operation is written."""

MAX_DIGITS = 9
"""Most digits of an operand."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Two whole numbers and an operation."""

    left: int
    """The first operand."""
    right: int
    """The second operand."""
    operation: str
    """One of OPERATIONS."""

    @property
    def question(self) -> str:
        """The problem as it is written, without the equals sign."""
        return f"{self.left}{SYMBOLS[self.operation]}{self.right}"

    @property
    def value(self) -> int:
        """The solution."""
        if self.operation == "add":
            return self.left + self.right
        if self.operation == "subtract":
            return self.left - self.right
        return self.left * self.right

    @property
    def answer(self) -> str:
        """The solution as it is written."""
        return str(self.value)

    def steps(self) -> tuple[str, ...]:
        """Return the derivation, one true equation a step, units first.

        - Addition: digit + digit + carry, `7+5+0=12`. The last digit of the sum is written, the
          rest is carried.
        - Subtraction: digit - digit - borrow, `14-8-0=6`, where ten has been added to the upper
          digit if it was too small, and the next column pays it back as its borrow. A negative
          difference is turned round first: `285-347=-(347-285)`.
        - Multiplication: the left operand times each digit of the right one at its place value, and
          after each but the first the running sum: `47*5=235`, `47*20=940`, `235+940=1175`.
        """
        if self.operation == "add":
            return _addition_steps(self.left, self.right)
        if self.operation == "subtract":
            return _subtraction_steps(self.left, self.right)
        return _multiplication_steps(self.left, self.right)


def draw_problem(rng: np.random.Generator, operation: str, digits: int) -> Problem:
    """Return a problem whose operands have exactly `digits` digits; one digit may be 0.

    Args:
        rng: Where the numbers come from.
        operation: One of OPERATIONS, or `mixed` for any of them.
        digits: From 1 to MAX_DIGITS.
    """
    low = 0 if digits == 1 else 10 ** (digits - 1)
    spread = 10**digits - low
    if operation == "mixed":
        operation = OPERATIONS[int(rng.random() * len(OPERATIONS))]
    # A float has 53 bits, so its product spreads evenly over 10**9 numbers, and costs a tenth of
    # `integers`.
    left, right = low + int(rng.random() * spread), low + int(rng.random() * spread)
    return Problem(left, right, operation)


def problem_of(task: Task) -> Problem:
    """Return the problem that a task was made of. Raises UsageError for tasks of other kinds."""
    left, right, operation = (task.meta.get(key) for key in ("left", "right", "operation"))
    if not (isinstance(left, int) and isinstance(right, int) and operation in OPERATIONS):
        raise UsageError(
            f"task {task.id} holds no arithmetic problem", "left, right and operation in its meta"
        )
    assert isinstance(operation, str)
    return Problem(left, right, operation)


def _addition_steps(left: int, right: int) -> tuple[str, ...]:
    steps, carry = [], 0
    for upper, lower in _columns(left, right):
        total = upper + lower + carry
        steps.append(f"{upper}+{lower}+{carry}={total}")
        carry = total // 10
    return tuple(steps)


def _subtraction_steps(left: int, right: int) -> tuple[str, ...]:
    steps, borrow = [], 0
    if left < right:
        steps.append(f"{left}-{right}=-({right}-{left})")
        left, right = right, left
    for upper, lower in _columns(left, right):
        next_borrow = 1 if upper < lower + borrow else 0
        upper += 10 * next_borrow
        steps.append(f"{upper}-{lower}-{borrow}={upper - lower - borrow}")
        borrow = next_borrow
    return tuple(steps)


def _multiplication_steps(left: int, right: int) -> tuple[str, ...]:
    steps, total = [], 0
    for place, digit in enumerate(reversed(str(right))):
        factor = int(digit) * 10**place
        partial = left * factor
        steps.append(f"{left}*{factor}={partial}")
        if place:
            steps.append(f"{total}+{partial}={total + partial}")
        total += partial
    return tuple(steps)


def _columns(left: int, right: int) -> list[tuple[int, int]]:
    width = max(len(str(left)), len(str(right)))
    pairs = zip(str(left).zfill(width), str(right).zfill(width), strict=True)
    return [(int(upper), int(lower)) for upper, lower in pairs][::-1]
