"""The registered environments: our checker, and episodes through the rollout."""

import asyncio
from collections.abc import Sequence
from typing import Any

import gymnasium
import pytest

from gym_reason.agents.scripted import ScriptedAgent
from gym_reason.envs.base import sample_tasks, unwrap
from gym_reason.envs.check import check
from gym_reason.registry import make
from gym_reason.rollout import EnvPool, EpisodeLimits, run_groups
from gym_reason.types import Group, StopReason, Task

SMALL = {"timeout": 1.0, "tests": 4, "depth": 1}


def play_groups(
    env_id: str, tasks: Sequence[Task], actions: Sequence[Sequence[str]], samples: int
) -> list[Group]:
    """Return groups of episodes that play known actions."""
    scripts = {task.id: script for task, script in zip(tasks, actions, strict=True)}

    def agent_for(env: gymnasium.Env[str, str], task: Task) -> ScriptedAgent:
        return ScriptedAgent(scripts[task.id])

    pool = EnvPool(lambda: make(env_id))
    seeds = list(range(len(tasks)))
    return asyncio.run(run_groups(pool, agent_for, tasks, samples, seeds, None, EpisodeLimits()))


@pytest.mark.usefixtures("needs_bubblewrap")
@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("Code", {**SMALL, "partial_credit": 0.2}),
        ("CodeDebug", {**SMALL, "improvement": 0.3, "turn_cost": 0.1}),
        ("CodeRepair", {**SMALL, "prompt_style": "bare"}),
        ("CodeEdit", SMALL),
        ("CodeEdit", {**SMALL, "granularity": "line"}),
    ],
)
def test_the_checker_finds_nothing(name: str, kwargs: dict[str, Any]) -> None:
    report = check(f"gym_reason/{name}-v0", **kwargs)
    assert [item for item in report.checks if not item.ok] == []


def test_the_checker_finds_nothing_where_no_program_is_run() -> None:
    report = check("gym_reason/CodeOutput-v0", prompt_style="bare", depth=3)
    assert [item for item in report.checks if not item.ok] == []


@pytest.mark.usefixtures("needs_bubblewrap")
def test_a_policy_that_mends_its_bug_solves_on_the_second_turn() -> None:
    env = unwrap(make("gym_reason/CodeDebug-v0"))
    tasks = sample_tasks(env, 4, seed=0)
    scripts = [(env.wrong_action(task), *env.demonstrate(task)) for task in tasks]
    groups = play_groups("gym_reason/CodeDebug-v0", tasks, scripts, samples=2)
    for group in groups:
        for episode in group.trajectories:
            assert episode.stop_reason is StopReason.SOLVED
            assert [turn.reward for turn in episode.turns] == [0.0, 1.0]
            assert episode.turns[1].observation.startswith(episode.turns[0].observation)
            assert "tests" in episode.turns[1].observation


@pytest.mark.usefixtures("needs_bubblewrap")
def test_a_group_is_graded_at_once_and_alike() -> None:
    env = unwrap(make("gym_reason/Code-v0"))
    tasks = sample_tasks(env, 2, seed=1)
    scripts = [env.demonstrate(tasks[0]), (env.wrong_action(tasks[1]),)]
    right, wrong = play_groups("gym_reason/Code-v0", tasks, scripts, samples=8)
    assert [episode.ret for episode in right.trajectories] == [1.0] * 8
    assert [episode.ret for episode in wrong.trajectories] == [0.0] * 8
    assert all(episode.scorable for group in (right, wrong) for episode in group.trajectories)
