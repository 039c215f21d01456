"""HumanEval through the environment: 164 of 164 with the reference policy."""

from pathlib import Path

import gymnasium
import pytest

import gym_reason
from gym_reason.envs.base import unwrap
from gym_reason.envs.code.public import public_task

assert gym_reason  # registers the environments


@pytest.fixture
def path(shared_data: Path) -> Path:
    path = shared_data / "humaneval.jsonl"
    if not path.is_file():
        pytest.skip(f"HumanEval is not there: no file {path}")
    return path


@pytest.mark.usefixtures("needs_bubblewrap")
def test_the_reference_policy_solves_all_of_it(path: Path) -> None:
    env = unwrap(gymnasium.make("gym_reason/Code-v0", path=path, form="humaneval", timeout=30))
    tasks = env.tasks()
    assert tasks is not None
    assert len(tasks) == 164
    failed = []
    for task in tasks:
        env.reset(options={"task": task})
        if env.step(env.demonstrate(task)[0])[1] != 1.0:
            failed.append(task.id)
    assert failed == []


@pytest.mark.usefixtures("needs_bubblewrap")
def test_its_programs_can_be_broken_and_mended_by_edits(path: Path) -> None:
    env = unwrap(gymnasium.make("gym_reason/CodeEdit-v0", path=path, form="humaneval", timeout=30))
    for seed in range(5):
        env.reset(seed=seed)
        steps = [env.step(action) for action in env.demonstrate(env.task)]
        assert steps[-1][1:3] == (1.0, True), env.task.id


def test_nearly_every_problem_has_public_tests(path: Path) -> None:
    env = unwrap(gymnasium.make("gym_reason/Code-v0", path=path, form="humaneval"))
    tasks = env.tasks()
    assert tasks is not None
    assert sum(public_task(task) is not None for task in tasks) >= 160
    for task in tasks:
        assert str(task.meta["solution"]).strip() not in task.prompt[0].content
