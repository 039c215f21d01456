"""Shaping by a potential: the sum telescopes, whatever happens."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gym_reason
from gym_reason.envs.base import ReasoningEnv, Transition, unwrap
from gym_reason.envs.wrappers import PotentialShaping, TimeLimit
from gym_reason.errors import EnvError, UsageError
from gym_reason.types import Message, Task


class Walk(ReasoningEnv):
    """The observation is the action; the action `end` terminates."""

    def sample_task(self, rng: np.random.Generator) -> Task:
        return Task("walk", (Message("user", "0"),), "")

    def transition(self, action: str) -> Transition:
        return Transition(float(len(action)), action == "end", observation=action)


def potential(observation: str) -> float:
    return math.sin(hash(observation) % 1000) * 10


@given(
    actions=st.lists(st.text(alphabet="abc", max_size=5), max_size=12),
    ended=st.booleans(),
    gamma=st.floats(0.05, 1.0),
    at_truncation=st.sampled_from(["keep", "zero"]),
)
def test_the_discounted_sum_of_the_shaping_telescopes(
    actions: list[str], ended: bool, gamma: float, at_truncation: str
) -> None:
    walk = Walk(split="all", max_turns=len(actions) + 1, gamma=gamma)
    env = PotentialShaping(walk, potential, at_truncation=at_truncation)
    start, _ = env.reset(seed=0)
    added = total = 0.0
    observation, terminated, truncated = start, False, False
    steps = [*actions, "end" if ended else "cut"]
    for turn, action in enumerate(steps):
        observation, reward, terminated, truncated, info = env.step(action)
        added += gamma**turn * info["shaping"]
        total += reward - info["shaping"]
    assert (terminated, truncated) == (ended, not ended)
    last = potential(observation) if not ended and at_truncation == "keep" else 0.0
    expected = gamma ** len(steps) * last - potential(start)
    assert math.isclose(added, expected, rel_tol=1e-9, abs_tol=1e-6)
    assert math.isclose(total, sum(map(len, steps)), abs_tol=1e-6)


def test_gamma_is_the_environments_own() -> None:
    env = PotentialShaping(
        gym_reason.make("gym_reason/Steps-v0", gamma=0.5), lambda text: float(len(text))
    )
    start, _ = env.reset(seed=0)
    step = unwrap(env).demonstrate(unwrap(env).task)[0]
    observation, reward, *_ = env.step(step)
    assert reward == 0.5 * len(observation) - len(start)


def test_a_potential_may_read_the_environment() -> None:
    steps: Any = gym_reason.make("gym_reason/Steps-v0")
    env = PotentialShaping(steps, lambda _: float(len(steps.unwrapped.accepted_steps)))
    env.reset(seed=0)
    actions = unwrap(env).demonstrate(unwrap(env).task)
    assert [env.step(action)[1] for action in actions] == [1.0, 1.0, 1.0, 1.0 - 3.0]
    env.reset(seed=0)
    assert env.step("1=1")[1] == 0.0


def test_a_cut_from_outside_counts_as_a_cut() -> None:
    cut = TimeLimit(Walk(split="all", max_turns=9), turns=1)
    for at_truncation, shaping in (("keep", 3.0 - 1.0), ("zero", 0.0 - 1.0)):
        env = PotentialShaping(cut, lambda text: float(len(text)), at_truncation=at_truncation)
        env.reset(seed=0)
        assert env.step("abc")[4]["shaping"] == shaping


def test_a_potential_that_is_no_number_is_told() -> None:
    env = PotentialShaping(Walk(split="all"), lambda _: math.nan)
    with pytest.raises(EnvError, match="the potential of task walk is nan"):
        env.reset(seed=0)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(UsageError, match="did you mean 'keep'"):
        PotentialShaping(Walk(split="all"), potential, at_truncation="kep")
