"""The base class: resets, steps, tasks and splits."""

from typing import Any

import gymnasium
import numpy as np
import pytest

import gym_reason
from gym_reason.envs.arithmetic import Arithmetic
from gym_reason.envs.base import ReasoningEnv, Transition, sample_tasks, unwrap
from gym_reason.envs.splits import split_of
from gym_reason.errors import EnvError, UnknownNameError, UsageError
from gym_reason.types import Message, Outcome, Task


def make_task(name: str, reference: str = "7") -> Task:
    """Return a small task."""
    return Task(id=name, prompt=(Message("user", f"{name}?"),), reference=reference)


QUIZ = tuple(make_task(f"quiz-{i}", str(i)) for i in range(20))


class Quiz(ReasoningEnv):
    """Twenty numbered tasks."""

    def all_tasks(self) -> tuple[Task, ...]:
        """Return all twenty."""
        return QUIZ


class Patient(ReasoningEnv):
    """Never ends by itself."""

    def sample_task(self, rng: np.random.Generator) -> Task:
        """Return the one task."""
        return make_task("patient")

    def transition(self, action: str) -> Transition:
        """Wait."""
        return Transition(0.25, False, feedback=f"heard {action}")


def test_an_episode_of_one_turn() -> None:
    env = Arithmetic()
    observation, info = env.reset(seed=3)
    assert observation == env.task.prompt[0].content
    assert info == {"task_id": env.task.id, "verdict": None, "messages": env.task.prompt}
    answer = env.task.reference
    observation, reward, terminated, truncated, info = env.step(answer)
    assert (reward, terminated, truncated) == (1.0, True, False)
    assert info["verdict"].correct
    assert info["task_id"] == env.task.id
    assert info["messages"] == ()
    assert observation == ""


def test_feedback_is_observed_and_becomes_a_message() -> None:
    env = Patient(max_turns=3)
    env.reset(seed=0)
    observation, reward, _, _, info = env.step("a")
    assert (observation, reward) == ("heard a", 0.25)
    assert info["messages"] == (Message("user", "heard a"),)
    assert info["verdict"] is None


def test_max_turns_truncates_and_does_not_terminate() -> None:
    env = Patient(max_turns=2)
    env.reset(seed=0)
    assert env.step("a")[2:4] == (False, False)
    assert env.step("b")[2:4] == (False, True)
    with pytest.raises(EnvError, match="over"):
        env.step("c")
    env.reset()
    assert env.step("d")[2:4] == (False, False)


def test_a_step_too_early_or_too_late_is_refused() -> None:
    env = Arithmetic()
    with pytest.raises(EnvError, match="reset"):
        env.step("1")
    with pytest.raises(EnvError, match="reset"):
        _ = env.task
    env.reset(seed=0)
    env.step("1")
    with pytest.raises(EnvError, match="over"):
        env.step("1")


@pytest.mark.parametrize("action", [3, None, b"632", ["632"], np.int64(632)])
def test_an_action_that_is_no_text_is_refused_and_costs_nothing(action: Any) -> None:
    env = Arithmetic()
    env.reset(seed=0)
    with pytest.raises(UsageError, match="expected str"):
        env.step(action)
    assert env.step(env.task.reference)[1] == 1.0


@pytest.mark.parametrize("action", ["7" * 16_385, "\ud800", "7\udfff"])
def test_a_text_outside_the_action_space_is_the_models_failure(action: str) -> None:
    env = Arithmetic()
    env.reset(seed=0)
    observation, reward, terminated, _, info = env.step(action)
    assert (reward, terminated) == (0.0, True)
    assert info["verdict"].outcome is Outcome.INVALID
    assert observation in env.observation_space


def test_a_task_by_index_by_value_and_drawn() -> None:
    env = Quiz(split="all")
    assert env.reset(options={"task": 4})[1]["task_id"] == "quiz-4"
    assert env.reset(options={"task": np.int64(5)})[1]["task_id"] == "quiz-5"
    own = make_task("own")
    assert env.reset(options={"task": own})[0] == "own?"
    assert env.task is own
    env.reset(seed=1, options={"task": None})
    assert env.task in QUIZ


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tusk": 1}, "did you mean 'task'"),
        ({"task": 20}, "from 0 to 19"),
        ({"task": -1}, "from 0 to 19"),
        ({"task": "quiz-1"}, "a Task or an index"),
        ({"task": True}, "a Task or an index"),
        ({"task": 1.0}, "a Task or an index"),
    ],
)
def test_options_that_name_no_task_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Quiz(split="all").reset(options=options)


def test_generated_tasks_have_no_index() -> None:
    with pytest.raises(UsageError, match="generated"):
        Arithmetic().reset(options={"task": 0})


def test_a_prompt_that_does_not_fit_is_refused() -> None:
    task = Task("long", (Message("user", "x" * 20_000),), "1")
    with pytest.raises(UsageError, match="20000 characters"):
        Arithmetic().reset(options={"task": task})


def test_several_messages_are_observed_with_a_blank_line_between() -> None:
    task = Task("two", (Message("system", "Be brief."), Message("user", "1+1=")), "2")
    observation, info = Arithmetic().reset(options={"task": task})
    assert observation == "Be brief.\n\n1+1="
    assert info["messages"] == task.prompt


def test_the_same_seed_gives_the_same_task() -> None:
    first, second = Arithmetic(), Arithmetic()
    tasks = []
    for seed in range(20):
        first.reset(seed=seed)
        second.reset(seed=seed)
        assert first.task == second.task
        tasks.append(first.task)
    assert len(set(map(str, tasks))) > 15


@pytest.mark.parametrize("env_class", [Quiz, Arithmetic])
def test_train_and_test_are_disjoint_and_make_up_all(env_class: type[ReasoningEnv]) -> None:
    names = {}
    for split in ("train", "test", "all"):
        arguments = {"digits": 1} if env_class is Arithmetic else {}
        env = env_class(split=split, **arguments)  # type: ignore[arg-type]
        rng = np.random.default_rng(0)
        names[split] = {env.draw_task(rng).id for _ in range(1200)}
    assert not names["train"] & names["test"]
    assert names["train"] | names["test"] == names["all"]
    assert 0 < len(names["test"]) < len(names["train"])


def test_about_a_tenth_is_for_testing() -> None:
    share = sum(split_of(f"task {i}") == "test" for i in range(10_000)) / 10_000
    assert 0.08 < share < 0.12


def test_an_empty_split_says_so() -> None:
    only = next(split for split in ("train", "test") if split != split_of("patient"))
    with pytest.raises(EnvError, match=f"no task in split '{only}'"):
        Patient(split=only).reset(seed=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "tran"}, "did you mean 'train'"),
        ({"split": 3}, "no split '3'"),
        ({"render_mode": "human"}, "no render mode 'human'"),
        ({"max_turns": 0}, "max_turns = 0"),
        ({"max_turns": True}, "max_turns = True"),
        ({"gamma": 0.0}, "gamma = 0.0"),
        ({"gamma": 1.5}, "gamma = 1.5"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Quiz(**arguments)


def test_an_unknown_verifier_offers_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'math'"):
        Quiz(verifier="maths")


def test_the_transcript_is_rendered() -> None:
    env = Patient(max_turns=3, render_mode="ansi")
    assert env.render() == ""
    env.reset(seed=0)
    env.step("hello")
    assert env.render() == "user: patient?\naction: hello\nreward: 0.25 (heard hello)"
    silent = Patient()
    silent.reset(seed=0)
    assert silent.render() is None


def test_sampled_tasks_are_distinct_and_begin_alike() -> None:
    env = Arithmetic(digits=1, split="all")
    few, many = sample_tasks(env, 20, seed=5), sample_tasks(env, 60, seed=5)
    assert many[:20] == few
    assert len({task.id for task in many}) == 60
    assert sample_tasks(env, 20, seed=6) != few


def test_sampled_tasks_repeat_where_there_are_too_few() -> None:
    tasks = sample_tasks(Quiz(split="all"), 50, seed=0)
    assert len(tasks) == 50
    assert len({task.id for task in tasks}) == 20


def test_unwrapping() -> None:
    assert isinstance(unwrap(gym_reason.make("gym_reason/Steps-v0")), ReasoningEnv)
    with pytest.raises(UsageError, match="a ReasoningEnv"):
        unwrap(gymnasium.make("CartPole-v1"))
