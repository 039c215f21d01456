"""Decision procedures for propositional logic, intuitionistic and classical.

What is neither a connective nor False counts as an atom here, so that a positive answer holds for
any formula and a negative one for propositional formulas alone.
"""

from collections.abc import Iterable

from gym_reason.verifiers.proofs.natural.syntax import (
    FALSUM,
    And,
    Atom,
    Falsum,
    Formula,
    Implies,
    LogicError,
    Or,
)

MAX_ATOMS = 14
"""Most atoms of a truth table."""
MAX_SEQUENTS = 50_000
"""Most sequents that one decision may look at."""
MAX_DECISION_DEPTH = 120
"""Most sequents on one branch of a decision."""


def is_propositional(formula: Formula) -> bool:
    """Return whether a formula is made of propositions and connectives alone."""
    match formula:
        case And(left, right) | Or(left, right) | Implies(left, right):
            return is_propositional(left) and is_propositional(right)
        case Atom(_, arguments):
            return not arguments
        case _:
            return isinstance(formula, Falsum)


def atoms_of(formula: Formula) -> dict[Formula, None]:
    """Return what a formula joins by connectives, in order of appearance."""
    match formula:
        case And(left, right) | Or(left, right) | Implies(left, right):
            return {**atoms_of(left), **atoms_of(right)}
        case Falsum():
            return {}
        case _:
            return {formula: None}


def follows_classically(hypotheses: Iterable[Formula], target: Formula) -> bool:
    """Return whether a truth table shows that the target follows. Raises LogicError if too large.

    A column of the table is one whole number with a bit for each row.
    """
    formulas = [*hypotheses, target]
    atoms = list({atom: None for formula in formulas for atom in atoms_of(formula)})
    if len(atoms) > MAX_ATOMS:
        raise LogicError(f"{len(atoms)} propositions are too many for a truth table")
    rows = 1 << len(atoms)
    every = (1 << rows) - 1
    # Atom i is true in the upper half of every block of 2^(i+1) rows.
    columns: dict[Formula, int] = {}
    for place, atom in enumerate(atoms):
        half = 1 << place
        block = ((1 << half) - 1) << half
        columns[atom] = block * (every // ((1 << 2 * half) - 1))
    counterexamples = every & ~_column(target, columns, every)
    for hypothesis in formulas[:-1]:
        counterexamples &= _column(hypothesis, columns, every)
    return counterexamples == 0


def _column(formula: Formula, columns: dict[Formula, int], every: int) -> int:
    match formula:
        case And(left, right):
            return _column(left, columns, every) & _column(right, columns, every)
        case Or(left, right):
            return _column(left, columns, every) | _column(right, columns, every)
        case Implies(left, right):
            return (every & ~_column(left, columns, every)) | _column(right, columns, every)
        case Falsum():
            return 0
        case _:
            return columns[formula]


class IntuitionisticDecider:
    """Decides intuitionistic propositional sequents without a check for loops.

    Source: R. Dyckhoff, Contraction-Free Sequent Calculi for Intuitionistic Logic, 1992 (the
    calculus that is known as G4ip or LJT).
    """

    def __init__(self) -> None:
        """Start without memory."""
        self._known: dict[tuple[frozenset[Formula], Formula], bool] = {}
        self._depth = 0

    def follows(self, hypotheses: Iterable[Formula], target: Formula) -> bool:
        """Return whether the target follows. Raises LogicError above the limits."""
        self._depth = 0
        return self._follows(frozenset(hypotheses), target)

    def _follows(self, context: frozenset[Formula], target: Formula) -> bool:
        if target in context or FALSUM in context:
            return True
        key = context, target
        known = self._known.get(key)
        if known is None:
            if len(self._known) > MAX_SEQUENTS:
                raise LogicError(f"the decision takes more than {MAX_SEQUENTS} sequents")
            self._depth += 1
            if self._depth > MAX_DECISION_DEPTH:
                raise LogicError(f"the decision goes more than {MAX_DECISION_DEPTH} sequents deep")
            known = self._decide(context, target)
            self._depth -= 1
            self._known[key] = known
        return known

    def _decide(self, context: frozenset[Formula], target: Formula) -> bool:
        for formula in context:
            branches = _take_apart(formula, context)
            if branches is not None:
                rest = context - {formula}
                return all(self._follows(rest | branch, target) for branch in branches)
        if isinstance(target, Implies):
            return self._follows(context | {target.left}, target.right)
        if isinstance(target, And):
            return self._follows(context, target.left) and self._follows(context, target.right)
        if isinstance(target, Or) and (
            self._follows(context, target.left) or self._follows(context, target.right)
        ):
            return True
        for formula in context:
            match formula:
                case Implies(Implies(_, second) as inner, last):
                    rest = context - {formula}
                    if self._follows(rest | {Implies(second, last)}, inner) and self._follows(
                        rest | {last}, target
                    ):
                        return True
        return False


def _take_apart(formula: Formula, context: frozenset[Formula]) -> list[set[Formula]] | None:
    """Return what replaces a formula on the left in each branch; None where nothing is lost."""
    match formula:
        case And(left, right):
            return [{left, right}]
        case Or(left, right):
            return [{left}, {right}]
        case Implies(Falsum(), _):
            return [set()]
        case Implies(And(first, second), last):
            return [{Implies(first, Implies(second, last))}]
        case Implies(Or(first, second), last):
            return [{Implies(first, last), Implies(second, last)}]
        case Implies(Implies(), _):
            return None
        case Implies(left, last) if left in context:
            return [{last}]
        case _:
            return None
