"""What makes a run of distillation small, and a teacher for it: the largest of three digits."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from gym_reason.records import read_jsonl
from gym_reason.trainers.recipe import Recipe, load_recipe

SMALL = (
    *("model.threads=1", "model.matmul=highest", "model.size=0.1m", "checkpoint.keep=100"),
    *("env.id=gym_reason/Digits-v0", 'env.kwargs={operation="max",count=3}'),
    *('model.alphabet="0123456789m="', "sampling.max_tokens=5", "evaluation.problems=16"),
    *("cold_start.steps=3", "cold_start.problems=20", "cold_start.batch_rows=8"),
    *("cold_start.think_share=0.0", "cold_start.optimiser.lr=4e-3", "rl.steps=0"),
    *("distill.steps=4", "distill.batch_rows=8", "distill.data.tasks=40"),
)
TEACHER = (
    *("name=teacher", "checkpoint.every_steps=1000", "evaluation.problems=64"),
    *("cold_start.steps=100", "cold_start.problems=800", "cold_start.batch_rows=64"),
    "distill.steps=0",
)
VOCABULARY = 18
"""Tokens of the embedded tokenizer: six of its own, ten digits and two letters."""


def small(*overrides: str) -> Recipe:
    """Return a recipe that distils within a second."""
    return load_recipe("demo", [*SMALL, *overrides])


def rows_of(folder: Path) -> list[dict[str, float]]:
    """Return the metrics of the stage."""
    found = [row for _, row in read_jsonl(folder / "metrics.jsonl")]
    return [row for row in found if row["stage"] == "distill"]


def write_rows(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    """Write rows of JSON and return where they lie."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path
