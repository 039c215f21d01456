"""Runs of preference training that take a fraction of a second."""

from pathlib import Path

import safetensors.torch
import torch

from gym_reason.records import read_jsonl
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.recipe import Recipe, load_recipe
from gym_reason.trainers.train import Summary, train

# Random weights earn some of the partial credit, so there are pairs without a cold start.
SMALL = [
    *("model.threads=1", "model.matmul=highest", "model.size=0.1m", "model.alphabet=0123456789s="),
    *("env.id=gym_reason/Digits-v0", "env.kwargs={operation='sort', count=4}"),
    *("sampling.max_tokens=8", "evaluation.problems=8", "checkpoint.keep=100"),
    *("cold_start.steps=0", "preference.steps=4", "preference.batch_rows=4"),
    *("preference.tasks_per_round=8", "preference.samples_per_task=4"),
    "preference.optimiser={lr=1e-3}",
]
CLOCK = {"seconds", "tokens_per_s"}


def small(name: str, *overrides: str) -> Recipe:
    """Return a recipe cut down."""
    return load_recipe(name, [*SMALL, *overrides])


def run(folder: Path, name: str, *overrides: str) -> Summary:
    """Run a recipe, cut down, in a folder."""
    return train(small(name, *overrides), folder, SilentObserver())


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Return the weights of a run's last checkpoint."""
    return safetensors.torch.load_file(folder / "checkpoints/last/model/model.safetensors")


def rows_of(folder: Path) -> list[dict[str, object]]:
    """Return the metrics of a run without what a clock decides."""
    rows = [row for _, row in read_jsonl(folder / "metrics.jsonl")]
    return [{key: row[key] for key in row if key not in CLOCK} for row in rows]


def same_weights(left: Path, right: Path) -> bool:
    """Return whether two runs ended in the same bits."""
    expected, found = weights(left), weights(right)
    assert expected.keys() == found.keys()
    return all(torch.equal(expected[name], found[name]) for name in expected)
