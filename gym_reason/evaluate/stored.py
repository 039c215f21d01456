"""Runs on the disk, of training and of evaluation alike, as the episodes that they kept."""

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gym_reason.errors import DataError
from gym_reason.evaluate.folder import CONFIG, EPISODES, Episode, read_config, read_episode
from gym_reason.evaluate.results import Contestant
from gym_reason.images import FOLDER, ImageStore
from gym_reason.trajectories import read_rows, read_trajectory, task_key

RECIPE = "recipe.toml"


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run that kept its episodes."""

    path: Path
    """Its folder."""
    files: tuple[Path, ...]
    """The files of its trajectories."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What its episodes depend on."""
    env: str = ""
    """The environment of a training run; an episode of an evaluation names its own."""

    @property
    def env_arguments(self) -> dict[str, Any]:
        """What its environments were made with."""
        arguments = self.settings.get("env_arguments")
        return dict(arguments) if isinstance(arguments, dict) else {}

    def episodes(self) -> Iterator[Episode]:
        """Yield its episodes, in the order of the files. Raises DataError."""
        for file in self.files:
            numbers: Counter[str] = Counter()
            images = ImageStore(file.parent / FOLDER)
            for row in read_rows(file):
                yield (
                    read_episode(row, images.read)
                    if "sample" in row
                    else self._of_training(row, file, numbers)
                )

    def _of_training(self, row: Mapping[str, Any], file: Path, numbers: Counter[str]) -> Episode:
        trajectory = read_trajectory(row)
        key = task_key(trajectory.task)
        numbers[key] += 1
        policy = f"{self.path.resolve().name}/{file.name.partition('.')[0]}"
        who = Contestant(self.env, policy, str(self.settings.get("agent", [""])[0]))
        return Episode(who, key, numbers[key] - 1, trajectory)


def open_run(path: Path) -> StoredRun:
    """Return the run in a folder.

    Raises DataError where it holds no run, or one that kept no episode.
    """
    if (path / CONFIG).is_file():
        run = StoredRun(path, (path / EPISODES,), read_config(path)["settings"])
    elif (path / RECIPE).is_file():
        run = _open_training(path)
    else:
        raise DataError(f"{path} holds no run", f"{CONFIG} or {RECIPE} in it")
    if not any(file.is_file() and file.stat().st_size for file in run.files):
        raise DataError(f"{path} kept no episode", "files in trajectories/")
    return run


def _open_training(path: Path) -> StoredRun:
    try:
        recipe = tomllib.loads((path / RECIPE).read_text("utf-8"))
        env = recipe["env"]
        name, arguments = str(env["id"]), dict(env.get("kwargs", {}))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path / RECIPE} names no environment ({error!r})", "env.id") from None
    files = sorted((path / "trajectories").glob("*.jsonl.zst"))
    agent = str(recipe.get("agent", ""))
    settings = {"env": [name], "agent": [agent], "env_arguments": arguments}
    return StoredRun(path, tuple(files), settings, name)
