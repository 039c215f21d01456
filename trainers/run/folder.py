"""The folder of a run: who may write to it, and what is appended to it."""

import json
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch

from gym_reason.agents.tensor_files import explain_tensor_errors
from gym_reason.errors import RunError, UsageError
from gym_reason.locks import FolderLock
from gym_reason.records import (
    dump_line,
    explain_os_errors,
    open_atomic,
    to_json,
    write_atomic,
    write_jsonl_zst,
)
from gym_reason.report import build_report
from gym_reason.trainers.distributed.world import World
from gym_reason.trainers.recipe import Recipe, dump_recipe, load_recipe
from gym_reason.types import Json, Trajectory


class RunFolder:
    """A run's folder, held by one process at a time."""

    def __init__(self, path: Path) -> None:
        """Name the folder; nothing is made or locked until the `with` block."""
        self.path = path
        self.checkpoints = path / "checkpoints"
        self._lock = FolderLock(path)

    def __enter__(self) -> Self:
        """Make the folder and lock it. Raises RunError where another process holds it."""
        self._lock.__enter__()
        try:
            with explain_os_errors(self.path):
                self.checkpoints.mkdir(exist_ok=True)
                (self.path / "trajectories").mkdir(exist_ok=True)
        except RunError as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release the lock."""
        self._lock.__exit__(kind, error, trace)

    def write_recipe(self, recipe: Recipe) -> None:
        """Keep the resolved recipe."""
        write_atomic(self.path / "recipe.toml", dump_recipe(recipe))

    def append_metrics(self, row: Mapping[str, Json]) -> int:
        """Append one line to `metrics.jsonl` and return the file's size after it."""
        path = self.path / "metrics.jsonl"
        with explain_os_errors(path), path.open("ab") as file:
            file.write(dump_line(row))
            file.flush()
            return file.tell()

    def cut_metrics(self, size: int) -> None:
        """Forget the lines that a checkpoint does not cover."""
        path = self.path / "metrics.jsonl"
        with explain_os_errors(path), path.open("ab") as file:
            file.truncate(min(size, file.tell()))

    def refuse_run(self) -> None:
        """Raise UsageError where the folder holds a run already."""
        if (self.path / "recipe.toml").exists():
            raise UsageError(
                f"{self.path} holds a run already", "a new folder", "continue it with --resume"
            )

    def keep(self, path: Path, content: bytes | str) -> None:
        """Write a file inside the folder, whole or not at all; its own folder is made."""
        self._make_parent(path)
        write_atomic(path, content)

    def keep_state(self, path: Path, state: Any) -> None:
        """Keep tensors as `torch.load` reads them, whole or not at all."""
        self._make_parent(path)
        with explain_tensor_errors(path), open_atomic(path) as file:
            torch.save(state, file)

    def keep_rows(self, path: Path, rows: list[Any]) -> None:
        """Keep values as compressed JSON lines, whole or not at all."""
        self._make_parent(path)
        write_jsonl_zst(path, rows)

    def drop(self, path: Path) -> None:
        """Delete a file inside the folder, if it is there."""
        path.unlink(missing_ok=True)

    def _make_parent(self, path: Path) -> None:
        with explain_os_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)

    def write_report(self) -> None:
        """Write the run's page."""
        build_report([self.path], self.path / "report.html")

    def write_trajectories(self, name: str, trajectories: list[Trajectory]) -> None:
        """Keep episodes as `trajectories/NAME.jsonl.zst`."""
        write_jsonl_zst(self.path / "trajectories" / f"{name}.jsonl.zst", list(trajectories))

    def write_json(self, name: str, value: object) -> None:
        """Keep a value as a JSON file."""
        write_atomic(
            self.path / name, json.dumps(to_json(value), indent=1, ensure_ascii=False) + "\n"
        )

    def write_samples(self, when: str, samples: list[object]) -> None:
        """Keep some answers of one measurement in `samples.json`, beside those of the others."""
        path = self.path / "samples.json"
        others = json.loads(path.read_text("utf-8")) if path.exists() else {}
        self.write_json(path.name, others | {when: samples})

    def log(self, text: str) -> None:
        """Append a line with the time to `log.txt`."""
        path = self.path / "log.txt"
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        with explain_os_errors(path), path.open("a", encoding="utf-8") as file:
            file.write(f"{stamp} {text}\n")


class FollowedFolder(RunFolder):
    """A run's folder for a process that only reads there: another one writes and has the lock."""

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""

    def write_recipe(self, recipe: Recipe) -> None:
        """Leave it."""

    def append_metrics(self, row: Mapping[str, Json]) -> int:
        """Leave it; the size is of no use here."""
        return 0

    def cut_metrics(self, size: int) -> None:
        """Leave it."""

    def refuse_run(self) -> None:
        """Leave it: the run that is there by now is this one."""

    def keep(self, path: Path, content: bytes | str) -> None:
        """Leave it."""

    def keep_state(self, path: Path, state: Any) -> None:
        """Leave it."""

    def keep_rows(self, path: Path, rows: list[Any]) -> None:
        """Leave it."""

    def drop(self, path: Path) -> None:
        """Leave it."""

    def write_report(self) -> None:
        """Leave it."""

    def write_trajectories(self, name: str, trajectories: list[Trajectory]) -> None:
        """Leave it."""

    def write_json(self, name: str, value: object) -> None:
        """Leave it."""

    def write_samples(self, when: str, samples: list[object]) -> None:
        """Leave it."""

    def log(self, text: str) -> None:
        """Leave it."""


def open_folder(path: Path, world: World) -> RunFolder:
    """Return a run's folder as this process may use it."""
    return RunFolder(path) if world.is_main else FollowedFolder(path)


def read_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Return the recipe of a run, with overrides. Raises UsageError where the folder holds none."""
    file = path / "recipe.toml"
    if not file.is_file():
        raise UsageError(
            f"{path} holds no run", "a folder with recipe.toml", "start one without --resume"
        )
    return load_recipe(str(file), overrides)


def choose_folder(out: Path | None, name: str, root: Path = Path("runs")) -> Path:
    """Return the folder of a new run.

    That is `out`, or the first of `runs/NAME`, `runs/NAME-2`, ... that is free. Raises UsageError
    where `out` holds a run already.
    """
    if out is not None:
        if (out / "recipe.toml").exists():
            raise UsageError(
                f"{out} holds a run already",
                "a new folder",
                "continue it with --resume, or name another",
            )
        return out
    number = 1
    while (candidate := root / (name if number == 1 else f"{name}-{number}")).exists():
        number += 1
    return candidate


def latest_folder(name: str, root: Path = Path("runs")) -> Path:
    """Return the last of `runs/NAME`, `runs/NAME-2`, ... Raises UsageError where there is none."""
    runs = sorted(path.parent for path in root.glob("*/recipe.toml"))
    found = [path for path in runs if re.fullmatch(re.escape(name) + r"(-\d+)?", path.name)]
    if not found:
        others = f"; there are {', '.join(path.name for path in runs)}" if runs else ""
        raise UsageError(
            f"there is no run of {name!r} in {root}/{others}",
            "a run to resume",
            "name its recipe, or its folder with --out",
        )
    return max(found, key=lambda path: (len(path.name), path.name))
