"""Formulas and terms as text that the parser reads back as the same formula."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from gym_reason.verifiers.proofs.natural.syntax import (
    FALSUM,
    PLUS,
    TIMES,
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
    free_variables,
    functions_of,
)


@dataclass(frozen=True, slots=True)
class Symbols:
    """How the logical symbols are written."""

    implies: str
    """Between a condition and what follows."""
    both: str
    """Between two that both hold."""
    either: str
    """Between two of which one holds."""
    negation: str
    """Before what is denied."""
    same: str
    """Between two that imply each other."""
    unequal: str
    """Between two terms that differ."""
    false: str
    """What never holds."""
    forall: str
    """Before the variables of which something holds in general, with its space."""
    exists: str
    """Before the variables of which something holds at least once, with its space."""
    times: str
    """Between factors."""


ASCII: Final = Symbols("->", "&", "|", "~", "<->", "!=", "False", "forall ", "exists ", "*")
UNICODE: Final = Symbols(
    "\u2192",
    "\u2227",
    "\u2228",
    "\u00ac",
    "\u2194",
    "\u2260",
    "\u22a5",
    "\u2200",
    "\u2203",
    "\u00b7",
)

_SAME, _IMPLIES, _OR, _AND, _NOT = range(5)
"""How strongly a connective binds."""


def show_formula(formula: Formula, symbols: Symbols = ASCII) -> str:
    """Return a formula as text."""
    taken = free_variables(formula).union(functions_of(formula))
    return _show(formula, _SAME, (), taken, symbols)


def show_term(term: Term, symbols: Symbols = ASCII) -> str:
    """Return a term as text."""
    return _show_term(term, 0, (), symbols)


def fresh_name(wanted: str, taken: Collection[str]) -> str:
    """Return `wanted`, or the first of `wanted` with a number behind it that is not taken."""
    name, number = wanted, 0
    while name in taken:
        number += 1
        name = f"{wanted}{number}"
    return name


def _show(
    formula: Formula,
    level: int,
    names: tuple[str, ...],
    taken: frozenset[str],
    symbols: Symbols,
) -> str:
    """Return a formula as text, in parentheses where it binds less than `level` asks.

    Args:
        formula: The formula.
        level: How strongly it must bind.
        names: Names of the quantified variables around it, the innermost last.
        taken: Names that are used already.
        symbols: How the symbols are written.
    """

    def inner(part: Formula, at: int) -> str:
        return _show(part, at, names, taken, symbols)

    match formula:
        case Atom(predicate, ()):
            return predicate
        case Atom(predicate, arguments):
            shown = ", ".join(_show_term(part, 0, names, symbols) for part in arguments)
            return f"{predicate}({shown})"
        case Equal():
            return _show_equation(formula, "=", names, symbols)
        case Falsum():
            return symbols.false
        case Implies(Equal() as equation, right) if right == FALSUM:
            return _show_equation(equation, symbols.unequal, names, symbols)
        case Implies(left, right) if right == FALSUM:
            return symbols.negation + inner(left, _NOT)
        case Implies(left, right):
            bare = isinstance(right, ForAll | Exists)
            shown = (
                f"{inner(left, _OR)} {symbols.implies} {inner(right, _SAME if bare else _IMPLIES)}"
            )
            own = _IMPLIES
        case And(Implies(a, b), Implies(c, d)) if a == d and b == c:
            shown, own = f"{inner(a, _OR)} {symbols.same} {inner(b, _OR)}", _SAME
        case And(left, right):
            shown, own = f"{inner(left, _NOT)} {symbols.both} {inner(right, _AND)}", _AND
        case Or(left, right):
            shown, own = f"{inner(left, _AND)} {symbols.either} {inner(right, _OR)}", _OR
        case ForAll() | Exists():
            shown, own = _show_quantifier(formula, names, taken, symbols), _SAME
            if level == _SAME:
                return shown
            return f"({shown})"
    return shown if own >= level else f"({shown})"


def _show_quantifier(
    formula: ForAll | Exists, names: tuple[str, ...], taken: frozenset[str], symbols: Symbols
) -> str:
    sign = symbols.forall if isinstance(formula, ForAll) else symbols.exists
    chosen: list[str] = []
    body: Formula = formula
    while isinstance(body, ForAll | Exists) and type(body) is type(formula):
        name = fresh_name(body.hint, taken)
        taken |= {name}
        chosen.append(name)
        body = body.body
    shown = _show(body, _SAME, (*names, *chosen), taken, symbols)
    return f"{sign}{' '.join(chosen)}, {shown}"


def _show_equation(equation: Equal, sign: str, names: tuple[str, ...], symbols: Symbols) -> str:
    left = _show_term(equation.left, 0, names, symbols)
    return f"{left} {sign} {_show_term(equation.right, 0, names, symbols)}"


def _show_term(term: Term, level: int, names: tuple[str, ...], symbols: Symbols) -> str:
    match term:
        case Variable(name):
            return name
        case Bound(index):
            # A loose one has no name; it is shown so that a message can show it.
            return names[-1 - index] if index < len(names) else f"#{index - len(names)}"
        case Apply(symbol, (left, right)) if symbol in (PLUS, TIMES):
            own = 1 if symbol == PLUS else 2
            sign = symbol if symbol == PLUS else symbols.times
            first = _show_term(left, own, names, symbols)
            shown = f"{first} {sign} {_show_term(right, own + 1, names, symbols)}"
            return f"({shown})" if own < level else shown
        case Apply(symbol, ()):
            return symbol
        case Apply(symbol, arguments):
            return (
                f"{symbol}({', '.join(_show_term(part, 0, names, symbols) for part in arguments)})"
            )
