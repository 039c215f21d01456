"""Formulas as a grammar: which parts of an expression have which type, and how that is proved.

The `$a` statements of a type that variables have, such as `wff ( p -> q )`, are the rules of a
context-free grammar. A chart holds every part of an expression that they derive.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from gym_reason.verifiers.proofs.metamath.database import Database
from gym_reason.verifiers.proofs.metamath.derivations import Derivation
from gym_reason.verifiers.proofs.metamath.statements import (
    Assertion,
    Hypothesis,
    write_expression,
)

MAX_WORK = 400_000
"""Attempts after which a chart or a match is given up."""

Values: TypeAlias = dict[str, str]
"""The expression, without a type code, that each variable stands for."""


class TooHardError(ValueError):
    """An expression is too long or too ambiguous to be read."""


@dataclass(slots=True, eq=False)
class Rule:
    """A `$a` statement as a rule of the grammar."""

    assertion: Assertion
    """The statement."""
    symbols: tuple[str, ...]
    """Its expression without the type code."""
    types: Mapping[str, str]
    """The type of each variable among the symbols."""


@dataclass(slots=True)
class _Part:
    """How a part of an expression gets its type: from a variable, or by a rule from other parts."""

    source: Rule | Hypothesis
    ends: tuple[tuple[int, int], ...] = ()
    """Where each part that stands for a variable of the rule begins and ends."""


@dataclass(slots=True)
class Grammar:
    """The rules of a database; a theorem may use those before it."""

    types: set[str] = field(default_factory=set)
    """The type codes that variables have."""
    by_constant: dict[str, list[Rule]] = field(default_factory=dict)
    """Rules by the constant they begin with."""
    by_type: dict[str, list[Rule]] = field(default_factory=dict)
    """Rules by the type of the variable they begin with."""
    complete: bool = True
    """Whether every axiom about types became a rule."""


@lru_cache(maxsize=8)
def grammar_of(database: Database) -> Grammar:
    """Return the grammar of a database, made once.

    Statements with `$e` hypotheses or disjoint variables, and rules without symbols, stay out; what
    needs them is left to be proved step by step.
    """
    grammar = Grammar()
    for statement in database.statements.values():
        if isinstance(statement, Hypothesis) and statement.floating:
            grammar.types.add(statement.typecode)
    for assertion in database.assertions:
        if assertion.proof is not None or assertion.typecode not in grammar.types:
            continue
        symbols = tuple(assertion.expression.split()[1:])
        if not symbols or assertion.essentials or assertion.disjoint:
            grammar.complete = False
            continue
        rule = Rule(assertion, symbols, variable_types(assertion))
        first = rule.types.get(symbols[0])
        if first is None:
            grammar.by_constant.setdefault(symbols[0], []).append(rule)
        else:
            grammar.by_type.setdefault(first, []).append(rule)
    return grammar


def variable_types(assertion: Assertion) -> dict[str, str]:
    """Return the type of each mandatory variable."""
    return {one.variable: one.typecode for one in assertion.floatings}


class Chart:
    """The parts of one expression that have a type."""

    def __init__(
        self,
        grammar: Grammar,
        theorem: Assertion,
        variables: Mapping[str, Hypothesis],
        symbols: Sequence[str],
    ) -> None:
        """Read an expression.

        Args:
            grammar: The rules.
            theorem: Rules before this one may be used.
            variables: The `$f` hypothesis of each variable that is active there.
            symbols: The expression.

        Raises:
            TooHardError: Where it is too long or too ambiguous.
        """
        self.symbols = symbols
        self._index = theorem.index
        self._grammar = grammar
        self._work = 0
        self._parts: list[dict[str, dict[int, _Part]]] = [{} for _ in range(len(symbols) + 1)]
        for start in range(len(symbols) - 1, -1, -1):
            self._read_from(start, variables.get(symbols[start]))

    def has_type(self, typecode: str, start: int = 0) -> bool:
        """Return whether all that follows `start` has a type."""
        return len(self.symbols) in self._parts[start].get(typecode, ())

    def derivations(self, typecode: str, start: int = 0) -> dict[str, Derivation]:
        """Return how it is proved that all that follows `start` has the type."""
        found: dict[str, Derivation] = {}
        waiting = [(typecode, start, len(self.symbols))]
        while waiting:
            kind, begin, end = waiting.pop()
            expression = write_expression((kind, *self.symbols[begin:end]))
            if expression in found:
                continue
            part = self._parts[begin][kind][end]
            if isinstance(part.source, Hypothesis):
                found[expression] = Derivation(part.source)
                continue
            places = self._values_of(part)
            premises = []
            for one in part.source.assertion.floatings:
                inner = places[one.variable]
                waiting.append((one.typecode, *inner))
                premises.append(write_expression((one.typecode, *self.symbols[slice(*inner)])))
            found[expression] = Derivation(part.source.assertion, tuple(premises))
        return found

    def matches(
        self, pattern: Sequence[str], types: Mapping[str, str], given: Mapping[str, str]
    ) -> Iterator[Values]:
        """Yield the values of a pattern's variables for which it is this expression.

        Args:
            pattern: Symbols with variables.
            types: The type of each variable.
            given: Values that are known already.

        Raises:
            TooHardError: Where there are too many ways to try.
        """
        yield from self._match(pattern, 0, 0, types, dict(given))

    def _match(
        self,
        pattern: Sequence[str],
        place: int,
        start: int,
        types: Mapping[str, str],
        values: Values,
    ) -> Iterator[Values]:
        symbols = self.symbols
        while place < len(pattern):
            self._count()
            symbol = pattern[place]
            if symbol not in types:
                if start >= len(symbols) or symbols[start] != symbol:
                    return
                start += 1
            elif symbol in values:
                value = values[symbol].split()
                if list(symbols[start : start + len(value)]) != value:
                    return
                start += len(value)
            else:
                for end in self._parts[start].get(types[symbol], ()):
                    longer = values | {symbol: write_expression(symbols[start:end])}
                    yield from self._match(pattern, place + 1, end, types, longer)
                return
            place += 1
        if start == len(symbols):
            yield values

    def _read_from(self, start: int, variable: Hypothesis | None) -> None:
        """Find all parts that begin at `start`; those that begin later are known."""
        new: list[tuple[str, int]] = []
        if variable is not None:
            self._add(start, variable.typecode, start + 1, _Part(variable), new)
        for rule in self._grammar.by_constant.get(self.symbols[start], ()):
            self._extend(rule, start, start + 1, (), new)
        while new:
            typecode, end = new.pop()
            for rule in self._grammar.by_type.get(typecode, ()):
                self._extend(rule, start, end, ((start, end),), new)

    def _extend(
        self,
        rule: Rule,
        start: int,
        end: int,
        first: tuple[tuple[int, int], ...],
        new: list[tuple[str, int]],
    ) -> None:
        """Add each part that a rule makes out of what begins at `start`."""
        if rule.assertion.index >= self._index:
            return
        waiting = [(1, end, first)]
        while waiting:
            place, position, ends = waiting.pop()
            self._count()
            if place == len(rule.symbols):
                part = _Part(rule, ends)
                if self._is_consistent(part):
                    self._add(start, rule.assertion.typecode, position, part, new)
                continue
            symbol = rule.symbols[place]
            typecode = rule.types.get(symbol)
            if typecode is not None:
                for stop in self._parts[position].get(typecode, ()):
                    waiting.append((place + 1, stop, (*ends, (position, stop))))
            elif position < len(self.symbols) and self.symbols[position] == symbol:
                waiting.append((place + 1, position + 1, ends))

    def _add(
        self, start: int, typecode: str, end: int, part: _Part, new: list[tuple[str, int]]
    ) -> None:
        ends = self._parts[start].setdefault(typecode, {})
        if end not in ends:
            ends[end] = part
            new.append((typecode, end))

    def _values_of(self, part: _Part) -> dict[str, tuple[int, int]]:
        """Return where the value of each variable of a part's rule stands."""
        assert isinstance(part.source, Rule)
        names = [symbol for symbol in part.source.symbols if symbol in part.source.types]
        return dict(zip(names, part.ends, strict=True))

    def _is_consistent(self, part: _Part) -> bool:
        """Return whether a variable that a rule has twice stands for the same each time."""
        assert isinstance(part.source, Rule)
        if len(part.ends) == len(part.source.types):
            return True
        names = [symbol for symbol in part.source.symbols if symbol in part.source.types]
        values: dict[str, list[str]] = {}
        for name, (start, end) in zip(names, part.ends, strict=True):
            value = list(self.symbols[start:end])
            if values.setdefault(name, value) != value:
                return False
        return True

    def _count(self) -> None:
        self._work += 1
        if self._work > MAX_WORK:
            raise TooHardError("the expression is too long or too ambiguous")
