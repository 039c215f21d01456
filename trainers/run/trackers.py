"""Experiment trackers: a run's figures in TensorBoard, Weights & Biases or MLflow as well.

`tracker = "tensorboard"` in a recipe is all it takes; several are named with commas. Nothing leaves
the machine unless its owner says so: what a tracker writes lies in the run's folder, wandb is
offline unless WANDB_MODE is set, and MLflow writes a file of SQLite unless MLFLOW_TRACKING_URI is
set.

The packages are spoken to through Accelerate, which knows them all.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gym_reason.config import to_values
from gym_reason.errors import UsageError
from gym_reason.trainers.observer import Observer
from gym_reason.trainers.recipe import Recipe, dump_recipe
from gym_reason.trainers.run.tracker_names import split_names
from gym_reason.types import Json


class TrackingObserver:
    """Tells the steps of a run to trackers, and everything to another observer."""

    def __init__(self, observer: Observer, trackers: Sequence[Any], steps: int) -> None:
        """Go on after `steps` steps of all stages."""
        self._observer = observer
        self._trackers = trackers
        self._steps = steps

    def on_stage(self, name: str, total: int, done: int) -> None:
        """Tell the other observer."""
        self._observer.on_stage(name, total, done)

    def on_step(self, row: Mapping[str, Json]) -> None:
        """Tell both. Trackers count the steps of all stages together: they never go back."""
        self._observer.on_step(row)
        self._steps += 1
        for tracker in self._trackers:
            tracker.log(flatten_figures(row), step=self._steps)

    def on_message(self, text: str) -> None:
        """Tell the other observer."""
        self._observer.on_message(text)


def flatten_figures(row: Mapping[str, Json]) -> dict[str, float]:
    """Return the numbers of a line of `metrics.jsonl` by their names: `rl/parts/answer`."""
    figures: dict[str, float] = {}

    def add(name: str, value: Json) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                add(f"{name}/{key}", inner)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            figures[name] = float(value)

    for key, value in row.items():
        if key != "stage":
            add(f"{row['stage']}/{key}", value)
    return figures


def check_trackers(recipe: Recipe) -> None:
    """Refuse trackers whose packages are not installed, before a folder is made for the run."""
    for name in split_names(recipe.tracker):
        for package in ("accelerate", name):
            if find_spec(package) is None:
                raise UsageError(
                    f"tracker = {recipe.tracker!r} without the package {package}",
                    "it installed",
                    f'pip install "gym-reason[tracking]" {name}',
                )


@contextmanager
def track(recipe: Recipe, path: Path, observer: Observer, steps: int) -> Iterator[Observer]:
    """Lend an observer that tells a recipe's trackers what it is told; they end with the block.

    Args:
        recipe: The recipe; the observer itself is lent where it names no tracker.
        path: The run's folder.
        observer: Who is told besides.
        steps: Steps of all stages that the run has taken before.
    """
    names = split_names(recipe.tracker)
    if not names:
        yield observer
        return
    from accelerate import PartialState

    PartialState(cpu=True)  # its logging wants it; nothing is trained on what it would choose
    with ExitStack() as stack:
        trackers = []
        for name in names:
            tracker = _MAKERS[name](recipe, path, steps)
            tracker.start()
            stack.callback(tracker.finish)
            _describe(name, tracker, recipe)
            trackers.append(tracker)
        yield TrackingObserver(observer, trackers, steps)


def _describe(name: str, tracker: Any, recipe: Recipe) -> None:
    """Tell a tracker the recipe: as a text, or as flat values."""
    if name == "tensorboard":
        # Its table of hyper-parameters would make a further run beside this one.
        tracker.tracker.add_text("recipe", f"```toml\n{dump_recipe(recipe)}```")
        return
    tracker.store_init_configuration(flatten_settings(to_values(recipe)))


def flatten_settings(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings as flat ones: `rl.optimiser.lr`. Lists and empty tables are texts."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten_settings(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = (
                value if isinstance(value, bool | int | float | str) else str(value)
            )
    return flat


def _make_tensorboard(recipe: Recipe, path: Path, steps: int) -> Any:
    from accelerate.tracking import TensorBoardTracker

    # What a run wrote after its last checkpoint is written anew when it goes on.
    return TensorBoardTracker("tensorboard", path, purge_step=steps + 1)


def _make_wandb(recipe: Recipe, path: Path, steps: int) -> Any:
    from accelerate.tracking import WandBTracker

    mode = os.environ.get("WANDB_MODE", "offline")
    return WandBTracker("gym-reason", name=path.name, dir=str(path), mode=mode)


def _make_mlflow(recipe: Recipe, path: Path, steps: int) -> Any:
    from accelerate.tracking import MLflowTracker

    if "MLFLOW_TRACKING_URI" not in os.environ:
        mlflow: Any = import_module("mlflow")
        # MLflow's own choice for one machine since its version 3: it refuses plain files.
        mlflow.set_tracking_uri(f"sqlite:///{(path / 'mlflow.db').resolve()}")
    artifacts = (path / "mlflow").resolve().as_uri()
    return MLflowTracker("gym-reason", logging_dir=artifacts, run_name=path.name)


_MAKERS = {"tensorboard": _make_tensorboard, "wandb": _make_wandb, "mlflow": _make_mlflow}
