"""Structured and symbolic answers: what equals what, and how it may be written."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gym_reason.types import Task, Verdict
from gym_reason.verifiers import MathVerifier

pytestmark = pytest.mark.usefixtures("patience")

FORMS = [
    json.loads(line)
    for line in Path(__file__)
    .with_name("data")
    .joinpath("math_forms.jsonl")
    .read_text("utf-8")
    .splitlines()
]
LENIENT, STRICT = MathVerifier(), MathVerifier("strict")
BOTH = pytest.mark.parametrize("verifier", [LENIENT, STRICT], ids=["lenient", "strict"])


def verify(verifier: MathVerifier, reference: str, answer: str) -> Verdict:
    return verifier.verify(Task("t", (), reference), f"\\boxed{{{answer}}}")


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form['reference']} : {form['answer']}")
def test_forms_are_judged_as_labelled(form: dict[str, str | bool]) -> None:
    for verifier, name in ((LENIENT, "lenient"), (STRICT, "strict")):
        verdict = verify(verifier, str(form["reference"]), str(form["answer"]))
        assert verdict.correct is form[name], (name, verdict.detail)


@BOTH
def test_every_form_equals_itself(verifier: MathVerifier) -> None:
    for reference in sorted({form["reference"] for form in FORMS}):
        assert verify(verifier, reference, reference).correct, reference


def write(coefficients: list[int], name: str, *, latex: bool) -> str:
    """Return a polynomial, highest power first or last."""
    terms = []
    for power, coefficient in enumerate(coefficients):
        times = "\\cdot " if latex else "*"
        terms.append(f"({coefficient}){times}{name}^{{{power}}}" if latex else
                     f"({coefficient})*{name}**{power}")  # fmt: skip
    return "+".join(terms if latex else reversed(terms))


coefficient_lists = st.lists(st.integers(-50, 50), min_size=2, max_size=6).filter(
    lambda values: any(values[1:])
)


@given(coefficients=coefficient_lists, other=coefficient_lists)
def test_polynomials_are_equal_where_their_coefficients_are(
    coefficients: list[int], other: list[int]
) -> None:
    reference = write(coefficients, "x", latex=True)
    assert verify(STRICT, reference, write(coefficients, "x", latex=False)).correct
    assert verify(STRICT, write(coefficients, "x", latex=False), reference).correct
    length = max(len(coefficients), len(other))
    padded = [values + [0] * (length - len(values)) for values in (coefficients, other)]
    same = padded[0] == padded[1]
    assert verify(STRICT, reference, write(other, "x", latex=False)).correct is same
    assert not verify(STRICT, reference, write(coefficients, "y", latex=False)).correct


@given(
    roots=st.lists(st.integers(-9, 9), min_size=1, max_size=4),
    scale=st.integers(-9, 9).filter(bool),
    error=st.integers(-3, 3).filter(bool),
)
def test_factored_and_expanded_polynomials(roots: list[int], scale: int, error: int) -> None:
    expanded = [scale]
    for root in roots:
        shifted = [0, *expanded]
        expanded = [a - root * b for a, b in zip(shifted, [*expanded, 0], strict=True)]
    factored = f"{scale}" + "".join(f"(x-({root}))" for root in roots)
    assert verify(STRICT, factored, write(expanded, "x", latex=True)).correct
    expanded[0] += error
    assert not verify(STRICT, factored, write(expanded, "x", latex=True)).correct


closed = st.tuples(
    st.integers(1, 30),
    st.sampled_from([2, 3, 5, 6, 7, 10, 11]),
    st.fractions(min_value=Fraction(1, 9), max_value=9, max_denominator=12),
)


@given(parts=closed, change=st.integers(1, 5))
def test_a_closed_form_equals_no_perturbed_one(
    parts: tuple[int, int, Fraction], change: int
) -> None:
    square, radicand, share = parts
    reference = (
        f"\\sqrt{{{square**2 * radicand}}}+\\frac{{{share.numerator}\\pi}}{{{share.denominator}}}"
    )
    answers = (
        f"\\frac{{{share.numerator}}}{{{share.denominator}}}\\pi+{square}\\sqrt{{{radicand}}}",
        f"{square}*sqrt({radicand})+({share.numerator}/{share.denominator})*pi",
        f"{square}√{radicand} + π·{share.numerator}/{share.denominator}",
    )
    for answer in answers:
        assert verify(STRICT, reference, answer).correct, answer
        assert verify(STRICT, answer, reference).correct, answer
    fraction = f"\\frac{{{share.numerator}\\pi}}{{{share.denominator}}}"
    wrong = (
        f"{square + change}\\sqrt{{{radicand}}}+{fraction}",
        f"{square}\\sqrt{{{radicand}}}-{fraction}",
        f"{square}\\sqrt{{{radicand}}}+{fraction}+10^{{-9}}",
        f"{square}\\sqrt{{{radicand}}}+{float(share) * 3.14159265358979}",
    )
    for answer in wrong:
        assert not verify(LENIENT, reference, answer).correct, answer


numbers = st.lists(st.integers(-99, 99), min_size=2, max_size=6, unique=True)


@given(items=numbers, data=st.data())
def test_sets_have_no_order_and_tuples_have(items: list[int], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(items))
    one, other = ", ".join(map(str, items)), ",".join(map(str, shuffled))
    assert verify(STRICT, f"\\{{{one}\\}}", f"\\left\\{{{other}\\right\\}}").correct
    assert verify(STRICT, one.replace(", ", ",  "), ", ".join(map(str, shuffled))).correct
    assert verify(STRICT, f"({one})", f"({', '.join(map(str, shuffled))})").correct is (
        shuffled == items
    )
    assert not verify(LENIENT, f"\\{{{one}\\}}", f"\\{{{other},100\\}}").correct
    assert not verify(LENIENT, f"\\{{{other},100\\}}", f"\\{{{one}\\}}").correct
    assert not verify(LENIENT, str(items[0]), one).correct


MUTATIONS: list[Callable[[str], str]] = [
    lambda text: f" {text} ",
    lambda text: f"${text}$",
    lambda text: f"\\({text}\\)",
    lambda text: f"{text}.",
    lambda text: text.replace("\\frac", "\\dfrac"),
    lambda text: text.replace("(", "\\left(").replace(")", "\\right)"),
    lambda text: text.replace("+", " + ").replace("=", " = "),
    lambda text: text.replace("+", "\\,+\\,"),
    lambda text: text.replace("\\sqrt{", "\\sqrt {"),
    lambda text: text.replace("\\infty", "∞").replace("\\cup", "\u222a").replace("\\pi", "π"),
]  # fmt: skip


@BOTH
@pytest.mark.parametrize("mutate", MUTATIONS)
@pytest.mark.parametrize(
    "reference",
    ["\\frac{1}{2}+\\sqrt{3}", "(x+1)(x+2)", "(1,2)", "(-1,3]", "y=2x+1", "x=5", "5", "\\{1,2\\}",
     "(-\\infty,0)\\cup(1,\\infty)", "x>2", "\\frac{\\pi}{3}", "2+3i", "1,2", "f(x)=x+1",
     "\\begin{pmatrix}1\\\\2\\end{pmatrix}", "\\frac{2}{4}"],
)  # fmt: skip
def test_format_mutations_change_nothing(
    verifier: MathVerifier, reference: str, mutate: Callable[[str], str]
) -> None:
    verdict = verify(verifier, reference, mutate(reference))
    assert verdict.correct, verdict.detail


symmetric_forms = st.sampled_from(
    ["\\sqrt{8}", "2\\sqrt{2}", "x+1", "1+x", "(1,2)", "[1,2]", "(1,2]", "\\{1,2\\}", "\\{2,1\\}",
     "1,2", "2,1", "x=5", "5=x", "x>2", "2<x", "(2,\\infty)", "\\pm2", "2,-2", "y=2x", "2x-y=0",
     "\\infty", "-\\infty", "\\emptyset", "i", "\\frac{1}{i}", "x_1",
     "\\begin{pmatrix}1\\\\2\\end{pmatrix}",
     "1010_2", "\\ln 4", "2\\ln2", "e", "\\pi", "x\\ne1", "(-\\infty,1)\\cup(1,\\infty)", "\\sin2x",
     "2\\sin x\\cos x", "3\\sqrt{2}\\text{ cm}", "\\sqrt{18}"]
)  # fmt: skip


@BOTH
@settings(max_examples=300)
@given(one=symmetric_forms, other=symmetric_forms)
def test_equality_of_forms_is_symmetric(verifier: MathVerifier, one: str, other: str) -> None:
    assert verify(verifier, one, other).correct is verify(verifier, other, one).correct


@pytest.mark.parametrize(
    ("text", "reference", "correct"),
    [
        ("Therefore $x \\geq 5$ is the solution.", "x >= 5", True),
        ("It is $x > 2$ or $x > 3$", "x>3", False),
        ("It is not $x > 3$", "x>3", False),
        ("Maybe $2\\sqrt{2}$", "\\sqrt{8}", False),
        ("So we get \\(2\\sqrt{2}\\).", "\\sqrt{8}", True),
        ("The final answer is $2\\sqrt{2}$.", "\\sqrt{8}", True),
        ("Final answer: The largest $n$ is 34.", "34", True),
        ("The answer is 33 and not 34", "34", False),
        ("<think>\\boxed{3}</think> \\boxed{\\sqrt{8}}", "2\\sqrt{2}", True),
        ("<think>\\boxed{2\\sqrt{2}}</think> it is \\boxed{3}", "2\\sqrt{2}", False),
        ("\\boxed{-2} \\quad \\text{and} \\quad \\boxed{1}", "1,-2", True),
        ("\\boxed{1} or \\boxed{x+1}", "x+1", False),
        ("最终答案是 $2\\sqrt{2}$。", "\\sqrt{8}", True),
        ("答案\uff1a\\boxed{2\\sqrt{2}}", "\\sqrt{8}", True),
    ],
)
def test_formulas_are_found_in_sentences(text: str, reference: str, correct: bool) -> None:
    verdict = LENIENT.verify(Task("t", (), reference), text)
    assert verdict.correct is correct, verdict.detail


def test_what_is_not_decided_fails_with_its_reason() -> None:
    details = {
        "2+2": "not evaluated",
        "\\int_0^4 dx": "not in the grammar",
        "0/0": "zero",
        "(" * 60 + "4" + ")" * 60: "nested",
    }
    for answer, reason in details.items():
        verdict = verify(LENIENT, "4", answer)
        assert not verdict.correct
        assert reason in verdict.detail, verdict.detail
    assert "too large" in verify(LENIENT, "\\sqrt{2}", "9^{9^{9^9}}").detail


def test_the_tolerance_holds_inside_structures() -> None:
    near = MathVerifier(tolerance=0.01)
    assert verify(near, "(\\pi, 2)", "(3.14, 2)").correct
    assert verify(near, "\\{1, 100\\}", "\\{100.5, 1\\}").correct
    assert not verify(near, "(\\pi, 2)", "(3.0, 2)").correct


def test_plain_takes_no_formula() -> None:
    plain = MathVerifier(plain=True)
    assert verify(plain, "4", "4").correct
    for answer in ("x=4", "\\{4\\}", "\\frac{8}{2}"):
        assert not verify(plain, "4", answer).correct
