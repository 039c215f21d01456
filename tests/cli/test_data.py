"""`gym-reason data`: files in, files and one table out, every dropped row with its reason."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gym_reason.agents.models import build_preset, save_model
from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.cli import main
from gym_reason.envs.tables import read_rows

ARITHMETIC = "gym_reason/Arithmetic-v0"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model with random weights and 128 positions."""
    folder = tmp_path_factory.mktemp("model")
    tokenizer = build_character_tokenizer("".join(map(chr, range(32, 127))))
    save_model(build_preset("0.1m", len(tokenizer), max_positions=128, seed=2), tokenizer, folder)
    return folder


@pytest.fixture
def demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A file of 24 demonstrations of sums."""
    path = tmp_path / "demo.jsonl"
    words = [ARITHMETIC, "digits=1", "--policy", "engine:oracle", "--samples", 1, "--tasks", 24]
    run(capsys, "rejection", *words, "--workers", 0, "--out", path)
    return path


def run(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> dict[str, Any]:
    """Run the command with `--json` and return what it printed."""
    capsys.readouterr()
    found = main(["data", *map(str, words), "--json"])
    captured = capsys.readouterr()
    assert found == code, captured.err
    assert captured.out.count("\n") == 1
    result: dict[str, Any] = json.loads(captured.out)
    assert result["read"] >= result["kept"] + sum(result["dropped"].values())
    return result


def refuse(capsys: pytest.CaptureFixture[str], *words: object, code: int = 2) -> str:
    """Run the command, which must print one line on stderr alone, and return it."""
    capsys.readouterr()
    assert main(["data", *map(str, words)]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1, captured.err
    return captured.err


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [row for _, row in read_rows(path)]


def test_rejection_keeps_no_row_that_was_refused(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, report = tmp_path / "out.parquet", tmp_path / "dropped.jsonl"
    words = ["rejection", ARITHMETIC, "digits=1", "--samples", 1, "--tasks", 12]
    found = run(capsys, *words, "--policy", "engine:oracle", "--out", out)
    assert (found["kept"], found["pass_rate"], found["tasks_solved"]) == (12, 1.0, 12)
    for row in rows_of(out):
        assert row["source"] == ARITHMETIC
        assert row["teacher_id"] == "engine:oracle"
        assert row["verify_score"] == 1.0
        assert row["messages"][-1]["content"] == row["response"]
    again = tmp_path / "again.jsonl"
    judge = ["rejection", out, "--verifier", "math:strict,plain=true", "--out", again]
    assert run(capsys, *judge)["kept"] == 12
    absent = tmp_path / "absent.jsonl"
    limits = ["--policy", model, "--max-tokens", 4, "--workers", 0, "--report", report]
    line = refuse(capsys, *words, *limits, "--out", absent, code=1)
    assert "none of 12 rows was kept (refused by the verifier: 12)" in line
    assert str(report) in line
    assert not absent.exists()
    dropped = rows_of(report)
    assert len(dropped) == 12
    assert {row["reason"] for row in dropped} == {"refused by the verifier"}


def test_ifd_writes_scores_and_reports_the_others(
    demo: Path, tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with demo.open("a", encoding="utf-8") as file:
        file.write('{"prompt": "1+1=", "response": ""}\n{\n{"prompt": "é", "response": "2"}\n')
    out, report = tmp_path / "out.jsonl.zst", tmp_path / "dropped.jsonl"
    words = ["ifd", demo, "--policy", model, "--keep", 0.25, "--out", out, "--report", report]
    found = run(capsys, *words)
    assert found["read"] == 27
    assert found["kept"] == 6
    assert found["dropped"]["empty response"] == found["dropped"]["broken row"] == 1
    assert found["dropped"]["characters that the tokenizer lacks"] == 1
    scores = [row["ifd"] for row in rows_of(out)]
    assert scores == sorted(scores, reverse=True)
    assert found["ifd"] == {"highest": scores[0], "lowest": scores[-1]}
    assert {row["where"] for row in rows_of(report)} >= {"line 25", "line 26", "line 27"}
    before = out.read_bytes()
    run(capsys, *words)
    assert out.read_bytes() == before
    options = ["--pre-experience", "--clusters", 2, "--each", 2, "--lr", 0.001]
    run(capsys, *words, *options)
    assert [row["ifd"] for row in rows_of(out)] != scores


def test_mine_measures_fits_and_searches(
    demo: Path, tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, fit = tmp_path / "out.jsonl", tmp_path / "fit.jsonl"
    words = ["mine", demo, "--policy", model, "--fit", fit, "--out", out]
    training = ["--eval", demo, "--lr", 0.001, "--subset-rows", 6, "--sizes", "6,12"]
    found = run(capsys, *words, "--fit-runs", 7, *training)
    assert len(rows_of(fit)) == found["measurements"] == 7
    assert 0.0 <= found["r2"] <= 1.0
    losses = {int(size): loss for size, loss in found["eval_loss_by_size"].items()}
    assert {6, 12} < set(losses)
    assert found["kept"] == min(losses, key=lambda size: (losses[size], size))
    expected = [row["expected_log_loss"] for row in rows_of(out)]
    assert expected == sorted(expected)
    found = run(capsys, *words, "--size", 5)
    assert found["kept"] == 5
    assert "eval_loss_by_size" not in found
    assert str(fit) in refuse(capsys, *words, "--fit-runs", 3, *training)
    assert "--eval" in refuse(capsys, *words)
    assert "--fit-runs" in refuse(
        capsys, "mine", demo, "--policy", model, "--fit", tmp_path / "no", "--size", 1, "--out", out
    )


def test_screen_splits_before_it_samples(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, held = tmp_path / "train.jsonl", tmp_path / "eval.jsonl"
    words = ["screen", demo, "--at-least", "verify_score=0.9", "--eval-out", held, "--out", out]
    found = run(capsys, *words, "--eval-share", 0.3, "--sample", 10, "--by", "task_id")
    assert found["kept"] == 10
    assert found["evaluation_rows"] == len(rows_of(held)) > 0
    assert found["read"] == 24
    prompts = {row["prompt"] for row in rows_of(out)}
    assert not prompts & {row["prompt"] for row in rows_of(held)}
    line = refuse(capsys, "screen", demo, "--against", demo, "--out", out, code=1)
    assert "shares words with the test file: 24" in line
    assert "--against" in refuse(capsys, "screen", demo, "--similar", 0.9, "--out", out)


def test_check_is_one_table_and_may_fail(
    demo: Path, tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(capsys, "check", demo, "--policy", model)
    assert (found["kept"], found["dropped"], found["kinds"]) == (24, {}, {"demo": 24})
    thoughts = len("<think>") + len("</think>") - 2  # each is one token
    learned = sum(len(row["response"]) - thoughts for row in rows_of(demo))
    assert found["tokens_to_learn"] == learned
    assert len(found["tokenizer_hash"]) == len(found["template_hash"]) == 16
    out = tmp_path / "sound.jsonl"
    with demo.open("a", encoding="utf-8") as file:
        file.write('{"prompt": "1+1=", "response": " "}\n')
    assert run(capsys, "check", demo, "--out", out)["kept"] == len(rows_of(out)) == 24
    assert run(capsys, "check", demo, "--strict", code=1)["dropped"] == {"empty loss mask": 1}
    capsys.readouterr()
    assert main(["data", "check", str(demo)]) == 0
    shown = capsys.readouterr().out
    assert "dropped: empty loss mask  1\n" in shown
    assert "licences                  (none) 24\n" in shown
    assert "did you mean 'pair'" in refuse(capsys, "check", demo, "--kind", "pairs")


def test_self_instruct_says_so_where_nothing_is_whole(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seeds = tmp_path / "seeds.jsonl"
    lines = [json.dumps({"task": f"{letter} {letter}"}) for letter in "abcdefghij"]
    seeds.write_text("\n".join(lines))
    words = ["self-instruct", seeds, "--field", "prompt=task", "--policy", model, "--count", 3]
    words += ["--min-words", 1, "--max-tokens", 12, "--temperature", 1, "--top-p", 1]
    words += ["--no-answers", "--patience", 6]
    # A model of random weights writes no numbered list and fills its limit: nothing is whole.
    line = refuse(capsys, *words, "--out", tmp_path / "a.jsonl", code=1)
    assert "no row to keep" in line or "none of" in line
    assert "no text in the column 'prompt'" in refuse(
        capsys, "self-instruct", seeds, "--policy", model, "--count", 1, "--out", seeds
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["check", "no.jsonl"], "no file no.jsonl"),
        (["ifd", "no.jsonl", "--policy", "x", "--out", "a.txt"], ".parquet"),
        (["ifd", "no.jsonl", "--policy", "x", "--out", "no/a.jsonl"], "no folder no"),
        (["ifd", "no.jsonl", "--policy", "x", "--out", ".jsonl", "--keep", "2"], "--keep 2.0"),
        (["ifd", "no.jsonl", "--policy", "x", "--out", "a.jsonl", "--each", "0"], "--each 0"),
        (["ifd", "no.jsonl", "--policy", "x", "--out", "a.jsonl", "--lr", "nan"], "--lr nan"),
        (["rejection", "a/B-v0", "--out", "a.jsonl"], "--policy PATH"),
        (["rejection", "f", "--verifier", "math", "--policy", "x", "--out", "a.jsonl"], "one file"),
        (["rejection", "a/B-v0", "--policy", "x", "--out", "a.jsonl"], "a/B-v0"),
        (["screen", "no.jsonl", "--filter", "longg", "--out", "a.jsonl"], "no filter 'longg'"),
        (["screen", "no.jsonl", "--field", "x=y", "--out", "a.jsonl"], "no field 'x'"),
    ],
)
def test_wrong_usage_is_one_line(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in refuse(capsys, *words)


def test_devices_are_written_to_and_never_replaced(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "ending" in refuse(capsys, "screen", demo, "--out", os.devnull)
    assert not Path(os.devnull).is_file()


def test_ctrl_c_leaves_no_half_file(tmp_path: Path) -> None:
    script, started = tmp_path / "slow.py", tmp_path / "started"
    script.write_text(
        "import pathlib, time\n"
        "from gym_reason.registry import register_verifier\n"
        "from gym_reason.types import Outcome, Verdict\n"
        "class Slow:\n"
        "    name = 'slow'\n"
        "    def verify(self, task, submission):\n"
        f"        pathlib.Path({str(started)!r}).touch()\n"
        "        time.sleep(0.2)\n"
        "        return Verdict(1.0, True, Outcome.PASS)\n"
        "register_verifier('slow')(Slow)\n"
    )
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"id": 1, "response": "a"}\n' * 1000)
    out = tmp_path / "out.jsonl"
    command = [sys.executable, "-m", "gym_reason", "data", "rejection", str(rows)]
    options = ["--verifier", "slow", "--load", str(script), "--out", str(out), "--workers", "1"]
    process = subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not started.exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    shown, said = process.communicate(timeout=60)
    assert (process.returncode, shown) == (130, "")
    assert said == "gym-reason: stopped by Ctrl-C\n"
    left = {path.name for path in tmp_path.iterdir()} - {"__pycache__"}
    assert left == {"rows.jsonl", "slow.py", "started"}
