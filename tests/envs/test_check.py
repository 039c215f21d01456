"""The checker passes what holds and names what does not."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gym_reason
from gym_reason.envs.arithmetic import Arithmetic
from gym_reason.envs.base import Transition
from gym_reason.envs.check import CheckReport, check
from gym_reason.registry import load_module
from gym_reason.types import Task


def failures(report: CheckReport) -> dict[str, str]:
    """Return the names and details of the checks that do not hold."""
    return {item.name: item.detail for item in report.checks if not item.ok}


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("Arithmetic", {}),
        ("Arithmetic", {"operation": "mixed", "digits": 2, "prompt_style": "question"}),
        ("Arithmetic", {"operation": "multiply", "digits": 9, "split": "test"}),
        ("Countdown", {}),
        ("Countdown", {"numbers": 6, "use_all": True, "partial_credit": 0.1}),
        ("Steps", {}),
        ("Steps", {"reward": "dense", "operation": "subtract"}),
        ("Digits", {}),
        ("Digits", {"operation": "reverse"}),
        ("Digits", {"operation": "max", "count": 8}),
    ],
)
def test_the_embedded_environments_pass(name: str, kwargs: dict[str, Any]) -> None:
    report = check(f"gym_reason/{name}-v0", **kwargs)
    assert failures(report) == {}
    assert report.ok
    assert len(report.checks) > 12


def test_a_dataset_passes(tmp_path: Path) -> None:
    rows = "".join(f'{{"q": "What is {i} + 1?", "a": "{i + 1}"}}\n' for i in range(300))
    (tmp_path / "rows.jsonl").write_text(rows)
    path = tmp_path / "rows.jsonl"
    gym_reason.register_dataset("test_check/Exam-v0", path, prompt="q", reference="a")
    assert failures(check("test_check/Exam-v0")) == {}


def test_an_environment_from_a_loaded_file_passes(tmp_path: Path) -> None:
    path = tmp_path / "check_loaded_file.py"
    path.write_text(
        "import gym_reason\n"
        "from gym_reason.envs.base import ReasoningEnv\n"
        "from gym_reason.types import Message, Task\n"
        "@gym_reason.register('test_check/Loaded-v0')\n"
        "class Loaded(ReasoningEnv):\n"
        "    '''Double a number.'''\n"
        "    def all_tasks(self):\n"
        "        return [Task(f'{i}', (Message('user', f'{i}*2='),), str(2 * i))"
        " for i in range(99)]\n"
    )
    load_module(str(path))
    assert failures(check("test_check/Loaded-v0")) == {}


def test_an_environment_that_cannot_be_made_fails_without_an_error() -> None:
    report = check("gym_reason/Arithmetic-v0", digits=99)
    assert not report.ok
    assert list(failures(report)) == ["it can be made"]
    assert "from 1 to 9" in report.checks[0].detail


def test_another_process_is_found_to_differ_for_the_right_reason() -> None:
    name = "the same seed gives the same task in another process"
    assert failures(check_class("Unsteady"))[name] == "the tasks of seeds 0 to 9 differ"
    assert name not in failures(check_class("Greedy"))


class Greedy(Arithmetic):
    """Pays for everything."""

    def transition(self, action: str) -> Transition:
        """Pay."""
        return Transition(1.0, True)


class Miser(Arithmetic):
    """Pays half."""

    def transition(self, action: str) -> Transition:
        """Pay half."""
        result = super().transition(action)
        return Transition(result.reward / 2, True, result.verdict)


class Silent(Arithmetic):
    """Pays for saying nothing."""

    def transition(self, action: str) -> Transition:
        """Pay for nothing."""
        return super().transition(action) if action else Transition(0.1, True)


class Fragile(Arithmetic):
    """Breaks on what it does not expect."""

    def transition(self, action: str) -> Transition:
        """Read a number without care."""
        number = int(action.rpartition(">")[2])
        return Transition(float(number == int(self.task.reference)), True)


class Leaky(Arithmetic):
    """Keeps its state where every environment sees it."""

    shown: list[str] = []  # noqa: RUF012 (the fault under test)

    def begin(self, task: Task) -> str:
        """Remember the task for all."""
        self.shown.append(task.reference)
        return super().begin(task)

    def transition(self, action: str) -> Transition:
        """Pay for the last task begun anywhere."""
        return Transition(float(action.endswith(self.shown[-1])), True)


class Unsteady(Arithmetic):
    """Draws from what differs from process to process."""

    def sample_task(self, rng: np.random.Generator) -> Task:
        """Return a task that depends on the hashes of this process."""
        seeds = [int(rng.random() * 2**32), hash("text") % 2**32]
        return super().sample_task(np.random.default_rng(seeds))


class Mixed(Arithmetic):
    """Ignores its split."""

    def draw_task(self, rng: np.random.Generator) -> Task:
        """Return a task of any split, of a few."""
        return self.sample_task(np.random.default_rng(int(rng.random() * 3)))


class Endless(Arithmetic):
    """Lets a step follow the end."""

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Forget the end."""
        self._over = False
        return super().step(action)


class Terse(Arithmetic):
    """Leaves things out."""

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Give an empty info and an observation outside the space."""
        _, reward, terminated, truncated, _ = super().step(action)
        return "x" * 20_000, reward, terminated, truncated, {}


@functools.cache
def check_class(name: str) -> CheckReport:
    """Register a class of this module and check it, once for all tests."""
    env_id = f"test_check/{name}-v0"
    gym_reason.register(env_id)(globals()[name])
    return check(env_id)


@pytest.mark.parametrize(
    ("env_class", "name"),
    [
        (Greedy, "a wrong action scores less"),
        (Miser, "a demonstration with reasoning returns 1.0"),
        (Miser, "a demonstration without reasoning returns 1.0"),
        (Silent, "an empty action never scores more than a wrong one"),
        (Fragile, "no action raises an error"),
        (Leaky, "environments stepped in turns do not leak"),
        (Unsteady, "the same seed gives the same task in another process"),
        (Mixed, "train and test share no task"),
        (Endless, "a step after the end is refused"),
        (Terse, "info always has task_id, verdict and messages"),
        (Terse, "observations are in the observation space"),
        (Terse, "gymnasium's check_env passes without warnings"),
        (Terse, "make_vec works with sync"),
        (Terse, "make_vec works with async"),
    ],
)
def test_a_fault_is_found(env_class: type[Arithmetic], name: str) -> None:
    assert name in failures(check_class(env_class.__name__))
