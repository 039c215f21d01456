"""Equations of arithmetic: a term, and what a few laws make of it."""

import numpy as np

from gym_reason.envs.proofs.shapes import below, close, pick
from gym_reason.verifiers.proofs.natural.matching import matches
from gym_reason.verifiers.proofs.natural.parse import parse_term
from gym_reason.verifiers.proofs.natural.syntax import (
    PLUS,
    SUCCESSOR,
    TIMES,
    ZERO,
    Apply,
    Equal,
    Formula,
    LogicError,
    Term,
    Variable,
    free_variables,
    parts_of,
    replace_in_term,
    variables_of,
)

_REWRITINGS = tuple(
    (parse_term(left, "xyz"), parse_term(right, "xyz"))
    for left, right in (
        ("x + 0", "x"), ("0 + x", "x"), ("x + S(y)", "S(x + y)"), ("S(x) + y", "S(x + y)"),
        ("(x + y) + z", "x + (y + z)"), ("x * 0", "0"), ("0 * x", "0"), ("x * S(y)", "x * y + x"),
        ("x * S(0)", "x"), ("S(0) * x", "x"),
    )
)  # fmt: skip


def draw_equation(rng: np.random.Generator, level: int) -> Formula:
    """Return an equation of arithmetic that follows from a few laws."""
    names = "xyz"[: 1 + min(2, level // 2)]
    left = _draw_term(rng, 1 + (level + 1) // 2 + below(rng, 2), names)
    right = left
    for _ in range(1 + level // 2 + below(rng, 2)):
        right = _rewrite_somewhere(rng, right)
    if left == right:
        raise LogicError("the two sides are the same")
    if rng.random() < 0.5:
        left, right = right, left
    equation = Equal(left, right)
    if not free_variables(equation):
        raise LogicError("the equation has no variable")
    return close(equation, names)


def _draw_term(rng: np.random.Generator, size: int, names: str) -> Term:
    if size <= 0:
        return Variable(pick(rng, names)) if rng.random() < 0.8 else Apply(ZERO)
    draw = rng.random()
    if draw < 0.25:
        return Apply(SUCCESSOR, (_draw_term(rng, size - 1, names),))
    share = below(rng, size)
    parts = _draw_term(rng, share, names), _draw_term(rng, size - 1 - share, names)
    return Apply(PLUS if draw < 0.85 else TIMES, parts)


def _rewrite_somewhere(rng: np.random.Generator, term: Term) -> Term:
    """Return a term after one of the laws, in one direction, at one place; or as it was."""
    places = list(parts_of(term))
    for _ in range(12):
        one, other = pick(rng, _REWRITINGS)
        if rng.random() < 0.5:
            one, other = other, one
        place = pick(rng, places)
        values: dict[str, Term] = {}
        if matches(_opened(one), place, values):
            result = _filled(other, values)
            if result is not None and result != place:
                return _with_part(term, place, result)
    return term


def _with_part(term: Term, old: Term, new: Term) -> Term:
    return replace_in_term(term, lambda part, _: new if part == old else None)


def _opened(term: Term) -> Term:
    return replace_in_term(
        term, lambda part, _: Variable(f"?{part.name}") if isinstance(part, Variable) else None
    )


def _filled(term: Term, values: dict[str, Term]) -> Term | None:
    if any(f"?{name}" not in values for name in variables_of(term)):
        return None
    return replace_in_term(
        term, lambda part, _: values[f"?{part.name}"] if isinstance(part, Variable) else None
    )
