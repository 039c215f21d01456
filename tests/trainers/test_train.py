"""Whole runs, small: they resume bit for bit from any step, stop politely, and learn."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
import safetensors.torch
import torch

from gym_reason import register_dataset
from gym_reason.errors import ConfigError, RunError, UsageError
from gym_reason.records import read_jsonl
from gym_reason.registry import agents, register_agent
from gym_reason.trainers.distributed.world import World
from gym_reason.trainers.formulas import policy_losses
from gym_reason.trainers.formulas.policy_loss import ClipSettings, PolicyRows, TokenLoss
from gym_reason.trainers.model import learner as learner_module
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.recipe import Recipe, load_recipe
from gym_reason.trainers.train import train
from gym_reason.types import Outcome, Verdict
from gym_reason.verifiers.math import MathVerifier

T = TypeVar("T")

SMALL = [
    *("model.threads=1", "model.matmul=highest", "model.size=0.1m"),
    *("evaluation.problems=16", "checkpoint.keep=100"),
    *("cold_start.steps=5", "cold_start.problems=20", "cold_start.batch_rows=8"),
    *("rl.steps=5", "rl.tasks_per_step=4", "rl.samples_per_task=4", "rl.minibatch_rows=4"),
    # So few steps earn no reward: the entropy bonus gives every update something to do.
    *("rl.filter=keep_all", "rl.entropy={bonus=0.01}", "sampling.max_tokens=12"),
]
SECONDS = {"seconds", "rollout_seconds", "tokens_per_s"}


def small(*overrides: str, target: str = "demo") -> Recipe:
    """Return a recipe that runs in a second or two."""
    return load_recipe(target, [*SMALL, *overrides])


SHORT = ("cold_start.steps=3", "rl.steps=3")
"""A first, a middle and a last step of each stage."""


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Return the weights of a run's last checkpoint."""
    return safetensors.torch.load_file(folder / "checkpoints/last/model/model.safetensors")


def metrics(folder: Path) -> list[dict[str, object]]:
    """Return the metrics of a run without what a clock decides."""
    rows = [row for _, row in read_jsonl(folder / "metrics.jsonl")]
    return [{key: row[key] for key in row if key not in SECONDS} for row in rows]


def assert_same(left: Path, right: Path) -> None:
    """Assert that two runs ended in the same bits and told the same story."""
    expected, found = weights(left), weights(right)
    assert expected.keys() == found.keys()
    for name in expected:
        assert torch.equal(expected[name], found[name]), name
    assert metrics(left) == metrics(right)


@pytest.mark.parametrize(
    "recipe",
    [
        small(*SHORT),
        small(*SHORT, "rl.epochs=2", target="grpo"),
        small(
            *SHORT,
            "curriculum.levels=[{digits=1},{digits=2}]",
            "curriculum.window=8",
            "curriculum.lower_at=0.0",
            "curriculum.raise_at=0.01",
        ),
    ],
    ids=["demo", "grpo with a reference and two passes", "curriculum"],
)
def test_a_run_resumes_bit_for_bit_from_every_step(recipe: Recipe, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    train(recipe, whole, SilentObserver())
    steps = sorted(path.name for path in (whole / "checkpoints").glob("step-*"))
    assert len(steps) == 6
    for step in steps:
        part = tmp_path / step
        shutil.copytree(whole, part, symlinks=True)
        for later in steps[steps.index(step) + 1 :]:
            shutil.rmtree(part / "checkpoints" / later)
        train(recipe, part, SilentObserver(), resume=True)
        assert_same(whole, part)


def test_two_runs_of_one_seed_are_the_same_and_of_two_seeds_are_not(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(small(f"seed={seed}"), tmp_path / name, SilentObserver())
    assert_same(tmp_path / "a", tmp_path / "b")
    assert metrics(tmp_path / "a") != metrics(tmp_path / "c")


def test_a_run_folder_holds_what_the_design_names(tmp_path: Path) -> None:
    summary = train(small(), tmp_path / "run", SilentObserver())
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names >= {
        *("recipe.toml", "metrics.jsonl", "trajectories", "checkpoints", "report.html", "log.txt"),
        *("summary.json", "samples.json"),
    }
    assert summary.accuracy_cold_start is not None
    rows = list(read_jsonl(tmp_path / "run/trajectories/rl-000001.jsonl.zst"))
    assert len(rows) == 8
    assert rows[0][1]["task"]["reference"]
    kept = load_recipe(str(tmp_path / "run/recipe.toml"))
    assert kept.model.cache_bytes > 0
    assert dataclasses.replace(kept, model=small().model) == small()


def test_the_first_ratio_of_a_window_is_one_to_the_last_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ratios: list[bool] = []
    original = policy_losses.get("clipped_ratio")

    def watch(rows: PolicyRows, clip: ClipSettings) -> TokenLoss:
        ratios.append(torch.equal(rows.logps_NT, rows.old_logps_NT))
        return original(rows, clip)

    monkeypatch.setitem(policy_losses._items, "clipped_ratio", watch)
    train(small("rl.minibatches=2", "rl.steps=1"), tmp_path / "run", SilentObserver())
    assert ratios == [True, False]
    assert metrics(tmp_path / "run")[-1]["gap"] < 1e-5  # type: ignore[operator]


def test_a_loss_that_is_not_finite_ends_the_run_in_one_line(tmp_path: Path) -> None:
    recipe = small("cold_start.optimiser.lr=1e30")
    with pytest.raises(
        RunError, match=r"is (nan|inf|-inf) at .* last checkpoint is whole"
    ) as error:
        train(recipe, tmp_path / "run", SilentObserver())
    assert "\n" not in str(error.value)
    last = tmp_path / "run/checkpoints/last"
    assert not last.exists() or all(
        torch.isfinite(v).all() for v in weights(tmp_path / "run").values()
    )


def test_a_cold_start_alone_is_a_run(tmp_path: Path) -> None:
    summary = train(small("rl.steps=0"), tmp_path / "run", SilentObserver())
    assert (summary.steps, summary.accuracy_cold_start) == ({"cold_start": 5}, None)
    assert not list((tmp_path / "run/checkpoints").glob(".partial-*"))


def test_a_finished_run_can_be_extended(tmp_path: Path) -> None:
    constant = ("rl.optimiser.warmup_steps=0", "rl.optimiser.final_share=1.0")
    train(small("rl.steps=2", *constant), tmp_path / "run", SilentObserver())
    train(small(*constant), tmp_path / "run", SilentObserver(), resume=True)
    train(small(*constant), tmp_path / "whole", SilentObserver())
    assert_same(tmp_path / "whole", tmp_path / "run")


def test_a_run_ends_when_its_task_is_solved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    always = Verdict(1.0, True, Outcome.PASS)
    monkeypatch.setattr(MathVerifier, "verify", lambda *_: always)
    recipe = small("rl.steps=30", "rl.solved_at=0.9")
    summary = train(recipe, tmp_path / "run", SilentObserver())
    assert summary.steps["rl"] == 10
    again = train(recipe, tmp_path / "run", SilentObserver(), resume=True)
    assert again.steps["rl"] == 10
    unsolved = train(small("rl.steps=12", "rl.solved_at=0.0"), tmp_path / "other", SilentObserver())
    assert unsolved.steps["rl"] == 12


def test_training_never_meets_a_held_out_problem(tmp_path: Path) -> None:
    file = tmp_path / "exam.jsonl"
    rows = [{"question": f"{i}+1=", "answer": str(i + 1)} for i in range(200)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    register_dataset("test/HeldOut-v0", file, prompt="question", reference="answer")
    recipe = small("env.id=test/HeldOut-v0", "env.kwargs={}", "rl.tasks_per_step=64")
    train(recipe, tmp_path / "run", SilentObserver())
    held_out = ids_of(tmp_path / "run/trajectories/held-out-after.jsonl.zst")
    met = {i for p in (tmp_path / "run/trajectories").glob("rl-*") for i in ids_of(p)}
    assert 5 < len(held_out) < 50
    assert not held_out & met


def ids_of(path: Path) -> set[str]:
    """Return the ids of the tasks in a file of trajectories."""
    return {row["task"]["id"] for _, row in read_jsonl(path)}


def test_a_conversation_that_outgrows_the_model_ends_its_episode_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learner_module, "EMBEDDED_POSITIONS", 64)
    recipe = small("env.id=gym_reason/Steps-v0", "env.kwargs={digits=9}", "rl.steps=2")
    summary = train(recipe, tmp_path / "run", SilentObserver())
    assert summary.steps["rl"] == 2


def test_a_folder_that_holds_a_run_is_not_mixed_with_another(tmp_path: Path) -> None:
    train(small(), tmp_path / "run", SilentObserver())
    before = weights(tmp_path / "run")
    with pytest.raises(UsageError, match="holds a run already"):
        train(small("seed=2"), tmp_path / "run", SilentObserver())
    assert all(
        torch.equal(before[name], value) for name, value in weights(tmp_path / "run").items()
    )


def test_a_prompt_that_cannot_fit_is_refused_before_anything_is_spent(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at most 4096 positions"):
        train(small("sampling.max_tokens=5000"), tmp_path / "run", SilentObserver())


def test_a_gap_between_sampler_and_trainer_raises_the_alarm(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="sampler and trainer differ by"):
        train(small("rl.mismatch.gap_limit=-1.0"), tmp_path / "run", SilentObserver())


class Apart(World):
    """A process that fails without the others: they take no part in a checkpoint."""

    fails_together = False

    def decide(self, make: Callable[[], T], what: str) -> T:
        """Return what `make` returns, but for what the others never come to."""
        if "the last checkpoint is of this step" in what:
            raise RunError(f"the processes lost each other at {what}")
        return make()


@pytest.mark.parametrize(("world", "saves"), [(World(), True), (Apart(), False)])
def test_a_failed_measurement_keeps_its_cause(world: World, saves: bool, tmp_path: Path) -> None:
    name, answer = "lost-for-test", agents.get("answer")
    folder = tmp_path / "run"

    def make(policy: object, params: object) -> object:
        if (folder / "trajectories/rl-000002.jsonl.zst").exists():
            raise RunError("a wire came off")
        return answer(policy, params)

    register_agent(name)(make)
    try:
        short = ("cold_start.steps=1", "rl.steps=2", "checkpoint.every_steps=50")
        recipe = small(*short, f"agent={name}")
        with pytest.raises(RunError, match=r"^a wire came off"):
            train(recipe, folder, SilentObserver(), world=world)
        last = (folder / "checkpoints/last").resolve().name
        assert (last == "step-000003") == saves
    finally:
        del agents._items[name]


@pytest.mark.slow
def test_it_learns_and_with_shuffled_rewards_it_does_not(tmp_path: Path) -> None:
    recipe = load_recipe(
        "r1-zero",
        [
            *("env.kwargs.operation=max", "env.kwargs.count=3", "model.alphabet=0123456789m="),
            *("model.threads=1", "model.matmul=highest", "sampling.max_tokens=3"),
            *("rl.steps=60", "rl.tasks_per_step=32", "evaluation.problems=128"),
        ],
    )
    learned = train(recipe, tmp_path / "learns", SilentObserver())
    rewards = dataclasses.replace(recipe.rl.rewards, shuffle=True)
    control = dataclasses.replace(recipe, rl=dataclasses.replace(recipe.rl, rewards=rewards))
    stayed = train(control, tmp_path / "control", SilentObserver())
    # Always saying 9 is right on 27% of the problems.
    assert learned.accuracy_after > 0.6
    assert stayed.accuracy_after < 0.45
