"""`gym-reason bench`: methods side by side, kept, shown again and drawn."""

import json
from pathlib import Path

import pytest

from gym_reason.cli import main
from gym_reason.cli.bench import table_of_speeds
from gym_reason.evaluate.machine import Speed

QUICK = ["--seeds", "1", "--steps", "2", "model.threads=1", "rl.tasks_per_step=4"]


def test_recipes_are_compared_with_their_controls_and_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, plot = tmp_path / "trainers.json", tmp_path / "trainers.svg"
    assert main(["bench", "trainers", "raft", "grpo", *QUICK, "--json", "--out", str(kept)]) == 0
    captured = capsys.readouterr()
    rows = json.loads(captured.out)
    assert {(row["recipe"], row["shuffled"]) for row in rows} == {
        ("raft", False),
        ("raft", True),
        ("grpo", False),
        ("grpo", True),
    }
    assert captured.err.count(" in ") == 4
    assert len(json.loads(kept.read_text("utf-8"))["runs"][0]["curve"]) == 2
    assert main(["bench", "trainers", "--redraw", str(kept), "--plot", str(plot)]) == 0
    table = capsys.readouterr().out
    assert "| raft, rewards shuffled |" in table
    assert "<svg" in plot.read_text("utf-8")


def test_bad_counts_are_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "trainers", "raft", "--seeds", "0"]) == 2
    assert "--seeds 0" in capsys.readouterr().err
    assert main(["bench", "trainers", "rafd"]) == 2
    assert "did you mean 'raft'" in capsys.readouterr().err


def test_an_earlier_result_that_is_not_there_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "trainers", "--redraw", str(tmp_path / "gone.json")]) == 2
    assert "gone.json" in capsys.readouterr().err


def test_the_machine_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "machine.json"
    assert main(["bench", "machine", "--rounds", "1", "--json", "--out", str(kept)]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record == json.loads(kept.read_text("utf-8"))
    assert {row["group"] for row in record["results"]} == {
        "environments",
        "verifiers",
        "engine",
        "rollout",
    }
    assert all(0 < row["low"] <= row["value"] <= row["high"] for row in record["results"])
    assert record["cores"] >= 1


def test_speeds_are_shown_as_a_table() -> None:
    speeds = [Speed("engine", "local", "tokens/s", 1234.5, 99.4, 2000.0)]
    assert table_of_speeds(speeds)[2] == "| engine | local | 1,234 | 99.4 | 2,000 | tokens/s |"


@pytest.mark.parametrize("words", [["grpo"], ["--plot", "x.svg"], ["--rounds", "0"]])
def test_what_the_machine_cannot_be_asked(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "machine", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1
