"""Terms and formulas: substitution, the parser, the printer, the limits."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.verifiers.proofs.natural.parse import parse_formula, parse_term, signature_of
from gym_reason.verifiers.proofs.natural.show import ASCII, UNICODE, show_formula, show_term
from gym_reason.verifiers.proofs.natural.syntax import (
    MAX_DEPTH,
    MAX_SIZE,
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
    Term,
    Variable,
    abstract,
    free_variables,
    instantiate,
    is_closed,
    numeral,
    substitute,
)
from tests.verifiers.proofs.natural_formulas import NAMES, Model, formulas, models, terms

VALUES = st.fixed_dictionaries({name: st.integers(0, 2) for name in NAMES})


@given(formulas(), terms(), st.sampled_from(NAMES), models(), VALUES)
def test_substitution_means_what_it_says(
    formula: Formula, term: Term, name: str, model: Model, free: dict[str, int]
) -> None:
    """A capture anywhere would make the two sides differ in some model."""
    substituted = substitute(formula, {name: term})
    expected = model.holds(formula, {**free, name: model.value(term, free)})
    assert model.holds(substituted, free) == expected
    assert instantiate(abstract(formula, Variable(name)), term) == substituted


@given(formulas(), st.sampled_from(NAMES))
def test_the_names_of_bound_variables_say_nothing(formula: Formula, name: str) -> None:
    body = abstract(formula, Variable(name))
    assert ForAll(body, "x") == ForAll(body, "other")
    assert hash(ForAll(body, "x")) == hash(ForAll(body, "other"))
    general: Formula = ForAll(body)
    assert general != Exists(body)
    assert name not in free_variables(ForAll(body))


def test_capture_is_avoided() -> None:
    formula = parse_formula("forall y, x = y", variables="xy")
    changed = substitute(formula, {"x": Variable("y")})
    assert show_formula(changed) == "forall y1, y = y1"
    assert changed != parse_formula("forall y, y = y")
    nested = parse_formula("forall x y, R(x, y)")
    assert isinstance(nested, ForAll)
    assert instantiate(nested.body, Variable("y")) == parse_formula(
        "forall z, R(y, z)", variables="y"
    )


@pytest.mark.parametrize("symbols", [ASCII, UNICODE])
@given(formula=formulas())
def test_what_is_shown_is_read_again(symbols: object, formula: Formula) -> None:
    shown = show_formula(formula, UNICODE if symbols is UNICODE else ASCII)
    assert parse_formula(shown, NAMES) == formula


@given(terms())
def test_terms_are_read_again(term: Term) -> None:
    assert parse_term(show_term(term), NAMES) == term


@given(st.text(max_size=40) | st.text("PQRxyf()~&|<->=,.+*S0 forallexists", max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    try:
        formula = parse_formula(text, NAMES)
    except LogicError:
        return
    assert is_closed(formula)
    assert parse_formula(show_formula(formula), NAMES) == formula


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("P -> Q -> R", "P -> (Q -> R)"),
        ("P & Q & R", "P & (Q & R)"),
        ("P | Q & ~R -> P", "((P | (Q & (~R))) -> P)"),
        ("P <-> Q", "(P -> Q) & (Q -> P)"),
        ("P -> Q <-> R", "(P -> Q) <-> R"),
        ("~~P", "(P -> False) -> False"),
        ("forall x y, R(x, y)", "forall x. forall y. R(x, y)"),
        ("forall x, P(x) -> Q", "forall x, (P(x) -> Q)"),
        ("P -> exists x, Q(x) & R", "P -> (exists x, (Q(x) & R))"),
        ("forall x, x + x * x = S x", "forall y, y + (y * y) = S(y)"),
        ("forall x, (x + x) * x != 2", "forall x, ~((x + x) * x = S(S(0)))"),
        ("forall x, ((x)) = x", "forall x, x = x"),
        ("\u2200x, P(x) \u2227 \u00acQ(x) \u2192 \u22a5", "forall x, P(x) & ~Q(x) -> False"),
        ("P /\\ Q \\/ R", "(P & Q) | R"),
        ("forall x, forall x, P(x)", "forall y x, P(x)"),
    ],
)
def test_formulas_are_read_by_their_grammar(text: str, same: str) -> None:
    assert parse_formula(text) == parse_formula(same)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "missing before the end"),
        ("P Q", "does not belong"),
        ("P -> ", "missing before the end"),
        ("(P", "')' is missing"),
        ("P)", "does not belong"),
        ("x = x", "no variable here"),
        ("forall x, y = x", "no variable here"),
        ("forall P, P", "cannot be a variable"),
        ("forall S, S = S", "missing"),
        ("forall, P", "variable is missing"),
        ("P(x", "no variable here"),
        ("forall x, P(x) & P(x, x)", "arguments elsewhere"),
        ("forall x, f(x) = f(x, x)", "arguments elsewhere"),
        ("forall x, f = x", "no variable here"),
        ("P @ Q", "is no symbol"),
        ("\u0440", "is no symbol"),
        ("forall x, x = 1000000", "is larger than"),
        ("(" * 500 + "P" + ")" * 500, "nested"),
        ("P -> " * 900 + "P", "longer than"),
        ("~" * 2000 + "P", "nested"),
        ("forall x, " + "S" * 50 + " x = x", "does not belong"),
        ("forall x, " + "S " * 200 + "x = x", "nested"),
    ],
)
def test_other_texts_are_refused(text: str, message: str) -> None:
    with pytest.raises(LogicError, match=re.escape(message)):
        parse_formula(text)


def test_symbols_outside_the_statement_are_refused() -> None:
    signature = signature_of(parse_formula("forall x, P(f(x)) -> Q"))
    parse_formula("P(f(f(0))) & 0 + 0 = 0", (), signature)
    for text in ("R", "P(g(0))", "Q(0)", "P(0, 0)"):
        with pytest.raises(LogicError):
            parse_formula(text, (), signature)


def test_nothing_above_the_limits_can_be_made() -> None:
    wide: Formula = Atom("P")
    while 2 * wide.measure.size < MAX_SIZE:
        wide = And(wide, wide)
    with pytest.raises(LogicError, match=f"more than {MAX_SIZE}"):
        And(wide, wide)
    deep: Formula = Atom("P")
    for _ in range(MAX_DEPTH - 1):
        deep = Implies(Atom("Q"), deep)
    with pytest.raises(LogicError, match="nested"):
        Implies(Atom("Q"), deep)
    with pytest.raises(LogicError):
        numeral(MAX_DEPTH)


def test_loose_bound_variables_are_seen() -> None:
    assert not is_closed(Bound(0))
    assert not is_closed(ForAll(Equal(Bound(0), Bound(1))))
    assert is_closed(ForAll(ForAll(Equal(Bound(0), Bound(1)))))
    with pytest.raises(LogicError, match="loose"):
        instantiate(Atom("P", (Bound(0),)), Apply("f", (Bound(0),)))
    with pytest.raises(LogicError, match="loose"):
        substitute(Atom("P", (Variable("x"),)), {"x": Bound(0)})
    with pytest.raises(LogicError, match="abstracted"):
        abstract(Atom("P", (Bound(0),)), Variable("x"))
