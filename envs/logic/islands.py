"""Islands of knights and knaves: drawn by a seed, solved exactly."""

from collections.abc import Iterator, Mapping

import numpy as np

from gym_reason.errors import EnvError
from gym_reason.verifiers.logic.statements import (
    CONNECTIVES,
    KNAVE,
    KNIGHT,
    NAMES,
    Compound,
    Island,
    Negation,
    Person,
    Statement,
)

_TRIES = 1000


def draw_island(rng: np.random.Generator, people: int, depth: int) -> Island:
    """Return an island with exactly one solution.

    Args:
        rng: Where the statements come from.
        people: How many there are.
        depth: How deep the statements are nested.

    Raises:
        EnvError: Where no draw has one.
    """
    names = NAMES[:people]
    for _ in range(_TRIES):
        island = Island({name: _draw_statement(rng, names, depth) for name in names})
        solutions = find_solutions(island, {})
        if next(solutions, None) is not None and next(solutions, None) is None:
            return island
    raise EnvError(f"no island of {people} people has one solution", "other settings")


def find_solutions(island: Island, fixed: Mapping[str, bool]) -> Iterator[dict[str, bool]]:
    """Yield every solution with the kinds in `fixed`, knights first."""
    for kinds, contradicted in search(island, fixed):
        if not contradicted:
            yield kinds


def search(island: Island, fixed: Mapping[str, bool]) -> Iterator[tuple[dict[str, bool], str]]:
    """Yield the ends of a search: solutions, and dead ends with the person contradicted there.

    People are settled in order, knights first, and a branch ends where somebody's statement can no
    longer fit.
    """
    stack: list[dict[str, bool]] = [dict(fixed)]
    while stack:
        kinds = stack.pop()
        contradicted = island.contradicted(kinds)
        unsettled = [name for name in island.people if name not in kinds]
        if contradicted or not unsettled:
            yield kinds, contradicted
        else:
            stack += [{**kinds, unsettled[0]: False}, {**kinds, unsettled[0]: True}]


def write_kinds(island: Island, kinds: Mapping[str, bool]) -> str:
    """Return a letter for each person whose kind is known, in order."""
    letters = {True: KNIGHT, False: KNAVE}
    return "".join(letters[kinds[name]] for name in island.people if name in kinds)


def _draw_statement(rng: np.random.Generator, names: str, depth: int) -> Statement:
    if depth == 0:
        person = Person(names[int(rng.random() * len(names))])
        return Negation(person) if rng.random() < 0.5 else person
    sign = CONNECTIVES[int(rng.random() * len(CONNECTIVES))]
    left = _draw_statement(rng, names, depth - 1)
    right = _draw_statement(rng, names, int(rng.random() * depth))
    while depth == 1 and _person(left) == _person(right):
        right = _draw_statement(rng, names, 0)
    if rng.random() < 0.5:
        left, right = right, left
    return Compound(sign, left, right)


def _person(literal: Statement) -> Statement:
    return literal.inner if isinstance(literal, Negation) else literal
