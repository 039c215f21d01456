"""Readings: what counts as the same, and what only looks like it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.verifiers.state.readings import READINGS, agrees
from gym_reason.verifiers.state.world import Value

ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text())


@pytest.mark.parametrize(
    ("reading", "wanted", "found"),
    [
        ("exact", None, None),
        ("exact", "a ", "a "),
        ("text", "I will come.", " I will come.\n"),
        ("text", "a\nb", "a  \r\nb"),
        ("text", "caf\u00e9", "cafe\u0301"),
        ("title", "Quiet harbour", "\u201cquiet  HARBOUR.\u201d"),
        ("title", "12:30", "\uff11\uff12:\uff13\uff10"),
        ("phone", "+15551234567", "+1 (555) 123-4567"),
        ("number", "1234.5", "1,234.50"),
        ("number", "3", 3.0),
        ("truth", "yes", True),
        ("truth", "\u662f", "Yes."),
    ],
)
def test_the_same(reading: str, wanted: Value, found: Value) -> None:
    assert agrees(reading, wanted, found)


@pytest.mark.parametrize(
    ("reading", "wanted", "found"),
    [
        ("exact", 1, True),
        ("exact", 1, 1.0),
        ("exact", "1", 1),
        ("exact", None, ""),
        ("text", "I will come.", "I will not come."),
        ("text", "I will come.", "I will come"),
        ("text", "", None),
        ("text", "a b", "a  b"),
        ("text", "a\nb", "a\u2028b"),
        ("text", "Tea", "T\u0435a"),  # a Cyrillic letter
        ("text", "Tea", "Tea\u200b"),
        ("title", "52", "5\u00b2"),
        ("title", "1/2", "\u00bd"),
        ("title", "1", "\u2460"),
        ("title", "Tea", "T\u0435a"),
        ("title", "Tea", "Tea and Rent"),
        ("title", "Tea", ""),
        ("phone", "+15551234567", "15551234567"),
        ("phone", "+15551234567", "+15551234567 or +15557654321"),
        ("phone", "+15551234567", "+1555123456"),
        ("number", "1234", "1,23,4"),
        ("number", "12", "1 2"),
        ("number", "1", True),
        ("number", "3", "3.0.0"),
        ("number", "3", "three"),
        ("truth", "yes", "no"),
        ("truth", "yes", "yes or no"),
        ("truth", "yes", 1),
    ],
)
def test_not_the_same(reading: str, wanted: Value, found: Value) -> None:
    assert not agrees(reading, wanted, found)


@given(st.sampled_from(sorted(READINGS)), ANYTHING, ANYTHING)
def test_a_reading_never_raises_and_is_symmetric(reading: str, first: Value, second: Value) -> None:
    assert agrees(reading, first, second) == agrees(reading, second, first) or None in (
        first,
        second,
    )


def test_a_number_of_many_digits_is_none() -> None:
    assert READINGS["number"](10**5000) is None
    assert READINGS["number"]("9" * 5000) is None
