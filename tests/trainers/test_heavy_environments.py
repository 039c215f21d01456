"""An environment that steps in threads: with one turn, a run ends in the same bits all the same."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import safetensors.torch
import torch

from gym_reason.registry import register_verifier, verifiers
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.recipe import load_recipe
from gym_reason.trainers.train import train
from gym_reason.types import Task, Verdict
from gym_reason.verifiers.code import CodeVerifier

SMALL = [
    *("model.threads=1", "model.matmul=highest", "model.size=0.1m", "evaluation.problems=4"),
    *("env.kwargs.topic=formulas", "env.kwargs.depth=2", "env.kwargs.prompt_style=bare"),
    *("cold_start.steps=2", "cold_start.problems=8", "cold_start.batch_rows=4"),
    *("rl.steps=2", "rl.tasks_per_step=2", "rl.samples_per_task=4", "rl.minibatch_rows=4"),
    # So few steps earn no reward: the entropy bonus gives every update something to do.
    *("rl.filter=keep_all", "rl.entropy={bonus=0.01}", "sampling.max_tokens=24"),
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


def run(out: Path, *words: str) -> dict[str, torch.Tensor]:
    """Train a little on programs and return the weights at the end."""
    train(load_recipe("gym_reason/Code-v0", [*SMALL, *words]), out, SilentObserver())
    return safetensors.torch.load_file(out / "checkpoints/last/model/model.safetensors")


@pytest.mark.usefixtures("needs_bubblewrap")
def test_a_run_on_programs_ends_in_the_same_bits_whenever_they_are_judged(
    tmp_path: Path, late: str
) -> None:
    once = run(tmp_path / "once")
    again = run(tmp_path / "again", f"env.kwargs.verifier={late}")
    assert Late.asked > 0
    assert all(torch.equal(once[name], again[name]) for name in once)
