"""The language of knights and knaves: what each person says, and when that is true.

A capital letter says that the person of that name is a knight. `~` negates, and `(X&Y)`, `(X|Y)`,
`(X>Y)` and `(X=Y)` stand for and, or, if and if and only if. A puzzle is one statement for each
person, from A on: `A:(~B&C) B:(A=C) C:(A|~B)`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from gym_reason.verifiers.logic.answers import PuzzleError

NAMES = "ABCDEFGHIJ"
"""Names of people, in order; a puzzle has at least two and takes them from the front."""
KNIGHT, KNAVE = "K", "N"
"""How an answer writes what somebody is."""
CONNECTIVES = "&|>="
"""The signs between two statements."""

MAX_DEPTH = 16
"""Deepest nesting that is read."""
MAX_CHARACTERS = 4000
"""Longest puzzle that is read."""


@dataclass(frozen=True, slots=True)
class Person:
    """Says that somebody is a knight."""

    name: str
    """Who."""


@dataclass(frozen=True, slots=True)
class Negation:
    """Says that something is not so."""

    inner: "Statement"
    """What is not so."""


@dataclass(frozen=True, slots=True)
class Compound:
    """Joins two statements."""

    sign: str
    """One of CONNECTIVES."""
    left: "Statement"
    """The first, and the condition of an if."""
    right: "Statement"
    """The second."""


Statement: TypeAlias = Person | Negation | Compound


@dataclass(frozen=True, slots=True)
class Island:
    """A puzzle: who says what."""

    statements: Mapping[str, Statement]
    """The statement of each person, by name."""

    @property
    def people(self) -> tuple[str, ...]:
        """The names, in order."""
        return tuple(self.statements)

    def contradicted(self, kinds: Mapping[str, bool]) -> str:
        """Return the first person whose kind does not fit the statement, or an empty text.

        Args:
            kinds: Who is a knight and who is not, as far as it is known.
        """
        for name, statement in self.statements.items():
            if name in kinds:
                value = truth(statement, kinds)
                if value is not None and value != kinds[name]:
                    return name
        return ""


def truth(statement: Statement, kinds: Mapping[str, bool]) -> bool | None:
    """Return whether a statement is true; None where `kinds` leaves it open.

    A compound whose value one side settles is settled, whatever the other side may be.
    """
    if isinstance(statement, Person):
        return kinds.get(statement.name)
    if isinstance(statement, Negation):
        return _negated(truth(statement.inner, kinds))
    left, right = truth(statement.left, kinds), truth(statement.right, kinds)
    if statement.sign == "=":
        return None if left is None or right is None else left == right
    if statement.sign == "&":
        return _negated(_either(_negated(left), _negated(right)))
    return _either(_negated(left) if statement.sign == ">" else left, right)


def read_island(text: str) -> Island:
    """Return the puzzle in a text. Raises PuzzleError for any other text."""
    if len(text) > MAX_CHARACTERS:
        raise PuzzleError(f"the puzzle is longer than {MAX_CHARACTERS} characters")
    rows = [row.partition(":") for row in text.split()]
    names = "".join(name for name, _, _ in rows)
    if len(rows) < 2 or names != NAMES[: len(rows)]:
        raise PuzzleError("the people are not A, B and so on, each with one statement")
    statements = {name: read_statement(words) for name, _, words in rows}
    spoken_of = {char for _, _, words in rows for char in words if char.isalpha()}
    if spoken_of - set(names):
        raise PuzzleError(f"{min(spoken_of - set(names))} is spoken of and says nothing")
    return Island(statements)


def write_island(island: Island) -> str:
    """Return the text that `read_island` reads."""
    return " ".join(
        f"{name}:{write_statement(statement)}" for name, statement in island.statements.items()
    )


def read_statement(text: str) -> Statement:
    """Return the statement in a text. Raises PuzzleError for any other text."""
    statement, end = _read(text, 0, 0)
    if end < len(text):
        raise PuzzleError(f"{text[end]!r} does not belong there")
    return statement


def write_statement(statement: Statement) -> str:
    """Return the text that `read_statement` reads."""
    if isinstance(statement, Person):
        return statement.name
    if isinstance(statement, Negation):
        return f"~{write_statement(statement.inner)}"
    return f"({write_statement(statement.left)}{statement.sign}{write_statement(statement.right)})"


def describe(statement: Statement) -> str:
    """Return a statement in English; parentheses keep nested ones apart."""
    if isinstance(statement, Person):
        return f"{statement.name} is a knight"
    if isinstance(statement, Negation):
        if isinstance(statement.inner, Person):
            return f"{statement.inner.name} is a knave"
        return f"it is not so that ({describe(statement.inner)})"
    left, right = (
        f"({describe(side)})" if isinstance(side, Compound) else describe(side)
        for side in (statement.left, statement.right)
    )
    if statement.sign == ">":
        return f"if {left}, then {right}"
    return f"{left} {_WORDS[statement.sign]} {right}"


_WORDS = {"&": "and", "|": "or", "=": "if and only if"}
_NAME = re.compile(f"[{NAMES}]")


def _read(text: str, start: int, depth: int) -> tuple[Statement, int]:
    """Return the statement that begins at `start`, and where it ends."""
    if depth > MAX_DEPTH:
        raise PuzzleError(f"more than {MAX_DEPTH} statements are nested")
    char = text[start : start + 1]
    if char == "~":
        inner, end = _read(text, start + 1, depth + 1)
        return Negation(inner), end
    if char == "(":
        left, middle = _read(text, start + 1, depth + 1)
        sign = text[middle : middle + 1]
        if not sign or sign not in CONNECTIVES:
            raise PuzzleError(f"{sign!r} stands where one of {CONNECTIVES} should")
        right, end = _read(text, middle + 1, depth + 1)
        if text[end : end + 1] != ")":
            raise PuzzleError("a parenthesis is not closed")
        return Compound(sign, left, right), end + 1
    if not _NAME.fullmatch(char):
        raise PuzzleError(f"{char!r} stands where a statement should" if char else "it ends early")
    return Person(char), start + 1


def _negated(value: bool | None) -> bool | None:
    return None if value is None else not value


def _either(left: bool | None, right: bool | None) -> bool | None:
    if left or right:
        return True
    return None if left is None or right is None else False
