"""What a database states: hypotheses and assertions.

An expression is one text in which a space follows every symbol, such as `"|- ( p -> q ) "`. So
texts can be put one into the other without counting spaces, an empty one too, and a substitution is
one call of `str.format`.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from gym_reason.verifiers.proofs.metamath.source import SourceFile

STILL_ACTIVE = sys.maxsize
"""The end of a hypothesis whose scope has none."""

Pair: TypeAlias = tuple[str, str]
"""Two variables that must be kept disjoint, in alphabetical order."""


@dataclass(slots=True, eq=False)
class Hypothesis:
    """A `$f` or `$e` statement."""

    label: str
    """Its name."""
    expression: str
    """What it assumes, with its type code."""
    variable: str
    """The variable whose type a `$f` declares; empty for a `$e`."""
    index: int
    """Its place among all labelled statements."""
    end: int = STILL_ACTIVE
    """The place from which on it is not active."""

    @property
    def floating(self) -> bool:
        """Whether it is a `$f`."""
        return self.variable != ""

    @property
    def typecode(self) -> str:
        """The first symbol of its expression."""
        return self.expression.partition(" ")[0]


@dataclass(slots=True, eq=False)
class Assertion:
    """A `$a` or `$p` statement with its frame."""

    label: str
    """Its name."""
    expression: str
    """What it asserts, with its type code."""
    hypotheses: tuple[Hypothesis, ...]
    """The mandatory ones, in the order of the file."""
    disjoint: tuple[Pair, ...]
    """The pairs of mandatory variables that must be kept disjoint."""
    index: int
    """Its place among all labelled statements."""
    source: SourceFile
    """The file it stands in."""
    token: int
    """Which token of the file its label is."""
    proof: tuple[str, ...] | None = None
    """The tokens of a theorem's proof; None for an axiom."""
    scope_disjoint: frozenset[Pair] = frozenset()
    """All disjoint pairs that are active where a theorem stands."""
    frame: "Frame" = field(init=False)
    """The same, prepared for the kernel."""

    def __post_init__(self) -> None:
        """Prepare the frame."""
        self.frame = Frame(self)

    @property
    def typecode(self) -> str:
        """The first symbol of its expression."""
        return self.expression.partition(" ")[0]

    @property
    def essentials(self) -> tuple[Hypothesis, ...]:
        """Its `$e` hypotheses."""
        return tuple(one for one in self.hypotheses if not one.floating)

    @property
    def floatings(self) -> tuple[Hypothesis, ...]:
        """Its `$f` hypotheses, one for each variable."""
        return tuple(one for one in self.hypotheses if one.floating)


Statement: TypeAlias = Hypothesis | Assertion


class Frame:
    """An assertion in the form in which the kernel applies it.

    Values are substituted in the order of the `$f` hypotheses.
    """

    __slots__ = (
        "conclusion", "count", "disjoint", "essentials", "floatings", "length", "uses", "variables",
    )  # fmt: skip

    def __init__(self, assertion: Assertion) -> None:
        """Prepare an assertion."""
        hypotheses = assertion.hypotheses
        self.count = len(hypotheses)
        """How many entries of the stack it takes."""
        self.variables = tuple(one.variable for one in hypotheses if one.floating)
        """Its mandatory variables."""
        self.floatings = [
            (place, one.typecode + " ") for place, one in enumerate(hypotheses) if one.floating
        ]
        """Where each value stands on the stack, and what stands in front of it."""
        number = {variable: str(place) for place, variable in enumerate(self.variables)}
        self.essentials = [
            (place, write_template(one.expression, number))
            for place, one in enumerate(hypotheses)
            if not one.floating
        ]
        """Where each further entry stands, and what it must be."""
        self.conclusion = write_template(assertion.expression, number)
        """What is proved."""
        self.disjoint = [(int(number[a]), int(number[b])) for a, b in assertion.disjoint]
        """The pairs of values that may share no variable."""
        texts = [assertion.expression, *(one.expression for one in assertion.essentials)]
        symbols = [symbol for text in texts for symbol in text.split()]
        self.uses = sum(symbol in number for symbol in symbols)
        """How many places of its expressions a value is put into."""
        self.length = sum(map(len, texts))
        """Characters of its expressions."""


def write_template(expression: str, number: dict[str, str]) -> str:
    """Return an expression as a template of `str.format`, its variables numbered."""
    pieces = []
    for symbol in expression.split():
        if symbol in number:
            pieces.append("{" + number[symbol] + "}")
        else:
            pieces.append(symbol.replace("{", "{{").replace("}", "}}") + " ")
    return "".join(pieces)


def write_expression(symbols: Sequence[str]) -> str:
    """Return symbols as an expression."""
    return " ".join(symbols) + " " if symbols else ""
