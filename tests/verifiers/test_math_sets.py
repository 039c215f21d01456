"""Sets of real numbers: what joins, what is left out, and ends that a float cannot tell apart."""

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.types import Task
from gym_reason.verifiers import MathVerifier

PROFILES = [MathVerifier(), MathVerifier("strict")]


def equal(reference: str, answer: str) -> bool:
    task = Task("t", (), reference)
    found = {one.verify(task, f"\\boxed{{{answer}}}").correct for one in PROFILES}
    assert len(found) == 1
    return found.pop()


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("x>10^{20}", "x>10^{20}, x>10^{20}-1000"),
        ("x>100000000000000000000", "x>100000000000000000000, x>99999999999999999000"),
        ("(0,\\infty)", "(0,\\infty)\\cup(-10^{-400},\\infty)"),
        ("[2,3]", "[2,3]\\cup[1.99999999999999999999,3]"),
        ("[2,3]", "[2,3]\\cup[2,3.00000000000000000001]"),
        ("(0,2)", "(0,1)\\cup(1,2)"),
        ("(0,2)", "(0,\\sqrt2)\\cup(\\sqrt2,2)"),
        ("(0,1)\\cup(1,2)", "(0,1)\\cup(1.00000000000000000001,2)"),
        ("(0,2)", "(0,1]\\cup[1.00000000000000000001,2)"),
        ("[2,\\pi]", "[2,\\pi]\\cup[2,3.14159265358979323846264339]"),
        ("[0,1]", "[0,1]\\cap[0,0.99999999999999999999]"),
        ("[0,1]", "[0,1]\\setminus(0.99999999999999999999,1]"),
    ],
)
def test_ends_that_nearly_touch_are_two(reference: str, answer: str) -> None:
    assert not equal(reference, answer)
    assert not equal(answer, reference)


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("[0,2]", "[0,1]\\cup[1,2]"),
        ("(0,2)", "(0,\\sqrt8)\\cap(-1,2)"),
        ("(0,2)", "(0,\\sqrt2]\\cup(\\sqrt2,2)"),
        ("(0,3)", "(0,\\sqrt{3+2\\sqrt2}]\\cup[1+\\sqrt2,3)"),
        ("(-\\infty,\\infty)", "(-\\infty,10^{400}]\\cup(10^{400},\\infty)"),
        ("x>10^{20}", "x>10^{20}, x>10^{20}+1000"),
        ("x\\ne10^{-400}", "(-\\infty,10^{-400})\\cup(10^{-400},\\infty)"),
    ],
)
def test_ends_that_meet_are_one(reference: str, answer: str) -> None:
    assert equal(reference, answer)
    # An end that is to be worked out is no answer to one that is a number.
    assert equal(answer, reference) or "10^{20}" in answer


def test_a_tolerance_moves_ends_and_joins_no_pieces() -> None:
    near = MathVerifier("strict", 0.01)
    task = Task("t", (), "(0,1)\\cup(1.005,2)")
    assert near.verify(task, "\\boxed{(0,1.001)\\cup(1.005,2)}").correct
    assert not near.verify(task, "\\boxed{(0,2)}").correct


ends = st.builds(Fraction, st.integers(-6, 6)).flatmap(
    lambda whole: st.sampled_from([whole, whole + Fraction(1, 10**25)])
)
intervals = st.tuples(ends, ends, st.booleans(), st.booleans()).filter(lambda i: i[0] < i[1])
unions = st.lists(intervals, min_size=1, max_size=4)


def write(union: list[tuple[Fraction, Fraction, bool, bool]]) -> str:
    return "\\cup".join(
        f"{'[' if low_closed else '('}{_digits(low)}, {_digits(high)}{']' if high_closed else ')'}"
        for low, high, low_closed, high_closed in union
    )


def _digits(value: Fraction) -> str:
    scaled = value * 10**25
    sign = "-" if scaled < 0 else ""
    whole, places = divmod(abs(scaled.numerator), 10**25)
    return f"{sign}{whole}.{places:025d}"


def holds(union: list[tuple[Fraction, Fraction, bool, bool]], point: Fraction) -> bool:
    return any(
        low < point < high or (point == low and first) or (point == high and last)
        for low, high, first, last in union
    )


@given(unions, unions)
def test_unions_are_equal_where_they_hold_the_same_points(
    one: list[tuple[Fraction, Fraction, bool, bool]],
    other: list[tuple[Fraction, Fraction, bool, bool]],
) -> None:
    marks = sorted({end for low, high, _, _ in (*one, *other) for end in (low, high)})
    points = [*marks, *((a + b) / 2 for a, b in itertools.pairwise(marks))]
    same = all(holds(one, point) == holds(other, point) for point in points)
    assert equal(write(one), write(other)) is same
    assert equal(write(one), write(one[::-1]))
