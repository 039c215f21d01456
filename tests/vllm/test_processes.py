"""Two training processes on vLLM servers: one for each, or one that runs already."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from gym_reason.agents.engines.vllm.child import find_free_port, server_command
from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.trainers.model.learner import build_learner
from gym_reason.trainers.recipe import load_recipe
from tests.trainers.distributed.ranks import FSDP, start, train
from tests.vllm.test_runs import SMALL, alive, children_of, steps_of

STEPS = (*SMALL, "rl.steps=4", "engine=server", "rl.filter=keep_all", "rl.refill_batches=0")

LARGER = "model.size=3m"
"""Has heads that vLLM knows on a CPU; smaller models' are widened for a server of ours alone."""


def run_two(folder: Path, *words: str, environment: Mapping[str, str] | None = None) -> None:
    """Train in two processes."""
    line = ["grpo", *STEPS, *words, "--out", str(folder)]
    ranks = start(folder.parent, 2, train, line, environment=environment, patience_s=400.0)
    codes = ranks.wait()
    assert codes == [0, 0], ranks.said(0) + ranks.said(1)
    assert ranks.said(1) == ""


def assert_synced(folder: Path) -> None:
    """Assert that what was sampled is of the weights in training, at every step."""
    rows = steps_of(folder)
    assert len(rows) == 4
    assert all(row["updates"] for row in rows)
    assert all(row["gap"] < 1e-3 and row["canary_gap"] < 1e-3 for row in rows)


@pytest.mark.parametrize("environment", [{}, FSDP], ids=["whole weights", "split weights"])
def test_each_process_has_a_server_of_its_own(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    run_two(folder, environment=environment)
    assert_synced(folder)
    assert {path.name for path in folder.glob("vllm*")} == {"vllm-0.log", "vllm-1.log"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Start a server as docs/engines.md has it; return its address."""
    recipe = load_recipe("grpo", [*SMALL, LARGER])
    learner = build_learner(recipe.model, 1, None)
    learner.model.config.architectures = [type(learner.model).__name__]
    learner.model.save_pretrained(str(tmp_path / "model"))
    build_character_tokenizer(recipe.model.alphabet).save_pretrained(str(tmp_path / "model"))
    port = find_free_port()
    arguments = {
        "model": str(tmp_path / "model"),
        "enable_scale_out": True,
        "skip_tokenizer_init": True,
        "logprobs_mode": "processed_logprobs",
        "weight_transfer_config": {"backend": "gym_reason"},
        "dtype": "float32",
        "enforce_eager": True,
    }
    variables = {
        "VLLM_SERVER_DEV_MODE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_CPU_KVCACHE_SPACE": "1",
    }
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen(
            server_command(arguments, port),
            env=os.environ | variables,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        ask = [sys.executable, "-c", f"import urllib.request as u; u.urlopen('{url}/health')"]
        until = time.monotonic() + 200.0
        while subprocess.run(ask, stderr=subprocess.DEVNULL, check=False).returncode:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(1.0)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def test_a_server_that_runs_is_asked_by_the_main_process_alone(server: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run_two(folder, LARGER, f"vllm.base_url={server}", environment=FSDP)
    assert_synced(folder)
    asked = (tmp_path / "server.log").read_text("utf-8", "replace")
    assert asked.count("POST /init_weight_transfer_engine") == 1


def test_a_server_that_is_killed_ends_both_processes_and_their_servers(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    line = ["grpo", *STEPS, "rl.steps=500", "--out", str(folder)]
    ranks = start(tmp_path, 2, train, line, patience_s=400.0)
    metrics = folder / "metrics.jsonl"
    until = time.monotonic() + 300.0
    while not (metrics.exists() and len(steps_of(folder)) >= 2) and time.monotonic() < until:
        assert all(one.is_alive() for one in ranks.processes), ranks.said(0) + ranks.said(1)
        time.sleep(0.1)
    servers = [pid for one in ranks.processes for pid in children_of(one.pid)]
    of_rank_1 = children_of(ranks.processes[1].pid)
    assert of_rank_1, ranks.said(0) + ranks.said(1)
    os.kill(of_rank_1[0], signal.SIGKILL)
    assert ranks.wait() == [1, 1]
    last = ranks.said(0).strip().splitlines()[-1]
    assert "rank 1: " in last
    assert "vLLM server" in last
    assert "vllm-1.log" in last
    until = time.monotonic() + 60.0
    while any(map(alive, servers)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(map(alive, servers))
