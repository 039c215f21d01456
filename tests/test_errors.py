"""A message is one line of three parts, and each error has its exit code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason import errors
from gym_reason.errors import ConfigError, GymReasonError, RunError, UsageError


def test_a_message_joins_found_expected_and_remedy() -> None:
    error = GymReasonError("found a fish", "a bird", "look up")
    assert str(error) == "found a fish; expected a bird; look up"


def test_empty_parts_are_left_out() -> None:
    assert str(GymReasonError("found a fish")) == "found a fish"
    assert str(GymReasonError("found a fish", remedy="look up")) == "found a fish; look up"


@given(st.text(), st.text(), st.text())
def test_a_message_is_one_line(found: str, expected: str, remedy: str) -> None:
    assert len(str(GymReasonError(found, expected, remedy)).splitlines()) <= 1


@pytest.mark.parametrize(("error", "code"), [(ConfigError, 2), (UsageError, 2), (RunError, 1)])
def test_the_exit_code_tells_wrong_usage_from_a_failed_run(
    error: type[GymReasonError], code: int
) -> None:
    assert error("found").exit_code == code


def test_there_are_at_most_eight_classes_in_one_tree() -> None:
    classes = [value for value in vars(errors).values() if isinstance(value, type)]
    assert len(classes) <= 8
    assert all(issubclass(one, GymReasonError) for one in classes)
    assert all(one.__doc__ for one in classes)
