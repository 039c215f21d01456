"""The parts that are ours, one in a process of its own: the cold start, and GRPO."""

import contextlib
import shutil
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs import read_job, report, tell
from memory import MemoryWatch

from gym_reason.agents.shapes import PRESETS
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.recipe import load_recipe
from gym_reason.trainers.train import train
from gym_reason.types import Json

STARTED = time.monotonic()
SOLVED, SOLVED_STEPS = 0.95, 10
"""GRPO ends where so many steps in a row have this share of right samples, on average."""
WIDTH = 128
"""Of the model that the demo's learning rates were found with."""
COLD_LR, RL_LR = 2e-3, 3e-4
"""These, for each matrix in proportion to 1 / width, as muP has it for Adam (arXiv 2203.03466)."""
KEPT_EVERY = 150
"""Steps of the cold start after which the model is kept, should the time be over."""
SAY_EVERY_S = 10.0


class Enough(Exception):
    """The time of the part is over."""


class Watcher(SilentObserver):
    """Keeps the figures of each step, tells how far the run is, and ends it in time."""

    def __init__(self, stop_at_s: float) -> None:
        """Keep when to end, in seconds after the process began."""
        self.rows: list[Mapping[str, Any]] = []
        self._stop_at_s = stop_at_s
        self._said = 0.0

    def on_step(self, row: Mapping[str, Json]) -> None:
        """Keep the row. Raises Enough."""
        self.rows.append(row)
        now = time.monotonic() - STARTED
        if now - self._said > SAY_EVERY_S:
            self._said = now
            words = f"step {row['step']} of {row['stage']}"
            if "accuracy" in row:
                words += f", {float(str(row['accuracy'])):.0%} right"
            tell(words, describe_steps(self.rows) if row["stage"] == "rl" else None)
        if now > self._stop_at_s:
            raise Enough


def main() -> None:
    """Do the job that the command line names."""
    job = read_job()
    with MemoryWatch(job["device"]) as memory:
        figures = cold_start(job) if job["part"] == "cold_start" else grpo(job)
        report(**figures, **memory.figures())


def words_of(job: Mapping[str, Any]) -> list[str]:
    """Return what both trainings of ours are told."""
    scale = WIDTH / PRESETS[job["size"]].hidden
    device = "cpu" if job["device"] == "cpu" else "cuda"
    return [
        *(f"model.device={device}", "model.precision=bf16", f"model.threads={job['threads']}"),
        *("evaluation.problems=128", "checkpoint.every_steps=1000000", "rl.log_groups=0"),
        f"cold_start.optimiser.lr={COLD_LR * min(scale, 1.0)}",
        *(f"rl.optimiser.lr={RL_LR * min(scale, 1.0)}", "rl.optimiser.final_share=1.0"),
        *(f"rl.solved_at={SOLVED}", "rl.steps=1000"),
    ]


def cold_start(job: Mapping[str, Any]) -> dict[str, Any]:
    """Have a new model imitate the demo's sums, and keep it."""
    words = [*words_of(job), f"checkpoint.every_steps={KEPT_EVERY}", *job["words"]]
    words += [f"model.size={job['size']}", "rl.steps=0"]
    watcher, run = Watcher(job["stop_at_s"]), Path(job["run"])
    started = time.monotonic()
    accuracy = None
    with contextlib.suppress(Enough):  # What was kept last goes on.
        accuracy = train(load_recipe("demo", words), run, watcher).accuracy_after
    kept = run / "checkpoints" / "last" / "model"
    if not kept.is_dir():
        raise RuntimeError(f"the cold start had no time for {KEPT_EVERY} steps")
    shutil.copytree(kept, job["model"])
    steps = [float(str(row["seconds"])) for row in watcher.rows if "seconds" in row]
    return {
        "steps": len(watcher.rows),
        "seconds": round(time.monotonic() - started, 2),
        "step_seconds": round(statistics.median(steps), 4) if steps else None,
        "held_out_accuracy": accuracy,
        "rl_lr": RL_LR * min(WIDTH / PRESETS[job["size"]].hidden, 1.0),
    }


def grpo(job: Mapping[str, Any]) -> dict[str, Any]:
    """Go on by GRPO until 95% are right, or the time is over."""
    words = [*words_of(job), *job["words"], f"model.path={job['model']}", "cold_start.steps=0"]
    words.append(f"engine={job['engine']}")
    watcher = Watcher(job["stop_at_s"])
    started = time.monotonic()
    with contextlib.suppress(Enough):
        train(load_recipe("demo", words), Path(job["run"]), watcher)
    rows = [row for row in watcher.rows if row["stage"] == "rl"]
    if not rows:
        raise RuntimeError("no step of GRPO ended in time")
    return describe_steps(rows) | {"seconds": round(time.monotonic() - started, 2)}


def describe_steps(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the figures of steps of GRPO; the first two, which warm up, are in no rate."""
    warm = rows[2:] or rows
    total, rollout, sync, sampled, trained = (0.0,) * 5
    for row in warm:
        seconds, used = float(row["seconds"]), int(row["groups_used"]) / max(int(row["groups"]), 1)
        tokens = float(row["tokens_per_s"]) * seconds
        total, rollout = total + seconds, rollout + float(row["rollout_seconds"])
        sync += float(row.get("sync_seconds", 0.0))
        sampled, trained = sampled + tokens, trained + tokens * used
    update = total - rollout - sync
    gaps = [float(row["gap"]) for row in rows if "gap" in row]
    return {
        "steps": len(rows),
        "step_seconds": round(statistics.median(float(row["seconds"]) for row in warm), 4),
        "generation_tokens_per_second": round(sampled / rollout),
        "update_tokens_per_second": round(trained / update) if update > 0 else None,
        "tokens_per_second": round(sampled / total),
        "share_of_sync": round(sync / total, 4),
        "gap_mean": statistics.fmean(gaps) if gaps else None,
        "gap_most": max(gaps) if gaps else None,
        "accuracy_first": round(float(rows[0]["accuracy"]), 4),
        "accuracy_last": round(float(rows[-1]["accuracy"]), 4),
        "seconds_to_95_percent": seconds_to(rows),
    }


def seconds_to(rows: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the seconds of steps until ten in a row had 95% on average; None where none had."""
    for end in range(SOLVED_STEPS, len(rows) + 1):
        recent = [float(row["accuracy"]) for row in rows[end - SOLVED_STEPS : end]]
        if statistics.fmean(recent) >= SOLVED:
            return round(sum(float(row["seconds"]) for row in rows[:end]), 2)
    return None


if __name__ == "__main__":
    main()
