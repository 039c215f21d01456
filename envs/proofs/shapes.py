"""Random formulas that are likely to be theorems: propositions, and equations in a row."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from gym_reason.verifiers.proofs.natural.syntax import (
    And,
    Apply,
    Atom,
    Equal,
    ForAll,
    Formula,
    Implies,
    Or,
    Term,
    Variable,
    abstract,
    free_variables,
    negation,
)

T = TypeVar("T")


def below(rng: np.random.Generator, count: int) -> int:
    """Return a whole number from 0 to `count` - 1."""
    return int(rng.random() * count)


def pick(rng: np.random.Generator, items: Sequence[T]) -> T:
    """Return one of some items."""
    return items[below(rng, len(items))]


def draw_propositional(rng: np.random.Generator, level: int) -> Formula:
    """Return a formula of `level` and two or three more connectives."""
    atoms = [Atom(name) for name in "PQRTU"[: 2 + min(3, (level + below(rng, 2)) // 2)]]
    return draw_tree(rng, level + 2 + below(rng, 2), atoms, top=True)


def draw_tree(
    rng: np.random.Generator, connectives: int, atoms: Sequence[Formula], top: bool = False
) -> Formula:
    """Return a formula with so many connectives.

    Args:
        rng: The generator of all draws.
        connectives: How many.
        atoms: What they join.
        top: Whether it is to be an implication.
    """
    if connectives <= 0:
        return pick(rng, atoms)
    draw = rng.random()
    if draw < 0.14 and not top:
        return negation(draw_tree(rng, connectives - 1, atoms))
    # A statement that begins with an implication has something to be shown from.
    share = below(rng, connectives)
    left = draw_tree(rng, share, atoms)
    right = draw_tree(rng, connectives - 1 - share, atoms, top and rng.random() < 0.5)
    if top or draw < 0.5:
        return Implies(left, right)
    return And(left, right) if draw < 0.75 else Or(left, right)


def draw_equality(rng: np.random.Generator, level: int) -> Formula:
    """Return that one thing is another, or has what that has, from equations in a row."""
    names = list("xyzuvwabcd"[: level + 2])
    links: list[Formula] = []
    # Every thing in the row is equal to `start`, in which functions were put around as it went on.
    start: Term = Variable(names[0])
    last = start
    for name in names[1:]:
        thing: Term = Variable(name)
        if rng.random() < 0.35:
            start, last = Apply("f", (start,)), Apply("f", (last,))
        if rng.random() < 0.2:
            thing = Apply("g", (thing,))
        links.append(Equal(last, thing) if rng.random() < 0.5 else Equal(thing, last))
        last = thing
    goal = _say_the_same(rng, level, start, last)
    while links:
        goal = Implies(links.pop(below(rng, len(links))), goal)
    return close(goal, names)


def _say_the_same(rng: np.random.Generator, level: int, start: Term, last: Term) -> Formula:
    """Return that two things are equal, or that the one has a property if the other has."""
    if rng.random() < 0.5:
        start, last = last, start
    if rng.random() < 0.5:
        start, last = Apply("h", (start,)), Apply("h", (last,))
    kind = below(rng, 3) if level > 1 else 0
    if kind == 0:
        return Equal(start, last)
    more = () if kind == 1 else (Variable("x"),)
    return Implies(Atom("P", (start, *more)), Atom("P", (last, *more)))


def close(formula: Formula, names: Sequence[str]) -> Formula:
    """Return a formula for all values of its free variables, the first name outermost."""
    for name in reversed(names):
        if name in free_variables(formula):
            formula = ForAll(abstract(formula, Variable(name)), name)
    return formula
