"""Matching: the terms for the open places of a pattern that make it equal to something given."""

from collections.abc import Iterator

from gym_reason.verifiers.proofs.natural.syntax import (
    And,
    Apply,
    Atom,
    Bound,
    Equal,
    Exists,
    Expression,
    Falsum,
    ForAll,
    Formula,
    Implies,
    Or,
    Term,
    Variable,
    is_closed,
    terms_of,
)

_MARK = "?"
"""What the name of an open place begins with; no name in a text does."""


def open_place(number: int) -> Variable:
    """Return the open place with a number."""
    return Variable(f"{_MARK}{number}")


def is_open_place(term: Term) -> bool:
    """Return whether a term is an open place."""
    return isinstance(term, Variable) and term.name.startswith(_MARK)


def matches(pattern: Expression, given: Expression, values: dict[str, Term]) -> bool:
    """Return whether `pattern` can be made equal to `given`; what that takes goes into `values`.

    Where it cannot, `values` may hold some of what was tried.
    """
    if isinstance(pattern, Variable) and is_open_place(pattern):
        if not isinstance(given, Variable | Bound | Apply) or not is_closed(given):
            return False
        return values.setdefault(pattern.name, given) == given
    if type(pattern) is not type(given):
        return False
    match pattern:
        case Apply(symbol, parts) if isinstance(given, Apply):
            return symbol == given.symbol and _match_all(parts, given.arguments, values)
        case Atom(predicate, parts) if isinstance(given, Atom):
            return predicate == given.predicate and _match_all(parts, given.arguments, values)
        case Equal(left, right) if isinstance(given, Equal):
            return _match_all((left, right), (given.left, given.right), values)
        case And(left, right) | Or(left, right) | Implies(left, right) if isinstance(
            given, And | Or | Implies
        ):
            return matches(left, given.left, values) and matches(right, given.right, values)
        case ForAll(body) | Exists(body) if isinstance(given, ForAll | Exists):
            return matches(body, given.body, values)
        case Falsum():
            return True
        case _:
            return pattern == given


def _match_all(
    patterns: tuple[Term, ...], given: tuple[Term, ...], values: dict[str, Term]
) -> bool:
    return len(patterns) == len(given) and all(
        matches(pattern, term, values) for pattern, term in zip(patterns, given, strict=True)
    )


def find_instances(pattern: Term, formula: Formula) -> Iterator[dict[str, Term]]:
    """Yield, for each closed term in a formula that matches `pattern`, the values it takes."""
    for term in terms_of(formula):
        yield from _instance(pattern, term)


def _instance(pattern: Term, term: Term) -> Iterator[dict[str, Term]]:
    values: dict[str, Term] = {}
    if is_closed(term) and matches(pattern, term, values):
        yield values
