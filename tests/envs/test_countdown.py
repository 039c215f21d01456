"""Countdown: the expressions, their verifier, and the environment."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.envs.base import sample_tasks
from gym_reason.envs.countdown import Countdown
from gym_reason.errors import UsageError
from gym_reason.types import Message, Outcome, Task
from gym_reason.verifiers.countdown import (
    CountdownVerifier,
    ExpressionError,
    evaluate_expression,
    find_expression,
)


def task_of(reference: str) -> Task:
    """Return a task with a reference."""
    return Task("countdown", (Message("user", "?"),), reference)


TASK = task_of("3 7 25 50 = 146")


def expressions() -> st.SearchStrategy[str]:
    """Return a strategy of expressions with parentheses everywhere or nowhere."""
    return st.recursive(
        st.integers(0, 99).map(str),
        lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner, st.booleans()).map(
            lambda parts: (
                f"({parts[0]}{parts[1]} {parts[2]})"
                if parts[3]
                else f"{parts[0]} {parts[1]}{parts[2]}"
            )
        ),
        max_leaves=8,
    )


def value_by_python(expression: str) -> Fraction | None:
    """Return the value by Python's grammar, on fractions; None for a division by zero."""
    in_fractions = "".join(
        f"Fraction({token})" if token.isdigit() else token for token in tokens_of(expression)
    )
    try:
        return Fraction(eval(in_fractions, {"Fraction": Fraction}))
    except ZeroDivisionError:
        return None


def tokens_of(expression: str) -> list[str]:
    """Split an expression into numbers and signs."""
    for sign in "+-*/()":
        expression = expression.replace(sign, f" {sign} ")
    return expression.split()


@given(expressions())
def test_values_agree_with_pythons(expression: str) -> None:
    expected = value_by_python(expression)
    if expected is None:
        with pytest.raises(ExpressionError, match="zero"):
            evaluate_expression(expression)
    else:
        value, used = evaluate_expression(expression)
        assert value == expected
        assert list(used) == [int(token) for token in tokens_of(expression) if token.isdigit()]


@given(st.text(max_size=60) | st.text("0123456789+-*/() =.e_", max_size=60))
def test_no_text_breaks_the_verifier(text: str) -> None:
    verdict = CountdownVerifier().verify(TASK, text)
    assert verdict.reward == (1.0 if verdict.correct else 0.0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "()",
        "1+",
        "+1",
        "-1",
        "2**3",
        "2//3",
        "1 2",
        "(1",
        "1)",
        "1.5",
        "1_0",
        "0x1",
        "1e3",
        "a",
        "abs(1)",
        "1,2",
        "\u0661",
        "\u00b2",
        "1/0",
        "1/(2-2)",
        "(" * 100 + "1" + ")" * 100,
        "1" * 13,
        "1+" * 200 + "1",
        "__import__('os')",
    ],
)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate_expression(text)


def test_nesting_up_to_the_limit_is_read() -> None:
    assert evaluate_expression("(" * 32 + "1" + ")" * 32) == (Fraction(1), (1,))


@pytest.mark.parametrize(
    "submission",
    [
        "(7+25)*3+50",
        " ( 7 + 25 ) * 3 + 50 ",
        "50+3*(25+7)=146",
        "(7+50)\u00d73\u221225",
        "<think>7+25=32, 32*3=96</think>(7+25)*3+50",
        "<think>x</think>So:\n(7+25)*3+50\n",
        "<answer>1+1</answer> no, <answer>(7+25)*3+50</answer>",
        "((((3+25)*7)))-50",
    ],
)
def test_solutions_score_one(submission: str) -> None:
    verdict = CountdownVerifier().verify(TASK, submission)
    assert (verdict.reward, verdict.outcome) == (1.0, Outcome.PASS)


@pytest.mark.parametrize(
    ("submission", "outcome", "feedback"),
    [
        ("", Outcome.NO_ANSWER, "no expression"),
        ("<think>(7+25)*3+50", Outcome.NO_ANSWER, "no expression"),
        ("146", Outcome.FAIL, "146 is used more often"),
        ("3*3*7+50+25+7+1", Outcome.FAIL, "is used more often"),
        ("3+7", Outcome.FAIL, "worth 10, not 146"),
        ("50/7", Outcome.FAIL, "worth 50/7"),
        ("(7+25)*3+50=147", Outcome.INVALID, "two sides"),
        ("(7+25)*3+50=146=146", Outcome.INVALID, "no part"),
        ("7/(25-50/(3-1-2+3)*0)", Outcome.FAIL, "more often"),
        ("3/(7-7)", Outcome.INVALID, "divides by zero"),
        ("the answer is (7+25)*3+50", Outcome.INVALID, "no part"),
    ],
)
def test_other_submissions_score_nothing(submission: str, outcome: Outcome, feedback: str) -> None:
    verdict = CountdownVerifier().verify(TASK, submission)
    assert (verdict.reward, verdict.correct, verdict.outcome) == (0.0, False, outcome)
    assert feedback in verdict.feedback


def test_every_number_can_be_asked_for() -> None:
    task = task_of("3 7 25 50 = 150")
    assert CountdownVerifier().verify(task, "3*50").correct
    verdict = CountdownVerifier(use_all=True).verify(task, "3*50")
    assert (verdict.correct, verdict.feedback) == (False, "not every number is used")
    assert CountdownVerifier(use_all=True).verify(TASK, "(7+25)*3+50").correct


def test_partial_credit_is_for_expressions_that_keep_the_rules() -> None:
    verifier = CountdownVerifier(partial_credit=0.1)
    assert verifier.verify(TASK, "3+7").reward == 0.1
    assert verifier.verify(TASK, "3+3").reward == 0.0
    assert verifier.verify(TASK, "3+").reward == 0.0
    assert not verifier.verify(TASK, "3+7").correct


@pytest.mark.parametrize("reference", ["", "146", "3 7 = ", "3,7 = 10", "3 7 = 10 "])
def test_a_broken_reference_is_our_fault(reference: str) -> None:
    verdict = CountdownVerifier().verify(task_of(reference), "3+7")
    assert verdict.outcome is Outcome.UNSCORABLE


def test_the_expression_is_found() -> None:
    assert find_expression("a\nb \n\n") == "b"
    assert find_expression("<answer>\n1+1\n</answer> done") == "1+1"


@pytest.mark.parametrize("numbers", [3, 4, 6])
@pytest.mark.parametrize("use_all", [False, True])
def test_every_problem_has_its_solution(numbers: int, use_all: bool) -> None:
    env = Countdown(numbers=numbers, use_all=use_all, split="all")
    for task in sample_tasks(env, 100, seed=numbers):
        (action,) = env.demonstrate(task)
        env.reset(options={"task": task})
        _, reward, _, _, info = env.step(action)
        assert reward == 1.0, (task, info)
        given, _, target = task.reference.partition(" = ")
        assert len(given.split()) == numbers
        assert target not in given.split()
        thoughts = action[len("<think>") : action.index("</think>")]
        for equation in thoughts.split(","):
            left, right = equation.split("=")
            assert evaluate_expression(left)[0] == int(right)


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(UsageError, match="from 3 to 6"):
        Countdown(numbers=2)
    with pytest.raises(UsageError, match="partial_credit"):
        Countdown(partial_credit=0.9)


def test_a_task_of_another_kind_has_no_solution() -> None:
    with pytest.raises(UsageError, match="no solution"):
        Countdown().demonstrate(TASK)
