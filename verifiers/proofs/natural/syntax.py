"""Terms and formulas of first-order logic with equality over the natural numbers.

A bound variable is an index that counts the quantifiers between it and its own (locally nameless
form), so that two formulas which differ in the names of bound variables alone are equal, and
substitution captures nothing. Free variables have names. Nothing larger than the limits below can
be made at all.

Source: A. Charguéraud, The Locally Nameless Representation, 2012.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

MAX_SIZE = 2000
"""Most symbols of one term or formula."""
MAX_DEPTH = 100
"""Deepest nesting of one term or formula."""

ZERO, SUCCESSOR, PLUS, TIMES = "0", "S", "+", "*"
ARITHMETIC = {ZERO: 0, SUCCESSOR: 1, PLUS: 2, TIMES: 2}
"""The symbols of arithmetic with their numbers of arguments."""


class LogicError(ValueError):
    """A formula, a rule or a tactic is used where it cannot be."""


class Measure(NamedTuple):
    """What is known of a term or a formula from the moment it is made."""

    size: int
    """Symbols in it."""
    depth: int
    """Levels of nesting."""
    loose: int
    """Quantifiers that are missing around it; 0 for one that stands on its own."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A free variable."""

    name: str
    """Its name."""
    measure: Measure = field(init=False, repr=False, compare=False)
    """Its measure."""

    def __post_init__(self) -> None:
        """Measure it."""
        object.__setattr__(self, "measure", Measure(1, 1, 0))


@dataclass(frozen=True, slots=True)
class Bound:
    """A variable that belongs to a quantifier around it."""

    index: int
    """Quantifiers between this place and its own."""
    measure: Measure = field(init=False, repr=False, compare=False)
    """Its measure."""

    def __post_init__(self) -> None:
        """Measure it."""
        object.__setattr__(self, "measure", Measure(1, 1, self.index + 1))


@dataclass(frozen=True, slots=True)
class Apply:
    """A function symbol with its arguments; a constant has none."""

    symbol: str
    """Name of the function."""
    arguments: tuple["Term", ...] = ()
    """Its arguments."""
    measure: Measure = field(init=False, repr=False, compare=False)
    """Its measure."""

    def __post_init__(self) -> None:
        """Measure it."""
        object.__setattr__(self, "measure", _around(self.arguments))


Term: TypeAlias = Variable | Bound | Apply


@dataclass(frozen=True, slots=True)
class Atom:
    """A predicate with its arguments; a proposition has none."""

    predicate: str
    """Name of the predicate."""
    arguments: tuple[Term, ...] = ()
    """Its arguments."""
    measure: Measure = field(init=False, repr=False, compare=False)
    """Its measure."""

    def __post_init__(self) -> None:
        """Measure it."""
        object.__setattr__(self, "measure", _around(self.arguments))


@dataclass(frozen=True, slots=True)
class Equal:
    """An equation."""

    left: Term
    """Left side."""
    right: Term
    """Right side."""
    measure: Measure = field(init=False, repr=False, compare=False)
    """Its measure."""

    def __post_init__(self) -> None:
        """Measure it."""
        object.__setattr__(self, "measure", _around((self.left, self.right)))


@dataclass(frozen=True, slots=True)
class Falsum:
    """What is never true."""

    measure: Measure = field(init=False, repr=False, compare=False)
    """Its measure."""

    def __post_init__(self) -> None:
        """Measure it."""
        object.__setattr__(self, "measure", Measure(1, 1, 0))


@dataclass(frozen=True, slots=True)
class _Connective:
    """Two formulas joined."""

    left: "Formula"
    """First part."""
    right: "Formula"
    """Second part."""
    measure: Measure = field(init=False, repr=False, compare=False)
    """Its measure."""

    def __post_init__(self) -> None:
        """Measure it."""
        object.__setattr__(self, "measure", _around((self.left, self.right)))


class And(_Connective):
    """Both hold."""

    __slots__ = ()


class Or(_Connective):
    """At least one holds."""

    __slots__ = ()


class Implies(_Connective):
    """The second holds where the first does. The negation of A is `A -> False`."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class _Quantifier:
    """A formula about every or some number; `Bound(0)` is that number in the body."""

    body: "Formula"
    """What is said of it."""
    hint: str = field(default="x", compare=False)
    """The name that the variable had; no part of what is said."""
    measure: Measure = field(init=False, repr=False, compare=False)
    """Its measure."""

    def __post_init__(self) -> None:
        """Measure it."""
        inner = _around((self.body,))
        object.__setattr__(self, "measure", inner._replace(loose=max(0, inner.loose - 1)))


class ForAll(_Quantifier):
    """The body holds for all."""

    __slots__ = ()


class Exists(_Quantifier):
    """The body holds for one at least."""

    __slots__ = ()


Formula: TypeAlias = Atom | Equal | Falsum | And | Or | Implies | ForAll | Exists
Expression: TypeAlias = Term | Formula


def _around(parts: tuple[Expression, ...]) -> Measure:
    """Return the measure of what is built from parts. Raises LogicError above the limits."""
    size = depth = 1
    loose = 0
    for part in parts:
        inner = part.measure
        size += inner.size
        depth = max(depth, inner.depth + 1)
        loose = max(loose, inner.loose)
    if size > MAX_SIZE:
        raise LogicError(f"a formula has more than {MAX_SIZE} symbols")
    if depth > MAX_DEPTH:
        raise LogicError(f"a formula is nested more than {MAX_DEPTH} levels deep")
    return Measure(size, depth, loose)


FALSUM = Falsum()


def negation(formula: Formula) -> Formula:
    """Return the formula that says that another one is not true."""
    return Implies(formula, FALSUM)


def equivalence(left: Formula, right: Formula) -> Formula:
    """Return the formula that says that each of two implies the other."""
    return And(Implies(left, right), Implies(right, left))


def numeral(value: int) -> Term:
    """Return the term `S(S(...0))` for a number. Raises LogicError above the limits."""
    term: Term = Apply(ZERO)
    if value >= MAX_DEPTH:
        raise LogicError(f"the number {value} is larger than {MAX_DEPTH - 1}")
    for _ in range(value):
        term = Apply(SUCCESSOR, (term,))
    return term


def is_closed(expression: Expression) -> bool:
    """Return whether every bound variable has its quantifier."""
    return expression.measure.loose == 0


Replacement: TypeAlias = Callable[[Term, int], Term | None]
"""Given a term and the quantifiers around it, returns what stands there instead, or None."""


def replace_in_term(term: Term, replacement: Replacement, level: int = 0) -> Term:
    """Return a term with parts replaced, the outermost first."""
    found = replacement(term, level)
    if found is not None:
        return found
    if not isinstance(term, Apply) or not term.arguments:
        return term
    inner = tuple(replace_in_term(part, replacement, level) for part in term.arguments)
    return term if inner == term.arguments else Apply(term.symbol, inner)


def replace_terms(formula: Formula, replacement: Replacement, level: int = 0) -> Formula:
    """Return a formula with terms replaced, the outermost first."""
    match formula:
        case Atom(predicate, arguments):
            inner = tuple(replace_in_term(part, replacement, level) for part in arguments)
            return Atom(predicate, inner)
        case Equal(left, right):
            return Equal(
                replace_in_term(left, replacement, level),
                replace_in_term(right, replacement, level),
            )
        case Falsum():
            return formula
        case And(left, right) | Or(left, right) | Implies(left, right):
            return type(formula)(
                replace_terms(left, replacement, level), replace_terms(right, replacement, level)
            )
        case ForAll(body, hint) | Exists(body, hint):
            return type(formula)(replace_terms(body, replacement, level + 1), hint)


def instantiate(body: Formula, term: Term) -> Formula:
    """Return the body of a quantifier with `term` for its variable.

    Raises LogicError for a term with loose bound variables, which a quantifier would capture.
    """
    if not is_closed(term):
        raise LogicError("a term with a loose bound variable cannot be put in")

    def replacement(part: Term, level: int) -> Term | None:
        if part.measure.loose <= level:
            return part  # The variable is not in it.
        return term if isinstance(part, Bound) and part.index == level else None

    return replace_terms(body, replacement)


def abstract(formula: Formula, term: Term) -> Formula:
    """Return the body of a quantifier whose variable stands wherever `term` stood.

    Raises LogicError for a term or a formula with loose bound variables.
    """
    if not is_closed(term) or not is_closed(formula):
        raise LogicError("what has a loose bound variable cannot be abstracted")
    return replace_terms(formula, lambda part, level: Bound(level) if part == term else None)


def substitute(formula: Formula, values: dict[str, Term]) -> Formula:
    """Return a formula with terms for free variables, all at once.

    Raises LogicError for a term with loose bound variables.
    """
    if not all(map(is_closed, values.values())):
        raise LogicError("a term with a loose bound variable cannot be put in")
    return replace_terms(
        formula, lambda part, level: values.get(part.name) if isinstance(part, Variable) else None
    )


def terms_of(formula: Formula) -> Iterator[Term]:
    """Yield every term in a formula with its parts, from left to right, the outer first."""
    match formula:
        case Atom(_, arguments):
            for part in arguments:
                yield from parts_of(part)
        case Equal(left, right):
            yield from parts_of(left)
            yield from parts_of(right)
        case And(left, right) | Or(left, right) | Implies(left, right):
            yield from terms_of(left)
            yield from terms_of(right)
        case ForAll(body) | Exists(body):
            yield from terms_of(body)
        case Falsum():
            return


def parts_of(term: Term) -> Iterator[Term]:
    """Yield a term and every term in it, the outer first."""
    yield term
    if isinstance(term, Apply):
        for part in term.arguments:
            yield from parts_of(part)


def free_variables(formula: Formula) -> frozenset[str]:
    """Return the names of the free variables of a formula."""
    return frozenset(term.name for term in terms_of(formula) if isinstance(term, Variable))


def variables_of(term: Term) -> frozenset[str]:
    """Return the names of the free variables of a term."""
    return frozenset(part.name for part in parts_of(term) if isinstance(part, Variable))


def functions_of(formula: Formula) -> dict[str, int]:
    """Return the function symbols of a formula with their numbers of arguments."""
    applied = (term for term in terms_of(formula) if isinstance(term, Apply))
    return {term.symbol: len(term.arguments) for term in applied}


def predicates_of(formula: Formula) -> dict[str, int]:
    """Return the predicates of a formula with their numbers of arguments."""
    match formula:
        case Atom(predicate, arguments):
            return {predicate: len(arguments)}
        case And(left, right) | Or(left, right) | Implies(left, right):
            return {**predicates_of(left), **predicates_of(right)}
        case ForAll(body) | Exists(body):
            return predicates_of(body)
        case _:
            return {}
