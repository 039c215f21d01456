"""Episodes: order, limits, and failures that end one episode and not the run."""

import asyncio
import itertools
import threading
import time
from typing import Any, ClassVar

import numpy as np
import pytest

import gym_reason
from gym_reason.agents.base import Action, Agent
from gym_reason.agents.conversation import Conversation
from gym_reason.agents.scripted import ScriptedAgent
from gym_reason.envs.base import ReasoningEnv, Transition, sample_tasks
from gym_reason.rollout import EnvPool, EpisodeLimits, run_groups
from gym_reason.types import Group, Message, StopReason, Task, Verdict
from gym_reason.verifiers.formats.answers import ExactVerifier


class Fragile(ReasoningEnv):
    """Breaks, hangs or goes on for ever, as the action says."""

    heavy: ClassVar[bool] = True

    def sample_task(self, rng: np.random.Generator) -> Task:
        """Return a numbered task."""
        number = str(rng.integers(1000))
        return Task(number, (Message("user", number),), number)

    def transition(self, action: str) -> Transition:
        """Do what the action says."""
        if action == "break":
            raise ZeroDivisionError("broken")
        if action == "hang":
            time.sleep(0.6)
        if action == "go on":
            return Transition(0.5, False, feedback="more")
        return super().transition(action)


def play(env_class: type[ReasoningEnv], agents: dict[str, list[str]], **limits: Any) -> list[Group]:
    """Play one episode for each script and return them in order."""
    pool = EnvPool(lambda: env_class(max_turns=50, gamma=0.5))
    tasks = [Task(name, (Message("user", name),), "1") for name in agents]
    return asyncio.run(
        run_groups(
            pool,
            lambda env, task: ScriptedAgent(agents[task.id]),
            tasks,
            1,
            range(len(tasks)),
            None,
            EpisodeLimits(**limits),
        )
    )


def test_every_way_to_end_has_its_reason() -> None:
    scripts = {
        "solved": ["1"],
        "answered": ["2"],
        "env_error": ["break"],
        "max_turns": ["go on"],
        "invalid_action": ["x" * 20_000],
        "timeout": ["hang"],
    }
    groups = play(Fragile, scripts, turns=3, step_seconds=0.3)
    reasons = {group.task.id: group.trajectories[0].stop_reason.value for group in groups}
    assert reasons == {name: name for name in scripts}


def test_an_episode_that_failed_on_our_side_is_not_scorable() -> None:
    groups = play(Fragile, {"a": ["break"], "b": ["2"]})
    failed, wrong = (group.trajectories[0] for group in groups)
    assert not failed.scorable
    assert "ZeroDivisionError: broken" in str(failed.meta["error"])
    assert wrong.scorable
    assert not wrong.correct


def test_nobody_waits_for_the_thread_of_a_step_that_never_ends() -> None:
    released, left = threading.Event(), threading.Event()

    class Endless(Fragile):
        """Never answers."""

        def transition(self, action: str) -> Transition:
            released.wait(60.0)
            left.set()
            return super().transition(action)

    (group,) = play(Endless, {"a": ["1"]}, step_seconds=0.1)
    assert not left.is_set()
    released.set()
    assert group.trajectories[0].stop_reason is StopReason.TIMEOUT


def test_a_reset_that_fails_ends_its_episode_alone() -> None:
    class Unready(Fragile):
        """Cannot begin one of its tasks."""

        def begin(self, task: Task) -> str:
            if task.id == "a":
                raise KeyError("gone")
            return super().begin(task)

    failed, fine = (group.trajectories[0] for group in play(Unready, {"a": ["1"], "b": ["1"]}))
    assert failed.stop_reason is StopReason.ENV_ERROR
    assert "failed at reset: KeyError" in str(failed.meta["error"])
    assert fine.correct


def test_the_return_is_discounted() -> None:
    (group,) = play(Fragile, {"a": ["go on", "go on", "1"]})
    assert group.trajectories[0].ret == pytest.approx(0.5 + 0.5 * 0.5 + 0.25 * 1.0)


@pytest.mark.parametrize(("heavy", "asked"), [(True, 4), (False, 8)])
def test_heavy_environments_judge_what_is_alike_once(heavy: bool, asked: int) -> None:
    submissions: list[str] = []

    class Counting(ExactVerifier):
        """Keeps what it was asked."""

        def verify(self, task: Task, submission: str) -> Verdict:
            submissions.append(f"{task.id} {submission}")
            return super().verify(task, submission)

    turns = itertools.count()

    class Costly(Fragile):
        """Has a verifier of its own in each environment."""

    Costly.heavy = heavy
    pool = EnvPool(lambda: Costly(verifier=Counting()))
    tasks = [Task(name, (Message("user", name),), name) for name in "ab"]
    groups = asyncio.run(
        run_groups(
            pool,
            lambda env, task: ScriptedAgent([task.id if next(turns) % 2 else "c"]),
            tasks,
            4,
            range(2),
            None,
            EpisodeLimits(),
        )
    )
    assert [[t.ret for t in group.trajectories] for group in groups] == [[0.0, 1.0, 0.0, 1.0]] * 2
    assert len(submissions) == asked
    assert set(submissions) == {"a a", "a c", "b b", "b c"}


def test_groups_keep_the_order_of_tasks_and_samples() -> None:
    class Slow:
        """Answers after a while that shrinks from call to call."""

        calls = 0

        async def act(self, conversation: Conversation, seed: int) -> Action:
            Slow.calls += 1
            await asyncio.sleep(0.02 / Slow.calls)
            return Action(str(seed))

    env = gym_reason.make("gym_reason/Arithmetic-v0", digits=1)
    tasks = sample_tasks(env, 4, seed=1)
    pool = EnvPool(lambda: gym_reason.make("gym_reason/Arithmetic-v0", digits=1))

    def run() -> list[Group]:
        slow: Agent = Slow()
        return asyncio.run(
            run_groups(pool, lambda e, t: slow, tasks, 3, [7, 8, 9, 10], None, EpisodeLimits())
        )

    first, second = run(), run()
    assert [group.task for group in first] == list(tasks)
    actions = [[t.turns[0].action for t in group.trajectories] for group in first]
    assert actions == [[t.turns[0].action for t in group.trajectories] for group in second]
    assert len({action for row in actions for action in row}) == 12


def test_a_group_of_two_tasks_is_refused() -> None:
    (a, b) = play(Fragile, {"a": ["1"], "b": ["1"]})
    with pytest.raises(ValueError, match="holds an episode"):
        Group(a.task, (a.trajectories[0], b.trajectories[0]))


@pytest.mark.parametrize("heavy", [True, False])
def test_the_answers_of_heavy_environments_alone_are_judged_elsewhere(heavy: bool) -> None:
    asked: list[str] = []

    class Elsewhere(ExactVerifier):
        """Keeps what it was asked."""

        def verify(self, task: Task, submission: str) -> Verdict:
            asked.append(submission)
            return super().verify(task, submission)

    class Costly(Fragile):
        """Judges with the plain verifier, unless another stands in."""

    Costly.heavy = heavy
    pool = EnvPool(lambda: Costly(verifier=ExactVerifier()), lambda verifier: Elsewhere())
    env = pool.take()
    env.reset(seed=0, options={"task": Task("1", (Message("user", "1"),), "1")})
    assert env.step("1")[1] == 1.0
    assert asked == (["1"] if heavy else [])
