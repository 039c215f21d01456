"""The kernel: theorems, and the inference rules that alone can make them.

A theorem says that its conclusion holds in the natural numbers wherever its hypotheses do, for any
meaning of its predicates and of its functions other than 0, S, + and *. The rules are those of
natural deduction for intuitionistic logic, equality and induction. The law of the excluded middle
and the equations of arithmetic are rules of their own, and a theorem remembers that it used them.

Nothing else in this package is trusted: a tactic that is wrong makes no theorem, or another one.

Source: R. Milner's LCF; G. Gentzen, Untersuchungen über das logische Schließen, 1935.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NoReturn, final

from gym_reason.verifiers.proofs.natural.syntax import (
    FALSUM,
    PLUS,
    SUCCESSOR,
    TIMES,
    ZERO,
    And,
    Apply,
    Bound,
    Equal,
    Exists,
    ForAll,
    Formula,
    Implies,
    LogicError,
    Or,
    Term,
    Variable,
    abstract,
    free_variables,
    instantiate,
    is_closed,
    negation,
)

CLASSICAL, PEANO = "classical", "arithmetic"
"""What a theorem may depend on beyond intuitionistic logic with equality."""

_SEAL: Final = object()


@final
class Theorem:
    """A sequent that was derived. Only the rules below make one."""

    __slots__ = ("_axioms", "_conclusion", "_hypotheses")

    _hypotheses: frozenset[Formula]
    _conclusion: Formula
    _axioms: frozenset[str]

    def __init__(
        self,
        seal: object,
        hypotheses: frozenset[Formula],
        conclusion: Formula,
        axioms: frozenset[str],
    ) -> None:
        """Refuse whoever is not a rule. Raises TypeError."""
        if seal is not _SEAL:
            raise TypeError("a theorem is made by a rule of the kernel, not by hand")
        object.__setattr__(self, "_hypotheses", hypotheses)
        object.__setattr__(self, "_conclusion", conclusion)
        object.__setattr__(self, "_axioms", axioms)

    @property
    def hypotheses(self) -> frozenset[Formula]:
        """What is assumed."""
        return self._hypotheses

    @property
    def conclusion(self) -> Formula:
        """What follows."""
        return self._conclusion

    @property
    def axioms(self) -> frozenset[str]:
        """Which of `classical` and `arithmetic` the derivation used."""
        return self._axioms

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Refuse a change. Raises AttributeError."""
        raise AttributeError("a theorem cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        """Refuse a change. Raises AttributeError."""
        raise AttributeError("a theorem cannot be changed")

    def __init_subclass__(cls) -> NoReturn:
        """Refuse a class that could skip the seal. Raises TypeError."""
        raise TypeError("Theorem has no subclasses")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse copies and pickles, which would be theorems that no rule made."""
        raise TypeError("a theorem is not copied or pickled")

    def __repr__(self) -> str:
        """Show the sequent."""
        return f"Theorem({sorted(map(repr, self._hypotheses))} |- {self._conclusion!r})"


def _closed(formula: Formula) -> Formula:
    if not is_closed(formula):
        raise LogicError("a formula with a loose bound variable says nothing")
    return formula


def _derive(conclusion: Formula, *premises: Theorem, without: frozenset[Formula]) -> Theorem:
    """Return the theorem whose hypotheses are those of its premises but for some."""
    hypotheses = frozenset[Formula]().union(*(premise._hypotheses for premise in premises))
    axioms = frozenset[str]().union(*(premise._axioms for premise in premises))
    return Theorem(_SEAL, hypotheses - without, _closed(conclusion), axioms)


_NOTHING: Final = frozenset[Formula]()


def assume(formula: Formula) -> Theorem:
    """From nothing: A |- A."""
    return Theorem(_SEAL, frozenset({_closed(formula)}), formula, frozenset())


def implies_intro(hypothesis: Formula, premise: Theorem) -> Theorem:
    """From G |- B: G without A |- A -> B."""
    _closed(hypothesis)
    conclusion = Implies(hypothesis, premise.conclusion)
    return _derive(conclusion, premise, without=frozenset({hypothesis}))


def implies_elim(implication: Theorem, premise: Theorem) -> Theorem:
    """From A -> B and A: B. Raises LogicError."""
    formula = implication.conclusion
    if not isinstance(formula, Implies) or formula.left != premise.conclusion:
        raise LogicError("the second premise is not what the first one asks for")
    return _derive(formula.right, implication, premise, without=_NOTHING)


def and_intro(first: Theorem, second: Theorem) -> Theorem:
    """From A and B: A & B."""
    return _derive(And(first.conclusion, second.conclusion), first, second, without=_NOTHING)


def and_left(premise: Theorem) -> Theorem:
    """From A & B: A. Raises LogicError."""
    if not isinstance(premise.conclusion, And):
        raise LogicError("the premise is no conjunction")
    return _derive(premise.conclusion.left, premise, without=_NOTHING)


def and_right(premise: Theorem) -> Theorem:
    """From A & B: B. Raises LogicError."""
    if not isinstance(premise.conclusion, And):
        raise LogicError("the premise is no conjunction")
    return _derive(premise.conclusion.right, premise, without=_NOTHING)


def or_left(premise: Theorem, other: Formula) -> Theorem:
    """From A: A | B."""
    return _derive(Or(premise.conclusion, _closed(other)), premise, without=_NOTHING)


def or_right(other: Formula, premise: Theorem) -> Theorem:
    """From B: A | B."""
    return _derive(Or(_closed(other), premise.conclusion), premise, without=_NOTHING)


def or_elim(disjunction: Theorem, first: Theorem, second: Theorem) -> Theorem:
    """From A | B, and C from A, and C from B: C. Raises LogicError."""
    formula = disjunction.conclusion
    if not isinstance(formula, Or):
        raise LogicError("the first premise is no disjunction")
    if first.conclusion != second.conclusion:
        raise LogicError("the two cases conclude different things")
    # Each case alone may lose its own assumption; the other one's must stay where it was used.
    hypotheses = (
        disjunction.hypotheses
        | (first.hypotheses - {formula.left})
        | (second.hypotheses - {formula.right})
    )
    axioms = disjunction.axioms | first.axioms | second.axioms
    return Theorem(_SEAL, hypotheses, first.conclusion, axioms)


def false_elim(premise: Theorem, formula: Formula) -> Theorem:
    """From False: anything. Raises LogicError."""
    if premise.conclusion != FALSUM:
        raise LogicError("the premise is not False")
    return _derive(formula, premise, without=_NOTHING)


def forall_intro(name: str, premise: Theorem, hint: str = "") -> Theorem:
    """From G |- A with `name` free in no formula of G: G |- forall x, A. Raises LogicError."""
    _check_arbitrary(name, premise.hypotheses)
    body = abstract(premise.conclusion, Variable(name))
    return _derive(ForAll(body, hint or name), premise, without=_NOTHING)


def forall_elim(premise: Theorem, term: Term) -> Theorem:
    """From forall x, A: A with a term for x. Raises LogicError."""
    if not isinstance(premise.conclusion, ForAll):
        raise LogicError("the premise is about nothing in general")
    return _derive(instantiate(premise.conclusion.body, term), premise, without=_NOTHING)


def exists_intro(formula: Formula, term: Term, premise: Theorem) -> Theorem:
    """From A with a term for x: exists x, A, which is `formula`. Raises LogicError."""
    if not isinstance(formula, Exists) or instantiate(formula.body, term) != premise.conclusion:
        raise LogicError("the premise is no instance of what is to exist")
    return _derive(formula, premise, without=_NOTHING)


def exists_elim(existence: Theorem, name: str, premise: Theorem) -> Theorem:
    """From exists x, A, and C from A with `name` for x: C, where `name` is arbitrary otherwise.

    Raises LogicError.
    """
    formula = existence.conclusion
    if not isinstance(formula, Exists):
        raise LogicError("the first premise says of nothing that it exists")
    instance = instantiate(formula.body, Variable(name))
    others = premise.hypotheses - {instance}
    _check_arbitrary(name, others | {premise.conclusion, formula})
    axioms = existence.axioms | premise.axioms
    return Theorem(_SEAL, existence.hypotheses | others, premise.conclusion, axioms)


def equal_reflexive(term: Term) -> Theorem:
    """From nothing: t = t."""
    return Theorem(_SEAL, _NOTHING, _closed(Equal(term, term)), frozenset())


def equal_substitute(equation: Theorem, pattern: ForAll, premise: Theorem) -> Theorem:
    """From s = t and A with s for x: A with t for x, where `pattern` is forall x, A.

    Raises LogicError.
    """
    formula = equation.conclusion
    if not isinstance(formula, Equal):
        raise LogicError("the first premise is no equation")
    _closed(pattern)
    if instantiate(pattern.body, formula.left) != premise.conclusion:
        raise LogicError("the second premise does not fit the pattern")
    conclusion = instantiate(pattern.body, formula.right)
    return _derive(conclusion, equation, premise, without=_NOTHING)


def induction(base: Theorem, step: Theorem) -> Theorem:
    """From A with 0 for n, and forall n, A -> A with S(n) for n: forall n, A. Raises LogicError."""
    formula = step.conclusion
    if not isinstance(formula, ForAll) or not isinstance(formula.body, Implies):
        raise LogicError("the second premise is no step from n to S(n)")
    conclusion = ForAll(formula.body.left, formula.hint)
    _closed(conclusion)
    fresh = Variable(_unused(conclusion))
    next_number = instantiate(conclusion.body, Apply(SUCCESSOR, (fresh,)))
    if instantiate(formula.body.right, fresh) != next_number:
        raise LogicError("the second premise is no step from n to S(n)")
    if base.conclusion != instantiate(conclusion.body, Apply(ZERO)):
        raise LogicError("the first premise is not the case of 0")
    derived = _derive(conclusion, base, step, without=_NOTHING)
    return Theorem(_SEAL, derived.hypotheses, conclusion, derived.axioms | {PEANO})


def excluded_middle(formula: Formula) -> Theorem:
    """From nothing: A | ~A, classically."""
    conclusion = Or(_closed(formula), negation(formula))
    return Theorem(_SEAL, _NOTHING, conclusion, frozenset({CLASSICAL}))


def arithmetic(name: str) -> Theorem:
    """From nothing: the axiom of arithmetic called `name`. Raises LogicError."""
    if name not in AXIOMS:
        raise LogicError(f"there is no axiom {name!r}")
    return Theorem(_SEAL, _NOTHING, AXIOMS[name], frozenset({PEANO}))


def _make_axioms() -> dict[str, Formula]:
    m, n = Bound(1), Bound(0)
    zero = Apply(ZERO)

    def after(term: Term) -> Term:
        return Apply(SUCCESSOR, (term,))

    def plus(left: Term, right: Term) -> Term:
        return Apply(PLUS, (left, right))

    def times(left: Term, right: Term) -> Term:
        return Apply(TIMES, (left, right))

    def for_both(body: Formula) -> Formula:
        return ForAll(ForAll(body, "n"), "m")

    return {
        "add_zero": ForAll(Equal(plus(n, zero), n), "n"),
        "add_succ": for_both(Equal(plus(m, after(n)), after(plus(m, n)))),
        "mul_zero": ForAll(Equal(times(n, zero), zero), "n"),
        "mul_succ": for_both(Equal(times(m, after(n)), plus(times(m, n), m))),
        "succ_not_zero": ForAll(negation(Equal(after(n), zero)), "n"),
        "succ_injective": for_both(Implies(Equal(after(m), after(n)), Equal(m, n))),
    }


AXIOMS: Final[Mapping[str, Formula]] = MappingProxyType(_make_axioms())
"""The axioms of arithmetic, by name (Peano's, with the equations of + and *)."""


def _check_arbitrary(name: str, formulas: frozenset[Formula]) -> None:
    if any(name in free_variables(formula) for formula in formulas):
        raise LogicError(f"{name} is not arbitrary: something is assumed or said of it")


def _unused(formula: Formula) -> str:
    taken = free_variables(formula)
    names = (f"n{index}" for index in range(len(taken) + 1))
    return next(name for name in names if name not in taken)
