"""The kernel: only its rules make theorems, and each of them keeps its conditions."""

import copy
import pickle
from collections.abc import Callable

import pytest

from gym_reason.verifiers.proofs.natural import kernel
from gym_reason.verifiers.proofs.natural.kernel import (
    AXIOMS,
    CLASSICAL,
    PEANO,
    Theorem,
    and_intro,
    and_left,
    and_right,
    arithmetic,
    assume,
    equal_reflexive,
    equal_substitute,
    excluded_middle,
    exists_elim,
    exists_intro,
    false_elim,
    forall_elim,
    forall_intro,
    implies_elim,
    implies_intro,
    induction,
    or_elim,
    or_left,
    or_right,
)
from gym_reason.verifiers.proofs.natural.parse import parse_formula
from gym_reason.verifiers.proofs.natural.syntax import (
    Apply,
    Atom,
    Bound,
    Equal,
    Exists,
    ForAll,
    Formula,
    LogicError,
    Variable,
    numeral,
)

X, Y, ZERO = Variable("x"), Variable("y"), Apply("0")


def f(text: str) -> Formula:
    return parse_formula(text, "xyn")


def sequent(theorem: Theorem) -> tuple[set[Formula], Formula, set[str]]:
    return set(theorem.hypotheses), theorem.conclusion, set(theorem.axioms)


def test_a_theorem_cannot_be_made_changed_or_copied() -> None:
    theorem = assume(f("P"))
    with pytest.raises(TypeError, match="made by a rule"):
        Theorem(object(), frozenset(), f("False"), frozenset())
    with pytest.raises(AttributeError):
        theorem._conclusion = f("False")
    with pytest.raises(AttributeError):
        del theorem._hypotheses
    with pytest.raises(AttributeError):
        theorem.conclusion = f("False")  # type: ignore[misc]
    for clone in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="not copied"):
            clone(theorem)
    with pytest.raises(TypeError, match="no subclasses"):
        type("Forged", (Theorem,), {})
    with pytest.raises(TypeError):
        AXIOMS["false"] = f("False")  # type: ignore[index]


def test_the_rules_of_connectives() -> None:
    p, q = assume(f("P")), assume(f("Q"))
    assert sequent(p) == ({f("P")}, f("P"), set())
    assert sequent(implies_intro(f("P"), p)) == (set(), f("P -> P"), set())
    assert sequent(implies_intro(f("Q"), p)) == ({f("P")}, f("Q -> P"), set())
    assert sequent(implies_elim(assume(f("P -> Q")), p)) == ({f("P -> Q"), f("P")}, f("Q"), set())
    both = assume(f("P & Q"))
    assert sequent(and_intro(p, q)) == ({f("P"), f("Q")}, f("P & Q"), set())
    assert and_left(both).conclusion == f("P")
    assert and_right(both).conclusion == f("Q")
    assert or_left(p, f("Q")).conclusion == or_right(f("P"), q).conclusion == f("P | Q")
    swapped = or_elim(assume(f("P | Q")), or_right(f("Q"), p), or_left(q, f("P")))
    assert sequent(swapped) == ({f("P | Q")}, f("Q | P"), set())
    assert sequent(false_elim(assume(f("False")), f("P"))) == ({f("False")}, f("P"), set())
    assert sequent(excluded_middle(f("P"))) == (set(), f("P | ~P"), {CLASSICAL})


def test_each_case_loses_its_own_assumption_alone() -> None:
    both = and_intro(assume(f("P")), assume(f("Q")))
    assert sequent(or_elim(assume(f("P | Q")), both, both))[0] == {f("P | Q"), f("P"), f("Q")}


def test_the_rules_of_quantifiers() -> None:
    general = assume(f("forall x, A(x)"))
    assert forall_elim(general, numeral(2)).conclusion == f("A(2)")
    assert sequent(forall_intro("x", forall_elim(general, X))) == (
        {f("forall x, A(x)")},
        f("forall y, A(y)"),
        set(),
    )
    there_is = exists_intro(f("exists x, R(x, y)"), Y, assume(f("R(y, y)")))
    assert there_is.conclusion == f("exists z, R(z, y)")
    found = exists_elim(
        assume(f("exists x, A(x)")),
        "x",
        exists_intro(f("exists y, A(y)"), X, assume(f("A(x)"))),
    )
    assert sequent(found) == ({f("exists x, A(x)")}, f("exists x, A(x)"), set())


def test_the_rules_of_equality() -> None:
    assert sequent(equal_reflexive(ZERO)) == (set(), f("0 = 0"), set())
    pattern = ForAll(Atom("R", (Bound(0), X)))
    changed = equal_substitute(assume(f("x = y")), pattern, assume(f("R(x, x)")))
    assert sequent(changed) == ({f("x = y"), f("R(x, x)")}, f("R(y, x)"), set())


def test_induction_and_the_axioms() -> None:
    step = assume(f("forall n, A(n) -> A(S(n))"))
    general = induction(assume(f("A(0)")), step)
    assert general.conclusion == f("forall n, A(n)")
    assert general.axioms == {PEANO}
    assert general.hypotheses == {f("A(0)"), step.conclusion}
    assert arithmetic("add_succ").conclusion == f("forall m n, m + S(n) = S(m + n)")
    assert arithmetic("mul_succ").conclusion == f("forall m n, m * S(n) = m * n + m")
    assert arithmetic("succ_injective").conclusion == f("forall m n, S(m) = S(n) -> m = n")
    used = and_intro(forall_elim(arithmetic("add_zero"), ZERO), excluded_middle(f("P")))
    assert used.axioms == {PEANO, CLASSICAL}


WRONG: dict[str, Callable[[], Theorem]] = {
    "another premise": lambda: implies_elim(assume(f("P -> Q")), assume(f("Q"))),
    "no implication": lambda: implies_elim(assume(f("P & Q")), assume(f("P"))),
    "no conjunction left": lambda: and_left(assume(f("P | Q"))),
    "no conjunction right": lambda: and_right(assume(f("P -> Q"))),
    "no disjunction": lambda: or_elim(assume(f("P & Q")), assume(f("P")), assume(f("P"))),
    "two conclusions": lambda: or_elim(assume(f("P | Q")), assume(f("P")), assume(f("Q"))),
    "not false": lambda: false_elim(assume(f("P")), f("Q")),
    "not arbitrary": lambda: forall_intro("x", assume(f("A(x)"))),
    "no generality": lambda: forall_elim(assume(f("exists x, A(x)")), ZERO),
    "loose term": lambda: forall_elim(assume(f("forall x, A(x)")), Bound(0)),
    "another witness": lambda: exists_intro(f("exists x, A(x)"), ZERO, assume(f("A(1)"))),
    "no existence": lambda: exists_intro(f("forall x, A(x)"), X, assume(f("A(x)"))),
    "escaping witness": lambda: exists_elim(assume(f("exists x, A(x)")), "x", assume(f("A(x)"))),
    "assumed witness": lambda: exists_elim(
        assume(f("exists x, A(x)")),
        "x",
        implies_elim(assume(f("A(x) -> P")), assume(f("A(x)"))),
    ),
    "known witness": lambda: exists_elim(assume(f("exists x, R(x, y)")), "y", assume(f("P"))),
    "no equation": lambda: equal_substitute(
        assume(f("P")), ForAll(Atom("A", (Bound(0),))), assume(f("A(x)"))
    ),
    "another pattern": lambda: equal_substitute(
        assume(f("x = y")), ForAll(Atom("A", (Bound(0),))), assume(f("A(y)"))
    ),
    "loose pattern": lambda: equal_substitute(
        assume(f("x = y")), ForAll(Atom("R", (Bound(0), Bound(1)))), assume(f("R(x, x)"))
    ),
    "no step": lambda: induction(assume(f("A(0)")), assume(f("forall n, A(n) -> A(n)"))),
    "a longer step": lambda: induction(
        assume(f("A(0)")), assume(f("forall n, A(n) -> A(S(S(n)))"))
    ),
    "no base": lambda: induction(assume(f("A(1)")), assume(f("forall n, A(n) -> A(S(n))"))),
    "a special step": lambda: induction(assume(f("A(0)")), assume(f("A(x) -> A(S(x))"))),
    "a loose assumption": lambda: assume(Atom("A", (Bound(0),))),
    "a loose identity": lambda: equal_reflexive(Bound(3)),
    "a loose alternative": lambda: or_left(assume(f("P")), Atom("A", (Bound(0),))),
    "a loose nothing": lambda: false_elim(assume(f("False")), Equal(Bound(0), ZERO)),
    "a loose middle": lambda: excluded_middle(Exists(Equal(Bound(0), Bound(1)))),
    "an unknown axiom": lambda: arithmetic("add_one"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_rule_refuses_what_does_not_fit(name: str) -> None:
    with pytest.raises(LogicError):
        WRONG[name]()


def test_every_rule_is_tried_here() -> None:
    rules = {
        name
        for name, value in vars(kernel).items()
        if callable(value)
        and getattr(value, "__module__", "") == kernel.__name__
        and not name.startswith("_")
        and name != "Theorem"
    }
    assert rules <= set(globals())
