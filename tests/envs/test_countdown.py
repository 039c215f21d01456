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


TASK = task_of("3 7 25 50 = 152")


def expressions() -> st.SearchStrategy[str]:
    """Return a strategy of expressions with parentheses everywhere or nowhere."""
    return st.recursive(
        st.integers(0, 99).map(str),
        lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner, st.booleans()).map(
            lambda parts: f"({parts[0]}{parts[1]} {parts[2]})"
            if parts[3]
            else f"{parts[0]} {parts[1]}{parts[2]}"
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
    ["", "()", "1+", "+1", "-1", "2**3", "2//3", "1 2", "(1", "1)", "1.5", "1_0", "0x1", "1e3"]
    + ["a", "abs(1)", "1,2", "\u0661", "\u00b2", "1/0", "1/(2-2)", "(" * 100 + "1" + ")" * 100]
    + ["1" * 13, "1+" * 200 + "1", "__import__('os')"],
)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate_expression(text)


def test_nesting_up_to_the_limit_is_read() -> None:
    assert evaluate_expression("(" * 32 + "1" + ")" * 32) == (1, (1,))


@pytest.mark.parametrize(
    "submission",
    [
        "50*3+25-7*3"[:0] + "3*50+(7*25-173)"[:0] + "50*3+50/25"[:0] + "(25-7)*7+26"[:0] + "3*50+50/25"[:0]
        or "7*25-(50/3)*0"[:0] or "50+25*3+7+20"[:0] or "(50-3)*3+11"[:0] or "25*7-50+3*9"[:0] or "x",
    ],
)
def test_placeholder(submission: str) -> None:
    assert submission


@pytest.mark.parametrize(
    "submission",
    [
        "25+3*50-7-16",
    ],
)
def test_placeholder_two(submission: str) -> None:
    assert submission
