"""The command `train` as a person meets it: results, signals, kill -9, bad input."""

import contextlib
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
from tests.cli.commands import Command, CommandServer

SMALL = [
    *("model.threads=1", "model.matmul=highest", "model.size=0.1m", "evaluation.problems=16"),
    *("cold_start.steps=40", "cold_start.problems=50", "cold_start.batch_rows=8"),
    *("rl.steps=40", "rl.tasks_per_step=4", "rl.samples_per_task=4", "rl.minibatch_rows=4"),
    *("rl.filter=keep_all", "sampling.max_tokens=12"),
]


def train_afresh(*words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run `gym-reason train` as a shell does, in an interpreter of its own."""
    command = [sys.executable, "-m", "gym_reason", "train", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)


def steps_done(run: Path) -> int:
    """Return how many steps the metrics of a run hold."""
    file = run / "metrics.jsonl"
    return file.read_bytes().count(b"\n") if file.exists() else 0


def wait_for_steps(command: Command, run: Path, count: int) -> None:
    """Wait until a run has done `count` steps or is over."""
    deadline = time.monotonic() + 60
    while steps_done(run) < count and not command.is_over() and time.monotonic() < deadline:
        time.sleep(0.005)


def weights(run: Path) -> dict[str, torch.Tensor]:
    """Return a run's final weights."""
    return safetensors.torch.load_file(run / "checkpoints/last/model/model.safetensors")


def test_json_is_one_object_with_the_results(tmp_path: Path, commands: CommandServer) -> None:
    words = ["train", "demo", *SMALL, "rl.steps=2", "cold_start.steps=2", "--json"]
    done = commands.run(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert done.stdout.count("\n") == 1
    for key in ("accuracy_before", "accuracy_cold_start", "accuracy_after"):
        assert 0.0 <= result[key] <= 1.0
    assert result["run"] == "runs/demo"
    assert result["tokens"] > 0
    assert result["seconds"] > 0
    words = ["train", "demo", *SMALL, "rl.steps=1", "cold_start.steps=1"]
    again = commands.run(*words, cwd=tmp_path)
    assert "runs/demo-2/report.html" in again.stdout
    assert again.stdout.count("\n") == 3


@pytest.mark.slow
def test_a_run_killed_at_ten_random_moments_ends_in_the_same_bits(
    tmp_path: Path, commands: CommandServer
) -> None:
    # In an interpreter of its own, so that the two differ in their hashes too.
    whole = train_afresh("demo", *SMALL, "--out", "whole", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    draws = random.Random(5)
    stops = sorted(draws.sample(range(1, 80), 10))
    words = ["train", "demo", *SMALL, "--out", "killed"]
    for stop in stops:
        command = commands.start(*words, cwd=tmp_path)
        wait_for_steps(command, tmp_path / "killed", stop)
        time.sleep(draws.random() * 0.05)
        command.kill()
        words = ["train", "--resume", "--out", "killed"]
    done = commands.run(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    expected, found = weights(tmp_path / "whole"), weights(tmp_path / "killed")
    assert all(torch.equal(expected[name], found[name]) for name in expected)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_with_a_checkpoint_and_the_way_on(
    number: signal.Signals, tmp_path: Path, commands: CommandServer
) -> None:
    command = commands.start("train", "demo", *SMALL, "rl.steps=4000", cwd=tmp_path)
    wait_for_steps(command, tmp_path / "runs/demo", 45)
    command.send_signal(number)
    done = command.wait(30)
    assert done.returncode == 128 + number
    assert f"stopped by {number.name}; go on with: gym-reason train --resume" in done.stderr
    assert "Traceback" not in done.stderr
    state = json.loads((tmp_path / "runs/demo/checkpoints/last/state.json").read_text())
    assert sum(state["steps"].values()) == steps_done(tmp_path / "runs/demo")


def test_a_second_process_on_the_same_folder_is_refused(
    tmp_path: Path, commands: CommandServer
) -> None:
    first = commands.start("train", "demo", *SMALL, "rl.steps=4000", cwd=tmp_path)
    wait_for_steps(first, tmp_path / "runs/demo", 3)
    second = commands.run("train", "--resume", "--out", "runs/demo", cwd=tmp_path)
    first.kill()
    assert second.returncode == 1
    assert f"in use by process {first.pid}" in second.stderr
    assert second.stderr.count("\n") == 1


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


def fill(disk: Path, *, leave: int = 300_000) -> None:
    """Fills ``disk`` but for ``leave`` bytes, while the run goes on writing to it."""
    with (disk / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
        while os.statvfs(disk).f_bavail * 4096 > leave:
            filler.write(b"x" * 65536)


def test_a_disk_that_fills_up_costs_the_step_in_flight(
    small_disk: Path, tmp_path: Path, commands: CommandServer
) -> None:
    run = small_disk / "run"
    words = ["train", "demo", *SMALL, "rl.steps=4000", "--out", str(run)]
    command = commands.start(*words, cwd=tmp_path)
    wait_for_steps(command, run, 5)
    fill(small_disk)
    full = command.wait(60)
    assert full.returncode == 1
    assert "cannot write" in full.stderr
    assert "Traceback" not in full.stderr
    (small_disk / "filler").unlink()
    words = ["train", "--resume", "--out", str(run), "cold_start.steps=10", "rl.steps=2"]
    done = commands.run(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_dry_run_prints_a_recipe_that_train_reads(tmp_path: Path, commands: CommandServer) -> None:
    def show(*words: str) -> str:
        return commands.run("train", *words, "--dry-run", cwd=tmp_path).stdout

    shown = show("demo", "seed=3")
    (tmp_path / "mine.toml").write_text(shown)
    assert show("mine.toml") == shown
    assert "seed = 3" in shown
    assert show("demo", "--out", "x", "seed=3") == shown
    assert not (tmp_path / "runs").exists()


def test_list_names_every_recipe(tmp_path: Path, commands: CommandServer) -> None:
    listed = commands.run("train", "--list", cwd=tmp_path).stdout
    for name in ("demo", "r1-zero", "grpo", "dr-grpo", "dapo"):
        assert f"\n{name} " in f"\n{listed}"
