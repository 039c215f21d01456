"""The mutations: right ones stay right, wrong ones are wrong, and both are repeatable."""

import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gym_reason.types import Task
from gym_reason.verifiers.audit import mutations, strategies, texts
from gym_reason.verifiers.audit.values import (
    Choice,
    Interval,
    Items,
    bare_answer,
    read_value,
    values_differ,
)
from gym_reason.verifiers.math import MathVerifier

NUMBERS = strategies.numbers()


@given(NUMBERS, st.data())
def test_equal_forms_are_worth_the_same(number: Fraction, data: st.DataObject) -> None:
    text = data.draw(strategies.equal_forms(number))
    assert read_value(text) in (number, None)
    verdict = MathVerifier("strict").verify(Task("t", (), str(number)), f"\\boxed{{{text}}}")
    assert verdict.correct, (text, verdict.detail)


@given(NUMBERS, st.data())
def test_perturbed_numbers_are_worth_something_else(number: Fraction, data: st.DataObject) -> None:
    text = data.draw(strategies.perturbed(number))
    assert read_value(text) != number
    assert not MathVerifier("strict").verify(Task("t", (), str(number)), text).correct


@given(NUMBERS)
def test_perturbed_values_leave_out_what_is_within_the_tolerance(number: Fraction) -> None:
    assert number not in mutations.perturbed_values(number)
    written = str(number)
    for text in mutations.perturbed(number, tolerance=0.05):
        if read_value(text) is not None:
            assert values_differ(written, text, tolerance=0.05)


@given(NUMBERS, st.data())
def test_formats_change_no_value(number: Fraction, data: st.DataObject) -> None:
    written = mutations.write_number(number)
    text = data.draw(strategies.format_mutations(written))
    assert text != written
    assert MathVerifier("strict").verify(Task("t", (), written), text).correct


@given(st.integers(2, 10**9), st.data())
def test_hedges_hold_the_answer_and_do_not_pass(number: int, data: st.DataObject) -> None:
    others = [str(number + 1), str(number - 1)]
    text = data.draw(strategies.hedges(str(number), others))
    assert str(number) in text
    assert not MathVerifier("strict").verify(Task("t", (), str(number)), text).correct


@given(st.one_of(strategies.junk(), strategies.injections()))
def test_junk_and_injections_are_no_answer(text: str) -> None:
    assert read_value(text) is None
    assert not MathVerifier().verify(Task("t", (), "17"), text).correct


@given(st.text(min_size=1).filter(str.strip), st.data())
def test_near_texts_differ_in_more_than_spaces(answer: str, data: st.DataObject) -> None:
    text = data.draw(strategies.near_texts(answer))
    assert text.split() != answer.split()


@given(st.integers(-(10**6), 10**6), st.data())
def test_confusables_of_a_wrong_number_stay_wrong(number: int, data: st.DataObject) -> None:
    text = data.draw(strategies.confusables(str(number + 1)))
    assert not text.isascii()
    assert not MathVerifier().verify(Task("t", (), str(number)), text).correct


@pytest.mark.parametrize(
    "answer", [r"\{3, 1, 2\}", "(1, 2.5)", "[-1, 4)", "(0, 1]", "C", "-7/3", "12,345"]
)
def test_answers_of_every_kind_have_right_and_wrong_forms(answer: str) -> None:
    right, wrong = mutations.equal_answers(answer), mutations.wrong_answers(answer)
    assert right
    assert len(wrong) >= 2
    for text in right:
        assert not values_differ(answer, text), text
    for text in wrong:
        assert read_value(text) is None or values_differ(answer, text), text
    assert not set(right) & set(wrong)


def test_sets_are_reordered_and_tuples_are_not() -> None:
    assert r"\{2, 1\}" in mutations.equal_answers(r"\{1, 2\}")
    assert "(2, 1)" not in mutations.equal_answers("(1, 2)")
    assert "(2, 1)" in mutations.wrong_answers("(1, 2)")
    assert r"\{\frac{1}{2}, 3\}" in mutations.equal_answers(r"\{0.5, 3\}")


def test_hand_worked_forms() -> None:
    assert {"1/4", r"\frac{1}{4}", r"\dfrac{1}{4}", "0.25", "25%", "2/8"} <= set(
        mutations.equal_forms(Fraction(1, 4))
    )
    assert r"-2\frac{1}{3}" in mutations.equal_forms(Fraction(-7, 3))
    assert r"12 \times 10^{5}" in mutations.equal_forms(1_200_000)
    assert mutations.digit_groups(-1234567) == ("-1,234,567", "-1{,}234{,}567")
    assert mutations.digit_groups(999) == ()
    assert "1.234.567" in mutations.equal_forms(1_234_567)
    assert "-1.234,5" in mutations.equal_forms(Fraction("-1234.5"))
    assert "1.234.567,125" in mutations.equal_forms(Fraction("1234567.125"))
    assert not any("," in form for form in mutations.equal_forms(Fraction("1234.567")))
    assert {"so it cannot be 42", "twice 42", "at least 42"} <= set(mutations.denials("42"))
    assert {"42 thousands", "42 per mille"} <= set(mutations.magnitudes("42"))
    assert mutations.near_unions("[2, 3)")[0] == "[2, 3) \\cup [2 - 10^{-20}, 3)"
    assert mutations.near_unions("42") == ()
    assert {"43", "41", "-42", "420", "4.2", "1/42", "24", "42%", "422"} <= set(
        mutations.perturbed(42)
    )
    assert "0.33" in mutations.perturbed(Fraction(1, 3))
    assert "\u22125" in mutations.format_mutations("-5")
    assert mutations.normal_forms("caf\u00e9") == ("cafe\u0301",)
    assert mutations.lookalikes("52") == ("5\u00b2", "\u202e25\u202c")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$42$", Fraction(42)),
        ("1,234.5", Fraction(2469, 2)),
        ("1{,}234", Fraction(1234)),
        ("12,34", None),
        ("\u22123", Fraction(-3)),
        (r"-\frac{1}{2}", Fraction(-1, 2)),
        ("1/0", None),
        ("3 / 6", Fraction(1, 2)),
        ("(B)", Choice("B")),
        (r"\left\{1, 2\right\}", Items(False, (Fraction(1), Fraction(2)))),
        ("(1,2)", Items(True, (Fraction(1), Fraction(2)))),
        ("[1, 2)", Interval(Fraction(1), Fraction(2), True, False)),
        ("[2, 1)", None),
        ("x + 1", None),
        ("", None),
        ("9" * 1000, None),
        ("(" + "1, " * 100 + "1)", None),
    ],
)
def test_values_are_read_from_plain_forms_only(text: str, value: object) -> None:
    assert read_value(text) == value


def test_only_what_surely_differs_differs() -> None:
    assert values_differ("1/2", "0.51")
    assert not values_differ("1/2", "0.50")
    assert not values_differ("100", "101", tolerance=0.01)
    assert values_differ("100", "102", tolerance=0.01)
    assert values_differ("(1, 2)", "(2, 1)")
    assert not values_differ(r"\{1, 2\}", r"\{2, 1, 1\}")
    assert values_differ("[1, 2)", "[1, 2]")
    assert not values_differ("(3)", "3")
    assert not values_differ(r"\sqrt{2}", "1.5")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("so\n#### 72", "72"),
        (r"<think>\boxed{1}</think>\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        ("<think>1</think> 5 ", "5"),
        ("<think>5", ""),
        (r"\boxed{1", r"\boxed{1"),
        ("####", "####"),
    ],
)
def test_the_answer_in_a_reference_is_found(text: str, answer: str) -> None:
    assert bare_answer(text) == answer


@settings(max_examples=20)
@given(st.integers(1, 10**4))
def test_overlong_texts_have_the_length_that_was_asked_for(size: int) -> None:
    assert {len(text) for text in texts.overlong(size)} == {size}


def test_without_hypothesis_one_line_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['hypothesis'] = None; import gym_reason.verifiers.audit\n"
        "try: import gym_reason.verifiers.audit.strategies\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.count("\n") == 1
    assert "pip install 'gym-reason[audit]'" in done.stdout


def test_the_audit_itself_imports_no_hypothesis() -> None:
    program = "import gym_reason.verifiers.audit, sys; print('hypothesis' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
