"""Verifiers of form and of exact answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.types import Outcome, Task
from gym_reason.verifiers.formats import (
    AnswerTagsVerifier,
    ExactVerifier,
    NoThinkVerifier,
    PositionsVerifier,
    ThinkTagsVerifier,
    select_region,
)

TASK = Task("t", (), "abcd")


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("<think>why</think> because", True),
        ("  <think></think>x\n", True),
        ("because", False),
        ("<think>why</think>", False),
        ("<think>why</think>  \n", False),
        ("x <think>why</think> y", False),
        ("<think>why because", False),
        ("why</think> because", False),
        ("<think>a</think><think>b</think> c", False),
        ("<think><think>a</think></think> c", False),
        ("</think>a<think>b", False),
    ],
)
def test_think_tags(text: str, passes: bool) -> None:
    verdict = ThinkTagsVerifier().verify(TASK, text)
    assert verdict.correct is passes
    assert verdict.reward == float(passes)


def test_think_tags_can_ask_for_a_thought_and_start_inside_one() -> None:
    assert not ThinkTagsVerifier(require_thought=True).verify(TASK, "<think> </think>x").correct
    assert ThinkTagsVerifier(require_thought=True).verify(TASK, "<think>y</think>x").correct
    inside = ThinkTagsVerifier(opened_by_prompt=True)
    assert inside.verify(TASK, "why</think>x").correct
    assert not inside.verify(TASK, "<think>why</think>x").correct


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("5", True),
        ("<think>\n\n</think>\n5", True),
        ("<think>so</think>5", False),
        ("5 <think></think>", False),
        ("<think></think><think></think>5", False),
        ("so </think> 5", False),
        ("<Thinking>so</Thinking> 5", False),
        ("< think >so 5", False),
        ("<think></think>", False),
        ("", False),
        ("I think < 5 > 4", True),
    ],
)
def test_no_think(text: str, passes: bool) -> None:
    assert NoThinkVerifier().verify(TASK, text).correct is passes


def test_no_think_can_refuse_an_empty_thought() -> None:
    assert not NoThinkVerifier(allow_empty=False).verify(TASK, "<think></think>5").correct


@given(st.text(), st.text(min_size=1))
def test_a_text_is_never_both_with_and_without_a_thought(thought: str, answer: str) -> None:
    text = f"<think>{thought}</think>{answer}"
    strict = ThinkTagsVerifier(require_thought=True)
    both = strict.verify(TASK, text).correct and NoThinkVerifier().verify(TASK, text).correct
    assert not both


@pytest.mark.parametrize(
    ("text", "whole", "thought", "answer"),
    [
        ("a", "a", "", "a"),
        ("<think>a</think>b", " a b", " a ", "b"),
        ("a</think>b", "a b", "a ", "b"),
        ("<think>a", " a", " a", ""),
    ],
)
def test_regions(text: str, whole: str, thought: str, answer: str) -> None:
    assert select_region(text, "whole") == whole
    assert select_region(text, "thought") == thought
    assert select_region(text, "answer") == answer


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("so <answer>5</answer>", True),
        ("<think><answer>4</answer></think> <answer>5</answer>\n", True),
        ("<answer>5</answer> <answer>6</answer>", False),
        ("<answer> </answer>", False),
        ("<answer>5</answer> or so", False),
        ("</answer>5<answer>", False),
        ("<think><answer>5</answer>", False),
        ("5", False),
    ],
)
def test_answer_tags(text: str, passes: bool) -> None:
    assert AnswerTagsVerifier().verify(TASK, text).correct is passes


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (" abcd\n", Outcome.PASS),
        ("<think>abc</think>abcd", Outcome.PASS),
        ("Abcd", Outcome.FAIL),
        ("ab cd", Outcome.FAIL),
        ("", Outcome.NO_ANSWER),
        ("<think>abcd", Outcome.NO_ANSWER),
        ("<think>abcd</think>", Outcome.NO_ANSWER),
    ],
)
def test_exact(text: str, outcome: Outcome) -> None:
    verdict = ExactVerifier().verify(TASK, text)
    assert verdict.outcome is outcome
    assert verdict.reward == float(outcome is Outcome.PASS)
    assert "abcd" not in verdict.feedback


@pytest.mark.parametrize(
    ("text", "reward"),
    [
        ("abcd", 1.0),
        ("<think>x</think> abcd ", 1.0),
        ("abcx", 0.375),
        ("ab", 0.25),
        ("xbxd", 0.25),
        ("bcda", 0.0),
        ("abcde", 0.5),
        ("", 0.0),
    ],
)
def test_positions(text: str, reward: float) -> None:
    verdict = PositionsVerifier().verify(TASK, text)
    assert verdict.reward == reward
    assert verdict.correct is (reward == 1.0)


@given(st.text(min_size=1), st.text())
def test_positions_gives_a_full_reward_to_the_reference_alone(reference: str, text: str) -> None:
    verdict = PositionsVerifier().verify(Task("t", (), reference), text)
    assert 0.0 <= verdict.reward <= 0.5 or (verdict.reward == 1.0 and verdict.correct)


@pytest.mark.parametrize("verifier", [ExactVerifier(), PositionsVerifier()])
def test_a_missing_reference_is_not_the_policys_fault(
    verifier: ExactVerifier | PositionsVerifier,
) -> None:
    assert verifier.verify(Task("t", (), " "), "x").outcome is Outcome.UNSCORABLE
