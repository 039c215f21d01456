import string
from typing import Any

import gymnasium
import pytest

import gym_reason
from gym_reason.envs.base import ReasoningEnv, sample_tasks, unwrap
from gym_reason.errors import EnvError, UsageError
from gym_reason.types import Outcome

ENV_ID = "gym_reason/GymnasiumText-v0"
LETTERS = gymnasium.spaces.Text(200, min_length=0, charset=string.printable)


class Echo(gymnasium.Env[str, str]):
    """Say back the letter that is shown, three times."""

    observation_space = LETTERS
    action_space = gymnasium.spaces.Text(1, charset=string.ascii_lowercase)

    def __init__(self, tells: bool = False, cuts: bool = False, shows: object = None) -> None:
        self.tells, self.cuts, self.shows = tells, cuts, shows

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.turn = 0
        self.letter = str(self.np_random.choice(list(string.ascii_lowercase)))
        return self.letter if self.shows is None else self.shows, {}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        right = action == self.letter
        self.turn += 1
        self.letter = str(self.np_random.choice(list(string.ascii_lowercase)))
        over = self.turn == 3
        info = {"success": False} if self.tells else {}
        return self.letter, right / 3, over and not self.cuts, over and self.cuts, info


class Unseeded(Echo):
    """Starts anew with another letter whatever the seed."""

    made = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        Unseeded.made += 1
        return super().reset(seed=Unseeded.made)


gymnasium.register("interop-test/Echo-v0", lambda **kwargs: Echo(**kwargs))
gymnasium.register("interop-test/Unseeded-v0", lambda **kwargs: Unseeded(**kwargs))


def make(env: str = "interop-test/Echo-v0", **kwargs: Any) -> ReasoningEnv:
    return unwrap(gym_reason.make(ENV_ID, env=env, split="all", **kwargs))


def play(env: ReasoningEnv, change: str = "") -> list[Any]:
    observation, _ = env.reset(seed=2)
    steps: list[Any] = []
    while not steps or not (steps[-1][2] or steps[-1][3]):
        steps.append(env.step(change or observation))
        observation = steps[-1][0]
    return steps


def test_the_rewards_and_the_end_are_those_of_the_environment() -> None:
    steps = play(make())
    assert [step[1] for step in steps] == [1 / 3] * 3
    assert [step[2] for step in steps] == [False, False, True]
    assert steps[-1][4]["verdict"].outcome is Outcome.PASS
    assert steps[-1][4]["verdict"].reward == pytest.approx(1.0)
    steps = play(make(solved_at=1.5))
    assert steps[-1][4]["verdict"].outcome is Outcome.FAIL


def test_success_that_the_environment_denies_is_none() -> None:
    assert not play(make(env_arguments={"tells": True}))[-1][4]["verdict"].correct


def test_an_episode_that_the_environment_cuts_is_truncated() -> None:
    step = play(make(env_arguments={"cuts": True}))[-1]
    assert (step[2], step[3]) == (False, True)
    assert step[4]["verdict"].outcome is Outcome.FAIL


@pytest.mark.parametrize("action", ["", "ab", "A", "\u00e9", "<think>a"])
def test_an_action_outside_its_space_ends_the_episode(action: str) -> None:
    env = make()
    env.reset(seed=0)
    _, reward, terminated, _, info = env.step(action)
    assert (reward, terminated, info["verdict"].outcome) == (0.0, True, Outcome.INVALID)


def test_tasks_are_drawn_by_the_seed_and_can_be_given() -> None:
    first, second = sample_tasks(make(), 4, seed=5), sample_tasks(make(), 4, seed=5)
    assert first == second
    assert len({task.id for task in first}) == 4
    env = make()
    assert env.reset(options={"task": first[2]})[0] == first[2].prompt[0].content


def test_a_world_that_its_seed_does_not_decide_is_told_of() -> None:
    env = make("interop-test/Unseeded-v0")
    with pytest.raises(EnvError, match="shows another start"):
        [env.reset(seed=0) for _ in range(9)]


def test_what_is_no_environment_of_texts_is_refused() -> None:
    with pytest.raises(UsageError, match="a space of texts"):
        make("CartPole-v1")
    with pytest.raises(UsageError, match="cannot make"):
        make("interop-test/Nothing-v0")
    with pytest.raises(UsageError, match="cannot make"):
        make(env_arguments={"wings": 2})
    with pytest.raises(UsageError, match="use it as it is"):
        make("gym_reason/Arithmetic-v0")
