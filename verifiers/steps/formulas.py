r"""Equations of LaTeX formulas, which the math verifier compares.

Only lines that hold nothing else are read, so that no words around a formula change its meaning.
"""

import itertools
import re

from gym_reason.verifiers.math import MathVerifier
from gym_reason.verifiers.math.budget import BUDGET_S, Budget

MAX_FORMULAS = 6
"""Most questions to the math verifier about one text."""
MAX_CHARS = 300
"""A longer line is not read."""

_COMMAND = re.compile(r"\\(?:sqrt|pi|log|ln|exp|sin|cos|tan|binom|sum|prod|infty)(?![A-Za-z])")
_DELIMITERS = re.compile(r"\$|\\[\[\]()]|&|\\\\$")
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}")
_VERIFIER = MathVerifier()


def split_formulas(line: str) -> list[tuple[str, str]]:
    """Return the two sides of each equation in a line of formulas; none in any other line."""
    if len(line) > MAX_CHARS or not _COMMAND.search(line):
        return []
    line = _DELIMITERS.sub("", line).strip().rstrip(".,;")
    sides = [side.strip() for side in line.split("=")]
    if _WORD.search(line) or any(sign in line for sign in "<>?~:") or not all(sides):
        return []
    return list(itertools.pairwise(sides))


class FormulaChecker:
    """Asks the math verifier about the formulas of one text, as long as their time lasts."""

    def __init__(self) -> None:
        """Start a text."""
        self._questions_left = MAX_FORMULAS
        self._left_s = BUDGET_S

    @property
    def finished(self) -> bool:
        """Whether nothing more is asked about this text."""
        return self._questions_left == 0 or self._left_s == 0

    def agree(self, left: str, right: str) -> bool:
        """Whether `right` is an answer to `left`; no is no proof of error."""
        self._questions_left -= 1
        budget = Budget(self._left_s)
        equal = _VERIFIER.compare(right, left, budget).equal
        self._left_s = budget.left_s
        return equal
