"""The curriculum."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.envs.curriculum import Curriculum
from gym_reason.errors import UsageError

LEVELS = ({"digits": 1}, {"digits": 2}, {"digits": 3})


def test_it_rises_when_the_window_is_passed_and_not_before() -> None:
    curriculum = Curriculum(LEVELS, window=5)
    for _ in range(4):
        curriculum.record(0, True)
        assert curriculum.level == 0
    curriculum.record(0, True)
    assert curriculum.level == 1
    assert curriculum.pass_rate is None


def test_it_falls_when_the_level_is_too_hard() -> None:
    curriculum = Curriculum(LEVELS, window=5)
    curriculum.load_state({"level": 2, "results": []})
    for correct in (True, False, False, False):
        curriculum.record(2, correct)
    assert curriculum.level == 2
    curriculum.record(2, False)
    assert curriculum.level == 1


def test_the_window_slides() -> None:
    curriculum = Curriculum(LEVELS, window=4, raise_at=0.75)
    for correct in (False, False, True, True):
        curriculum.record(0, correct)
    assert (curriculum.level, curriculum.pass_rate) == (0, 0.5)
    curriculum.record(0, True)
    assert curriculum.level == 1


def test_episodes_of_other_levels_do_not_count() -> None:
    curriculum = Curriculum(LEVELS, window=2)
    curriculum.load_state({"level": 1, "results": []})
    for _ in range(10):
        curriculum.record(0, True)
        curriculum.record(2, True)
    assert (curriculum.level, curriculum.pass_rate) == (1, None)


def test_lower_levels_are_rehearsed_in_their_share() -> None:
    curriculum = Curriculum(LEVELS, rehearse=0.25)
    rng = np.random.default_rng(0)
    assert {curriculum.draw_level(rng) for _ in range(100)} == {0}
    curriculum.load_state({"level": 2, "results": []})
    counts = np.bincount([curriculum.draw_level(rng) for _ in range(4000)], minlength=3)
    assert abs(counts[2] / 4000 - 0.75) < 0.03
    assert abs(counts[0] - counts[1]) < 150


episodes = st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=200)


@given(episodes, st.integers(1, 8))
def test_it_moves_one_level_at_a_time_and_only_by_the_rate(
    records: list[tuple[int, bool]], window: int
) -> None:
    curriculum = Curriculum(LEVELS, window=window, raise_at=0.7, lower_at=0.3)
    recent: list[bool] = []
    for level, correct in records:
        before = curriculum.level
        curriculum.record(level, correct)
        if level == before:
            recent = [*recent, correct][-window:]
        rate = sum(recent) / window
        full = len(recent) == window
        move = curriculum.level - before
        if level == before and full and rate >= 0.7:
            assert move == (1 if before < 2 else 0)
        elif level == before and full and rate <= 0.3:
            assert move == (-1 if before > 0 else 0)
        else:
            assert move == 0
        if move:
            recent = []


@given(episodes, episodes)
def test_a_restored_state_goes_on_alike(
    first: list[tuple[int, bool]], second: list[tuple[int, bool]]
) -> None:
    original, restored = Curriculum(LEVELS, window=3), Curriculum(LEVELS, window=3)
    for level, correct in first:
        original.record(level, correct)
    restored.load_state(json.loads(json.dumps(original.state())))
    for level, correct in second:
        original.record(level, correct)
        restored.record(level, correct)
        assert restored.state() == original.state()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"levels": ()}, "without levels"),
        ({"raise_at": 0.2, "lower_at": 0.5}, "lower_at"),
        ({"raise_at": 1.5}, "raise_at = 1.5"),
        ({"window": 0}, "window = 0"),
        ({"rehearse": 1.0}, "rehearse = 1.0"),
    ],
)
def test_settings_out_of_range_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Curriculum(**{"levels": LEVELS, **arguments})


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"level": 0},
        {"level": 3, "results": []},
        {"level": "1", "results": []},
        {"level": 0, "results": [1] * 101},
    ],
)
def test_states_that_do_not_fit_are_refused(state: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Curriculum(LEVELS, window=100).load_state(state)


def test_a_level_that_there_is_not_is_refused() -> None:
    with pytest.raises(UsageError, match="from 0 to 2"):
        Curriculum(LEVELS).record(3, True)
