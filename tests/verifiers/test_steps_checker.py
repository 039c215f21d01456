"""The verifier of the steps of a calculation."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.errors import UsageError
from gym_reason.types import Outcome, Task
from gym_reason.verifiers import make_verifier
from gym_reason.verifiers.steps import ArithmeticStepsVerifier, check_steps

TASK = Task("t", (), "72")
GOLD = "Natalia sold 48/2 = <<48/2=24>>24 clips.\nShe sold 48+24 = <<48+24=72>>72 clips.\n#### 72"
DATA = Path(
    os.environ.get("GYM_REASON_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")
)


def test_a_solution_without_a_mistake_keeps_the_answers_reward() -> None:
    verdict = ArithmeticStepsVerifier().verify(TASK, GOLD)
    assert (verdict.reward, verdict.outcome) == (1.0, Outcome.PASS)
    assert verdict.parts == {
        "answer": 1.0,
        "steps": 1.0,
        "right_share": 1.0,
        "first_wrong": -1.0,
        "right_steps": 2.0,
        "wrong_equations": 0.0,
    }


def test_each_different_mistake_halves_it() -> None:
    verdict = ArithmeticStepsVerifier().verify(TASK, GOLD.replace("48+24", "48+25"))
    assert (verdict.reward, verdict.outcome, verdict.correct) == (0.5, Outcome.FAIL, False)
    assert verdict.parts["first_wrong"] == 1.0
    assert verdict.parts["right_share"] == 0.5
    assert verdict.feedback == "Step 2 is wrong: 48+25 is not 72."
    twice = GOLD.replace("48+24", "48+25").replace("48/2", "48/3")
    assert ArithmeticStepsVerifier().verify(TASK, twice).reward == 0.25
    assert ArithmeticStepsVerifier(decay=0.0).verify(TASK, twice).reward == 0.0


def test_a_wrong_answer_is_not_saved_by_its_steps() -> None:
    verdict = ArithmeticStepsVerifier().verify(TASK, GOLD.replace("#### 72", "#### 73"))
    assert (verdict.reward, verdict.outcome) == (0.0, Outcome.FAIL)
    assert verdict.parts["right_share"] == 1.0
    assert ArithmeticStepsVerifier().verify(TASK, "").outcome is Outcome.NO_ANSWER
    assert ArithmeticStepsVerifier().verify(Task("t", (), ""), GOLD).outcome is Outcome.UNSCORABLE


def test_without_an_inner_verifier_only_the_steps_count() -> None:
    verifier = make_verifier("arithmetic_steps:none")
    assert verifier.verify(TASK, "3 + 4 = 7").reward == 1.0
    assert verifier.verify(TASK, "3 + 4 = 8").reward == 0.5
    assert verifier.verify(TASK, " ").outcome is Outcome.NO_ANSWER


PADDING = st.lists(
    st.sampled_from(["1=1", "1 = 1", "2+2=4", "3*4 = 12 = 6+6", "x = x", "Yes.", "", "5 + 0 = 5"]),
    max_size=8,
)


@given(PADDING, PADDING, st.integers(0, 1))
def test_padding_never_gains(before: list[str], after: list[str], mistakes: int) -> None:
    text = GOLD.replace("48+24", "48+25") if mistakes else GOLD
    padded = "\n".join([*before, text.removesuffix("#### 72"), *after, "#### 72"])
    plain = ArithmeticStepsVerifier().verify(TASK, text)
    assert ArithmeticStepsVerifier().verify(TASK, padded).reward == plain.reward


@pytest.mark.parametrize("by", ["lines", "sentences", "paragraphs", "markers", "clauses"])
def test_neither_joining_nor_repeating_changes_the_reward(by: str) -> None:
    verifier = make_verifier(f"arithmetic_steps:none,by={by}")
    assert verifier.verify(TASK, "3+4 = 8. 1+1 = 3.\n\n3+4 = 8").reward == 0.25
    assert verifier.verify(TASK, "Step 1: 3+4 = 8\nStep 2: 1+1 = 3").reward == 0.25


@pytest.mark.parametrize("text", ["1" * 300_000, "1=1\n" * 5_000])
def test_what_is_too_long_to_check_earns_nothing(text: str) -> None:
    verdict = ArithmeticStepsVerifier().verify(TASK, f"{text}\n#### 72")
    assert (verdict.reward, verdict.outcome) == (0.0, Outcome.FAIL)
    assert verdict.parts["answer"] == 1.0


def test_steps_keep_their_places() -> None:
    checked = check_steps("<think>3+4 = 7\n\nso 1+1 = 3</think>done")
    assert [step.status for step in checked] == ["right", "wrong", "neutral"]
    assert checked[1].step.start == 16


@pytest.mark.parametrize("spec", ["decay=1", "decay=-1", "by=words"])
def test_arguments_are_checked(spec: str) -> None:
    with pytest.raises(UsageError):
        make_verifier(f"arithmetic_steps:{spec}")


def test_gsm8k_solutions() -> None:
    path = DATA / "gsm8k_train.jsonl"
    if not path.exists():
        pytest.skip(f"no {path}: set GYM_REASON_DATA to the folder that has it")
    wrong = 0
    right = 0
    with path.open() as file:
        solutions = [json.loads(line)["answer"] for line in file][:2_000]
    for solution in solutions:
        equations = [e for step in check_steps(solution) for e in step.equations]
        right += sum(equation.status == "right" for equation in equations)
        wrong += any(equation.status == "wrong" for equation in equations)
    # Some of the published solutions do hold a false equation (`192*100=$1920`).
    assert right > 12_000
    assert wrong <= 12
