"""HumanEval: every reference solution passes, and none does whose last return is spoiled."""

import json
from pathlib import Path

import pytest

from gym_reason.types import Outcome
from gym_reason.verifiers.code import CodeVerifier
from tests.verifiers.code.judging import judge_all
from tests.verifiers.humaneval import broken_solution_of, reference_of, solution_of

pytestmark = pytest.mark.usefixtures("needs_bubblewrap")
VERIFIER = CodeVerifier("bubblewrap", timeout=10.0, feedback="test")


@pytest.fixture(scope="module")
def rows(shared_data: Path) -> list[dict[str, str]]:
    path = shared_data / "humaneval.jsonl"
    if not path.is_file():
        pytest.skip(f"no file {path}")
    return [json.loads(line) for line in path.read_text().split("\n") if line]


def test_reference_solutions_pass(rows: list[dict[str, str]]) -> None:
    verdicts = judge_all(VERIFIER, ((reference_of(row), solution_of(row), {}) for row in rows))
    failed = {row["task_id"]: v.detail for row, v in zip(rows, verdicts, strict=True)
              if not v.correct}  # fmt: skip
    assert failed == {}
    assert len(verdicts) == 164


def test_solutions_that_return_nothing_fail(rows: list[dict[str, str]]) -> None:
    verdicts = judge_all(
        VERIFIER, ((reference_of(row), broken_solution_of(row), {}) for row in rows)
    )
    wrong = {row["task_id"]: v for row, v in zip(rows, verdicts, strict=True)
             if v.outcome is not Outcome.FAIL or v.reward}  # fmt: skip
    assert wrong == {}


def test_an_empty_submission_fails(rows: list[dict[str, str]]) -> None:
    (verdict,) = judge_all(VERIFIER, [(reference_of(rows[0]), rows[0]["prompt"], {})])
    assert verdict.outcome is Outcome.FAIL
    assert verdict.feedback.startswith("0 of 7 tests passed.")
