"""What a verifier needs before its first row, and how long its rows may take."""

from pathlib import Path

import pytest

from gym_reason.errors import RunError
from gym_reason.registry import load_module
from gym_reason.types import Outcome, Task
from gym_reason.verifiers.builtin import make_verifier
from gym_reason.verifiers.capabilities import is_deterministic, needed_seconds
from gym_reason.verifiers.compose import all_of, first_that_applies, gate, weighted
from gym_reason.verifiers.judge.settings import JudgeSettings
from gym_reason.verifiers.judge.verifier import JudgeVerifier
from gym_reason.verifiers.pool import VerifierPool

HOSTILE = str(Path(__file__).with_name("hostile_verifiers.py"))
TASK = Task("t", (), "42")


@pytest.fixture(autouse=True)
def _hostile_verifiers() -> None:
    load_module(HOSTILE)


@pytest.mark.parametrize(
    "spec", ["slow_start", "overlong:9,inner=slow_start", "length:cosine,9,slow_start"]
)
def test_a_slow_start_is_no_part_of_the_first_rows_time(spec: str) -> None:
    with VerifierPool(spec, timeout_s=0.5, modules=[HOSTILE]) as pool:
        verdicts = list(pool.verify_many((TASK, text) for text in "abc"))
    assert [verdict.outcome for verdict in verdicts] == [Outcome.PASS] * 3


@pytest.mark.parametrize("spec", ["slow_start:failure=no such file", "overlong:9,inner=broken"])
def test_a_verifier_that_cannot_work_fails_the_run_and_says_why(spec: str) -> None:
    with (
        VerifierPool(spec, modules=[HOSTILE]) as pool,
        pytest.raises(RunError, match=r"^no such file; expected a model$"),
    ):
        pool.verify(TASK, "x")


@pytest.mark.parametrize("spec", ["code:docker", "code:docker:no-such-image"])
def test_programs_without_a_sandbox_fail_the_run(
    spec: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine.sock")
    with VerifierPool(spec) as pool, pytest.raises(RunError) as caught:
        pool.verify(TASK, "x")
    assert "\n" not in str(caught.value)
    assert "ocker" in str(caught.value)
    assert "another process" not in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "seconds"),
    [
        ("math", 5.0),
        ("code", 5.0),
        ("code:timeout=10", 11.0),
        ("slow_start:needs_s=20", 21.0),
        ("overlong:9", 5.0),
        ("overlong:9,inner=slow", 21.0),
        ("length:cosine,9,slow", 21.0),
        ("arithmetic_steps:slow", 21.0),
    ],
)
def test_the_limit_of_a_row_follows_what_the_verifier_needs(spec: str, seconds: float) -> None:
    with VerifierPool(spec) as pool:
        assert pool.timeout_s == seconds
    with VerifierPool(spec, timeout_s=2.0) as pool:
        assert pool.timeout_s == 2.0


def test_a_judge_has_the_time_that_its_settings_give_it() -> None:
    judge = JudgeVerifier(JudgeSettings(url="http://127.0.0.1:9/v1", model="m", max_total_s=30))
    with VerifierPool(judge) as pool:
        assert pool.timeout_s == 31.0


def test_a_composition_needs_what_its_parts_need() -> None:
    slow, exact = make_verifier("slow"), make_verifier("exact")
    composed = [
        weighted({"slow": (1.0, slow), "exact": (0.5, exact), "again": (0.5, slow)}),
        all_of(slow, exact, slow),
        gate(slow, slow),
        first_that_applies(exact, slow, slow),
    ]
    assert [needed_seconds(verifier) for verifier in composed] == [40.0] * 4
    assert [is_deterministic(verifier) for verifier in composed] == [False] * 4
    assert is_deterministic(gate(exact, exact))
    with VerifierPool(composed[2], timeout_s=0.5, modules=[HOSTILE]) as pool:
        assert pool.verify(TASK, "x").outcome is Outcome.PASS
