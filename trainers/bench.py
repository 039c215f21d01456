"""Every online recipe on one task with one budget, and the same with rewards that say nothing."""

import json
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gym_reason.registry import recipes
from gym_reason.stats import wilson_interval
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.recipe import Recipe, load_recipe
from gym_reason.trainers.train import train

TASK = (
    "env.id=gym_reason/Digits-v0",
    'env.kwargs={operation="max",count=3}',
    "model.size=0.1m",
    "model.alphabet=0123456789m=",
    "sampling.max_tokens=12",
    "cold_start.steps=0",
    "evaluation.problems=256",
    "checkpoint.every_steps=1000",
    "rl.tasks_per_step=32",
    "rl.optimiser.lr=1e-3",
    "rl.optimiser.warmup_steps=5",
    "rl.log_groups=0",
)
"""Name the largest of three digits, from random weights, right or wrong."""

TEACHER = "dapo"
"""The recipe whose model teaches those that need a teacher."""


@dataclass(frozen=True, slots=True)
class BenchRun:
    """One recipe, one seed."""

    recipe: str
    """The recipe."""
    seed: int
    """The seed."""
    shuffled: bool
    """Whether rewards were dealt out at random: the control."""
    accuracy: float
    """Share of the held-out problems that are answered rightly, greedily, at the end."""
    problems: int
    """How many those are."""
    reward: float
    """Mean sampled reward over the last ten steps."""
    tokens: int
    """Tokens that were sampled for training."""
    seconds: float
    """Time of the whole run."""
    curve: tuple[float, ...]
    """Sampled accuracy of each step."""


@dataclass(frozen=True, slots=True)
class BenchRow:
    """One recipe over all its seeds."""

    recipe: str
    """The recipe."""
    shuffled: bool
    """Whether it is the control."""
    accuracy: float
    """Mean over seeds."""
    interval: tuple[float, float]
    """95% interval of the accuracy over the problems of all seeds."""
    lowest: float
    """The worst seed."""
    reward: float
    """Mean over seeds."""
    tokens: float
    """Mean over seeds."""
    seconds: float
    """Mean over seeds."""


def online_recipes() -> tuple[str, ...]:
    """Return the names of the recipes that are methods of RL: of a paper, with all weights."""
    found = []
    for name in recipes:
        recipe = load_recipe(name)
        if recipe.rl.steps > 0 and recipe.paper and recipe.adapter.kind == "none":
            found.append(name)
    return tuple(found)


def run_bench(
    names: Sequence[str],
    seeds: int,
    steps: int,
    *,
    controls: bool,
    overrides: Sequence[str] = (),
    on_run: Callable[[BenchRun], None] | None = None,
) -> list[BenchRun]:
    """Run recipes on `TASK` and return what came of each.

    Args:
        names: The recipes.
        seeds: How many seeds of each, from 0.
        steps: RL steps of a run.
        controls: Whether each is run with shuffled rewards too.
        overrides: Further settings of every run.
        on_run: Called after each run.
    """
    results = []
    with tempfile.TemporaryDirectory(prefix="gym-reason-bench-") as scratch:
        for seed in range(seeds):
            for name in sorted(names, key=lambda name: name != TEACHER):
                for shuffled in (False, True) if controls else (False,):
                    words = [
                        *overrides,
                        f"seed={seed}",
                        f"rl.rewards.shuffle={str(shuffled).lower()}",
                    ]
                    recipe = bench_recipe(name, steps, Path(scratch), seed, words)
                    folder = Path(scratch, f"{name}-{seed}{'-shuffled' if shuffled else ''}")
                    results.append(_run(recipe, folder, shuffled=shuffled))
                    if on_run is not None:
                        on_run(results[-1])
    return results


def bench_recipe(
    name: str, steps: int, scratch: Path, seed: int, overrides: Sequence[str]
) -> Recipe:
    """Return a recipe on the task of the bench; a teacher is the first recipe's model."""
    words = [*TASK, f"rl.steps={steps}", "rl.solved_at=0.0", *overrides]
    if load_recipe(name).rl.teacher.weight > 0.0:
        words.append(f"teacher.path={scratch / f'{TEACHER}-{seed}'}")
    return load_recipe(name, words)


def _run(recipe: Recipe, folder: Path, *, shuffled: bool) -> BenchRun:
    summary = train(recipe, folder, SilentObserver())
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text("utf-8").splitlines()]
    steps = [row for row in rows if row["stage"] == "rl"]
    curve = tuple(round(float(row["accuracy"]), 4) for row in steps)
    reward = statistics.fmean(float(row["reward"]) for row in steps[-10:])
    return BenchRun(
        recipe=recipe.name,
        seed=recipe.seed,
        shuffled=shuffled,
        accuracy=summary.accuracy_after,
        problems=summary.problems,
        reward=round(reward, 4),
        tokens=summary.tokens,
        seconds=summary.seconds,
        curve=curve,
    )


def summarise(runs: Sequence[BenchRun]) -> list[BenchRow]:
    """Return one row a recipe, best first, the controls last."""
    rows = []
    for name, shuffled in dict.fromkeys((run.recipe, run.shuffled) for run in runs):
        own = [run for run in runs if (run.recipe, run.shuffled) == (name, shuffled)]
        trials = sum(run.problems for run in own)
        right = round(sum(run.accuracy * run.problems for run in own))
        rows.append(
            BenchRow(
                recipe=name,
                shuffled=shuffled,
                accuracy=statistics.fmean(run.accuracy for run in own),
                interval=wilson_interval(right, trials),
                lowest=min(run.accuracy for run in own),
                reward=statistics.fmean(run.reward for run in own),
                tokens=statistics.fmean(run.tokens for run in own),
                seconds=statistics.fmean(run.seconds for run in own),
            )
        )
    return sorted(rows, key=lambda row: (row.shuffled, -row.accuracy))


def to_record(runs: Sequence[BenchRun], steps: int) -> dict[str, Any]:
    """Return the runs as what is kept in a file."""
    return {"task": list(TASK), "steps": steps, "runs": [asdict(run) for run in runs]}


def from_record(record: dict[str, Any]) -> list[BenchRun]:
    """Return the runs of such a file."""
    return [BenchRun(**{**run, "curve": tuple(run["curve"])}) for run in record["runs"]]
