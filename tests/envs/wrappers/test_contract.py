"""What holds for every wrapper, around an environment of one turn and one of several."""

import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

import gym_reason
from gym_reason.envs.base import unwrap
from gym_reason.envs.curriculum import Curriculum
from gym_reason.envs.wrappers import (
    CurriculumWrapper,
    EpisodeRecorder,
    LineActions,
    NoisyFeedback,
    Notes,
    PotentialShaping,
    TimeLimit,
    TokenActions,
    Tools,
)
from gym_reason.errors import EnvError, UsageError

TextEnv = gymnasium.Env[str, str]
Wrap = Callable[[TextEnv], TextEnv]
VOCABULARY = ("<end>", *"0123456789+-= \n", "12")


def count_steps(observation: str) -> float:
    """A potential."""
    return float(observation.count("="))


def double(number: int) -> int:
    """Return twice a number."""
    return 2 * number


WRAPPERS: dict[str, Wrap] = {
    "tokens": TokenActions,
    "token ids": lambda env: TokenActions(env, vocabulary=VOCABULARY, stop=["<end>"]),
    "lines": LineActions,
    "time limit": lambda env: TimeLimit(env, seconds=1000.0, turns=2),
    "notes": Notes,
    "noise": lambda env: NoisyFeedback(env, probability=0.5),
    "curriculum": lambda env: CurriculumWrapper(env, Curriculum([{"digits": 1}, {"digits": 2}])),
    "shaping": lambda env: PotentialShaping(env, count_steps),
    "recorder": lambda env: EpisodeRecorder(env, "/dev/null"),
    "tools": lambda env: Tools(env, {"double": double}),
    "several": lambda env: TimeLimit(Tools(Notes(NoisyFeedback(env)), {"double": double}), turns=9),
}
IDS = ("gym_reason/Arithmetic-v0", "gym_reason/Steps-v0")


@pytest.fixture(params=WRAPPERS)
def wrap(request: pytest.FixtureRequest, tmp_path: Path) -> Wrap:
    if request.param == "recorder":
        return lambda env: EpisodeRecorder(env, tmp_path / "episodes.jsonl")
    return WRAPPERS[request.param]


@pytest.fixture(params=IDS)
def env(request: pytest.FixtureRequest, wrap: Wrap) -> TextEnv:
    return wrap(gym_reason.make(request.param))


def test_gymnasiums_checker_passes_without_warnings(env: TextEnv) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Said of every wrapper, as it is one.
        warnings.filterwarnings("ignore", message=".*different from the unwrapped version.*")
        check_env(env)


def test_info_and_observations_keep_the_contract(env: TextEnv) -> None:
    space: Any = env.action_space
    space.seed(0)
    for seed in range(5):
        observation, info = env.reset(seed=seed)
        ended = False
        for _ in range(30):
            assert observation in env.observation_space
            assert {"task_id", "verdict", "messages"} <= info.keys()
            assert info["task_id"] == unwrap(env).task.id
            assert all(message.content for message in info["messages"])
            if ended:
                break
            observation, _, terminated, truncated, info = env.step(space.sample())
            ended = terminated or truncated


def test_a_seed_repeats_an_episode(env: TextEnv) -> None:
    space: Any = env.action_space
    seen = []
    for _ in range(2):
        space.seed(1)
        trace: list[object] = [env.reset(seed=7)]
        ended = False
        while not ended and len(trace) < 20:
            trace.append(step := env.step(space.sample()))
            ended = step[2] or step[3]
        seen.append(trace)
    assert seen[0] == seen[1]


def test_steps_too_early_and_too_late_are_refused(wrap: Wrap) -> None:
    env = wrap(gym_reason.make(IDS[0]))
    space: Any = env.action_space
    with pytest.raises(EnvError, match="reset"):
        env.step(space.sample())
    env.reset(seed=0)
    ended = False
    while not ended:
        step = env.step(space.sample())
        ended = step[2] or step[3]
    with pytest.raises(EnvError, match="over"):
        env.step(space.sample())
    env.reset(seed=0)


@pytest.mark.parametrize("action", [None, 1.5, b"12", ["12"], True])
def test_an_action_of_a_wrong_type_is_refused_and_costs_nothing(env: TextEnv, action: Any) -> None:
    env.reset(seed=0)
    with pytest.raises(UsageError, match="an action of type"):
        env.step(action)
    space: Any = env.action_space
    env.step(space.sample())


def test_a_task_can_be_given(env: TextEnv) -> None:
    task = unwrap(env).draw_task(np.random.default_rng(5))
    _, info = env.reset(seed=0, options={"task": task})
    assert info["task_id"] == task.id
    assert unwrap(env).task is task


def test_an_environment_can_be_made_again_from_its_spec(env: TextEnv) -> None:
    assert env.spec is not None
    again = env.spec.make()
    assert str(again) == str(env)
    assert again.reset(seed=2) == env.reset(seed=2)


@settings(max_examples=60, deadline=None)
@given(actions=st.lists(st.text(alphabet="7=\n <>note/tl_ca{}\ud800\u00e9", max_size=30)))
def test_no_text_breaks_them(actions: list[str]) -> None:
    for name, wrap in WRAPPERS.items():
        if name == "token ids":
            continue
        env = wrap(gym_reason.make("gym_reason/Steps-v0"))
        env.reset(seed=0)
        for action in actions:
            observation, _, terminated, truncated, _ = env.step(action)
            assert observation in env.observation_space
            if terminated or truncated:
                break


def test_wrappers_can_be_pickled() -> None:
    env = Notes(TokenActions(gym_reason.make(IDS[0])))
    again = pickle.loads(pickle.dumps(env))
    assert again.reset(seed=3) == env.reset(seed=3)
