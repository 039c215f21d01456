"""Theorems of natural deduction, made by the thousand: each with a script that proves it.

A theorem is drawn, written in one fixed way (predicates, functions and variables are named in the
order in which they appear), and kept if the reference prover proves it and it is no triviality.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from gym_reason.envs.proofs.arithmetic_shapes import draw_equation
from gym_reason.envs.proofs.schemes import draw_induction, draw_quantifiers
from gym_reason.envs.proofs.shapes import draw_equality, draw_propositional, pick
from gym_reason.errors import EnvError
from gym_reason.verifiers.proofs.natural.decide import IntuitionisticDecider, follows_classically
from gym_reason.verifiers.proofs.natural.kernel import CLASSICAL, PEANO
from gym_reason.verifiers.proofs.natural.prover import find_proof
from gym_reason.verifiers.proofs.natural.show import show_formula
from gym_reason.verifiers.proofs.natural.syntax import (
    ARITHMETIC,
    And,
    Apply,
    Atom,
    Equal,
    Exists,
    ForAll,
    Formula,
    Implies,
    LogicError,
    Or,
    Term,
)

KINDS = ("propositional", "quantifiers", "equality", "induction")
"""What a theorem may be about."""
MIXED = "mixed"
"""A theorem of any kind."""
MAX_LEVEL = 8
"""The hardest level."""

MAX_NODES = 150
"""Most goals that the search for a proof looks at; what takes more is drawn again."""

_TRIES = 30_000
_PREDICATES = tuple("PQRTUVWABCDEFGHJKLMNO")
_FUNCTIONS = tuple("fghkpqrt")
_VARIABLES = tuple("xyzuvwabcdijlmnos")


@dataclass(frozen=True, slots=True)
class TheoremDraft:
    """A theorem with its proof."""

    statement: str
    """The statement as text."""
    kind: str
    """What it is about."""
    script: tuple[str, ...]
    """Tactics that prove it."""
    axioms: frozenset[str]
    """What a proof may use beyond intuitionistic logic."""


_Draw: TypeAlias = Callable[[np.random.Generator, int], Formula]


def draw_theorem(
    rng: np.random.Generator,
    kind: str,
    level: int,
    classical: bool = False,
    accept: Callable[[str, frozenset[str]], bool] = lambda statement, axioms: True,
) -> TheoremDraft:
    """Return a theorem drawn with `rng` alone.

    Args:
        rng: The generator of all draws.
        kind: One of `KINDS`, or `mixed`.
        level: From 1 to `MAX_LEVEL`; a proof has at least that many steps and two more.
        classical: Whether proofs may be classical; a propositional theorem then is one that has
            no intuitionistic proof in half of the draws.
        accept: Says whether a theorem, which its statement and axioms name, may be drawn. It is
            asked before a proof is looked for, which takes the most time.

    Raises:
        EnvError: Where none was found.
    """
    chosen = pick(rng, KINDS) if kind == MIXED else kind
    axioms = frozenset({PEANO, CLASSICAL} if classical else {PEANO})
    strictly_classical = classical and rng.random() < 0.5
    for _ in range(_TRIES):
        try:
            formula = rename(_DRAWS[chosen](rng, level))
        except LogicError:
            continue
        statement = show_formula(formula)
        if not accept(statement, axioms):
            continue
        if chosen == "propositional" and not _is_worth_a_proof(formula, strictly_classical):
            continue
        script = _find_proof(formula, axioms)
        if script is not None and len(script) >= level + 2:
            return TheoremDraft(statement, chosen, script, axioms)
    raise EnvError(f"no theorem of the kind {chosen!r} was found", "a theorem", "try another level")


@functools.lru_cache(maxsize=4096)
def _find_proof(formula: Formula, axioms: frozenset[str]) -> tuple[str, ...] | None:
    return find_proof(formula, axioms, MAX_NODES)


def _draw_about_numbers(rng: np.random.Generator, level: int) -> Formula:
    return (draw_equation if rng.random() < 0.6 else draw_induction)(rng, level)


_DRAWS: dict[str, _Draw] = {
    "propositional": draw_propositional,
    "quantifiers": draw_quantifiers,
    "equality": draw_equality,
    "induction": _draw_about_numbers,
}


def _is_worth_a_proof(formula: Formula, strictly_classical: bool) -> bool:
    """Return whether a propositional formula is provable by what is asked for, and no triviality.

    Args:
        formula: The formula.
        strictly_classical: Whether it must have a classical proof alone, or an intuitionistic one.
    """
    if not follows_classically((), formula):
        return False
    premises: list[Formula] = []
    target = formula
    while isinstance(target, Implies):
        premises.append(target.left)
        target = target.right
    if target in premises or follows_classically((), target):
        return False
    return IntuitionisticDecider().follows((), formula) != strictly_classical


def rename(formula: Formula) -> Formula:
    """Return a formula with its symbols and variables named in the order in which they appear.

    Raises LogicError where it has more of them than there are names.
    """
    return _Renaming().formula(formula, 0)


class _Renaming:
    """Gives out names."""

    def __init__(self) -> None:
        self.predicates: dict[tuple[str, int], str] = {}
        self.functions: dict[tuple[str, int], str] = {}

    def formula(self, formula: Formula, level: int) -> Formula:
        match formula:
            case Atom(predicate, arguments):
                name = _give(self.predicates, (predicate, len(arguments)), _PREDICATES)
                return Atom(name, tuple(map(self.term, arguments)))
            case Equal(left, right):
                return Equal(self.term(left), self.term(right))
            case And(left, right) | Or(left, right) | Implies(left, right):
                return type(formula)(self.formula(left, level), self.formula(right, level))
            case ForAll(body) | Exists(body):
                hint = _VARIABLES[level % len(_VARIABLES)]
                return type(formula)(self.formula(body, level + 1), hint)
            case _:
                return formula

    def term(self, term: Term) -> Term:
        if not isinstance(term, Apply):
            return term
        arguments = tuple(map(self.term, term.arguments))
        if term.symbol in ARITHMETIC:
            return Apply(term.symbol, arguments)
        return Apply(_give(self.functions, (term.symbol, len(arguments)), _FUNCTIONS), arguments)


def _give(
    given: dict[tuple[str, int], str], symbol: tuple[str, int], names: tuple[str, ...]
) -> str:
    if symbol not in given:
        if len(given) >= len(names):
            raise LogicError("there are not enough names")
        given[symbol] = names[len(given)]
    return given[symbol]
