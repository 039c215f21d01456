"""The command `train` as a person meets it: results, signals, kill -9, bad input."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import safetensors.torch
import torch

from gym_reason.cli import main

COMMAND = [sys.executable, "-m", "gym_reason"]
SMALL = [
    *("model.threads=1", "model.matmul=highest", "model.size=0.1m", "evaluation.problems=16"),
    *("cold_start.steps=40", "cold_start.problems=50", "cold_start.batch_rows=8"),
    *("rl.steps=40", "rl.tasks_per_step=4", "rl.samples_per_task=4", "rl.minibatch_rows=4"),
    *("rl.filter=keep_all", "sampling.max_tokens=12"),
]


def train(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `gym-reason train`."""
    return subprocess.run(
        [*COMMAND, "train", *words], cwd=cwd, capture_output=True, text=True, timeout=120
    )


def start(*words: str, cwd: Path) -> subprocess.Popen[str]:
    """Start `gym-reason train` and let it run."""
    return subprocess.Popen(
        [*COMMAND, "train", *words],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def steps_done(run: Path) -> int:
    """Return how many steps the metrics of a run hold."""
    file = run / "metrics.jsonl"
    return file.read_bytes().count(b"\n") if file.exists() else 0


def wait_for_steps(process: subprocess.Popen[str], run: Path, count: int) -> None:
    """Wait until a run has done `count` steps or is over."""
    deadline = time.monotonic() + 60
    while steps_done(run) < count and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)


def weights(run: Path) -> dict[str, torch.Tensor]:
    """Return a run's final weights."""
    return safetensors.torch.load_file(run / "checkpoints/last/model/model.safetensors")


def test_json_is_one_object_with_the_results(tmp_path: Path) -> None:
    done = train("demo", *SMALL, "rl.steps=2", "cold_start.steps=2", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert done.stdout.count("\n") == 1
    for key in ("accuracy_before", "accuracy_cold_start", "accuracy_after"):
        assert 0.0 <= result[key] <= 1.0
    assert result["run"] == "runs/demo"
    assert result["tokens"] > 0
    assert result["seconds"] > 0
    again = train("demo", *SMALL, "rl.steps=1", "cold_start.steps=1", cwd=tmp_path)
    assert "runs/demo-2/report.html" in again.stdout
    assert again.stdout.count("\n") == 3


@pytest.mark.slow
def test_a_run_killed_at_ten_random_moments_ends_in_the_same_bits(tmp_path: Path) -> None:
    whole = train("demo", *SMALL, "--out", "whole", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    draws = random.Random(5)
    stops = sorted(draws.sample(range(1, 80), 10))
    words = ["demo", *SMALL, "--out", "killed"]
    for stop in stops:
        process = start(*words, cwd=tmp_path)
        wait_for_steps(process, tmp_path / "killed", stop)
        time.sleep(draws.random() * 0.05)
        process.kill()
        process.communicate()
        words = ["--resume", "--out", "killed"]
    done = train(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    expected, found = weights(tmp_path / "whole"), weights(tmp_path / "killed")
    assert all(torch.equal(expected[name], found[name]) for name in expected)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_with_a_checkpoint_and_the_way_on(
    number: signal.Signals, tmp_path: Path
) -> None:
    process = start("demo", *SMALL, "rl.steps=4000", cwd=tmp_path)
    wait_for_steps(process, tmp_path / "runs/demo", 45)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert f"stopped by {number.name}; go on with: gym-reason train --resume" in errors
    assert "Traceback" not in errors
    state = json.loads((tmp_path / "runs/demo/checkpoints/last/state.json").read_text())
    assert state["cold_start_steps"] + state["rl_steps"] == steps_done(tmp_path / "runs/demo")


def test_a_second_process_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    process = start("demo", *SMALL, "rl.steps=4000", cwd=tmp_path)
    try:
        wait_for_steps(process, tmp_path / "runs/demo", 3)
        second = train("--resume", "--out", "runs/demo", cwd=tmp_path)
        assert second.returncode == 1
        assert f"in use by process {process.pid}" in second.stderr
        assert second.stderr.count("\n") == 1
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["demmo"], 2, "did you mean 'demo'"),
        (["gym_reason/Arithmetics-v0"], 2, "did you mean 'gym_reason/Arithmetic-v0'"),
        (["demo", "rl.stepz=3"], 2, "did you mean 'steps'"),
        (["demo", "rl.steps=x"], 2, "of type str; expected int"),
        (["demo", "extra"], 2, "expected key=value"),
        (["demo", "env.kwargs.digit=3"], 2, "refused its arguments"),
        (["demo", "model.path=nowhere"], 2, "no folder nowhere"),
        (["demo", "model.size=9b"], 2, "no value of model.size '9b'"),
        (["missing.toml"], 2, "no file missing.toml"),
        (["--resume"], 2, "no run of 'demo'"),
        (["--resume", "--out", "nowhere"], 2, "nowhere holds no run"),
        (["demo", "--out", "/proc/run"], 1, "cannot write /proc/run"),
    ],
)
def test_bad_input_is_one_line_and_the_right_code(
    words: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", *words]) == code
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1, errors


def test_a_disk_that_fills_up_costs_the_step_in_flight(small_disk: Path, tmp_path: Path) -> None:
    run = small_disk / "run"
    process = start("demo", *SMALL, "rl.steps=4000", "--out", str(run), cwd=tmp_path)
    wait_for_steps(process, run, 5)
    free = os.statvfs(small_disk).f_bavail * 4096
    (small_disk / "filler").write_bytes(b"x" * max(free - 300_000, 0))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "cannot write" in errors
    assert "Traceback" not in errors
    (small_disk / "filler").unlink()
    done = train("--resume", "--out", str(run), "cold_start.steps=10", "rl.steps=2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_dry_run_prints_a_recipe_that_train_reads(tmp_path: Path) -> None:
    shown = train("demo", "seed=3", "--dry-run", cwd=tmp_path)
    (tmp_path / "mine.toml").write_text(shown.stdout)
    again = train("mine.toml", "--dry-run", cwd=tmp_path)
    assert again.stdout == shown.stdout
    assert "seed = 3" in shown.stdout
    assert train("--dry-run", "demo", "--out", "x", "seed=3", cwd=tmp_path).stdout == shown.stdout
    assert not (tmp_path / "runs").exists()


def test_list_names_every_recipe(tmp_path: Path) -> None:
    listed = train("--list", cwd=tmp_path).stdout
    for name in ("demo", "r1-zero", "grpo", "dr-grpo", "dapo"):
        assert f"\n{name} " in f"\n{listed}"
