"""`gym-reason bench`: methods side by side, kept, shown again and drawn."""

import json
from pathlib import Path

import pytest

from gym_reason.cli import main

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
