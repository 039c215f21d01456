r"""Equations of LaTeX formulas, which the math verifier compares.

Only lines that hold nothing else are read, so that no words around a formula change its meaning.
"""

import itertools
import re

from gym_reason.types import Task
from gym_reason.verifiers.math import MathVerifier

MAX_FORMULAS = 6
"""Most questions to the math verifier about one text: it may take a second for each."""
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


def formulas_agree(left: str, right: str) -> bool:
    """Whether the math verifier takes `right` as an answer to `left`; no is no proof of error."""
    return _VERIFIER.verify(Task("step", (), left), f"<answer>{right}</answer>").correct
