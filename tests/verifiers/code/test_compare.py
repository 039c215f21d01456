"""When an output is the expected one."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.errors import DataError
from gym_reason.verifiers.code.compare import check_comparison, outputs_equal

LADDER = ("exact", "lines", "tokens", "float:0")
TEXTS = st.text(st.sampled_from("12.e-+ \t\r\n\x0bab\u00a0\u2003"), max_size=20)


@pytest.mark.parametrize(
    ("comparison", "output", "expected", "equal"),
    [
        ("exact", "3\n", "3\n", True),
        ("exact", "3", "3\n", False),
        ("exact", "3\r\n", "3\n", False),
        ("lines", "3", "3\n", True),
        ("lines", "3 \t\r\n\n \n", "3", True),
        ("lines", " 3", "3", False),
        ("lines", "\n3", "3", False),
        ("lines", "a  b", "a b", False),
        ("lines", "1\n\n2", "1\n2", False),
        ("lines", "3\x0b", "3", False),
        ("lines", "3\u00a0", "3", False),
        ("lines", "3\r4", "4", False),
        ("lines", "", "", True),
        ("lines", "", "0", False),
        ("tokens", " 1\n2\t3", "1 2 3", True),
        ("tokens", "12 3", "1 23", False),
        ("tokens", "1 2", "1 2 3", False),
        ("tokens", "1\u00a02", "1 2", False),
        ("tokens", "1.0", "1", False),
        ("float:0.01", "1.005", "1", True),
        ("float:0.01", "1.02", "1", False),
        ("float:1e-6", "1000000.5", "1000000", True),
        ("float:1e-6", "1e6", "1000000", True),
        ("float:0", "0.10", ".1", True),
        ("float:0.1", "yes 1.05", "yes 1", True),
        ("float:0.1", "no 1", "yes 1", False),
        ("float:0.1", "nan", "1", False),
        ("float:0.1", "nan", "nan", True),
        ("float:0.1", "inf", "1", False),
        ("float:0.1", "1e999", "1", False),
        ("float:0.1", "1e999", "2e999", False),
        ("float:0.1", "1_0", "10", False),
        ("float:0.1", "0x1", "1", False),
        ("float:0.1", "\u0661", "1", False),
        ("float:0.1", "1 1", "1", False),
    ],
)
def test_comparisons(comparison: str, output: str, expected: str, equal: bool) -> None:
    assert outputs_equal(comparison, output, expected) is equal


@given(TEXTS)
def test_every_text_equals_itself(text: str) -> None:
    assert all(outputs_equal(comparison, text, text) for comparison in LADDER)


@given(TEXTS, TEXTS)
def test_each_comparison_forgives_what_the_stricter_one_does(one: str, other: str) -> None:
    answers = [outputs_equal(comparison, one, other) for comparison in LADDER]
    assert answers == sorted(answers)
    assert answers == [outputs_equal(comparison, other, one) for comparison in LADDER]


@given(st.floats(-1e9, 1e9), st.floats(0, 1e3), st.floats(1e-9, 0.5))
def test_distance_decides(value: float, distance: float, tolerance: float) -> None:
    other = value + distance
    expected = math.isclose(value, other, rel_tol=tolerance, abs_tol=tolerance)
    assert outputs_equal(f"float:{tolerance!r}", repr(value), repr(other)) == expected


@given(st.text(max_size=200), st.text(max_size=200))
def test_hostile_texts_are_compared_without_an_error(one: str, other: str) -> None:
    for comparison in (*LADDER, "float:1e300"):
        assert isinstance(outputs_equal(comparison, one, other), bool)


def test_long_outputs_take_linear_time() -> None:
    for text in ("1 " * 500_000, "1" * 1_000_000, " " * 1_000_000, "\n" * 1_000_000, "e" * 999_999):
        assert outputs_equal("float:0.1", text, text)
        assert not outputs_equal("tokens", text + "2", text)


@pytest.mark.parametrize("name", ["lines", "exact", "tokens", "checker", "float:0", "float:1e-9"])
def test_known_comparisons(name: str) -> None:
    assert check_comparison(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "line", "float", "float:", "float:x", "float:-1", "float:nan", "float:inf", "FLOAT:1"],
)
def test_unknown_comparisons_are_named_in_one_line(name: str) -> None:
    with pytest.raises(DataError, match="expected lines, exact, tokens") as caught:
        check_comparison(name)
    assert repr(name) in str(caught.value)
    assert "\n" not in str(caught.value)
