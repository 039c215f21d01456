"""The reference prover: what is valid propositionally is proved, what is not is not."""

import itertools

import pytest
from hypothesis import given

from gym_reason.verifiers.proofs.natural.decide import (
    IntuitionisticDecider,
    atoms_of,
    follows_classically,
    is_propositional,
)
from gym_reason.verifiers.proofs.natural.kernel import CLASSICAL, PEANO
from gym_reason.verifiers.proofs.natural.parse import parse_formula
from gym_reason.verifiers.proofs.natural.prover import find_proof
from gym_reason.verifiers.proofs.natural.script import run_script
from gym_reason.verifiers.proofs.natural.syntax import Atom, Formula, LogicError
from tests.verifiers.proofs.natural_formulas import Model, propositions

NEITHER: frozenset[str] = frozenset()


def is_valid_by_rows(formula: Formula) -> bool:
    """Return whether a formula holds in every row of its truth table."""
    names = [atom.predicate for atom in atoms_of(formula) if isinstance(atom, Atom)]
    return all(
        Model((), frozenset(), frozenset(), frozenset(true)).holds(formula, {})
        for size in range(len(names) + 1)
        for true in itertools.combinations(names, size)
    )


@given(propositions())
def test_what_is_valid_is_proved_classically(formula: Formula) -> None:
    valid = is_valid_by_rows(formula)
    assert follows_classically((), formula) == valid
    script = find_proof(formula, frozenset({CLASSICAL}))
    assert (script is not None) == valid


@given(propositions())
def test_what_is_decided_intuitionistically_is_proved(formula: Formula) -> None:
    provable = IntuitionisticDecider().follows((), formula)
    script = find_proof(formula)
    assert (script is not None) == provable
    if script is not None:
        theorem = run_script("\n".join(script), formula, NEITHER).theorem
        assert theorem is not None
        assert theorem.axioms == NEITHER
        assert is_valid_by_rows(formula)


@pytest.mark.parametrize(
    "text",
    [
        "P | ~P",
        "~~P -> P",
        "((P -> Q) -> P) -> P",
        "(P -> Q) | (Q -> P)",
        "(~Q -> ~P) -> P -> Q",
        "~(P & Q) -> ~P | ~Q",
        "(P -> Q | R) -> (P -> Q) | (P -> R)",
        "~P | ~~P",
    ],
)
def test_what_is_valid_classically_alone_needs_a_classical_tactic(text: str) -> None:
    formula = parse_formula(text)
    assert find_proof(formula) is None
    script = find_proof(formula, frozenset({CLASSICAL}))
    assert script is not None
    assert any(line.startswith("by_contradiction") for line in script)


@pytest.mark.parametrize(
    ("text", "axioms"),
    [
        ("~~(P | ~P)", ""),
        ("(((P -> Q) -> P) -> P -> Q) -> P -> ~~Q", ""),
        ("(exists x, forall y, R(x, y)) -> forall y, exists x, R(x, y)", ""),
        ("~(exists x, A(x)) <-> (forall x, ~A(x))", ""),
        ("exists x, A(x) -> forall y, A(y)", CLASSICAL),
        ("~(forall x, A(x)) -> exists x, ~A(x)", CLASSICAL),
        ("forall x y z, x = y -> z = y -> f(x) = f(z)", ""),
        ("(forall x, f(f(x)) = x) -> forall x y, f(x) = f(y) -> x = y", ""),
        ("forall n, 0 + n = n", PEANO),
        ("forall m n, S(m) + n = S(m + n)", PEANO),
        ("forall a b c, a + b + c = a + (b + c)", PEANO),
        ("forall n, 0 * n = 0", PEANO),
        ("forall n, n * 1 = n", PEANO),
        ("A(0) -> A(1) -> (forall n, A(n) -> A(S(S(n)))) -> forall n, A(n) & A(S(n))", PEANO),
        ("forall n, n = 0 | exists m, n = S(m)", PEANO),
        (
            "(forall x, 0 + x = x) -> (forall x y, S(x) + y = S(x + y)) -> "
            "forall m n, m + n = n + m",
            PEANO,
        ),
    ],
)
def test_known_theorems_are_proved(text: str, axioms: str) -> None:
    formula = parse_formula(text)
    allowed = frozenset({axioms} - {""})
    script = find_proof(formula, allowed)
    assert script is not None
    assert run_script("\n".join(script), formula, allowed).theorem is not None


@pytest.mark.parametrize(
    "text",
    [
        "P",
        "False",
        "P -> Q",
        "(forall y, exists x, R(x, y)) -> exists x, forall y, R(x, y)",
        "(exists x, A(x)) -> forall x, A(x)",
        "forall n, n = 0",
        "forall x, f(x) = x",
        "forall n, S(n) = n",
    ],
)
def test_what_is_false_is_not_proved(text: str) -> None:
    assert find_proof(parse_formula(text), frozenset({CLASSICAL, PEANO}), max_nodes=200) is None


def test_a_truth_table_has_a_limit() -> None:
    names = [f"P{number}" for number in range(20)]
    formula = parse_formula(" | ".join(names))
    with pytest.raises(LogicError, match="too many"):
        follows_classically((), formula)
    assert find_proof(formula, frozenset({CLASSICAL})) is None


def test_propositional_formulas_are_known() -> None:
    assert is_propositional(parse_formula("P -> ~Q | False"))
    assert not is_propositional(parse_formula("P -> A(0)"))
    assert not is_propositional(parse_formula("P -> 0 = 0"))
