"""The demos of programs and proofs, small: both run from the command line, and to the same bits."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import safetensors.torch
import torch

from gym_reason.cli import main
from gym_reason.registry import register_verifier, verifiers
from gym_reason.types import Task, Verdict
from gym_reason.verifiers.code import CodeVerifier

SMALL = [
    *("model.threads=1", "model.matmul=highest", "evaluation.problems=4"),
    *("cold_start.steps=2", "cold_start.problems=8", "cold_start.batch_rows=4"),
    *("rl.steps=2", "rl.tasks_per_step=2", "rl.samples_per_task=4", "rl.minibatch_rows=4"),
    # So few steps earn no reward: the entropy bonus gives every update something to do.
    *("rl.filter=keep_all", "rl.entropy_bonus=0.01", "sampling.max_tokens=24"),
]


class Late(CodeVerifier):
    """Gives its verdicts late, and in another order than it was asked."""

    name = "late-for-test"
    asked = 0

    def verify(self, task: Task, submission: str) -> Verdict:
        """Judge after a while that shrinks from call to call."""
        Late.asked += 1
        time.sleep(0.1 / Late.asked)
        return super().verify(task, submission)


@pytest.fixture
def late() -> Iterator[str]:
    """The name of a verifier that gives its verdicts late."""
    register_verifier(Late.name)(Late)
    yield Late.name
    del verifiers._items[Late.name]


def run(recipe: str, out: Path, *words: str) -> dict[str, torch.Tensor]:
    """Run a small form of a recipe and return the weights that it ends with."""
    assert main(["train", recipe, *SMALL, *words, "--out", str(out)]) == 0
    return safetensors.torch.load_file(out / "checkpoints/last/model/model.safetensors")


def test_the_proof_demo_runs(tmp_path: Path) -> None:
    run("proof-demo", tmp_path / "run")
    summary = json.loads((tmp_path / "run/summary.json").read_text("utf-8"))
    assert (summary["rl_steps"], summary["env"]) == (2, "gym_reason/NaturalDeduction-v0")


@pytest.mark.usefixtures("needs_bubblewrap")
def test_the_code_demo_ends_in_the_same_bits_whenever_its_programs_are_judged(
    tmp_path: Path, late: str
) -> None:
    once = run("code-demo", tmp_path / "once")
    again = run("code-demo", tmp_path / "again", f"env.kwargs.verifier={late}")
    assert Late.asked > 0
    assert all(torch.equal(once[name], again[name]) for name in once)
