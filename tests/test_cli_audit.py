"""`gym-reason audit`, run as the command does."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gym_reason.cli import main
from gym_reason.envs import TAKEN_IN
from gym_reason.registry import environments

ENVIRONMENTS = [
    f"gym_reason/{name}-v0"
    for name in (
        "Arithmetic", "CodeOutput", "Countdown", "Digits", "GraphColouring", "KnightsAndKnaves",
        "Metamath", "Mobile", "MobileScreen", "NaturalDeduction", "NaturalDeductionSteps",
        "Rewriting", "Steps", "Sudoku",
    )
]  # fmt: skip
SANDBOXED = [f"gym_reason/{name}-v0" for name in ("Code", "CodeDebug", "CodeEdit", "CodeRepair")]
LEAN, ROCQ = "gym_reason/Lean-v0", "gym_reason/Rocq-v0"
"""They need provers; tests/envs/proofs and tests/verifiers/proofs attack their verifiers."""
BAD = """
from gym_reason.registry import register_verifier
from gym_reason.types import Outcome, Verdict

@register_verifier("contains")
class Contains:
    name = "contains"
    audit_family = "text"

    def verify(self, task, submission):
        right = task.reference in submission
        return Verdict(float(right), right, Outcome.PASS if right else Outcome.FAIL)

@register_verifier("always_raises")
class Raises:
    name = "always_raises"

    def verify(self, task, submission):
        raise ValueError("\\x1b[2J")
"""
GSM8K = [
    {"question": "How much is 30 + 42?", "answer": "30 + 42 = 72\n#### 72"},
    {"question": "How much is 5 * 2?", "answer": "5 * 2 = 10\n#### 10"},
    {"question": "How much is 1.5 * 2.5?", "answer": "#### 3.75"},
]


@pytest.fixture
def bad_file(tmp_path: Path) -> Path:
    path = tmp_path / "bad_verifiers.py"
    path.write_text(BAD)
    return path


def run(*arguments: object) -> tuple[int, str, str]:
    """Run the command in a process of its own, for what it registers."""
    done = subprocess.run(
        [sys.executable, "-m", "gym_reason", "audit", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def audit_json(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main(["audit", *map(str, arguments), "--json", "--workers", "1"]) == 0
    captured = capsys.readouterr()
    assert captured.out.count("\n") == 1
    report: dict[str, Any] = json.loads(captured.out)
    return report


@pytest.mark.parametrize("env_id", ENVIRONMENTS)
def test_the_embedded_environments_are_judged_rightly(
    env_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    report = audit_json(capsys, env_id, "--limit", 10)
    assert report["subject"] == env_id
    assert report["false_positives"]["wrong"] == report["false_negatives"]["wrong"] == 0
    assert report["false_positives"]["judged"] > 500
    assert report["cases"] == 10


def test_every_embedded_environment_is_audited_here() -> None:
    known = {name for name in environments if name.startswith("gym_reason/")} - {*TAKEN_IN}
    assert {*ENVIRONMENTS, *SANDBOXED, LEAN, ROCQ} == known


@pytest.mark.usefixtures("needs_bubblewrap")
@pytest.mark.parametrize("env_id", SANDBOXED)
def test_the_environments_that_run_programs_are_judged_rightly(
    env_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    report = audit_json(capsys, env_id, "--limit", 1, "--set", "timeout=1")
    assert report["false_positives"]["wrong"] == report["false_negatives"]["wrong"] == 0
    assert report["false_positives"]["judged"] > 100


@pytest.mark.usefixtures("needs_lean")
def test_lean_is_judged_rightly(capsys: pytest.CaptureFixture[str]) -> None:
    report = audit_json(capsys, LEAN, "--limit", 1)
    assert report["false_positives"]["wrong"] == report["false_negatives"]["wrong"] == 0


def test_the_tasks_of_a_split_and_of_settings_are_used(
    capsys: pytest.CaptureFixture[str],
) -> None:
    digits = ("gym_reason/Digits-v0", "--set", "operation=max", "count=2")
    train = audit_json(capsys, *digits, "--split", "train")
    test = audit_json(capsys, *digits, "--split", "test")
    # Only a hundred rows of two digits exist, and a tenth of them is the test split.
    assert train["cases"] > test["cases"] > 0
    assert train["verifier"] == "exact"


def test_rows_like_those_of_gsm8k_are_tasks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_rows(tmp_path / "rows.jsonl", GSM8K)
    fields = ("--field", "reference=answer", "--field", "prompt=question")
    report = audit_json(capsys, "math:strict", "--rows", path, *fields)
    assert report["cases"] == 3
    assert report["false_positives"]["wrong"] == report["false_negatives"]["wrong"] == 0
    assert any(row["kind"] == "prompt echo" and row["judged"] == 3 for row in report["kinds"])
    assert audit_json(capsys, "math:strict", "--rows", path, *fields, "--limit", 2)["cases"] == 2


def test_a_bad_verifier_is_exposed_and_can_fail_the_command(bad_file: Path) -> None:
    code, out, error = run("contains", "--load", bad_file, "--limit", 5, "--fail-above", "0.01")
    assert (code, error) == (1, "")
    lines = out.splitlines()
    assert lines[0].startswith("contains: 5 tasks, ")
    assert lines[1].split() == ["must", "probes", "wrong", "of", "rate", "95%", "interval",
                                "unscorable"]  # fmt: skip
    assert any(line.startswith("not pass  hedging") and "100.00%" in line for line in lines)
    assert any(line.startswith("wrongly passed") and "several answers" in line for line in lines)
    assert "'Paris or " in out
    assert out.isascii()
    code, _, _ = run("contains", "--load", bad_file, "--limit", 5, "--fail-above", "1")
    assert code == 0


def test_every_submission_is_written_with_its_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.jsonl"
    report = audit_json(capsys, "exact", "--limit", 2, "--out", out)
    rows = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert len(rows) == sum(report["outcomes"].values())
    assert all(row["should_pass"] is row["correct"] and row["wrong"] is False for row in rows)
    # Such a file can be judged again.
    assert main(["verify", "exact", str(out), "--json", "--workers", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["correct"] == report["outcomes"]["pass"]


def test_a_solution_may_be_made_of_several_columns(
    tmp_path: Path, bad_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"id": "a", "head": "blue ", "tail": "whale", "reference": "blue whale"}]
    path = write_rows(tmp_path / "rows.jsonl", rows)
    report = audit_json(capsys, "exact", "--rows", path, "--field", "solution=head+tail")
    assert report["false_negatives"]["wrong"] == 0
    # A family of the user's choice instead of the one that the verifier declares.
    report = audit_json(capsys, "exact", "--rows", path, "--family", "any")
    assert report["families"] == ["answer", "any"]


def test_human_eval_rows_become_tests(tmp_path: Path) -> None:
    from gym_reason.cli.audit_tasks import _read_cases
    from gym_reason.verifiers.audit import Contract

    row = {
        "prompt": "def two():\n",
        "canonical_solution": "    return 2\n",
        "test": "def check(candidate):\n    assert candidate() == 2\n",
        "entry_point": "two",
    }
    path = write_rows(tmp_path / "rows.jsonl", [row])
    columns = {"solution": "prompt+canonical_solution"}
    (case,) = _read_cases(path, columns, Contract(frozenset({"code"})), 5)
    assert case.solutions == ("def two():\n    return 2\n",)
    tests = json.loads(case.task.reference)
    assert (tests["type"], tests["entry"]) == ("assert", "two")
    scope: dict[str, Any] = {}
    exec(f"{case.solutions[0]}\n{tests['code']}", scope)  # the row above, and nothing else


def test_the_table_of_a_terminal_holds_the_same_rows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["audit", "answer_tags", "--workers", "1"]) == 0
    shown = capsys.readouterr().out
    assert "marker forgery" in shown
    assert "\u2502" in shown


def test_nothing_but_unscorable_verdicts_is_a_failed_run(tmp_path: Path, bad_file: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", [{"reference": "5"}])
    code, out, error = run("always_raises", "--load", bad_file, "--rows", path)
    assert code == 1
    assert "unscorable" in out
    assert error.count("\n") == 1
    assert "\x1b" not in out + error


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("maths",), "did you mean 'math'"),
        (("gym_reason/Digit-v0",), "did you mean 'gym_reason/Digits-v0'"),
        (("repetition",), "shape of a text"),
        (("math", "--limit", "0"), "--limit 0"),
        (("math", "--fail-above", "2"), "a rate from 0 to 1"),
        (("math", "--workers", "0"), "--workers 0"),
        (("math", "--split", "test"), "an environment"),
        (("math", "--field", "reference=answer"), "--rows"),
        (("math", "--rows", "no_such_file.jsonl"), "no_such_file.jsonl"),
        (("math", "--rows", "{rows}", "--field", "answer=x"), "no field 'answer'"),
        (("math", "--rows", "{rows}", "--field", "reference"), "NAME=COLUMN"),
        (("math", "--rows", "{rows}"), "line 1 of"),
        (("math", "--rows", "{rows}", "--field", "reference=y"), "no column 'y'"),
        (("gym_reason/Steps-v0", "--rows", "{rows}"), "expected a verifier"),
        (("gym_reason/Steps-v0", "--split", "nowhere"), "no split 'nowhere'"),
        (("math", "--out", "."), "folder"),
    ],
)
def test_wrong_usage_is_one_line(
    arguments: tuple[str, ...],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", [{"question": "?", "answer": "5"}])
    given = [str(rows) if argument == "{rows}" else argument for argument in arguments]
    assert main(["audit", *given]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert words in captured.err
