"""Trackers: a line of a recipe, and the run's figures are in their files."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from gym_reason.errors import ConfigError, UsageError
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.recipe import load_recipe
from gym_reason.trainers.run import trackers
from gym_reason.trainers.run.trackers import (
    check_trackers,
    flatten_figures,
    flatten_settings,
    track,
)
from gym_reason.trainers.train import train
from gym_reason.types import Json
from tests.trainers.test_update import small


def test_figures_have_the_names_of_their_stage() -> None:
    row: dict[str, Json] = {
        "stage": "rl",
        "step": 3,
        "loss": 0.5,
        "done": True,
        "text": "x",
        "parts": {"a": 1},
    }
    assert flatten_figures(row) == {"rl/step": 3.0, "rl/loss": 0.5, "rl/parts/a": 1.0}


def test_settings_are_flat() -> None:
    values = {"seed": 1, "rl": {"lr": 0.1, "levels": [1, 2], "empty": {}}}
    assert flatten_settings(values) == {
        "seed": 1, "rl.lr": 0.1, "rl.levels": "[1, 2]", "rl.empty": "{}"
    }  # fmt: skip


def test_an_unknown_tracker_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"tensorbord.*tensorboard, wandb, mlflow"):
        small("grpo", "tracker=tensorbord")


def test_a_tracker_that_is_not_installed_is_refused_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trackers, "find_spec", lambda name: None if name == "wandb" else name)
    with pytest.raises(UsageError, match="without the package wandb"):
        check_trackers(load_recipe("demo", ["tracker='tensorboard, wandb'"]))
    with pytest.raises(UsageError, match="without the package wandb"):
        train(small("grpo", "tracker=wandb"), tmp_path / "run", SilentObserver())
    assert not (tmp_path / "run").exists()


def test_no_tracker_changes_nothing(tmp_path: Path) -> None:
    observer = SilentObserver()
    with track(load_recipe("demo"), tmp_path, observer, 0) as told:
        assert told is observer
    assert list(tmp_path.iterdir()) == []


def read_scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Return what TensorBoard itself reads in a folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events: Any = EventAccumulator(str(folder)).Reload()
    return {
        name: [(one.step, one.value) for one in events.Scalars(name)]
        for name in events.Tags()["scalars"]
    }


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("tensorboard", "accelerate"))),
    reason="tensorboard or accelerate is not installed",
)
def test_tensorboard_reads_the_steps_of_a_run_and_goes_on_with_them(tmp_path: Path) -> None:
    run = tmp_path / "run"
    recipe = small("grpo", "tracker=tensorboard", "rl.steps=2")
    train(recipe, run, SilentObserver())
    found = read_scalars(run / "tensorboard")
    assert [step for step, _ in found["rl/reward"]] == [1, 2]
    assert "rl/outcomes/pass" in found or "rl/outcomes/fail" in found
    train(small("grpo", "tracker=tensorboard", "rl.steps=3"), run, SilentObserver(), resume=True)
    assert [step for step, _ in read_scalars(run / "tensorboard")["rl/reward"]] == [1, 2, 3]
