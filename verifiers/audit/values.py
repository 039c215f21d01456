r"""What an answer is worth, as far as the audit can tell by itself.

The audit must not ask the verifier under audit what is right, so it reads the plain forms of
numbers, sets, tuples, intervals and choices on its own, and knows nothing of any other text:
`read_value` returns None for it and no probe claims that such a text is right or wrong.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from gym_reason.text import after_thinking

MAX_DIGITS = 300
"""A number of more digits is not read."""
MAX_ITEMS = 50
"""A set or a tuple of more items is not read."""


@dataclass(frozen=True, slots=True)
class Items:
    """A set or a tuple of numbers."""

    ordered: bool
    """Whether it is a tuple."""
    numbers: tuple[Fraction, ...]
    """As written."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval between two numbers, closed at one end at least: `(1, 2)` is read as a tuple."""

    low: Fraction
    """The left end."""
    high: Fraction
    """The right end."""
    has_low: bool
    """Whether the left end belongs to it."""
    has_high: bool
    """Whether the right end belongs to it."""

    @property
    def ends(self) -> tuple[Fraction, Fraction]:
        """Both ends."""
        return self.low, self.high


@dataclass(frozen=True, slots=True)
class Choice:
    """The letter of a multiple choice."""

    letter: str
    """From A to J."""


Value: TypeAlias = Fraction | Items | Interval | Choice

_DIGITS = r"[0-9]+(?:(?:,|\{,\})[0-9]{3})*"
_NUMBER = re.compile(
    rf"([-\u2212+]?) ?(?:({_DIGITS}(?:\.[0-9]+)?) ?(?:/ ?([0-9]+))?"
    r"|\\[dt]?frac\{([0-9]+)\}\{([0-9]+)\})"
)
_GROUPED = re.compile(r"[0-9]{1,3}(?:(?:,|\{,\})[0-9]{3})+|[0-9]+")
_CHOICE = re.compile(r"\(?([A-J])\)?")
_WRAPPERS = (("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"))


def read_value(text: str) -> Value | None:
    """Return what `text` is worth, or None where it is in none of the plain forms."""
    text = _unwrap(text.strip())
    number = read_number(text)
    if number is not None:
        return number
    choice = _CHOICE.fullmatch(text)
    if choice:
        return Choice(choice[1])
    text = text.replace("\\left", "").replace("\\right", "").strip()
    if text.startswith("\\{") and text.endswith("\\}"):
        numbers = _read_numbers(text[2:-2])
        return None if numbers is None else Items(False, numbers)
    if len(text) > 2 and text[0] in "([" and text[-1] in ")]":
        return _read_brackets(text)
    return None


def read_number(text: str) -> Fraction | None:
    r"""Return the number that `text` is: digits, `1,234`, a decimal, `p/q` or `\frac{p}{q}`."""
    match = _NUMBER.fullmatch(text)
    if match is None or len(text) > MAX_DIGITS:
        return None
    sign, decimal, divisor, top, bottom = match.groups()
    if decimal is not None and not _GROUPED.fullmatch(decimal.partition(".")[0]):
        return None
    above = Fraction((decimal or top).replace("{,}", "").replace(",", ""))
    below = int(divisor or bottom or 1)
    if not below:
        return None
    return (-1 if sign in ("-", "\u2212") else 1) * above / below


def values_differ(first: str, second: str, tolerance: float = 0.0) -> bool:
    """Return whether two answers surely differ; False also where either cannot be read.

    Args:
        first: The answer that is right.
        second: The other one.
        tolerance: Largest difference that counts as none, as a share of the first.
    """
    left, right = read_value(first), read_value(second)
    if left is None or right is None:
        return False
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return not _all_close((left,), (right,), tolerance)
    if isinstance(left, Items) and isinstance(right, Items):
        if left.ordered and right.ordered:
            return not _all_close(left.numbers, right.numbers, tolerance)
        one, two = (tuple(sorted(set(side.numbers))) for side in (left, right))
        return not _all_close(one, two, tolerance)
    if isinstance(left, Interval) and isinstance(right, Interval):
        ends = (left.has_low, left.has_high) == (right.has_low, right.has_high)
        return not (ends and _all_close(left.ends, right.ends, tolerance))
    if isinstance(left, Choice) and isinstance(right, Choice):
        return left != right
    # A set or a tuple with one item, `(3)`, may be meant as that item.
    return not any(isinstance(side, Items) and len(side.numbers) == 1 for side in (left, right))


def _all_close(left: tuple[Fraction, ...], right: tuple[Fraction, ...], tolerance: float) -> bool:
    share = Fraction(tolerance)
    return len(left) == len(right) and all(
        abs(a - b) <= share * abs(a) for a, b in zip(left, right, strict=True)
    )


def bare_answer(text: str) -> str:
    r"""Return the answer in a reference or a demonstration.

    That is what stands behind the thoughts, there in the last `\boxed{}`, or behind the last
    `####`, or else the whole of it.
    """
    visible = (after_thinking(text) or "").strip()
    boxed = _last_box(visible)
    if boxed is not None:
        return boxed.strip()
    _, marker, tail = visible.rpartition("####")
    return tail.strip() if marker and tail.strip() else visible


def _last_box(text: str) -> str | None:
    start = text.rfind("\\boxed{")
    if start < 0:
        return None
    depth = 0
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if text[place] == "}" and depth == 0:
            return text[start + len("\\boxed{") : place]
    return None


def _unwrap(text: str) -> str:
    for left, right in _WRAPPERS:
        inner = text[len(left) : -len(right)]
        if text.startswith(left) and text.endswith(right) and inner and left not in inner:
            return inner.strip()
    return text


def _read_numbers(text: str) -> tuple[Fraction, ...] | None:
    parts = text.split(", ") if ", " in text else text.split(",")
    if len(parts) > MAX_ITEMS:
        return None
    numbers = [read_number(part.strip()) for part in parts]
    return None if None in numbers else tuple(number for number in numbers if number is not None)


def _read_brackets(text: str) -> Value | None:
    numbers = _read_numbers(text[1:-1])
    if numbers is None:
        return None
    if text[0] == "(" and text[-1] == ")":
        return Items(True, numbers)
    if len(numbers) == 2 and numbers[0] < numbers[1]:
        return Interval(*numbers, has_low=text[0] == "[", has_high=text[-1] == "]")
    return None
