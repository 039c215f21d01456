"""Limits that cut and never end an episode; feedback that is spoilt and says so."""

from typing import Any

import numpy as np
import pytest

import gym_reason
from gym_reason.envs.base import ReasoningEnv, Transition, unwrap
from gym_reason.envs.wrappers import NoisyFeedback, TimeLimit
from gym_reason.errors import UsageError
from gym_reason.types import Message, Task


class Teacher(ReasoningEnv):
    """Answers each action in words of its own."""

    def sample_task(self, rng: np.random.Generator) -> Task:
        return Task("lesson", (Message("user", "Speak."),), "")

    def transition(self, action: str) -> Transition:
        said = f"Your answer {action} needs work" if action else ""
        return Transition(0.5, action == "end", feedback=said, observation=f"state\n{said}")


def teacher() -> Teacher:
    return Teacher(split="all", max_turns=10_000)


def play(env: Any, actions: int, seed: int = 0) -> list[tuple[str, dict[str, Any]]]:
    env.reset(seed=seed)
    steps = [env.step(f"number {index}") for index in range(actions)]
    return [(step[0], step[4]) for step in steps]


class HandClock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_turns_are_cut_and_not_ended() -> None:
    env = TimeLimit(teacher(), turns=2)
    for _ in range(2):
        env.reset(seed=0)
        assert env.step("a")[2:4] == (False, False)
        _, reward, terminated, truncated, info = env.step("b")
        assert (reward, terminated, truncated) == (0.5, False, True)
        assert info["time_limit"] == "turns"


def test_seconds_are_cut_and_not_ended() -> None:
    clock = HandClock()
    env = TimeLimit(teacher(), seconds=10.0, clock=clock)
    env.reset(seed=0)
    clock.now_s += 9.9
    *_, truncated, info = env.step("a")
    assert not truncated
    assert "time_limit" not in info
    clock.now_s += 0.1
    observation, _, terminated, truncated, info = env.step("b")
    assert "Your answer b" in observation
    assert (terminated, truncated, info["time_limit"]) == (False, True, "seconds")
    env.reset(seed=0)
    assert env.step("a")[2:4] == (False, False)


def test_an_episode_that_ends_at_the_limit_is_not_cut() -> None:
    env = TimeLimit(gym_reason.make("gym_reason/Arithmetic-v0"), turns=1)
    env.reset(seed=0)
    _, reward, terminated, truncated, info = env.step(unwrap(env).task.reference)
    assert (reward, terminated, truncated) == (1.0, True, False)
    assert "time_limit" not in info


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({}, "no limit"), ({"seconds": 0.0}, "seconds = 0"), ({"turns": 0}, "turns = 0")],
)
def test_wrong_limits_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TimeLimit(teacher(), **arguments)


@pytest.mark.parametrize("kind", ["drop", "garble", "stale"])
def test_each_kind_of_noise_is_marked(kind: str) -> None:
    clean = play(teacher(), 50)
    noisy = play(NoisyFeedback(teacher(), probability=0.5, kinds=[kind]), 50)
    marked = 0
    for index, ((_, before), (observation, info)) in enumerate(zip(clean, noisy, strict=True)):
        assert info["feedback"] == before["messages"][0].content
        said = info["messages"][0].content if info["messages"] else ""
        assert observation == f"state\n{said}"
        if not info["noise"]:
            assert said == info["feedback"]
            continue
        marked += 1
        assert info["noise"] == kind
        assert said != info["feedback"]
        if kind == "drop":
            assert info["messages"] == ()
        elif kind == "garble":
            assert len(said) == len(info["feedback"])
        else:
            assert said in [one[1]["feedback"] for one in noisy[:index]]
    assert 10 < marked < 40


def test_the_seed_decides_the_noise() -> None:
    env = NoisyFeedback(teacher(), probability=0.5)
    first = play(env, 30, seed=1)
    assert play(env, 30, seed=1) == first
    assert play(NoisyFeedback(teacher(), probability=0.5), 30, seed=1) == first
    assert [step[1]["noise"] for step in play(env, 30, seed=2)] != [
        step[1]["noise"] for step in first
    ]


def test_rewards_and_verdicts_stay_true() -> None:
    env = NoisyFeedback(gym_reason.make("gym_reason/Arithmetic-v0"), probability=1.0)
    env.reset(seed=0)
    _, reward, terminated, _, info = env.step(unwrap(env).task.reference)
    assert (reward, terminated) == (1.0, True)
    assert info["verdict"].correct
    assert info["noise"] == ""


def test_no_feedback_is_never_noisy_and_no_probability_spoils_nothing() -> None:
    env = NoisyFeedback(teacher(), probability=1.0)
    env.reset(seed=0)
    assert env.step("")[4]["noise"] == ""
    assert all(not step[1]["noise"] for step in play(NoisyFeedback(teacher(), probability=0.0), 50))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"probability": 1.5}, "probability = 1.5"),
        ({"kinds": []}, "some of drop"),
        ({"kinds": "drop"}, "some of drop"),
        ({"kinds": ["dorp"]}, "did you mean 'drop'"),
    ],
)
def test_wrong_noise_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        NoisyFeedback(teacher(), **arguments)
