"""Theorems from schemes: laws of quantifiers and of induction, with formulas put in."""

from collections.abc import Sequence

import numpy as np

from gym_reason.envs.proofs.shapes import below, draw_tree, pick
from gym_reason.verifiers.proofs.natural.parse import parse_formula
from gym_reason.verifiers.proofs.natural.syntax import (
    And,
    Atom,
    Exists,
    ForAll,
    Formula,
    Implies,
    Or,
    Variable,
    replace_terms,
)

# Capital letters from A to E stand for formulas about the numbers in parentheses; R and S stay.
QUANTIFIER_SCHEMES: tuple[tuple[int, str], ...] = (
    (1, "(forall x, A(x) -> B(x)) -> (forall x, A(x)) -> forall x, B(x)"),
    (1, "(forall x, A(x) -> B(x)) -> (exists x, A(x)) -> exists x, B(x)"),
    (1, "(forall x, A(x)) -> exists x, A(x)"),
    (1, "(exists x, A(x) & B(x)) -> (exists x, A(x)) & (exists x, B(x))"),
    (1, "(forall x, A(x) & B(x)) <-> (forall x, A(x)) & (forall x, B(x))"),
    (1, "(exists x, A(x) | B(x)) <-> (exists x, A(x)) | (exists x, B(x))"),
    (1, "(forall x, A(x)) | (forall x, B(x)) -> forall x, A(x) | B(x)"),
    (1, "~(exists x, A(x)) <-> (forall x, ~A(x))"),
    (1, "(exists x, ~A(x)) -> ~(forall x, A(x))"),
    (2, "(exists x, forall y, R(x, y)) -> forall y, exists x, R(x, y)"),
    (2, "(forall x y, R(x, y)) -> forall x, R(x, x)"),
    (2, "(forall x, A(x) -> C) <-> ((exists x, A(x)) -> C)"),
    (2, "(exists x, C & A(x)) <-> (C & exists x, A(x))"),
    (2, "(C -> forall x, A(x)) <-> (forall x, C -> A(x))"),
    (2, "(exists x, A(x) -> C) -> (forall x, A(x)) -> C"),
    (2, "(forall x, A(x) -> B(x)) -> ~(exists x, B(x)) -> forall x, ~A(x)"),
    (2, "(forall x, A(x) | B(x)) -> (exists x, ~A(x)) -> exists x, B(x)"),
    (3, "(forall x, A(x) -> B(x)) -> (forall x, B(x) -> D(x)) -> (exists x, A(x)) -> "
        "exists x, D(x)"),
    (3, "(forall x y, R(x, y) -> R(y, x)) -> (exists x, R(x, x) & A(x)) -> exists x y, R(x, y)"),
    (3, "(forall x, A(x) -> exists y, R(x, y) & B(y)) -> (exists x, A(x)) -> exists y, B(y)"),
    (3, "(exists x, A(x) & B(x)) -> (forall x, B(x) -> ~D(x)) -> exists x, A(x) & ~D(x)"),
    (3, "(forall x, A(x) & B(x) -> D(x)) -> (forall x, A(x)) -> (exists x, B(x)) -> "
        "exists x, D(x)"),
    (3, "(forall x, A(x) -> B(f(x))) -> (exists x, A(x)) -> exists y, B(y)"),
    (4, "(forall x y z, R(x, y) -> R(y, z) -> R(x, z)) -> (forall x y, R(x, y) -> R(y, x)) -> "
        "forall x y, R(x, y) -> R(x, x)"),
    (4, "(forall x, exists y, R(x, y)) -> (forall x y, R(x, y) -> R(y, x)) -> "
        "forall x, exists y, R(y, x)"),
    (4, "(forall x, A(x) -> A(f(x))) -> (exists x, A(x)) -> exists x, A(f(f(x)))"),
    (4, "(forall x, A(x) | B(x)) -> (forall x, A(x) -> D(x)) -> (forall x, B(x) -> D(x)) -> "
        "forall x, D(x)"),
    (5, "(forall x y z, R(x, y) -> R(y, z) -> R(x, z)) -> (forall x, ~R(x, x)) -> "
        "forall x y, R(x, y) -> ~R(y, x)"),
    (5, "(forall x, A(x) -> B(x)) -> (forall x, B(x) -> D(x)) -> (forall x, D(x) -> E(x)) -> "
        "(exists x, A(x)) -> exists x, D(x) & E(x)"),
    (5, "(forall x, A(x) -> forall y, B(y) -> R(x, y)) -> (exists x, A(x)) -> (exists y, B(y)) -> "
        "exists x y, R(x, y)"),
    (6, "(forall x, exists y, R(x, y)) -> (forall x y, R(x, y) -> R(y, x)) -> "
        "(forall x y z, R(x, y) -> R(y, z) -> R(x, z)) -> forall x, R(x, x)"),
)  # fmt: skip

INDUCTION_SCHEMES: tuple[tuple[int, str], ...] = (
    (1, "A(0) -> (forall n, A(n) -> A(S(n))) -> forall n, A(n)"),
    (1, "forall n, n = 0 | exists m, n = S(m)"),
    (2, "A(0) -> (forall n, A(n) -> A(S(n))) -> A({k})"),
    (2, "A(0) -> (forall n, A(n) -> A(S(n))) -> (forall n, A(n) -> B(n)) -> forall n, B(n)"),
    (2, "A(0) & B(0) -> (forall n, A(n) & B(n) -> A(S(n)) & B(S(n))) -> forall n, A(n) & B(n)"),
    (2, "A(0) -> (forall n, A(S(n))) -> forall n, A(n)"),
    (3, "A(0) -> A(S(0)) -> (forall n, A(n) -> A(S(S(n)))) -> forall n, A(n) & A(S(n))"),
    (3, "A(0) -> (forall n, A(n) -> B(n)) -> (forall n, B(n) -> A(S(n))) -> forall n, A(n)"),
    (3, "A(0) -> (forall n, A(n) -> B(S(n))) -> (forall n, B(n) -> A(n)) -> forall n, A(n)"),
    (3, "(exists n, A(n)) -> (forall n, A(n) -> A(S(n))) -> exists n, A(S(S(n)))"),
    (3, "f(0) = 0 -> (forall n, f(S(n)) = S(f(n))) -> forall n, f(n) = n"),
    (3, "f(0) = 0 -> (forall n, f(S(n)) = f(n)) -> forall n, f(n) = 0"),
    (4, "(forall n, f(S(n)) = f(n)) -> (forall n, f(n) = f(0))"),
    (4, "f(0) = {k} -> (forall n, f(S(n)) = S(f(n))) -> forall n, f(n) = {k} + n"),
    (4, "f(0) = g(0) -> (forall n, f(S(n)) = S(f(n))) -> (forall n, g(S(n)) = S(g(n))) -> "
        "forall n, f(n) = g(n)"),
    (4, "f(0) = 0 -> (forall n, f(S(n)) = f(n) + {k}) -> forall n, f(n) = {k} * n"),
    (5, "(forall x, 0 + x = x) -> (forall x y, S(x) + y = S(x + y)) -> "
        "forall m n, m + n = n + m"),
    (5, "A(0) | B(0) -> (forall n, A(n) -> B(S(n))) -> (forall n, B(n) -> A(S(n))) -> "
        "forall n, A(n) | B(n)"),
    (5, "(forall n, R(n, 0)) -> (forall m n, R(m, n) -> R(m, S(n))) -> forall m n, R(m, n)"),
    (6, "R(0, 0) -> (forall m n, R(m, n) -> R(S(m), n)) -> (forall m n, R(m, n) -> R(m, S(n))) -> "
        "forall m n, R(m, n)"),
)  # fmt: skip
"""Schemes with the level from which on they are used."""


def draw_quantifiers(rng: np.random.Generator, level: int) -> Formula:
    """Return a law of quantifiers with random formulas for its predicates."""
    return _fill_scheme(rng, level, QUANTIFIER_SCHEMES)


def draw_induction(rng: np.random.Generator, level: int) -> Formula:
    """Return a consequence of induction with random formulas for its predicates."""
    return _fill_scheme(rng, level, INDUCTION_SCHEMES)


def _fill_scheme(
    rng: np.random.Generator, level: int, schemes: Sequence[tuple[int, str]]
) -> Formula:
    low = max(1, min(level, 6) - 3)
    text = pick(rng, [text for least, text in schemes if low <= least <= level])
    scheme = parse_formula(text.replace("{k}", str(1 + below(rng, 3))))
    place = Variable("x")
    fillings: dict[str, Formula] = {}
    letters = list("PQTUVW")
    for letter in "ABCDE":
        arguments = () if letter == "C" else (place,)
        own = [Atom(letters.pop(below(rng, len(letters))), arguments)]
        if arguments:
            own += [Atom("P", (place,)), Atom("K", (place, place)), Atom("P", (place,))]
        simple = rng.random() < 0.9 - 0.08 * level
        fillings[letter] = own[0] if simple else draw_tree(rng, 1 + below(rng, 2), own)
    return fill(scheme, fillings)


def fill(scheme: Formula, fillings: dict[str, Formula]) -> Formula:
    """Return a scheme with formulas without quantifiers for its predicates.

    Args:
        scheme: The scheme.
        fillings: For a predicate, what it says of the variable x.
    """
    match scheme:
        case Atom(predicate, arguments) if predicate in fillings:
            # No quantifier in the filling can capture what stands in the argument.
            return replace_terms(
                fillings[predicate],
                lambda term, _: arguments[0] if term == Variable("x") else None,
            )
        case And(left, right) | Or(left, right) | Implies(left, right):
            return type(scheme)(fill(left, fillings), fill(right, fillings))
        case ForAll(body, hint) | Exists(body, hint):
            return type(scheme)(fill(body, fillings), hint)
        case _:
            return scheme
