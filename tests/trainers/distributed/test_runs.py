"""Runs of two processes: what they end in is what one process ends in."""

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from gym_reason.records import read_jsonl
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.recipe import load_recipe
from gym_reason.trainers.train import train as train_alone
from tests.trainers.distributed.ranks import FSDP, SMALL, Ranks, start, train
from tests.trainers.rollouts.gated import CLOCKED
from tests.trainers.test_train import assert_same

NOISE = {"gap", "in_order", "drift"}
"""What is only rounding while the policy is still its reference."""
SYNC = {"sync_seconds", "sync_bytes", "canary_gap", "workers_lost", "replicas_lost"}
"""What only those tell of whose weights are elsewhere."""
SFT = (
    *("cold_start.steps=0", "sft.steps=2", "sft.batch_rows=5", "sft.packing=true", "rl.steps=0"),
    *("sft.max_tokens=40", "model.alphabet=0123456789s=+-,()"),
)
DPO = (
    *("preference.steps=2", "preference.tasks_per_round=8", "preference.samples_per_task=4"),
    *("preference.batch_rows=3", "cold_start.steps=0", "rl.steps=0"),
)


def alone(folder: Path, target: str, words: Sequence[str], *, resume: bool = False) -> Path:
    """Run a recipe in this process and return its folder."""
    train_alone(load_recipe(target, [*SMALL, *words]), folder, SilentObserver(), resume=resume)
    return folder


def together(
    folder: Path,
    target: str,
    words: Sequence[str],
    *,
    resume: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Ranks:
    """Run a recipe in two processes."""
    options = ["--resume"] if resume else []
    line = [target, *SMALL, *words, "--out", str(folder), *options]
    ranks = start(folder.parent, 2, train, line, environment=environment)
    codes = ranks.wait()
    assert codes == [0, 0], ranks.said(0) + ranks.said(1)
    return ranks


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [row for _, row in read_jsonl(folder / "metrics.jsonl")]


@pytest.fixture(scope="module")
def grpo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run of `grpo` in one process."""
    return alone(tmp_path_factory.mktemp("grpo") / "one", "grpo", ())


def assert_alike(left: Path, right: Path, within: float = 1e-5) -> None:
    """Assert equal episodes, losses within 1e-6 and weights within a distance."""
    assert all(row["updates"] for row in rows_of(left) if "updates" in row)
    for row, other in zip(rows_of(left), rows_of(right), strict=True):
        keys = row.keys() - CLOCKED - SYNC
        assert keys == other.keys() - CLOCKED - SYNC
        for key in keys - NOISE:
            if isinstance(row[key], float):
                assert row[key] == pytest.approx(other[key], abs=1e-6, rel=1e-6), key
            else:
                assert row[key] == other[key], key
    expected, found = (
        safetensors.torch.load_file(folder / "checkpoints/last/model/model.safetensors")
        for folder in (left, right)
    )
    assert expected.keys() == found.keys()
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], atol=within, rtol=0.0, msg=name)


def test_gradients_added_up_over_passes_are_those_of_one_large_pass(
    grpo: Path, tmp_path: Path
) -> None:
    # One row a pass, where the run beside it has all rows of a step in one.
    assert_alike(grpo, alone(tmp_path / "run", "grpo", ["rl.micro_batch_tokens=1"]), within=1e-6)


def test_grpo_in_two_processes_is_grpo_in_one(grpo: Path, tmp_path: Path) -> None:
    two = tmp_path / "two"
    ranks = together(two, "grpo", ())
    assert_alike(grpo, two)
    assert ranks.said(1) == ""
    assert "2 processes over gloo" in ranks.said(0)
    for name in ("rl-000001", "held-out-after"):
        played = [
            [row for _, row in read_jsonl(folder / f"trajectories/{name}.jsonl.zst")]
            for folder in (grpo, two)
        ]
        texts = [[turn["action"] for row in rows for turn in row["turns"]] for rows in played]
        assert texts[0] == texts[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "words", "sharded"),
    [
        ("sft", SFT, False),
        ("sft", SFT, True),
        ("dpo", DPO, False),
    ],
    ids=["packed rows", "packed rows, split weights", "dpo"],
)
def test_other_runs_in_two_processes_are_those_in_one(
    target: str, words: Sequence[str], sharded: bool, tmp_path: Path
) -> None:
    one, two = alone(tmp_path / "one", target, words), tmp_path / "two"
    together(two, target, words, environment=FSDP if sharded else {})
    assert_alike(one, two)


@pytest.mark.slow
def test_a_run_goes_on_in_another_number_of_processes(tmp_path: Path) -> None:
    # With split weights every pass is one of all processes, and theirs are not equally many.
    words = ("cold_start.steps=0", "rl.steps=3", "rl.micro_batch_tokens=40")
    whole = alone(tmp_path / "whole", "grpo", words)
    part = tmp_path / "part"
    shutil.copytree(whole, part, symlinks=True)
    for step in (2, 3):
        shutil.rmtree(part / f"checkpoints/step-{step:06d}")
    # From one process to two with split weights, and back.
    together(part, "grpo", words, resume=True, environment=FSDP)
    assert_alike(whole, part)
    assert not list((part / "checkpoints").glob(".*"))
    shutil.rmtree(part / "checkpoints/step-000003")
    alone(part, "grpo", words, resume=True)
    assert_alike(whole, part)
    optimisers = [
        torch.load(folder / "checkpoints/last/optimiser.pt", weights_only=True)
        for folder in (whole, part)
    ]
    assert optimisers[0]["state"].keys() == optimisers[1]["state"].keys()


@pytest.mark.slow
def test_a_run_goes_on_to_the_bit_after_a_process_was_killed(tmp_path: Path) -> None:
    words = ("cold_start.steps=0", "rl.steps=4")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    together(whole, "grpo", words)
    line = ["grpo", *SMALL, *words, "--out", str(killed)]
    ranks = start(tmp_path, 2, train, line)
    wait_for(killed / "checkpoints/step-000001")
    os.kill(ranks.processes[1].pid, signal.SIGKILL)
    assert ranks.wait() == [1, -signal.SIGKILL]
    said = ranks.said(0)
    assert f"gym-reason: rank 1 (process {ranks.processes[1].pid}) is gone" in said
    assert "Traceback" not in said
    together(killed, "grpo", words, resume=True)
    assert_same(whole, killed)


@pytest.mark.slow
def test_a_process_that_stands_still_ends_the_run_which_then_goes_on(tmp_path: Path) -> None:
    words = ("cold_start.steps=0", "rl.steps=4")
    whole, stopped, limit_s = tmp_path / "whole", tmp_path / "stopped", 3.0
    together(whole, "grpo", words)
    line = ["grpo", *SMALL, *words, f"model.peer_wait_s={limit_s}", "--out", str(stopped)]
    ranks = start(tmp_path, 2, train, line)
    wait_for(stopped / "checkpoints/step-000001")
    os.kill(ranks.processes[1].pid, signal.SIGSTOP)
    since = time.monotonic()
    ranks.processes[0].join(60.0)
    # 5 s are promised beyond the limit; the rest is for a machine with other work.
    assert time.monotonic() - since < limit_s + 5.0 + 10.0
    ranks.processes[1].kill()
    assert ranks.wait() == [1, -signal.SIGKILL]
    said = ranks.said(0)
    assert re.search(r"^gym-reason: waited 3 s .* rank 1 is at", said, re.MULTILINE), said
    assert "Traceback" not in said
    together(stopped, "grpo", [*words, "model.peer_wait_s=1800"], resume=True)
    assert_same(whole, stopped)


@pytest.mark.slow
def test_a_signal_to_one_process_stops_all_with_a_checkpoint(tmp_path: Path) -> None:
    words = ("cold_start.steps=0", "rl.steps=200")
    ranks = start(tmp_path, 2, train, ["grpo", *SMALL, *words, "--out", str(tmp_path / "run")])
    wait_for(tmp_path / "run/checkpoints/step-000001")
    os.kill(ranks.processes[1].pid, signal.SIGTERM)
    assert ranks.wait() == [128 + signal.SIGTERM] * 2
    assert "stopped by SIGTERM; go on with: gym-reason train --resume" in ranks.said(0)
    assert ranks.said(1) == ""
    state = json.loads((tmp_path / "run/checkpoints/last/state.json").read_text())
    assert state["steps"]["rl"] == len(rows_of(tmp_path / "run"))


def wait_for(path: Path) -> None:
    until = time.monotonic() + 100.0
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.02)
    assert path.exists()
