"""Telling what a program prints: the answer is what it really prints."""

import subprocess
import sys

import pytest

from gym_reason.envs.base import sample_tasks
from gym_reason.envs.code.output import MAX_OUTPUT_CHARS, CodeOutput
from gym_reason.envs.code.single import Code
from gym_reason.errors import UsageError
from gym_reason.types import Message, Task


def test_the_reference_is_what_the_interpreter_prints() -> None:
    tasks: list[Task] = []
    for topic in ("lists", "strings", "arithmetic", "recursion"):
        env = CodeOutput(topic=topic, depth=3, prompt_style="bare", split="all")
        tasks += sample_tasks(env, 15, seed=1)
    # All of them in one interpreter: the programs are ours, and each has its own names.
    script = "\n".join(f"exec({task.prompt[0].content!r}, {{}})\nprint('--')" for task in tasks)
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("--\n")[:-1] == [f"{task.reference}\n" for task in tasks]
    assert all(0 < len(task.reference) <= MAX_OUTPUT_CHARS for task in tasks)


def test_the_thought_holds_the_value_of_each_variable() -> None:
    env = CodeOutput(depth=3)
    for task in sample_tasks(env, 10, seed=2):
        (action,) = env.demonstrate(task)
        thought, _, answer = action.removeprefix("<think>").partition("</think>")
        names = [line.partition(" = ")[0] for line in thought.split("\n")]
        assert names == ["a", "b", "c"]
        assert answer == task.reference
        assert env.demonstrate(task, thinking=False) == (f"<think></think>{task.reference}",)


def test_answers_are_compared_as_text() -> None:
    env = CodeOutput()
    task = sample_tasks(env, 1, seed=3)[0]
    for action, reward in (
        (task.reference, 1.0),
        (f"\n{task.reference}\n", 1.0),
        (f"<think>{task.reference}</think>", 0.0),
        (env.wrong_action(task), 0.0),
        ("", 0.0),
    ):
        env.reset(options={"task": task})
        assert env.step(action)[1] == reward
    assert env.wrong_action(Task("t", (), "True")) == "False"


def test_problems_of_the_test_split_are_in_no_other_environments_train_split() -> None:
    ids = [
        {task.id.partition("-")[0] for task in sample_tasks(env, 60, seed=4)}
        for env in (CodeOutput(split="test", depth=1), Code(depth=1))
    ]
    assert not ids[0] & ids[1]


def test_bad_settings_and_foreign_tasks_are_refused() -> None:
    with pytest.raises(UsageError, match=r"no value of topic 'list'.*did you mean 'lists'"):
        CodeOutput(topic="list")
    with pytest.raises(UsageError, match="depth = 7"):
        CodeOutput(depth=7)
    with pytest.raises(UsageError, match="no trace"):
        CodeOutput().demonstrate(Task("t", (Message("user", "?"),), "1"))
