"""What exists before a run stays out of garbage collections until its end."""

import gc
from collections.abc import Iterator

import pytest

from gym_reason.trainers.run.garbage import THRESHOLDS, leave_alone_what_exists


@pytest.fixture
def nothing_is_left_out() -> Iterator[None]:
    """Let the collector look at all objects, as in a process that has just begun."""
    gc.unfreeze()
    yield
    gc.freeze()


def test_a_run_within_a_run_leaves_the_rest_of_the_outer_one_as_it_is(
    nothing_is_left_out: None,
) -> None:
    before = gc.get_threshold()
    with leave_alone_what_exists():
        frozen = gc.get_freeze_count()
        assert frozen > 0
        with leave_alone_what_exists():
            assert gc.get_threshold() == THRESHOLDS
        assert gc.get_freeze_count() == frozen
        assert gc.get_threshold() == THRESHOLDS
    assert gc.get_freeze_count() == 0
    assert gc.get_threshold() == before
