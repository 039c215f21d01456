"""Rows of digits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.envs.base import sample_tasks
from gym_reason.envs.digits import OPERATIONS, Digits, solve
from gym_reason.errors import UsageError
from gym_reason.types import Message, Task


@pytest.mark.parametrize(
    ("operation", "answer", "thoughts"),
    [
        ("sort", "1234", "3,13,134,1234"),
        ("reverse", "2413", "3,13,413,2413"),
        ("max", "4", "3,3,4,4"),
    ],
)
def test_examples(operation: str, answer: str, thoughts: str) -> None:
    task = Task(
        "row",
        (Message("user", f"{operation[0]}3142="),),
        answer,
        meta={"operation": operation, "digits": "3142"},
    )
    env = Digits(operation=operation)
    assert solve(operation, "3142") == answer
    assert env.demonstrate(task) == (f"<think>{thoughts}</think>{answer}",)
    assert env.demonstrate(task, thinking=False) == (f"<think></think>{answer}",)


@pytest.mark.parametrize("operation", OPERATIONS)
@given(seed=st.integers(0, 1000))
def test_prompts_have_the_row_and_its_solution(operation: str, seed: int) -> None:
    (task,) = sample_tasks(Digits(operation=operation, count=5), 1, seed)
    prompt = task.prompt[0].content
    assert (prompt[0], prompt[-1], len(prompt)) == (operation[0], "=", 7)
    assert task.reference == solve(operation, prompt[1:-1])


def test_a_near_miss_earns_half_the_share_of_right_places() -> None:
    env = Digits()
    task = Task("row", (Message("user", "s3142="),), "1234")
    env.reset(options={"task": task})
    assert env.step("1235")[1] == pytest.approx(0.375)


def test_the_largest_digit_is_all_or_nothing() -> None:
    env = Digits(operation="max")
    env.reset(seed=0)
    assert env.step(env.wrong_action(env.task))[1] == 0.0


def test_a_task_of_another_kind_has_no_demonstration() -> None:
    with pytest.raises(UsageError, match="no row of digits"):
        Digits().demonstrate(Task("other", (Message("user", "?"),), "1"))


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(UsageError, match="did you mean 'sort'"):
        Digits(operation="sorted")
    with pytest.raises(UsageError, match="from 1 to 64"):
        Digits(count=0)
