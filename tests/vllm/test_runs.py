"""Whole runs on vLLM: in this process, behind a server, and killed in the middle."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.recipe import Recipe, load_recipe
from gym_reason.trainers.train import train

SMALL = (
    *("model.threads=1", "model.matmul=highest", "model.size=0.1m", "evaluation.problems=8"),
    *("cold_start.steps=0", "rl.steps=10", "rl.tasks_per_step=8", "rl.samples_per_task=8"),
    *("rl.minibatch_rows=16", "sampling.max_tokens=8", "rl.log_groups=0"),
    *("env.id=gym_reason/Digits-v0", "env.kwargs={operation='sort',count=2}"),
    *("model.alphabet=0123456789s=", "rl.refill_batches=0", "vllm.max_rows=64"),
)


def small(*overrides: str) -> Recipe:
    """Return ten steps of GRPO on a task with partial credit, which random weights earn."""
    return load_recipe("grpo", [*SMALL, *overrides])


def steps_of(folder: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text("utf-8").splitlines()]
    return [row for row in rows if row["stage"] == "rl"]


@pytest.mark.parametrize(
    "overrides",
    [
        ("engine=vllm",),
        ("engine=vllm", "vllm.own_seeds=false"),
        ("engine=vllm", "adapter.kind=lora"),
        ("engine=server",),
    ],
    ids=lambda overrides: " ".join(overrides),
)
def test_ten_steps_of_grpo_with_syncs(overrides: tuple[str, ...], tmp_path: Path) -> None:
    recipe = small(*overrides)
    train(recipe, tmp_path / "run", SilentObserver())
    rows = steps_of(tmp_path / "run")
    assert len(rows) == 10
    updated = [row for row in rows if row["updates"]]
    assert len(updated) >= 8
    for row in updated:
        assert row["gap"] < 1e-3
        assert row["canary_gap"] < 1e-3
        assert row["sync_seconds"] < recipe.vllm.timeout_s


def command(folder: Path, *words: str) -> list[str]:
    recipe = (*SMALL, "engine=server", "rl.steps=60", *words)
    return [sys.executable, "-m", "gym_reason", "train", "grpo", *recipe, "--out", str(folder)]


def children_of(pid: int) -> list[int]:
    """Return the processes that a process started, in every thread, and those that they did."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, path.read_text().split()):
            found += [child, *children_of(child)]
    return found


def wait_for_steps(run: "subprocess.Popen[Any]", folder: Path, count: int) -> None:
    metrics = folder / "metrics.jsonl"
    while run.poll() is None and not (metrics.exists() and len(steps_of(folder)) >= count):
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize("whom", ["server", "engine"])
def test_an_engine_that_is_killed_stops_the_run_which_then_goes_on(
    whom: str, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    run = subprocess.Popen(command(folder), stderr=subprocess.PIPE, text=True)
    try:
        wait_for_steps(run, folder, 3)
        server, *below = children_of(run.pid)
        os.kill(server if whom == "server" else below[-1], signal.SIGKILL)
        _, said = run.communicate(timeout=120)
    finally:
        run.kill()
        run.wait()
    assert run.returncode == 1, said
    last = said.strip().splitlines()[-1]
    assert "vLLM server" in last
    assert not any(map(alive, [server, *below]))
    done = len(steps_of(folder))
    assert 3 <= done < 60
    resumed = command(folder, f"rl.steps={done + 2}")
    assert subprocess.run([*resumed, "--resume"], check=False).returncode == 0
    assert len(steps_of(folder)) == done + 2


def test_a_run_that_is_killed_takes_its_server_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run = subprocess.Popen(command(folder))
    try:
        wait_for_steps(run, folder, 1)
        started = children_of(run.pid)
    finally:
        run.kill()
        run.wait()
    assert len(started) >= 2
    deadline = time.monotonic() + 60
    while any(map(alive, started)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(alive, started))
