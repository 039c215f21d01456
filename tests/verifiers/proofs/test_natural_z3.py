"""Checked against z3: nothing that the kernel proves is invalid, what is valid is proved."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gym_reason.envs.proofs.theorems import KINDS, draw_theorem
from gym_reason.verifiers.proofs.natural import kernel
from gym_reason.verifiers.proofs.natural.kernel import CLASSICAL, PEANO, Theorem
from gym_reason.verifiers.proofs.natural.parse import parse_formula
from gym_reason.verifiers.proofs.natural.prover import find_proof
from gym_reason.verifiers.proofs.natural.script import run_script
from gym_reason.verifiers.proofs.natural.syntax import (
    And,
    Apply,
    Atom,
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
)
from tests.verifiers.proofs.natural_formulas import formulas, propositions, terms

z3 = pytest.importorskip("z3", reason="needs z3-solver: pip install 'gym-reason[proofs]'")

MOST_STEPS = 50_000
"""What z3 may spend on one question, by its own count: the same however busy the machine is."""
ALL = frozenset({PEANO, CLASSICAL})
# Making a failing example smaller would take minutes of z3's time.
SLOW = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    max_examples=30,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


class Translation:
    """Formulas as formulas of z3, about its integers from 0 or about a sort without arithmetic."""

    def __init__(self, arithmetic: bool) -> None:
        self.sort = z3.IntSort() if arithmetic else z3.DeclareSort("Thing")
        self.arithmetic = arithmetic
        self.fresh = 0

    def term(self, term: Term, bound: tuple[Any, ...]) -> Any:
        match term:
            case Variable(name):
                return z3.Const(f"free_{name}", self.sort)
            case Bound(index):
                return bound[-1 - index]
            case Apply(symbol, arguments):
                parts = [self.term(part, bound) for part in arguments]
        meanings: Mapping[str, Callable[[], Any]] = {
            "0": lambda: z3.IntVal(0),
            "S": lambda: parts[0] + 1,
            "+": lambda: parts[0] + parts[1],
            "*": lambda: parts[0] * parts[1],
        }
        if self.arithmetic and symbol in meanings:
            return meanings[symbol]()
        sorts = [self.sort] * (len(parts) + 1)
        value = z3.Function(f"function_{symbol}", *sorts)(*parts)
        # A function of z3's may be negative; one of natural numbers is not.
        return z3.If(value >= 0, value, 0) if self.arithmetic and parts else value

    def formula(self, formula: Formula, bound: tuple[Any, ...] = ()) -> Any:
        match formula:
            case Atom(predicate, ()):
                return z3.Bool(predicate)
            case Atom(predicate, arguments):
                sorts = [self.sort] * len(arguments)
                function = z3.Function(f"predicate_{predicate}", *sorts, z3.BoolSort())
                return function(*(self.term(part, bound) for part in arguments))
            case Equal(left, right):
                return self.term(left, bound) == self.term(right, bound)
            case And(left, right):
                return z3.And(self.formula(left, bound), self.formula(right, bound))
            case Or(left, right):
                return z3.Or(self.formula(left, bound), self.formula(right, bound))
            case Implies(left, right):
                return z3.Implies(self.formula(left, bound), self.formula(right, bound))
            case ForAll(body) | Exists(body):
                self.fresh += 1
                variable = z3.Const(f"bound_{self.fresh}", self.sort)
                inner = self.formula(body, (*bound, variable))
                if isinstance(formula, ForAll):
                    guarded = z3.Implies(variable >= 0, inner) if self.arithmetic else inner
                    return z3.ForAll([variable], guarded)
                guarded = z3.And(variable >= 0, inner) if self.arithmetic else inner
                return z3.Exists([variable], guarded)
            case _:
                return z3.BoolVal(False)


def refutes(hypotheses: frozenset[Formula], conclusion: Formula, arithmetic: bool) -> bool | None:
    """Return whether z3 finds a countermodel; None where it cannot tell."""
    translation = Translation(arithmetic)
    solver = z3.Solver()
    solver.set("rlimit", MOST_STEPS)
    everything = [*hypotheses, conclusion]
    if arithmetic:
        for name in frozenset[str]().union(*map(free_variables, everything)):
            solver.add(z3.Const(f"free_{name}", translation.sort) >= 0)
    solver.add(*(translation.formula(formula) for formula in hypotheses))
    solver.add(z3.Not(translation.formula(conclusion)))
    answer = solver.check()
    return None if answer == z3.unknown else answer == z3.sat


def is_known(theorem: Theorem) -> bool:
    """Return whether z3 agrees with a theorem; fails where it does not."""
    arithmetic = PEANO in theorem.axioms
    refuted = refutes(theorem.hypotheses, theorem.conclusion, arithmetic)
    assert refuted is not True, theorem
    return refuted is False


@SLOW
@given(propositions())
def test_valid_is_proved_and_proved_is_valid(formula: Formula) -> None:
    refuted = refutes(frozenset(), formula, arithmetic=False)
    assert refuted is not None
    assert (find_proof(formula, frozenset({CLASSICAL})) is None) == refuted
    assert find_proof(formula) is None or not refuted


@pytest.mark.parametrize("kind", KINDS)
def test_theorems_that_are_drawn_are_valid(kind: str) -> None:
    known = 0
    for seed in range(25):
        draft = draw_theorem(np.random.default_rng(seed), kind, 1 + seed % 4, seed % 2 == 0)
        formula = parse_formula(draft.statement)
        theorem = run_script("\n".join(draft.script), formula, draft.axioms).theorem
        assert theorem is not None
        known += is_known(theorem)
    # Induction and multiplication are more than z3 decides.
    assert known >= (5 if kind == "induction" else 20)


@SLOW
@given(st.integers(0, 10**6), st.data())
def test_scripts_with_a_changed_line_prove_nothing_false(seed: int, data: st.DataObject) -> None:
    """Whatever a changed script still proves of a changed statement is valid."""
    rng = np.random.default_rng(seed)
    kind = data.draw(st.sampled_from(["propositional", "quantifiers", "equality"]))
    draft = draw_theorem(rng, kind, 2, classical=True)
    lines = list(draft.script)
    place = data.draw(st.integers(0, len(lines) - 1))
    other = data.draw(st.sampled_from([*lines, "", "split", "left", "assumption", "exists 0"]))
    lines[place] = data.draw(st.sampled_from([other, lines[place].replace("H1", "H2")]))
    formula = change(parse_formula(draft.statement), data)
    theorem = run_script("\n".join(lines), formula, draft.axioms).theorem
    if theorem is not None:
        assert theorem.conclusion == formula
        is_known(theorem)


def change(formula: Formula, data: st.DataObject) -> Formula:
    """Return a formula with a connective or a quantifier exchanged here and there."""
    if data.draw(st.integers(0, 7)) == 0:
        match formula:
            case And(left, right) | Or(left, right) | Implies(left, right):
                changed: list[Formula] = [And(left, right), Or(left, right), Implies(left, right)]
                return data.draw(st.sampled_from(changed))
            case ForAll(body, hint):
                return Exists(body, hint)
            case Exists(body, hint):
                return ForAll(body, hint)
    match formula:
        case And(left, right) | Or(left, right) | Implies(left, right):
            return type(formula)(change(left, data), change(right, data))
        case ForAll(body, hint) | Exists(body, hint):
            return type(formula)(change(body, data), hint)
    return formula


@settings(SLOW, max_examples=15)
@given(st.data())
def test_random_derivations_are_valid(data: st.DataObject) -> None:
    """Rules applied at random, to random theorems with random arguments."""
    pool = [kernel.assume(data.draw(formulas())), kernel.assume(data.draw(formulas()))]
    for _ in range(10):
        try:
            theorem = apply_at_random(pool, data)
        except LogicError:
            continue
        pool.append(theorem)
    for theorem in pool[-4:]:
        is_known(theorem)


def apply_at_random(pool: list[Theorem], data: st.DataObject) -> Theorem:
    """Return what some rule makes of theorems in the pool. Raises LogicError."""
    theorems = st.sampled_from(pool)
    names = st.sampled_from(["x", "y", "z"])
    one, other, third = data.draw(theorems), data.draw(theorems), data.draw(theorems)
    formula, name, term = data.draw(formulas()), data.draw(names), data.draw(terms())
    conclusion = one.conclusion
    assumed = data.draw(st.sampled_from([*one.hypotheses, formula]))
    body = abstract(conclusion, data.draw(st.sampled_from([term, Variable(name)])))
    moves: list[Callable[[], Theorem]] = [
        lambda: kernel.assume(formula),
        lambda: kernel.and_intro(one, other),
        lambda: kernel.and_left(one),
        lambda: kernel.and_right(one),
        lambda: kernel.implies_intro(assumed, one),
        lambda: kernel.implies_elim(kernel.assume(Implies(conclusion, formula)), one),
        lambda: kernel.implies_elim(one, other),
        lambda: kernel.or_left(one, formula),
        lambda: kernel.or_right(formula, one),
        lambda: kernel.or_elim(
            kernel.assume(Or(assumed, formula)),
            one,
            kernel.implies_elim(
                kernel.assume(Implies(formula, conclusion)), kernel.assume(formula)
            ),
        ),
        lambda: kernel.or_elim(one, other, third),
        lambda: kernel.false_elim(one, formula),
        lambda: kernel.forall_intro(name, one),
        lambda: kernel.forall_elim(one, term),
        lambda: kernel.forall_elim(kernel.forall_intro(name, one), term),
        lambda: kernel.exists_intro(Exists(body, name), term, one),
        lambda: kernel.exists_intro(Exists(body, name), Variable(name), one),
        lambda: kernel.exists_elim(
            kernel.assume(Exists(abstract(assumed, Variable(name)))), name, one
        ),
        lambda: kernel.exists_elim(one, name, other),
        lambda: kernel.equal_reflexive(term),
        lambda: kernel.equal_substitute(
            kernel.assume(Equal(Variable(name), term)),
            ForAll(abstract(conclusion, Variable(name))),
            one,
        ),
        lambda: kernel.equal_substitute(one, ForAll(body), other),
        lambda: kernel.induction(one, other),
        lambda: kernel.excluded_middle(formula),
        lambda: kernel.arithmetic(data.draw(st.sampled_from(sorted(kernel.AXIOMS)))),
    ]
    return data.draw(st.sampled_from(moves))()


def test_z3_refutes_what_is_false() -> None:
    """Without this the tests above would pass with a z3 that knows nothing."""
    for text in (
        "P -> Q",
        "(exists x, A(x)) -> forall x, A(x)",
        "forall x y, f(x) = f(y) -> x = y",
    ):
        assert refutes(frozenset(), parse_formula(text), arithmetic=False) is True
    assert refutes(frozenset(), parse_formula("forall x, x + x = x"), arithmetic=True) is True
    assert refutes(frozenset(), parse_formula("forall x, x + 0 = x"), arithmetic=True) is False
