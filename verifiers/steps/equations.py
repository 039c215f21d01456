r"""The equations of a solution, each judged.

- Numbers on both sides: right where they are equal exactly, or where one side is a decimal of two
  places or more that the other rounds or is cut to. `%` counts as 1/100 or, where that fails, as
  part of the number's name (`15/60*100 = 25%`). Where one is added to another number, as in
  `50 + 10% = 55`, it is a share of something that may not be named: never wrong.
- Variables: right where both sides are the same polynomial; and where two lines hold nothing but
  linear equations in one variable, the second is right if it has the first one's solution
  (`2x + 4 = 10`, then `2x = 6`) and wrong if not. Any other equation is a condition: neutral.
- Formulas on a line of their own that are beyond school arithmetic (`\sqrt{8} = 2\sqrt{2}`): right
  where the math verifier takes the right side as an answer to the left, else neutral.
- An equation is called wrong only where nothing beside it can change its meaning and its units
  agree; what cannot be read is neutral.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

from gym_reason.verifiers.steps.expressions import read_expression
from gym_reason.verifiers.steps.formulas import FormulaChecker, split_formulas
from gym_reason.verifiers.steps.line_tokens import Token, tokenize_line
from gym_reason.verifiers.steps.polynomials import Polynomial, UnreadableError
from gym_reason.verifiers.steps.runs import Run, find_left_side, find_right_side

Status: TypeAlias = Literal["right", "wrong", "neutral"]

_ANNOTATION = re.compile(r"<<([^<>]{1,300}+)>>")
_NO_CHANGE = re.compile(r"(?:[*/]1|[+-]0)(?![\d.])")
_DECIMAL = re.compile(r"-?[\d,]*\.(\d+)(%?)")
_DIVIDED_TWICE = re.compile(r"/[\d.]+/")
_ADDED_PERCENT = re.compile(r"(?<!%)[+-][\d.,]++%(?![*/^\d(])|(?:^|\()-?[\d.,]++%[+-][\d.,]++(?!%)")
_READINGS_OF_PERCENT = (Fraction(1, 100), Fraction(1))
_CONNECTING_WORDS = (
    "so then thus therefore hence and we get have gives which means simplify simplifying divide "
    "dividing subtract subtracting add adding multiply multiplying both sides by from to solve "
    "solving for implies now is that it becomes"
)
_CONNECTIVES = frozenset(_CONNECTING_WORDS.split())


@dataclass(frozen=True, slots=True)
class Equation:
    """One link of a chain of equations."""

    left: str
    """Left side, reduced to plain signs, without units."""
    right: str
    """Right side, likewise."""
    status: Status
    """Whether it holds; `neutral` where that cannot be said."""
    trivial: bool
    """Whether there is nothing to work out, as in `1 = 1` and `5 + 0 = 5`."""


class EquationFinder:
    """Finds and judges the equations of a text, which is given line by line."""

    def __init__(self) -> None:
        """Start a text."""
        self._previous: _Linear | None = None
        self._formulas = FormulaChecker()

    def read_line(self, line: str) -> list[Equation]:
        """Return the equations of the next line, GSM8K's `<<3*4=12>>` among them."""
        if "=" not in line:
            # Most lines; a line of prose ends what was derived, a blank one does not.
            if line.strip():
                self._previous = None
            return []
        found: list[Equation] = []
        for note in _ANNOTATION.findall(line):
            found += self._read_chain(tokenize_line(note))
        found += self._read_chain(tokenize_line(_ANNOTATION.sub("", line)))
        return found or self._read_formulas(line)

    def _read_formulas(self, line: str) -> list[Equation]:
        """Return the equations of a line that only the math verifier can read."""
        found = []
        for left, right in split_formulas(line):
            if self._formulas.finished:
                break
            status: Status = "right" if self._formulas.agree(left, right) else "neutral"
            found.append(Equation(left, right, status, left == right))
        return found

    def _read_chain(self, tokens: Sequence[Token]) -> list[Equation]:
        segments = _split_at_equals(tokens)
        pairs = [
            (find_left_side(left), find_right_side(right))
            for left, right in itertools.pairwise(segments)
        ]
        is_plain = _is_plain(tokens, pairs)
        found: list[Equation] = []
        for left, right in pairs:
            if not is_plain:
                self._previous = None
            if left.tokens and right.tokens:
                found.append(self._judge(left, right))
        if not is_plain:
            self._previous = None
        return found

    def _judge(self, left: Run, right: Run) -> Equation:
        first, second = _write(left.tokens), _write(right.tokens)
        status = self._compare(left, right)
        return Equation(first, second, status, _is_trivial(left, right))

    def _compare(self, left: Run, right: Run) -> Status:
        has_percent = any(token.kind == "percent" for token in (*left.tokens, *right.tokens))
        comparable = left.clean and right.clean and _units_agree(left, right)
        for percent in _READINGS_OF_PERCENT if has_percent else _READINGS_OF_PERCENT[:1]:
            try:
                first = read_expression(left.tokens, percent)
                second = read_expression(right.tokens, percent)
            except UnreadableError:
                return "neutral"
            if first.constant is None or second.constant is None:
                return self._compare_linear(first, second, comparable=comparable)
            if first == second or _is_rounded(
                (left, first.constant), (right, second.constant), percent
            ):
                return "right"
        # People write `25 / 1/3` and mean 25 divided by a third.
        written = (_write(left.tokens), _write(right.tokens))
        unclear = any(
            sign.search(side) for sign in (_DIVIDED_TWICE, _ADDED_PERCENT) for side in written
        )
        return "wrong" if comparable and not unclear else "neutral"

    def _compare_linear(self, left: Polynomial, right: Polynomial, *, comparable: bool) -> Status:
        difference = left - right
        if not difference.terms:
            return "right"
        solution = difference.solve_linear()
        previous, self._previous = self._previous, None
        if solution is None or not comparable:
            return "neutral"
        solved = (left.constant is None) != (right.constant is None) and (
            difference.terms.get(((solution[0], 1),)) in (1, -1)
            and len((left if left.constant is None else right).terms) == 1
        )
        self._previous = _Linear(*solution, solved, (left, right))
        if previous is None or previous.solved or previous.variable != solution[0]:
            return "neutral"
        if previous.sides == (left, right):
            return "neutral"
        return "right" if previous.value == solution[1] else "wrong"


@dataclass(frozen=True, slots=True)
class _Linear:
    """A linear equation in one variable."""

    variable: str
    value: Fraction
    solved: bool
    sides: tuple[Polynomial, Polynomial]


def _split_at_equals(tokens: Sequence[Token]) -> list[list[Token]]:
    segments: list[list[Token]] = [[]]
    for token in tokens:
        if token.kind == "equals":
            segments.append([])
        else:
            segments[-1].append(token)
    return segments


def _is_plain(tokens: Sequence[Token], pairs: Sequence[tuple[Run, Run]]) -> bool:
    """Whether a line holds equations, and words that do not change what they are about."""
    used = {token.start for pair in pairs for run in pair for token in run.tokens}
    return all(
        token.kind in ("equals", "stop", "number")
        or (token.kind == "word" and token.text.lower() in _CONNECTIVES)
        for token in tokens
        if token.start not in used
    )


def _is_trivial(left: Run, right: Run) -> bool:
    """Whether nothing is worked out: no operator and no unknown, or none that changes anything."""
    sides = (left, right)
    if not any(side.has_operator or side.has_variable for side in sides):
        return True
    first, second = (_NO_CHANGE.sub("", _write(side.tokens)) for side in sides)
    return first == second


def _write(tokens: Sequence[Token]) -> str:
    written = ""
    for token in tokens:
        if token.kind != "word":
            apart = token.kind == "number" and written[-1:].isdigit()
            written += f" {token.text}" if apart else token.text
    return written


def _units_agree(left: Run, right: Run) -> bool:
    """Whether units leave no conversion open.

    One unit at most, the same where both sides have one; a lone number with a unit on the left
    (`2 kg = 2 * 1000`) converts unless the right side has it too.
    """
    if len(left.units) > 1:
        return False
    if left.units and not left.has_operator:
        return left.units == right.units
    return not left.units or not right.units or left.units == right.units


def _is_rounded(left: tuple[Run, Fraction], right: tuple[Run, Fraction], percent: Fraction) -> bool:
    """Whether one side is a decimal that the other, worked out, is rounded or cut to."""
    for (written, value), (other, exact) in ((right, left), (left, right)):
        decimal = _DECIMAL.fullmatch(_write(written.tokens))
        if decimal is None or not other.has_operator or len(decimal[1]) < 2:
            continue
        last_place = Fraction(1, 10 ** len(decimal[1])) * (percent if decimal[2] else 1)
        error = abs(value - exact)
        if error <= last_place / 2 or (error < last_place and abs(value) < abs(exact)):
            return True
    return False
