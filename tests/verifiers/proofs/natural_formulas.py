"""Random formulas for the tests of natural deduction, and what they mean in small models."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import strategies as st

from gym_reason.verifiers.proofs.natural.syntax import (
    And,
    Apply,
    Atom,
    Bound,
    Equal,
    Exists,
    Falsum,
    ForAll,
    Formula,
    Implies,
    Or,
    Term,
    Variable,
    abstract,
)

NAMES = ("x", "y", "z")


def terms(names: tuple[str, ...] = NAMES) -> st.SearchStrategy[Term]:
    """Return a strategy of terms with free variables."""
    leaves: st.SearchStrategy[Term] = st.sampled_from([*map(Variable, names), Apply("0")])
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            inner.map(lambda part: Apply("S", (part,))),
            inner.map(lambda part: Apply("f", (part,))),
            st.tuples(st.sampled_from("+*"), inner, inner).map(
                lambda parts: Apply(parts[0], (parts[1], parts[2]))
            ),
        ),
        max_leaves=4,
    )


def formulas(names: tuple[str, ...] = NAMES) -> st.SearchStrategy[Formula]:
    """Return a strategy of formulas with free variables and quantifiers."""
    leaves: st.SearchStrategy[Formula] = st.one_of(
        st.sampled_from([Atom("P"), Atom("Q"), Falsum()]),
        terms(names).map(lambda term: Atom("A", (term,))),
        st.tuples(terms(names), terms(names)).map(lambda pair: Atom("R", pair)),
        st.tuples(terms(names), terms(names)).map(lambda pair: Equal(*pair)),
    )
    return st.recursive(leaves, _around, max_leaves=6)


def _around(inner: st.SearchStrategy[Formula]) -> st.SearchStrategy[Formula]:
    names = st.sampled_from(NAMES)
    bodies = st.tuples(inner, names).map(lambda pair: abstract(pair[0], Variable(pair[1])))
    return st.one_of(
        _joined(inner), st.builds(ForAll, bodies, names), st.builds(Exists, bodies, names)
    )


def propositions() -> st.SearchStrategy[Formula]:
    """Return a strategy of propositional formulas."""
    leaves: st.SearchStrategy[Formula] = st.sampled_from(
        [Atom("P"), Atom("Q"), Atom("R"), Falsum()]
    )
    return st.recursive(leaves, _joined, max_leaves=8)


def _joined(inner: st.SearchStrategy[Formula]) -> st.SearchStrategy[Formula]:
    return st.one_of(
        st.builds(And, inner, inner), st.builds(Or, inner, inner), st.builds(Implies, inner, inner)
    )


@dataclass(frozen=True)
class Model:
    """The numbers 0, 1, 2 with arithmetic modulo 3, and some meaning of the other symbols."""

    function: tuple[int, ...]
    predicate: frozenset[int]
    relation: frozenset[tuple[int, int]]
    true: frozenset[str]

    def value(self, term: Term, free: Mapping[str, int], bound: tuple[int, ...] = ()) -> int:
        """Return the number that a term stands for."""
        match term:
            case Variable(name):
                return free[name]
            case Bound(index):
                return bound[-1 - index]
            case Apply(symbol, arguments):
                parts = [self.value(part, free, bound) for part in arguments]
        if symbol == "f":
            return self.function[parts[0]]
        results = {"0": 0, "S": sum(parts) + 1, "+": sum(parts)}
        return (parts[0] * parts[1] if symbol == "*" else results[symbol]) % 3

    def holds(self, formula: Formula, free: Mapping[str, int], bound: tuple[int, ...] = ()) -> bool:
        """Return whether a formula holds."""
        match formula:
            case Atom(predicate, ()):
                return predicate in self.true
            case Atom(_, (one,)):
                return self.value(one, free, bound) in self.predicate
            case Atom(_, (one, other)):
                pair = self.value(one, free, bound), self.value(other, free, bound)
                return pair in self.relation
            case Equal(left, right):
                return self.value(left, free, bound) == self.value(right, free, bound)
            case And(left, right):
                return self.holds(left, free, bound) and self.holds(right, free, bound)
            case Or(left, right):
                return self.holds(left, free, bound) or self.holds(right, free, bound)
            case Implies(left, right):
                return not self.holds(left, free, bound) or self.holds(right, free, bound)
            case ForAll(body):
                return all(self.holds(body, free, (*bound, number)) for number in range(3))
            case Exists(body):
                return any(self.holds(body, free, (*bound, number)) for number in range(3))
            case _:
                return False


def models() -> st.SearchStrategy[Model]:
    """Return a strategy of models."""
    numbers = st.integers(0, 2)
    pairs = st.sampled_from(list(itertools.product(range(3), repeat=2)))
    return st.builds(
        Model,
        st.tuples(numbers, numbers, numbers),
        st.frozensets(numbers),
        st.frozensets(pairs),
        st.frozensets(st.sampled_from(["P", "Q", "R"])),
    )
