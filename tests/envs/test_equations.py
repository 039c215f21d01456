"""The calculator that reads along: what it mends, what it passes over, what it does not know."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.envs.arithmetic import Arithmetic
from gym_reason.envs.equations import mend_first_equation
from gym_reason.envs.problems import MAX_DIGITS, OPERATIONS, Problem

numbers = st.integers(0, 10**MAX_DIGITS - 1)
problems = st.builds(Problem, numbers, numbers, st.sampled_from(OPERATIONS))


@given(problems, st.integers(0, 20), st.integers(1, 10**MAX_DIGITS))
def test_a_true_derivation_is_left_and_a_false_step_is_mended(
    problem: Problem, at: int, error: int
) -> None:
    steps = problem.steps()
    assert mend_first_equation(",".join(steps)) == ""
    at %= len(steps)
    left, right = steps[at].split("=", 1)
    if "(" in right:
        return
    wrong = [*steps[:at], f"{left}={int(right) + error}", *steps[at + 1 :]]
    said = mend_first_equation(f"<think>{','.join(wrong)}</think>{problem.answer}")
    assert said == f"<think>{','.join(steps[: at + 1])}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2+3*4-1=20, 7*0=0; 9=8", "2+3*4-1=13"),
        ("so 5-9=4 and 1+1=3", "so 5-9=-4"),
        ("1+1=2,\n2*3*4=24 6-7=-2", "1+1=2,\n2*3*4=24 6-7=-1"),
    ],
)
def test_the_first_false_equation_is_worked_out(text: str, said: str) -> None:
    assert mend_first_equation(text) == said


@pytest.mark.parametrize(
    "text",
    ["", "=", "1+=2", "٣+٤=٩", "1+1=2" * 9000, "9" * 9000 + "+1=1", "(1+2)*3=10", "1=1+1=3"],
)
def test_what_is_no_plain_equation_is_passed_over(text: str) -> None:
    assert mend_first_equation(text) == ""


@pytest.mark.parametrize("style", ["bare", "question"])
def test_the_problem_itself_is_not_worked_out(style: str) -> None:
    env = Arithmetic(operation="multiply", digits=2, prompt_style=style)
    task = env.sample_task(np.random.default_rng(0))
    left, right = str(task.meta["left"]), str(task.meta["right"])
    written = f"{left}*{right}=1,{left}*{right}+1=0,{right}*{left}=3,"
    assert env.make_tools(task)["equations"](f"{written}2*2=5") == f"{written}2*2=4"
