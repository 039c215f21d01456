"""Episodes of an evaluation: what they draw depends on the task and the sample alone."""

import asyncio
from collections.abc import Sequence

import pytest

from gym_reason.agents.base import Action, Agent
from gym_reason.agents.conversation import Conversation
from gym_reason.envs.arithmetic import Arithmetic
from gym_reason.envs.base import ReasoningEnv, Transition
from gym_reason.errors import RunError
from gym_reason.evaluate import play
from gym_reason.evaluate.play import Request, play_episodes
from gym_reason.rollout import EnvPool, EpisodeLimits, run_groups
from gym_reason.types import StopReason, Task, Trajectory
from tests.evaluate.figures import make_task

Played = dict[tuple[str, int], str]


class Guess:
    """Answers with a number that its seed decides."""

    async def act(self, conversation: Conversation, seed: int) -> Action:
        return Action(f"<think></think>{seed % 20}")


def guess(tasks: Sequence[Task], samples: Sequence[int]) -> Played:
    """Return what was answered in each episode."""
    found: Played = {}

    def keep(request: Request, trajectory: Trajectory) -> None:
        found[request.task.id, request.sample] = trajectory.turns[-1].action

    agent: Agent = Guess()
    pool = EnvPool(lambda: Arithmetic(digits=1, split="all"))
    requests = [Request(task, sample) for task in tasks for sample in samples]
    play_episodes(pool, lambda env, task: agent, requests, 7, None, EpisodeLimits(), keep)
    return found


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    env = Arithmetic(digits=1, split="all")
    drawn: dict[str, Task] = {}
    for seed in range(40):
        env.reset(seed=seed)
        drawn[env.task.id] = env.task
    return list(drawn.values())


def test_results_do_not_depend_on_how_many_run_at_once(
    tasks: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = guess(tasks, range(3))
    assert len(set(whole.values())) > 10
    for at_once in (1, 4, 7, 10_000):
        monkeypatch.setattr(play, "EPISODES_AT_ONCE", at_once)
        assert guess(tasks, range(3)) == whole


def test_topping_up_gives_the_same_as_asking_for_all_at_once(tasks: list[Task]) -> None:
    whole = guess(tasks, range(4))
    assert guess(tasks[:5], range(4)) | guess(tasks[5:], range(4)) == whole
    assert guess(tasks, range(1)) | guess(tasks, [3]) | guess(tasks, [2, 1]) == whole
    assert len({whole[tasks[0].id, sample] for sample in range(4)}) > 1


def test_nothing_to_play_is_no_error(tasks: list[Task]) -> None:
    assert guess([], range(3)) == {}


def test_what_cannot_be_kept_ends_the_evaluation(tasks: list[Task]) -> None:
    kept: list[Request] = []

    def keep(request: Request, trajectory: Trajectory) -> None:
        if len(kept) == 3:
            raise RunError("the disk is full")
        kept.append(request)

    pool = EnvPool(lambda: Arithmetic(digits=1, split="all"))
    requests = [Request(task, 0) for task in tasks]
    agent: Agent = Guess()
    with pytest.raises(RunError, match="the disk is full"):
        play_episodes(pool, lambda env, task: agent, requests, 7, None, EpisodeLimits(), keep)
    assert len(kept) == 3


class Endless(ReasoningEnv):
    """Goes on for ever without ever waiting."""

    def transition(self, action: str) -> Transition:
        return Transition(0.0, False, feedback="more")


def test_an_episode_whose_policy_hangs_is_cut_where_a_limit_is_set() -> None:
    class Sleeper:
        async def act(self, conversation: Conversation, seed: int) -> Action:
            await asyncio.sleep(30)
            return Action("go on")

    limits = EpisodeLimits(turns=10**9, seconds=0.05)
    pool = EnvPool(lambda: Endless(max_turns=1_000_000))
    played = run_groups(pool, lambda env, task: Sleeper(), [make_task()], 1, [0], None, limits)
    (trajectory,) = asyncio.run(played)[0].trajectories
    assert trajectory.stop_reason is StopReason.TIMEOUT
    assert not trajectory.scorable
    assert trajectory.seconds >= 0.05
