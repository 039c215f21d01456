"""The report of evaluations: results with their intervals, and what is missing is told."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gym_reason.cli import main
from gym_reason.errors import UsageError
from gym_reason.records import dump_line
from gym_reason.report import build_report
from tests.test_report import make_run, parse
from tests.test_report_episodes import ATTACK, make_episode

RESULT = {
    "env": "acme/Riddles-v0", "policy": "runs/demo", "agent": "answer", "tasks": 64, "samples": 2,
    "accuracy": 0.75, "interval": [0.6, 0.85], "pass_at": {"1": 0.75, "2": 0.9}, "reward": 0.7,
    "tokens": 31.5, "outcomes": {"fail": 30, "pass": 96, "unscorable": 2}, "unscorable": 2,
    "truncated": 0.125, "seconds": 75.0,
}  # fmt: skip


def make_evaluation(folder: Path, *results: Mapping[str, Any], asked: int = 128) -> Path:
    (folder / "trajectories").mkdir(parents=True)
    config = {"form": 1, "settings": {"env": ["acme/Riddles-v0"], "policy": ["runs/demo"]}}
    (folder / "config.json").write_text(json.dumps(config))
    summary = {"results": results, "completed": 128, "asked": asked}
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder


def test_one_result_is_told_in_a_sentence_and_in_numbers(tmp_path: Path) -> None:
    folder = make_evaluation(tmp_path / "first", RESULT)
    page = parse(build_report([folder], folder))
    assert (
        "runs/demo solved 75 % (95 % interval 60 % to 85 %) of 64 problems of acme/Riddles-v0, "
        "2 episodes on each."
    ) in page.shown
    cells = page.words[page.words.index("Who") :]
    assert [cells[cells.index(name)] for name in ("pass@1", "pass@2")] == ["pass@1", "pass@2"]
    for word in ("60 % to 85 %", "90 %", "31.5", "12.5 %", "1 min 15 s"):
        assert word in cells
    labels = [a.get("aria-label") for name, a in page.tags if name == "svg"]
    assert labels == ["runs/demo: 75 %", "pass 96, fail 30, unscorable 2"]


def test_several_are_told_apart(tmp_path: Path) -> None:
    other = RESULT | {"agent": "self-refine:rounds=2", "accuracy": None, "interval": None}
    far = RESULT | {"env": "acme/Exam-v0"}
    first = make_evaluation(tmp_path / "first", RESULT, other, far)
    second = make_evaluation(tmp_path / "second", RESULT)
    page = parse(build_report([first, second], tmp_path / "report.html"))
    assert "2 evaluations compared" in page.shown
    heads = [word for word in page.words if word.endswith((", first", ", second"))]
    assert "acme/Riddles-v0, runs/demo, self-refine:rounds=2, first" in heads
    assert "acme/Exam-v0, runs/demo, first" in heads
    assert "acme/Riddles-v0, runs/demo, second" in heads


def test_who_hears_the_reference_is_called_an_oracle(tmp_path: Path) -> None:
    folder = make_evaluation(tmp_path / "first", RESULT | {"oracle": True})
    assert "ORACLE: it hears the reference" in parse(build_report([folder], folder)).shown


def test_comparisons_are_shown(tmp_path: Path) -> None:
    folder = make_evaluation(tmp_path / "first", RESULT)
    summary = json.loads((folder / "summary.json").read_text())
    found = {"env": "acme/Riddles-v0", "first": "small", "second": "big", "difference": 0.125}
    found |= {"interval": [0.02, 0.23], "p_value": 0.012, "gained": [1, 2], "lost": [], "tasks": 64}
    summary["comparisons"] = [found, {"first": 3, "interval": "wide"}, 7]
    (folder / "summary.json").write_text(json.dumps(summary))
    page = parse(build_report([folder], folder))
    at = page.words.index("big than small")
    assert page.words[at + 2 : at + 8] == ["+12.5", "+2.0 to +23.0", "0.0120", "2", "0", "64"]


def test_its_episodes_can_be_looked_through(tmp_path: Path) -> None:
    folder = make_evaluation(tmp_path / "first", RESULT)
    envelope = {"env": "acme/Riddles-v0", "policy": "runs/demo", "agent": "answer", "sample": 0}
    row = json.loads(dump_line(make_episode(1)))
    (folder / "trajectories" / "episodes.jsonl").write_bytes(
        dump_line(envelope | row) + dump_line(envelope | row)[:-30]
    )
    page = parse(build_report([folder], folder))
    assert "1 episode. The arrow keys" in page.shown
    assert "One line of episodes.jsonl holds no episode" in page.shown


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    folder = make_evaluation(tmp_path / "short", RESULT, asked=200)
    assert "128 of 200 episodes were completed." in parse(build_report([folder], folder)).shown
    (folder / "summary.json").unlink()
    shown = parse(build_report([folder], folder)).shown
    assert "stopped before its end, or it still goes on" in shown
    assert "There are no results yet." in shown


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"[1]", b"[" * 100_000, b'{"results": 3}', b'{"results": [[], 1]}']
)
def test_a_broken_summary_does_not_stop_the_page(tmp_path: Path, content: bytes) -> None:
    folder = make_evaluation(tmp_path / "broken", RESULT)
    (folder / "summary.json").write_bytes(content)
    assert "There are no results yet." in parse(build_report([folder], folder)).shown


def test_results_of_any_form_are_shown_and_never_obeyed(tmp_path: Path) -> None:
    strange = {
        "env": 3, "policy": ATTACK, "agent": [], "accuracy": "1", "interval": [None, 2, 3],
        "outcomes": {"pass": "many", ATTACK: 3}, "pass_at": [1], "tasks": None, "tokens": {},
    }  # fmt: skip
    wild = RESULT | {"accuracy": 7.0, "interval": [-3, 9], "outcomes": {"pass": 0}}
    folder = make_evaluation(tmp_path / "strange", strange, wild)
    page = parse(build_report([folder], folder))
    assert page.count("img") == 0
    assert page.count("script") == 1
    assert "<script>alert(1)</script>" in page.shown


def test_runs_and_evaluations_are_not_mixed(tmp_path: Path) -> None:
    folders = [make_evaluation(tmp_path / "first", RESULT), make_run(tmp_path / "run", [])]
    with pytest.raises(UsageError, match="one kind"):
        build_report(folders, tmp_path / "report.html")


def test_the_command_takes_an_evaluation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_evaluation(tmp_path / "first", RESULT)
    assert main(["report", str(folder), "--json", "--episodes", "0"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["runs"][0]["results"][0]["accuracy"] == 0.75
    assert (folder / "report.html").exists()
    assert main(["report", str(folder), "--episodes", "-1"]) == 2
    assert "--episodes -1" in capsys.readouterr().err
