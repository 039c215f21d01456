"""Identities in prime fields, and refutation in floating point."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.verifiers.math.exact import (
    UndefinedError,
    exact_value,
    factorise,
    is_written_out,
)
from gym_reason.verifiers.math.field import field, rooted_field
from gym_reason.verifiers.math.floating import differ, real_value
from gym_reason.verifiers.math.guards import too_large
from gym_reason.verifiers.math.parser import parse
from gym_reason.verifiers.math.residues import constant_ratio, identical

EQUAL = [
    ("\\sqrt8", "2\\sqrt2"),
    ("\\sqrt{\\frac34}", "\\frac{\\sqrt3}{2}"),
    ("\\sqrt[3]{16}", "2\\sqrt[3]2"),
    ("\\sqrt[6]{8}", "\\sqrt2"),
    ("(-8)^{1/3}", "-2"),
    ("\\sqrt{-4}", "2i"),
    ("\\frac{1}{1+i}", "\\frac{1-i}{2}"),
    ("e^{i\\pi}+1", "0"),
    ("e^{2\\pi i/3}", "\\frac{-1+\\sqrt3 i}{2}"),
    ("(x+1)^3", "x^3+3x^2+3x+1"),
    ("\\frac{x^2-1}{x-1}", "x+1"),
    ("\\sqrt{x}^2", "x"),
    ("x\\sqrt x", "x^{3/2}"),
    ("\\sqrt[3]{x}\\sqrt[3]{x}", "x^{2/3}"),
    ("\\sqrt{x+1}\\sqrt{1+x}", "x+1"),
    ("\\sin^2x+\\cos^2x", "1"),
    ("\\sin 2x", "2\\sin x\\cos x"),
    ("\\cos 3x", "4\\cos^3x-3\\cos x"),
    ("\\tan(x+y)", "\\frac{\\tan x+\\tan y}{1-\\tan x\\tan y}"),
    ("\\sin(x+\\frac{\\pi}{2})", "\\cos x"),
    ("\\cos\\frac{\\pi}{12}", "\\frac{\\sqrt6+\\sqrt2}{4}"),
    ("\\sin 60^\\circ", "\\frac{\\sqrt3}{2}"),
    ("\\cosh^2x-\\sinh^2x", "1"),
    ("e^{x+y}", "e^xe^y"),
    ("e^{2\\ln x}", "x^2"),
    ("\\ln 12", "2\\ln2+\\ln3"),
    ("\\ln\\sqrt{2}", "\\frac{\\ln 2}{2}"),
    ("\\log_2 8", "3"),
    ("\\log_4 8", "\\frac32"),
    ("2^{n+1}", "2\\cdot2^n"),
    ("4^n", "2^{2n}"),
    ("(-1)^{2n}", "1"),
    ("7^{9999999999}+1", "1+7^{9999999999}"),
    ("\\frac{2006!}{2004!}", "2006\\cdot 2005"),
    ("|x-y|", "|y-x|"),
    ("\\sin(2(3(4(5(6(7(8(9(x+1))))))))", "\\sin(362880x+362880)"),
]
DIFFERENT = [
    ("x", "y"),
    ("x^2", "x^3"),
    ("\\sqrt2", "\\sqrt3"),
    ("\\sqrt2", "-\\sqrt2"),
    ("\\sqrt2+\\sqrt3", "\\sqrt5"),
    ("i", "-i"),
    ("\\pi", "\\frac{22}{7}"),
    ("(x+1)^2", "x^2+1"),
    ("7^{9999999999}", "7^{9999999999}+1"),
    ("\\frac{1}{2^{99}}", "\\frac{1}{2^{98}}"),
    ("\\sqrt[3]{2}", "\\sqrt2"),
]


@pytest.mark.parametrize(("left", "right"), EQUAL)
def test_identities_are_proved(left: str, right: str) -> None:
    one, other = parse(left + (")" * (left.count("(") - left.count(")")))), parse(right)
    assert identical(one, other) is True
    assert identical(other, one) is True
    assert not differ(one, other)


@pytest.mark.parametrize(("left", "right"), DIFFERENT)
def test_what_differs_is_no_identity(left: str, right: str) -> None:
    assert identical(parse(left), parse(right)) is False


@pytest.mark.parametrize(
    ("left", "right"),
    [("2^{n+1}", "2^n+1"), ("\\sqrt{x^2}", "x"), ("f(x)", "f(y)"), ("(n+1)!", "n!"), ("|x|",
    "x"), ("\\ln(xy)", "x"),
     ("\\sqrt{3+2\\sqrt2}", "1+\\sqrt2"), ("9^{9^{9^9}}", "2"), ("x^{10^{16}}", "x^{10^{16}}+x-x")],
)  # fmt: skip
def test_what_cannot_be_decided_here_is_left_open(left: str, right: str) -> None:
    assert identical(parse(left), parse(right)) is None


@pytest.mark.parametrize(
    "text",
    ["1/0", "0/0", "0^0", "0^{-1}", "\\frac{x}{y-y}", "\\ln 0", "\\tan\\frac\\pi2",
    "\\sqrt{0}^{-1}",
     "(x-x)^0", "\\frac{\\sqrt8-2\\sqrt2}{\\sqrt8-2\\sqrt2}", "\\frac{1}{\\sin^2x+\\cos^2x-1}"],
)  # fmt: skip
def test_what_has_no_value_equals_nothing(text: str) -> None:
    with pytest.raises(UndefinedError):
        identical(parse(text), parse(text))


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [("x+y-1", "2x+2y-2", True), ("x+y-1", "x+y-2", False), ("x", "x^2", False), ("x-x", "x",
    False),
     ("x", "0", False), ("\\sqrt2x-1", "2x-\\sqrt2", True)],
)  # fmt: skip
def test_constant_ratios(left: str, right: str, same: bool) -> None:
    assert constant_ratio(parse(left), parse(right)) is same


values = st.fractions(max_denominator=50, min_value=-1000, max_value=1000)


@given(values, values)
def test_numbers_are_identical_where_they_are_equal(one: Fraction, other: Fraction) -> None:
    left, right = (parse(f"x+({value.numerator})/{value.denominator}") for value in (one, other))
    assert identical(left, right) is (one == other)
    assert differ(left, right) is (one != other)


@given(st.integers(0, 10), st.integers(1, 2**100), st.sampled_from([2, 3, 4, 5, 6, 12]))
def test_roots_in_a_field_are_roots(index: int, value: int, degree: int) -> None:
    chosen = field(index)
    power = pow(value, degree, chosen.prime)
    root = chosen.root(power, degree)
    assert root is None or pow(root, degree, chosen.prime) == power
    if degree in (2, 3):
        assert root is not None
    assert pow(chosen.unit, 2, chosen.prime) == chosen.prime - 1


def test_a_field_has_the_roots_that_are_asked_for() -> None:
    rooted = rooted_field(frozenset({(2, 2), (5, 2), (7, 6)}), 0)
    assert rooted is not None
    for base, (order, root) in rooted.roots.items():
        assert pow(root, order, rooted.field.prime) == base


@given(st.fractions(min_value=Fraction(1, 10**6), max_value=10**6))
def test_factors_multiply_to_the_value(value: Fraction) -> None:
    product = Fraction(1)
    for factor, exponent in factorise(value):
        product *= Fraction(factor) ** exponent
    assert product == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("2+2", 4), ("5!", 120), ("\\binom52", 10), ("|{-3}|", 3), ("\\max(1,2)", 2), ("2^{-2}",
    "1/4"),
     ("\\gcd(12,18)", 6), ("x", None), ("\\sqrt2", None), ("2^{99999}", None), ("9999!", None)],
)  # fmt: skip
def test_exact_values(text: str, value: int | str | None) -> None:
    assert exact_value(parse(text)) == (None if value is None else Fraction(value))


def test_a_number_written_out_is_no_question() -> None:
    for text in ("5", "-5", "1/2", "-\\frac12", "2^{10}", "\\frac{1}{2^9}", "3\\cdot10^5", "3 1/2",
                 "(\\frac23)^2", "50\\%"):  # fmt: skip
        assert is_written_out(parse(text)), text
    for text in ("2+2", "47*25", "5!", "\\sqrt4", "x", "\\frac{1}{1+1}", "2^{1+1}", "2^{1/2}",
    "1/2/3",
                 "\\pi"):  # fmt: skip
        assert not is_written_out(parse(text)), text


def test_towers_are_too_large_for_symbolic_comparison() -> None:
    for text in ("9^{9^9}", "x^{2000}", "(1+i)^{99999}", "2000!", "((9!)!)!", "\\binom{10^9}{5}",
                 "e^{e^{e^{e^{e^{e^x}}}}}"):  # fmt: skip
        assert too_large(parse(text)), text
    assert not too_large(parse("\\sqrt{3+2\\sqrt2}+x^{100}+n!"))


def test_cancellation_is_no_difference() -> None:
    assert not differ(parse("(10^{8}+x)-10^{8}"), parse("x"))
    assert not differ(parse("(1+10^{-15}x)"), parse("1"))
    assert differ(parse("10^{-9}"), parse("0"))
    assert real_value(parse("\\sqrt{-1}")) is None
