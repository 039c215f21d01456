"""The level of the next episode follows the success of those before it."""

from typing import Any

import pytest

import gym_reason
from gym_reason.envs.arithmetic import Arithmetic
from gym_reason.envs.base import unwrap
from gym_reason.envs.curriculum import Curriculum
from gym_reason.envs.wrappers import CurriculumWrapper, LineActions, Notes
from gym_reason.errors import UsageError

LEVELS = [{"digits": 1}, {"digits": 3}, {"digits": 6}]


def make(**arguments: Any) -> CurriculumWrapper:
    return CurriculumWrapper(
        gym_reason.make("gym_reason/Arithmetic-v0"),
        Curriculum(LEVELS, **{"window": 4, "rehearse": 0.0, **arguments}),
    )


def play(env: CurriculumWrapper, right: bool, **reset: Any) -> int:
    _, info = env.reset(**reset)
    task = unwrap(env).task
    final = env.step(task.reference if right else "x")[4]
    assert final["level"] == info["level"]
    return int(info["level"])


def test_success_raises_the_level_and_failure_lowers_it() -> None:
    env = make()
    levels = [play(env, True) for _ in range(9)]
    assert levels == [0] * 4 + [1] * 4 + [2]
    assert [play(env, False) for _ in range(5)] == [2] * 3 + [2, 1]


def test_the_level_decides_the_tasks() -> None:
    env = make()
    for seed in range(8):
        env.reset(seed=seed)
        assert len(unwrap(env).task.prompt[0].content) == len("1+1=")
        env.step(unwrap(env).task.reference)
        if env.curriculum.level:
            break
    env.reset(seed=0)
    assert len(unwrap(env).task.prompt[0].content) == len("123+123=")


def test_lower_levels_are_rehearsed_and_do_not_count_for_the_current_one() -> None:
    env = make(rehearse=0.5, window=10)
    env.curriculum.load_state({"level": 2, "results": []})
    levels = [play(env, level % 2 == 0, seed=level) for level in range(9)]
    assert {0, 1, 2} >= set(levels)
    assert min(levels) < 2
    assert len(env.curriculum.state()["results"]) == levels.count(2)  # type: ignore[arg-type]


def test_given_tasks_and_unfinished_episodes_do_not_count() -> None:
    env = make()
    env.reset(seed=0)
    task = unwrap(env).task
    for _ in range(6):
        env.reset(seed=1)
        play(env, True, options={"task": task})
    assert env.curriculum.pass_rate is None
    play(env, True)
    assert env.curriculum.pass_rate == 1.0


def test_the_same_seed_and_state_give_the_same_task_whatever_was_played() -> None:
    first, second = make(rehearse=0.5), make(rehearse=0.5)
    for _ in range(3):
        second.reset()
    for env in (first, second):
        env.curriculum.load_state({"level": 2, "results": []})
        env.reset(seed=11)
    assert [first.reset()[0] for _ in range(9)] == [second.reset()[0] for _ in range(9)]


def test_levels_are_made_with_the_wrappers_inside() -> None:
    inner = LineActions(Notes(gym_reason.make("gym_reason/Arithmetic-v0")), max_lines=7)
    env = CurriculumWrapper(inner, Curriculum(LEVELS))
    env.reset(seed=0)
    assert str(env.env) == str(inner)
    assert env.step("1")[0].endswith("\n1")


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([{"digits": 1}, {"digit": 2}], "the level {'digit': 2}"),
        ([{"digits": 1}, {"digits": 99}], "from 1 to 9"),
    ],
)
def test_a_level_that_cannot_be_made_is_told_at_once(levels: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        CurriculumWrapper(gym_reason.make("gym_reason/Arithmetic-v0"), Curriculum(levels))


def test_an_environment_without_a_spec_is_refused() -> None:
    with pytest.raises(UsageError, match="no spec"):
        CurriculumWrapper(Arithmetic(), Curriculum(LEVELS))
