"""Actions that are tokens or lines: what reaches the environment, and when."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gym_reason
from gym_reason.envs.base import ReasoningEnv, Transition
from gym_reason.envs.wrappers import LineActions, TokenActions
from gym_reason.errors import UsageError
from gym_reason.types import Message, Outcome, Task


class Echo(ReasoningEnv):
    """Says what it heard and goes on."""

    def sample_task(self, rng: np.random.Generator) -> Task:
        return Task("echo", (Message("user", "Speak."),), "")

    def transition(self, action: str) -> Transition:
        return Transition(float(len(action)), False, feedback=f"heard {action!r}")


def echo() -> Echo:
    return Echo(split="all", max_turns=100)


def test_tokens_gather_until_a_stop_token() -> None:
    env = TokenActions(gym_reason.make("gym_reason/Arithmetic-v0"))
    prompt, _ = env.reset(seed=3)
    answer = gym_reason.make("gym_reason/Arithmetic-v0")
    answer.reset(seed=3)
    digits = env.unwrapped.task.reference  # type: ignore[attr-defined]
    said = ""
    for digit in digits:
        said += digit
        observation, reward, terminated, truncated, info = env.step(digit)
        assert observation == prompt + said
        assert (reward, terminated, truncated) == (0.0, False, False)
        assert (info["verdict"], info["messages"]) == (None, ())
    _, reward, terminated, _, info = env.step("\n")
    assert (reward, terminated) == (1.0, True)
    assert info["verdict"].correct


def test_ids_stand_for_the_tokens_of_a_vocabulary() -> None:
    env = TokenActions(echo(), vocabulary=["<end>", "ab", "c"], stop=["<end>"])
    env.reset(seed=0)
    assert env.action_space.n == 3  # type: ignore[attr-defined]
    ids: list[Any] = [1, np.int64(2), 1]
    for token in ids:
        env.step(token)
    observation, reward, *_ = env.step(0)  # type: ignore[arg-type]
    assert (observation, reward) == ("heard 'abcab'", 5.0)
    assert env.step(2)[0] == "heard 'abcab'c"  # type: ignore[arg-type]
    for wrong in (3, -1):
        with pytest.raises(UsageError, match="from 0 to 2"):
            env.step(wrong)  # type: ignore[arg-type]


def test_a_tokenizers_own_decoder_makes_the_text() -> None:
    parts = {1: b"\xc3", 2: b"\xa9"}
    env = TokenActions(
        echo(),
        vocabulary=["<end>", "<C3>", "<A9>"],
        stop=["<end>"],
        decode=lambda ids: b"".join(parts[one] for one in ids).decode("utf-8", "replace"),
    )
    env.reset(seed=0)
    assert env.step(1)[0] == "Speak.\ufffd"  # type: ignore[arg-type]
    assert env.step(2)[0] == "Speak.\u00e9"  # type: ignore[arg-type]
    assert env.step(0)[0] == "heard '\u00e9'"  # type: ignore[arg-type]


def test_a_text_goes_on_after_its_most_tokens() -> None:
    env = TokenActions(echo(), max_tokens=3)
    env.reset(seed=0)
    assert [env.step(token)[1] for token in ("a", "", "b", "c")] == [0.0, 0.0, 2.0, 0.0]


def test_a_text_that_is_too_long_or_no_unicode_is_the_policys_failure() -> None:
    for token in ("x" * 16_385, "\ud800"):
        env = TokenActions(echo())
        env.reset(seed=0)
        env.step("fine")
        _, _, terminated, _, info = env.step(token)
        assert terminated
        assert info["verdict"].outcome is Outcome.INVALID


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"stop": []}, "at least one"),
        ({"vocabulary": ["a"], "stop": ["b"]}, "'b'; expected a token of the vocabulary"),
        ({"decode": str}, "decode without a vocabulary"),
        ({"max_tokens": 0}, "from 1"),
    ],
)
def test_wrong_arguments_of_tokens(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TokenActions(echo(), **arguments)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1)))
def test_whatever_the_tokens_their_text_arrives(tokens: list[str]) -> None:
    env = TokenActions(echo())
    env.reset(seed=0)
    for token in tokens:
        env.step(token)
    assert env.step("\n")[1] == float(len("".join(tokens)))


def test_lines_gather_until_an_empty_one() -> None:
    env = LineActions(echo())
    env.reset(seed=0)
    assert env.step("first\n")[:2] == ("Speak.\nfirst", 0.0)
    assert env.step("second")[:2] == ("Speak.\nfirst\nsecond", 0.0)
    assert env.step("")[:2] == ("heard 'first\\nsecond'", 12.0)
    assert env.step("third")[0] == "heard 'first\\nsecond'\nthird"


def test_a_last_line_may_be_told_by_what_it_says() -> None:
    env = LineActions(echo(), last=r"\\boxed\{")
    env.reset(seed=0)
    env.step("")
    env.step("1 + 1 = 2")
    said = env.step("so \\boxed{2}")[0]
    assert said == "heard " + repr("\n1 + 1 = 2\nso \\boxed{2}")


def test_several_lines_are_the_policys_failure() -> None:
    env = LineActions(echo())
    env.reset(seed=0)
    observation, reward, terminated, truncated, info = env.step("one\ntwo")
    assert (reward, terminated, truncated) == (0.0, True, False)
    assert info["verdict"].outcome is Outcome.INVALID
    assert info["messages"] == (Message("user", observation),)


def test_a_text_goes_on_after_its_most_lines() -> None:
    env = LineActions(echo(), max_lines=2)
    env.reset(seed=0)
    assert [env.step(line)[1] for line in ("a", "b", "c")] == [0.0, 3.0, 0.0]


def test_wrong_arguments_of_lines() -> None:
    with pytest.raises(UsageError, match="a regular expression"):
        LineActions(echo(), last="(")
    with pytest.raises(UsageError, match="from 1"):
        LineActions(echo(), max_lines=0)
