"""Reading numbers."""

import contextlib
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.types import Task
from gym_reason.verifiers.math import (
    MathVerifier,
    Number,
    OverLimitError,
    Profile,
    parse_number,
)

VALUES = {
    "12": "12",
    "-12": "-12",
    "- 12": "-12",
    "\u221212": "-12",
    "negative 3": "-3",
    "+5": "5",
    "007": "7",
    "1,234": "1234",
    "1 234 567": "1234567",
    "1{,}234.5": "2469/2",
    "1\\,234": "1234",
    "1,\\!234": "1234",
    "0.5": "1/2",
    ".5": "1/2",
    "5.": "5",
    "1/2": "1/2",
    "-1/2": "-1/2",
    "1,000/3": "1000/3",
    "\\frac{1}{2}": "1/2",
    "\\frac12": "1/2",
    "\\dfrac{-1}{2}": "-1/2",
    "-\\tfrac{3}{6}": "-1/2",
    "3 1/2": "7/2",
    "-3\\frac{1}{2}": "-7/2",
    "3\u00bd": "7/2",
    "0.\\overline{3}": "1/3",
    "0.1\\overline{6}": "1/6",
    "1e3": "1000",
    "1.5E-2": "3/200",
    "1.5\\times 10^{3}": "1500",
    "2 \u00d7 10^-2": "1/50",
    "3*10**2": "300",
    "2^{10}": "1024",
    "10^{-9}": "1/1000000000",
    "-2^2": "-4",
    "50%": "1/2",
    "50\\%": "1/2",
    "50 percent": "1/2",
    "2.5 million": "2500000",
    "\uff12": "2",
    "\u0663": "3",
    "\u202e2": "2",
    "$5$": "5",
    "\\(5\\)": "5",
    "$$ 5 $$": "5",
    "\\text{13}": "13",
    "**72**": "72",
    "72.": "72",
}


@pytest.mark.parametrize(("text", "value"), VALUES.items())
def test_the_value_is_read_exactly(text: str, value: str) -> None:
    assert parse_number(text) == Number(Fraction(value))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$5", Number(Fraction(5), "$")),
        ("\\$5", Number(Fraction(5), "$")),
        ("$\\$5$", Number(Fraction(5), "$")),
        ("-$1,234.50", Number(Fraction(-12345, 10), "$")),
        ("$-5", Number(Fraction(-5), "$")),
        ("5 dollars", Number(Fraction(5), "$")),
        ("USD 5", Number(Fraction(5), "$")),
        ("5\u20ac", Number(Fraction(5), "\u20ac")),
        ("\u00a35", Number(Fraction(5), "\u00a3")),
        ("90^\\circ", Number(Fraction(90), "\u00b0")),
        ("5\\text{ cm}", Number(Fraction(5), "", "cm")),
        ("5\\text{ m}^2", Number(Fraction(5), "", "m^2")),
        ("5 cm\u00b2", Number(Fraction(5), "", "cm^2")),
        ("72 clips", Number(Fraction(72), "", "clip")),
        ("60 km/h", Number(Fraction(60), "", "km/h")),
    ],
)
def test_what_stands_beside_the_value_is_kept(text: str, expected: Number) -> None:
    assert parse_number(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "-", "$", "%", ".", "..", "5,6", "5, 6", "1, 234", "12,34", "1234,567", "0,123",
        "1 2", "5 or 6", "5\\text{ or }6", "5 or more", "5x", "5 x", "5 xy", "2 pi", "2\\pi", "5!",
        "1/0", "1/2/3", "3 5/2", "\\frac{1}{0}", "\\frac{1}{\\frac{1}{2}}", "\\frac", "x=5", "--5",
        "5%%", "5 6/", "0^{-1}", "2^2^2", "1.2.3", "\u00b2", "5\u00b2", "$5 \u20ac", "about 5",
        "(5", "1e", "1e5x", "\\sqrt{2}", "five", "nan", "inf", "0x10", "1_000",
    ],
)  # fmt: skip
def test_other_texts_are_no_numbers(text: str) -> None:
    assert parse_number(text) is None


@pytest.mark.parametrize(
    "text",
    ["9" * 4_001, "0." + "9" * 4_001, "1/" + "9" * 4_001, "1e9999999999", "1e1001", "10^{10000}",
     "7^{9999999999}", "2^{999999}", "1\\times 10^{-99999}"],
)  # fmt: skip
def test_numbers_over_a_cap_are_refused(text: str) -> None:
    with pytest.raises(OverLimitError):
        parse_number(text)


@given(st.text(max_size=60))
def test_any_text_is_a_number_or_is_not(text: str) -> None:
    try:
        number = parse_number(text)
    except OverLimitError:
        return
    assert number is None or isinstance(number.value, Fraction)


@given(st.text(alphabet="0123456789.,/ -+%$^e\\frac{}*x!()", max_size=40))
def test_texts_of_the_characters_of_numbers_never_raise(text: str) -> None:
    with contextlib.suppress(OverLimitError):
        number = parse_number(text)
        assert number is None or isinstance(number.value, Fraction)


@given(st.integers(-(10**30), 10**30), st.integers(0, 12))
def test_decimals_are_exact(digits: int, places: int) -> None:
    value = Fraction(digits, 10**places)
    sign = "-" if digits < 0 else ""
    text = str(abs(digits)).rjust(places + 1, "0")
    whole, part = (text[:-places], text[-places:]) if places else (text, "")
    assert parse_number(f"{sign}{whole}.{part}") == Number(value)
    assert parse_number(f"{sign}{int(whole):,}.{part}") == Number(value)
    assert parse_number(f"{digits}e-{places}") == Number(value)
    assert parse_number(f"{digits}/{10**places}") == Number(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.234.567", "1234567"), ("1.234,56", "1234.56"), ("12.345.678,9", "12345678.9"),
     ("1.234.567,891", "1234567.891"), ("-1.234,5", "-1234.5"), ("$1.234.567", "1234567"),
     ("1.234.567 people", "1234567"), ("1.234,5%", "12.345")],
)  # fmt: skip
def test_points_group_thousands_where_nothing_else_is_meant(text: str, value: str) -> None:
    number = parse_number(text)
    assert number is not None
    assert number.value == Fraction(value)


@pytest.mark.parametrize(
    "text", ["1.234,567", "0.234.567", "1.23.456", "1234.567,8", "1.234.56", "1.2,5", "1.234.5678"]
)
def test_other_points_and_commas_group_nothing(text: str) -> None:
    assert parse_number(text) is None


def test_one_point_stands_before_decimals() -> None:
    assert parse_number("1.234") == Number(Fraction("1.234"))


@pytest.mark.parametrize("profile", ["lenient", "strict"])
@pytest.mark.parametrize(
    ("one", "other"),
    [("1234567", "1.234.567"), ("1,234,567", "1.234.567"), ("1234.56", "1.234,56"),
     ("x=1234567", "x=1.234.567"), ("(1, 1234567)", "(1, 1.234.567)"),
     ("1234567\\pi", "1.234.567\\pi")],
)  # fmt: skip
def test_both_conventions_of_thousands_are_equal(profile: Profile, one: str, other: str) -> None:
    verifier = MathVerifier(profile)
    assert verifier.verify(Task("t", (), one), f"\\boxed{{{other}}}").correct
    assert verifier.verify(Task("t", (), other), f"\\boxed{{{one}}}").correct
    assert not verifier.verify(Task("t", (), "1234"), "\\boxed{1.234}").correct
