"""Against the real package; skipped where it is not installed."""

import asyncio
import importlib
import sys
from pathlib import Path

import pytest

import gym_reason
from gym_reason.envs.base import sample_tasks, unwrap
from gym_reason.errors import UsageError
from gym_reason.types import Outcome, Task

# Where Python looks for modules in the root of this repository, its folder has the name.
try:
    importlib.import_module("verifiers.v1")
except ImportError as error:
    pytest.skip(f"pip install 'gym-reason[verifiers]': {error}", allow_module_level=True)

ENV_ID = "gym_reason/VerifiersTasks-v0"
SOURCE = """
import verifiers.v1 as vf


class Data(vf.TaskData):
    answer: str


class Double(vf.Task[Data, vf.State, vf.TaskConfig]):
    NEEDS_CONTAINER = {container}

    @vf.reward(weight=0.75)
    async def right(self, task, trace) -> float:
        return float(task.answer == trace.last_reply)

    @vf.reward
    async def short(self, trace) -> float:
        if trace.last_reply == "break":
            raise ValueError("broken")
        return 0.25 * (len(trace.last_reply) < 5)


class Config(vf.TasksetConfig):
    count: int = 30


class Doubles(vf.Taskset[Double, Config]):
    def load(self):
        for number in range(self.config.count):
            data = Data(prompt=f"What is {{number}}+{{number}}?", answer=str(2 * number),
                        system_prompt="Say the number.")
            yield Double(data, self.config.task)


__all__ = ["Doubles"]
"""


@pytest.fixture(scope="module", autouse=True)
def tasksets(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder: Path = tmp_path_factory.mktemp("tasksets")
    (folder / "interop_doubles.py").write_text(SOURCE.format(container=False))
    (folder / "interop_boxed.py").write_text(SOURCE.format(container=True))
    sys.path.insert(0, str(folder))


def test_the_rewards_are_those_of_the_task() -> None:
    env = unwrap(gym_reason.make(ENV_ID, taskset="interop-doubles", split="all"))
    tasks = env.tasks()
    assert tasks is not None
    assert len(tasks) == 30
    task = tasks[7]
    assert [message.content for message in task.prompt] == ["Say the number.", "What is 7+7?"]
    assert task.reference == "14"
    verdict = env.verifier.verify(task, "<think>7 and 7</think>14")
    assert (verdict.reward, verdict.correct) == (1.0, True)
    assert verdict.parts == {"right": 0.75, "short": 0.25}
    assert env.verifier.verify(task, "13").reward == 0.25
    assert env.verifier.verify(task, "that is 13").reward == 0.0
    assert env.verifier.verify(task, "<think>14").outcome is Outcome.NO_ANSWER
    assert env.verifier.verify(task, "break").outcome is Outcome.UNSCORABLE
    other = Task(task.id, task.prompt, "14", meta={"index": 99})
    assert env.verifier.verify(other, "14").outcome is Outcome.UNSCORABLE


def test_it_works_inside_an_event_loop_and_with_settings() -> None:
    env = unwrap(
        gym_reason.make(ENV_ID, taskset="interop-doubles", taskset_arguments={"count": 12})
    )

    async def play() -> float:
        env.reset(options={"task": sample_tasks(env, 1, seed=0)[0]})
        return env.step(env.task.reference)[1]

    assert asyncio.run(play()) == 1.0
    train, test = (
        {
            task.id
            for task in unwrap(
                gym_reason.make(ENV_ID, taskset="interop-doubles", split=split)
            ).tasks()
            or ()
        }
        for split in ("train", "test")
    )
    assert len(train) + len(test) == len(train | test) == 30


def test_what_is_more_than_a_text_is_refused() -> None:
    with pytest.raises(UsageError, match="needs a container"):
        gym_reason.make(ENV_ID, taskset="interop-boxed")
    with pytest.raises(UsageError, match="cannot open the task set"):
        gym_reason.make(ENV_ID, taskset="interop-nowhere")
    with pytest.raises(UsageError, match="cannot open the task set"):
        gym_reason.make(ENV_ID, taskset="interop-doubles", taskset_arguments={"wings": 2})
