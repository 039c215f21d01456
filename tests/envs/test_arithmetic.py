"""Problems, derivations, and the environments made of them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.envs.arithmetic import Arithmetic
from gym_reason.envs.problems import MAX_DIGITS, OPERATIONS, Problem, draw_problem, problem_of
from gym_reason.envs.steps import Steps
from gym_reason.errors import UsageError
from gym_reason.types import Message, Task

numbers = st.integers(0, 10**MAX_DIGITS - 1)
problems = st.builds(Problem, numbers, numbers, st.sampled_from(OPERATIONS))


def value_of(expression: str) -> int:
    """Return the value of an expression, by Python's own arithmetic."""
    assert set(expression) <= set("0123456789+-*()")
    return int(eval(expression))


@given(problems)
def test_every_step_is_a_true_equation_and_the_answer_is_right(problem: Problem) -> None:
    for step in problem.steps():
        left, right = step.split("=")
        assert value_of(left) == value_of(right)
    assert int(problem.answer) == value_of(problem.question)


@given(numbers, numbers)
def test_the_digits_of_a_sum_can_be_read_off_its_steps(left: int, right: int) -> None:
    results = [step.split("=")[1] for step in Problem(left, right, "add").steps()]
    digits = results[-1] + "".join(result[-1] for result in results[-2::-1])
    assert int(digits) == left + right


@given(numbers, numbers)
def test_the_digits_of_a_difference_can_be_read_off_its_steps(left: int, right: int) -> None:
    steps = [step for step in Problem(left, right, "subtract").steps() if "(" not in step]
    assert int("".join(step.split("=")[1] for step in steps[::-1])) == abs(left - right)


@given(numbers, st.integers(10, 10**MAX_DIGITS - 1))
def test_the_last_running_sum_is_the_product(left: int, right: int) -> None:
    assert int(Problem(left, right, "multiply").steps()[-1].split("=")[1]) == left * right


@pytest.mark.parametrize(
    ("problem", "steps"),
    [
        (Problem(347, 285, "add"), ("7+5+0=12", "4+8+1=13", "3+2+1=6")),
        (Problem(9, 9, "add"), ("9+9+0=18",)),
        (Problem(534, 278, "subtract"), ("14-8-0=6", "13-7-1=5", "5-2-1=2")),
        (Problem(12, 34, "subtract"), ("12-34=-(34-12)", "4-2-0=2", "3-1-0=2")),
        (Problem(47, 25, "multiply"), ("47*5=235", "47*20=940", "235+940=1175")),
        (Problem(7, 0, "multiply"), ("7*0=0",)),
    ],
)
def test_derivations_worked_by_hand(problem: Problem, steps: tuple[str, ...]) -> None:
    assert problem.steps() == steps


@given(st.integers(0, 1000), st.integers(1, MAX_DIGITS), st.sampled_from([*OPERATIONS, "mixed"]))
def test_drawn_operands_have_exactly_the_digits_asked_for(
    seed: int, digits: int, operation: str
) -> None:
    problem = draw_problem(np.random.default_rng(seed), operation, digits)
    assert len(str(problem.left)) == len(str(problem.right)) == digits
    assert operation in ("mixed", problem.operation)


def test_one_digit_includes_every_pair() -> None:
    rng = np.random.default_rng(0)
    pairs = {(p.left, p.right) for p in (draw_problem(rng, "add", 1) for _ in range(2000))}
    assert pairs == {(i, j) for i in range(10) for j in range(10)}


def test_prompts_demonstrations_and_references() -> None:
    env = Arithmetic()
    task = Arithmetic(digits=3).sample_task(np.random.default_rng(1))
    problem = problem_of(task)
    assert task.prompt == (Message("user", f"{problem.left}+{problem.right}="),)
    assert task.reference == str(problem.left + problem.right)
    assert task.difficulty == 3.0
    steps = ",".join(problem.steps())
    assert env.demonstrate(task) == (f"<think>{steps}</think>{task.reference}",)
    assert env.demonstrate(task, thinking=False) == (f"<think></think>{task.reference}",)


def test_the_name_of_a_task_does_not_depend_on_how_it_is_put() -> None:
    bare = Arithmetic().sample_task(np.random.default_rng(1))
    asked = Arithmetic(prompt_style="question").sample_task(np.random.default_rng(1))
    assert bare.id == asked.id
    assert asked.prompt[0].content.startswith("What is ")
    assert bare.id != Arithmetic().sample_task(np.random.default_rng(2)).id


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"operation": "ad"}, "did you mean 'add'"),
        ({"operation": None}, "value of operation 'None'"),
        ({"digits": 0}, "from 1 to 9"),
        ({"digits": 10}, "from 1 to 9"),
        ({"digits": 2.0}, "from 1 to 9"),
        ({"prompt_style": "questions"}, "did you mean 'question'"),
    ],
)
def test_settings_out_of_range_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Arithmetic(**arguments)


def test_a_task_of_another_kind_has_no_derivation() -> None:
    with pytest.raises(UsageError, match="no arithmetic problem"):
        Arithmetic().demonstrate(Task("other", (Message("user", "1+1="),), "2"))


def play(env: Steps, actions: list[str]) -> list[float]:
    """Return the rewards of an episode of 347+285."""
    task = Task(
        "sum",
        (Message("user", "347+285="),),
        "632",
        meta={"left": 347, "right": 285, "operation": "add"},
    )
    env.reset(options={"task": task})
    return [env.step(action)[1] for action in actions]


PERFECT = ["7+5+0=12", "4+8+1=13", "3+2+1=6", "632"]


def test_dense_and_sparse_rewards_of_a_perfect_episode() -> None:
    sixth = pytest.approx(1 / 6)
    assert play(Steps(reward="dense"), PERFECT) == [sixth, sixth, sixth, 0.5]
    assert play(Steps(), PERFECT) == [0.0, 0.0, 0.0, 1.0]


def test_repeating_a_true_equation_earns_nothing() -> None:
    rewards = play(Steps(reward="dense"), ["7+5+0=12"] * 3 + ["1+1=2", "3+2+1=6"])
    assert rewards == [pytest.approx(1 / 6), 0.0, 0.0, 0.0, 0.0]


def test_the_answer_alone_earns_half_of_the_dense_reward() -> None:
    assert play(Steps(reward="dense"), ["632"]) == [0.5]
    assert play(Steps(reward="dense"), ["633"]) == [0.0]


def test_the_state_shows_accepted_steps_and_the_last_word() -> None:
    env = Steps()
    play(env, [])
    assert env.step(" 7+5+0 = 12\n")[0] == "347+285=\n7+5+0=12\nok"
    observation, _, terminated, truncated, info = env.step("4+8+1=14")
    assert observation == "347+285=\n7+5+0=12\nwrong"
    assert (terminated, truncated, info["verdict"]) == (False, False, None)
    assert info["messages"] == (Message("user", "wrong"),)
    assert env.step("7+5+0=12")[0] == "347+285=\n7+5+0=12\nrepeated"
    assert env.accepted_steps == ("7+5+0=12",)


def test_an_episode_is_cut_after_twice_the_turns_of_a_perfect_one() -> None:
    env = Steps()
    play(env, ["0=1"] * 7)
    assert env.step("0=1")[2:4] == (False, True)
    env = Steps(max_turns=2)
    play(env, ["0=1"])
    assert env.step("0=1")[2:4] == (False, True)


def test_the_answer_ends_the_episode_on_the_last_turn_too() -> None:
    env = Steps()
    play(env, ["0=1"] * 7)
    assert env.step("632")[1:4] == (1.0, True, False)


def test_a_new_episode_starts_without_steps() -> None:
    env = Steps(reward="dense")
    play(env, PERFECT)
    assert play(env, ["4+8+1=13"]) == [0.0]
    assert env.accepted_steps == ()


@pytest.mark.parametrize(
    "rewritten", ["47/0.04", "\\frac{47}{0.04}", "1175.0/1", "117500%", "47 * 25"]
)
def test_a_problem_in_other_words_is_no_answer(rewritten: str) -> None:
    env = Arithmetic(operation="multiply", digits=2)
    task = Task("t", (Message("user", "47*25="),), "1175")
    env.reset(options={"task": task})
    assert env.step(rewritten)[1] == 0.0
    for right in ("1175", "<think>47*5=235</think>1175", "1,175", "\\boxed{1175}"):
        env.reset(options={"task": task})
        assert env.step(right)[1] == 1.0
