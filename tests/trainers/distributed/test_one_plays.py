"""Runs of two processes of which one plays all the episodes: ahead, or by a server that runs."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from gym_reason.agents.engines.vllm.server import GENERATE
from gym_reason.trainers.model.learner import build_learner
from gym_reason.trainers.recipe import load_recipe
from tests.agents.loop_backends import LoopServer, run_server
from tests.trainers.distributed.ranks import FSDP, SMALL, Ranks, start, train
from tests.trainers.distributed.test_runs import (
    alone,
    assert_alike,
    rows_of,
    together,
    wait_for,
)

AHEAD = ("cold_start.steps=0", "rl.steps=3", "rollout.ahead=1")
BY_SERVER = ("engine=server", "vllm.sync=folder")
FAILED = (500, b'{"error": {"message": "out of memory"}}')


@pytest.fixture
def server() -> Iterator[LoopServer]:
    """Lend a server that runs already, with a model of the runs' shape."""
    torch.set_num_threads(1)
    model = build_learner(load_recipe("grpo", SMALL).model, 1, None).model
    with run_server(model) as server:
        yield server


def begin(folder: Path, server: LoopServer, *words: str) -> Ranks:
    """Start a run of two processes by a server; checkpoints are not due before its end."""
    line = ("cold_start.steps=0", "rl.steps=50", "checkpoint.every_steps=100", *words)
    url = f"vllm.base_url={server.url}"
    return start(
        folder, 2, train, ["grpo", *SMALL, *line, *BY_SERVER, url, "--out", str(folder / "run")]
    )


def test_episodes_ahead_are_those_of_one_process(tmp_path: Path) -> None:
    one, two = alone(tmp_path / "one", "grpo", AHEAD), tmp_path / "two"
    together(two, "grpo", AHEAD)
    assert [row["staleness_most"] for row in rows_of(two)] == [0, 1, 1]
    assert_alike(one, two)


@pytest.mark.slow
def test_a_server_that_runs_gets_whole_weights_from_one_process(
    server: LoopServer, tmp_path: Path
) -> None:
    one, two = alone(tmp_path / "one", "grpo", ()), tmp_path / "two"
    words = (*BY_SERVER, f"vllm.base_url={server.url}")
    together(two, "grpo", words, environment=FSDP)
    assert server.asked.count("/init_weight_transfer_engine") == 1
    assert all(row["canary_gap"] < 1e-5 for row in rows_of(two) if "canary_gap" in row)
    assert_alike(one, two)


@pytest.mark.slow
def test_a_run_ahead_goes_on_in_another_number_of_processes(tmp_path: Path) -> None:
    whole, part = alone(tmp_path / "whole", "grpo", AHEAD), tmp_path / "part"
    shutil.copytree(whole, part, symlinks=True)
    for step in (2, 3):
        shutil.rmtree(part / f"checkpoints/step-{step:06d}")
    together(part, "grpo", AHEAD, resume=True, environment=FSDP)
    assert_alike(whole, part)
    for step in (2, 3):
        shutil.rmtree(part / f"checkpoints/step-{step:06d}")
    alone(part, "grpo", AHEAD, resume=True)
    assert_alike(whole, part)


def fail(ranks: Ranks, server: LoopServer) -> None:
    """Have the server fail, so that the playing of rank 0 does."""
    server.answers[GENERATE] = FAILED


def interrupt(ranks: Ranks, server: LoopServer) -> None:
    """Press Ctrl-C at rank 0, which waits for a server that is silent, as rank 1 waits for it."""
    server.silent.set()
    time.sleep(1.0)
    os.kill(ranks.processes[0].pid, signal.SIGINT)


def kill(ranks: Ranks, server: LoopServer) -> None:
    """Kill rank 1 while rank 0 waits for a server that is silent."""
    server.silent.set()
    time.sleep(1.0)
    os.kill(ranks.processes[1].pid, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "act", "codes", "said", "saves"),
    [
        ((), fail, [1, 1], "out of memory", True),
        (("rollout.ahead=1",), fail, [1, 1], "out of memory", True),
        (("rollout.ahead=1",), interrupt, [130, 130], "stopped by SIGINT", True),
        ((), kill, [1, -9], "gym-reason: rank 1 (process ", False),
    ],
    ids=["a failure", "a failure ahead", "Ctrl-C ahead", "kill -9"],
)
def test_the_end_of_one_is_the_end_of_both(
    words: tuple[str, ...],
    act: Callable[[Ranks, LoopServer], None],
    codes: list[int],
    said: str,
    saves: bool,
    server: LoopServer,
    tmp_path: Path,
) -> None:
    ranks, run = begin(tmp_path, server, *words), tmp_path / "run"
    wait_for(run / "trajectories/rl-000002.jsonl.zst")
    act(ranks, server)
    acted = time.monotonic()
    assert ranks.wait() == codes, ranks.said(0) + ranks.said(1)
    assert time.monotonic() - acted < 60.0
    assert said in ranks.said(0)
    assert "Traceback" not in ranks.said(0)
    assert ranks.said(1) == ""
    # All processes have taken part in it, though none was due.
    steps = [path.name for path in (run / "checkpoints").glob("step-*")]
    assert steps == ([f"step-{len(rows_of(run)):06d}"] if saves else [])
