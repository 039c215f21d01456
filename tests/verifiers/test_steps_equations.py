"""The equations of a solution."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.types import Task
from gym_reason.verifiers.math import MathVerifier
from gym_reason.verifiers.steps import EquationFinder

NUMBERS = st.integers(-999, 999) | st.decimals(-999, 999, places=2).map(
    lambda value: f"{value:.2f}"
)


def statuses(*lines: str) -> list[str]:
    finder = EquationFinder()
    return [equation.status for line in lines for equation in finder.read_line(line)]


@pytest.mark.parametrize(
    "line",
    [
        "3 * 4 = 12",
        "3 x 4 = 12",
        "3 \u00d7 4 = 12",
        "3\u00b74=12",
        "12 \u00f7 4 = 3",
        "2(3 + 4) = 14",
        "2^10 = 1,024",
        "2**10 = 1024",
        "-2^2 = -4",
        "(-2)^2 = 4",
        "2^-1 = 1/2",
        "5\u00b2 = 25",
        "3 1/2 + 1/2 = 4",
        "5 \u2212 8 = \u22123",
        "20% * 50 = 10",
        "15/60*100 = 25%",
        "10 / 3 = 3.33",
        "2/3 = 0.67",
        "2/3 = 0.66",
        "100/3 = 33.333%",
        "$5 * 3 = $15",
        "$3 \\times 4 = 12$",
        "\\[ \\frac{1}{2} + \\frac{1}{3} = \\frac{5}{6} \\]",
        "\\dfrac12 + \\dfrac12 = 1",
        "**3 * 4 = 12**",
        "- 3 + 4 = 7",
        "1. 3 + 4 = 7",
        "Step 2: 3 + 4 = 7",
        "She makes 9 * 2 = $18 every day.",
        "5 apples * $2/apple = $10",
        "5 days/week * 2 hours/day = 10 hours/week",
        "Together (3 + 4 = 7) they win",
        "2x + 3x = 5x",
        "(x + 1)^2 = x^2 + 2x + 1",
        "\\[ \\sqrt{16} = \\sqrt{16} \\]",
        "$\\sqrt{16} = 4$",
        "\\sqrt{8} = 2\\sqrt{2}.",
        "\\sin 0 = 0",
        "\u5c0f\u660e\u67093+4=7\u4e2a",
    ],
)
def test_right(line: str) -> None:
    assert statuses(line) == ["right"]


@pytest.mark.parametrize(
    "line",
    [
        "3 * 4 = 13",
        "So 3 * 4 = 13.",
        "12 - 3 = 8 eggs",
        "5 apples + 3 apples = 9 apples",
        "10 / 3 = 3.34",
        "10 / 3 = 3",
        "1/3 = 0.3",
        "$3 \\times 4 = 13$",
        "**Total:** 3*4 = **13**",
        "20% * 50 = 11",
        "50% + 10% = 50%",
        "50 + 10% * 50 = 56",
        "(3 + 4 = 8)",
        "7 = 8",
        "3+4=8\u4e2a",
    ],
)
def test_wrong(line: str) -> None:
    assert statuses(line) == ["wrong"]


@pytest.mark.parametrize(
    "line",
    [
        "half of 10 + 2 = 7",
        "5 feet + 6 inches = 66 inches",
        "2 kg = 2 * 1000",
        "Cynthia's 8 = 15",
        "4 + Riley's 5 = 9",
        "4 / 3 = 1 and 1/3",
        "1 and 1/4 = 1.25",
        "ratio 3:4 = 6:8",
        "14, 400 / 80 = 180",
        "25 / 1/3 = 75",
        "x + 4 = 10",
        "f(2) = 4",
        "i = i + 1",
        "3 + 4 = 8?",
        "3 + 4 = 8, no, wait.",
        "But 3 + 4 = 8 is wrong.",
        "50 + 10% = 55",
        "50 - 10% = 45",
        "55 = 50 + 10%",
        "(50 + 10%) * 2 = 110",
        "10% + 50 = 55",
        "If 3 + 4 = 8 then so be it",
        "0^0 = 1",
        "1/0 = 1/0",
        "9^9^9 = 1",
        "2^x = 8",
        "1/2x = 4",
        "5 m + 3 m = 9 m",
        "\\sqrt{16} = 5",
        "\\sqrt{16} = 16",
        "\\pi = 22/7",
        "\u5c0f\u660e\u67093+4=8\u4e2a",
    ],
)
def test_neutral(line: str) -> None:
    assert statuses(line) == ["neutral"]


@pytest.mark.parametrize(
    "line",
    [
        "no equation",
        "3 dozen + 4 = 40",
        "= 5",
        "5 =",
        "=",
        "5! = 120",
        "3 <= 4",
        "3 != 4",
        "3 \u2260 4",
        "a == \\",
        "",
    ],
)
def test_none(line: str) -> None:
    assert statuses(line) == []


def test_chains_are_judged_link_by_link() -> None:
    assert statuses("3*4 = 10+2 = 12") == ["right", "right"]
    assert statuses("3*4 = 12 + 2 = 14") == ["wrong", "right"]
    assert statuses("3*4 = 12 and 12+1 = 14") == ["right", "wrong"]


def test_gsm8k_annotations_are_judged_and_taken_out_of_the_line() -> None:
    assert statuses("9 * 2 = $<<9*2=18>>18 every day") == ["right", "right"]
    assert statuses("9 * 2 = $<<9*2=19>>18 every day") == ["wrong", "right"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["2x + 4 = 10", "2x = 6", "x = 3"], ["neutral", "right", "right"]),
        (["2x + 4 = 10", "", "Subtract 4 from both sides: 2x = 8"], ["neutral", "wrong"]),
        (["2x = 10, so x = 5"], ["neutral", "right"]),
        (["2x = 10, so x = 6"], ["neutral", "wrong"]),
        (["Case 1: 2x = 6", "Case 2: 2x = 8"], ["neutral", "neutral"]),
        (["2x = 6", "For Bob we write", "2x = 8"], ["neutral", "neutral"]),
        (["x = 3", "2x = 8"], ["neutral", "neutral"]),
        (["2x = 6", "2y = 8"], ["neutral", "neutral"]),
        (["2x = 6", "2x = 6"], ["neutral", "neutral"]),
    ],
)
def test_linear_equations_follow_from_one_another(lines: list[str], expected: list[str]) -> None:
    assert statuses(*lines) == expected


@pytest.mark.parametrize(
    ("line", "trivial"),
    [
        ("1 = 1", True),
        ("5 + 0 = 5", True),
        ("5 * 1 = 5", True),
        ("2 + 3 = 2 + 3", True),
        ("x = x", True),
        ("5 + 1 = 6", False),
        ("5 * 10 = 50", False),
    ],
)
def test_trivial(line: str, trivial: bool) -> None:
    assert [equation.trivial for equation in EquationFinder().read_line(line)] == [trivial]


@given(NUMBERS, NUMBERS, st.sampled_from("+-*"), st.integers(1, 9))
def test_a_perturbed_result_is_wrong(a: object, b: object, sign: str, change: int) -> None:
    first, second = Fraction(str(a)), Fraction(str(b))
    result = {"+": first + second, "-": first - second, "*": first * second}[sign]
    written = f"({a}) {sign} ({b})"
    assert statuses(f"{written} = {result}") == ["right"]
    assert statuses(f"We get {written} = {result + change} now") == ["wrong"]


@given(NUMBERS, NUMBERS)
def test_numbers_are_equal_where_the_math_verifier_says_so(a: object, b: object) -> None:
    task = Task("t", (), str(a))
    equal = MathVerifier().verify(task, f"\\boxed{{{b}}}").correct
    assert statuses(f"{b} = {a}") == ["right" if equal else "wrong"]


@given(st.text("0123456789+-*/^()=. xy%$,<>\\n", max_size=60))
def test_any_line_is_judged(line: str) -> None:
    for equation in EquationFinder().read_line(line):
        assert equation.status in ("right", "wrong", "neutral")
        assert equation.left
        assert equation.right
