"""Preference training learns from what it is told, and from step pairs of its own answers."""

from pathlib import Path

import pytest
import torch

from gym_reason.records import read_jsonl
from gym_reason.trainers.formulas.preference import PreferenceNumbers, Responses, register_loss
from gym_reason.trainers.formulas.preference_pairs import dpo
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.recipe import load_recipe
from gym_reason.trainers.train import train
from tests.trainers.preference.small_runs import rows_of


@register_loss("test_shuffled_dpo", "pair", "reference")
def shuffled_dpo(rows: Responses, numbers: PreferenceNumbers) -> torch.Tensor:
    """Return the loss of DPO with every other pair turned round, whatever it says."""
    turned_E = torch.arange(len(rows.scores_EK)) % 2 == 1
    # -log sigma(-m) = -log sigma(m) + m.
    margin_E = numbers.beta * (rows.delta_EK[:, 0] - rows.delta_EK[:, 1])
    return dpo(rows, numbers) + margin_E * turned_E


@pytest.mark.slow
def test_it_learns_from_random_weights_and_from_turned_pairs_it_does_not(tmp_path: Path) -> None:
    overrides = [
        *("model.threads=1", "model.matmul=highest", "model.size=0.1m", "sampling.max_tokens=3"),
        *("env.id=gym_reason/Digits-v0", "env.kwargs={operation='max', count=3}"),
        *("model.alphabet=0123456789m=", "evaluation.problems=128", "cold_start.steps=0"),
        *("preference.steps=120", "preference.rounds=6", "preference.tasks_per_round=256"),
        *("preference.optimiser.lr=1e-3", "checkpoint.every_steps=1000"),
    ]
    accuracy = {}
    for loss in ("dpo", "test_shuffled_dpo"):
        recipe = load_recipe("iterative-dpo", [*overrides, f"preference.loss={loss}"])
        accuracy[loss] = train(recipe, tmp_path / loss, SilentObserver()).accuracy_after
    # Always saying 9 is right on 27% of the problems.
    assert accuracy["dpo"] > 0.5
    assert accuracy["test_shuffled_dpo"] < 0.3


def test_step_pairs_come_from_other_answers_and_from_going_on(tmp_path: Path) -> None:
    overrides = [
        *("model.threads=1", "model.matmul=highest", "model.size=0.1m", "evaluation.problems=8"),
        *("env.kwargs={operation='add', digits=1}", "cold_start.steps=80"),
        *("cold_start.problems=60", "cold_start.batch_rows=32", "sampling.max_tokens=20"),
        *("preference.steps=2", "preference.tasks_per_round=24", "preference.samples_per_task=4"),
    ]
    found = {}
    for tries in (0, 4):
        folder = tmp_path / str(tries)
        recipe = load_recipe("step-dpo", [*overrides, f"preference.continuations={tries}"])
        train(recipe, folder, SilentObserver())
        found[tries] = [row for _, row in read_jsonl(folder / "preference/round-001.jsonl")]
    records = found[4]
    assert found[0] == records[: len(found[0])]
    assert len(found[0]) < len(records)
    first = next(row for row in rows_of(tmp_path / "4") if row["stage"] == "preference")
    assert first["records"] == len(records) > 4
    assert all(row["chosen_step"] != row["rejected_step"] for row in records)
    assert any(row["prefix"] for row in records)
    assert any(not row["prefix"] for row in records)
