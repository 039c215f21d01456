"""Rewards shaped by length, and repetition."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.errors import UnknownNameError, UsageError
from gym_reason.types import Outcome, Task
from gym_reason.verifiers import make_verifier
from gym_reason.verifiers.formats import (
    CosineLengthVerifier,
    OverlongVerifier,
    RepetitionVerifier,
    cosine_reward,
    measure_length,
    overlong_penalty,
    repeated_share,
)

TASK = Task("t", (), "5")


@pytest.mark.parametrize(
    ("length", "reward"),
    [(0, 2.0), (25, 1.5 + math.sqrt(2) / 4), (50, 1.5), (100, 1.0), (200, 1.0)],
)
def test_the_cosine_by_hand(length: int, reward: float) -> None:
    assert cosine_reward(length, 100, 2.0, 1.0) == pytest.approx(reward)


@pytest.mark.parametrize(
    ("length", "penalty"),
    [(0, 0.0), (16_384, 0.0), (18_432, -0.5), (20_480, -1.0), (30_000, -1.0)],
)
def test_the_overlong_penalty_by_hand(length: int, penalty: float) -> None:
    assert overlong_penalty(length, 20_480, 4_096) == penalty
    assert overlong_penalty(length, 20_480, 4_096, factor=0.5) == penalty / 2


def test_white_space_makes_no_text_longer() -> None:
    assert measure_length("ab  cd\n\n e ", "chars") == 7
    assert measure_length("ab  cd\n\n e ", "words") == 3
    assert measure_length(" \n", "chars") == measure_length("", "words") == 0


def test_right_answers_are_best_short_and_wrong_ones_long() -> None:
    verifier = make_verifier("length:cosine,target=100")

    def reward(text: str) -> float:
        verdict = verifier.verify(TASK, text)
        assert verdict.parts["length"] == verdict.reward
        assert verdict.parts["answer"] == float(verdict.correct)
        return verdict.reward

    assert reward("5") > reward("w" * 40 + " 5") > reward("w" * 90 + " 5") >= 0.5
    assert reward("") == -1.0
    assert reward("6") < reward("w" * 40 + " 6") < reward("w" * 90 + " 6") <= 0.0
    assert reward("w" * 110 + " 5") == -1.0
    assert reward(" " * 200 + "5") == reward("5")


def test_the_papers_values() -> None:
    verifier = CosineLengthVerifier(
        100, correct_short=2, correct_long=1, wrong_short=-10, wrong_long=0, exceeded=-10
    )
    assert verifier.verify(TASK, "").reward == -10
    assert verifier.verify(TASK, "w" * 98 + " 5").reward == -10
    middle = verifier.verify(TASK, "w" * 48 + " 5")
    assert middle.reward == pytest.approx(1.5)


def test_the_inner_verifier_decides_the_outcome() -> None:
    exact = make_verifier("length:cosine,target=9,inner=exact,unit=words")
    assert exact.verify(TASK, "5").correct
    assert exact.verify(TASK, "").outcome is Outcome.NO_ANSWER
    unscorable = exact.verify(Task("t", (), ""), "5")
    assert (unscorable.outcome, unscorable.reward) == (Outcome.UNSCORABLE, 0.0)


def test_overlong_adds_to_the_inner_reward_or_stands_alone() -> None:
    added = OverlongVerifier(10, 5, "math")
    assert added.verify(TASK, "5").reward == 1.0
    verdict = added.verify(TASK, "www ww 5")
    assert verdict.correct
    assert verdict.parts == {"answer": 1.0, "overlong": pytest.approx(-0.6)}
    assert verdict.reward == pytest.approx(0.4)
    alone = make_verifier("length:overlong,target=10")
    assert alone.verify(TASK, "w").outcome is Outcome.PASS
    assert alone.verify(TASK, "w" * 9).reward == pytest.approx(-0.5)
    assert alone.verify(TASK, "w" * 10**6).reward == -1.0


@pytest.mark.parametrize(
    "spec",
    [
        "length",
        "length:sine,target=3",
        "length:cosine",
        "length:cosine,target=0",
        "length:cosine,target=big",
        "length:cosine,target=9,cache=3",
        "length:cosine,target=9,unit=tokens",
        "length:cosine,target=9,region=x",
        "length:cosine,target=9,wrong_long=0.6",
        "length:cosine,target=9,exceeded=1",
        "length:cosine,target=9,correct_short=inf",
        "overlong:9,10",
        "overlong:9,factor=0",
        "repetition:0",
        "repetition:limit=1",
        "repetition:n=x",
    ],
)
def test_arguments_are_checked(spec: str) -> None:
    with pytest.raises(UsageError):
        make_verifier(spec)


def test_an_unknown_inner_verifier_is_named() -> None:
    with pytest.raises(UnknownNameError, match="maths"):
        make_verifier("length:cosine,target=9,inner=maths")


@given(st.integers(0, 300), st.integers(1, 200), st.booleans())
def test_a_right_answer_never_earns_less_than_a_wrong_one(
    length: int, target: int, right: bool
) -> None:
    rewards = (1.0, 0.5) if right else (-1.0, 0.0)
    reward = cosine_reward(length, target, *rewards)
    assert min(rewards) <= reward <= max(rewards)


@given(st.lists(st.integers(0, 400), min_size=2, max_size=2), st.integers(1, 300))
def test_longer_is_never_punished_less(lengths: list[int], limit: int) -> None:
    short, long = sorted(lengths)
    assert -1 <= overlong_penalty(long, limit, limit) <= overlong_penalty(short, limit, limit) <= 0


@pytest.mark.parametrize(
    ("text", "n", "share"),
    [
        ("a b c d", 2, 0.0),
        ("a b a b", 2, 1 / 3),
        ("A b a B", 2, 1 / 3),
        ("a a a a a", 1, 0.8),
        ("a b", 3, 0.0),
        ("", 1, 0.0),
        ("x" * 100, 4, 1 - 1 / 97),
        ("数学很好\u3002" * 20, 5, 1 - 5 / 96),
    ],
)
def test_repeated_share_by_hand(text: str, n: int, share: float) -> None:
    assert repeated_share(text, n) == pytest.approx(share)


@given(st.lists(st.sampled_from("abc"), max_size=40), st.integers(1, 6))
def test_repeated_share_is_what_counting_tuples_gives(words: list[str], n: int) -> None:
    grams = [tuple(words[place : place + n]) for place in range(len(words) - n + 1)]
    expected = 1 - len(set(grams)) / len(grams) if grams else 0.0
    assert repeated_share(" ".join(words), n) == pytest.approx(expected)


def test_repetition() -> None:
    verifier = RepetitionVerifier(2, limit=0.4)
    assert verifier.verify(TASK, "a b a b").correct
    verdict = verifier.verify(TASK, "a b " * 50)
    assert verdict.outcome is Outcome.FAIL
    assert 0.0 < verdict.reward == verdict.parts["distinct"] < 0.1
    assert verifier.verify(TASK, " \n").outcome is Outcome.NO_ANSWER
    assert verifier.verify(TASK, "one").reward == 1.0
