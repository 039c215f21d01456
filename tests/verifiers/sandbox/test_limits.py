"""The limits of a run: what is refused, and in which words."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.errors import UsageError
from gym_reason.verifiers.sandbox.limits import MIB, Limits, check_seconds

LEAST = {
    "memory_bytes": 32 * MIB,
    "processes": 1,
    "output_bytes": 1,
    "disk_bytes": 4_096,
    "files": 8,
    "open_files": 16,
}


def test_every_limit_has_a_least_value() -> None:
    assert set(LEAST) == {field.name for field in dataclasses.fields(Limits)}
    assert dataclasses.asdict(Limits(**LEAST)) == LEAST


@pytest.mark.parametrize("name", LEAST)
@pytest.mark.parametrize("change", [-1, 0.5, None, "10", True])
def test_less_than_the_least_and_what_is_no_whole_number_is_refused(
    name: str, change: object
) -> None:
    value = LEAST[name] - 1 if change == -1 else change
    with pytest.raises(UsageError, match=rf"{name} = .*expected a whole number, {LEAST[name]}"):
        Limits(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", LEAST)
def test_more_than_the_kernel_takes_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=rf"{name} = .*expected a whole number, \d+ or less"):
        Limits(**{name: (1 << 50) + 1})


@given(st.floats(min_value=1e-9, allow_nan=False, allow_infinity=False))
def test_positive_seconds_are_kept(value: float) -> None:
    assert check_seconds("timeout", value) == value


def test_whole_seconds_become_a_float() -> None:
    assert type(check_seconds("timeout", 3)) is float


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), 10**400, "4", None, True])
def test_other_seconds_are_refused(value: object) -> None:
    with pytest.raises(UsageError, match="expected a positive number of seconds"):
        check_seconds("timeout", value)  # type: ignore[arg-type]
