"""Environments made of a file: each row is a task."""

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium

from gym_reason.envs.base import ReasoningEnv, check_integer, prompt_text
from gym_reason.envs.splits import SPLITS, in_split
from gym_reason.envs.tables import Row, check_format, folder_splits, modification_key, read_rows
from gym_reason.errors import DataError, UsageError
from gym_reason.registry import register_env
from gym_reason.seeding import content_id
from gym_reason.spaces import Utf8Text
from gym_reason.types import Message, Task
from gym_reason.verifiers.base import Verifier

ENTRY_POINT = "gym_reason.envs.dataset:DatasetEnv"


@dataclass(frozen=True, slots=True)
class DatasetSource:
    """Where the tasks of a dataset stand, and which column is what."""

    path: Path
    """The file or folder."""
    prompt: str
    """Column of the problems."""
    reference: str
    """Column of the references."""
    id: str | None = None
    """Column of the names; None for content hashes."""
    difficulty: str | None = None
    """Column of the difficulties; None for 0 everywhere."""
    system: str | None = None
    """System message before every prompt."""
    template: str = "{prompt}"
    """The prompt around the problem."""
    split_column: str | None = None
    """Column of the splits; None to split by content."""
    limit: int | None = None
    """Rows to read; None for all."""


def register_dataset(
    env_id: str,
    path: str | Path,
    *,
    prompt: str,
    reference: str,
    verifier: Verifier | str = "math",
    id: str | None = None,
    difficulty: str | None = None,
    system: str | None = None,
    template: str = "{prompt}",
    split_column: str | None = None,
    limit: int | None = None,
    description: str = "",
) -> None:
    """Register an environment whose tasks are the rows of a file; the first `make` reads it.

    Args:
        env_id: `namespace/Name-v0`.
        path: A `.jsonl`, `.jsonl.zst`, `.csv` or `.parquet` file, or a folder made by
            `save_to_disk`; a relative path starts at the current folder of this call.
        prompt: Column of the problems.
        reference: Column of what the verifier compares with.
        verifier: What scores an answer: a verifier, or the name of one.
        id: Column of the tasks' names; None for content hashes.
        difficulty: Column of numbers; None for 0 everywhere.
        system: System message before every prompt.
        template: The prompt; `{prompt}` in it stands for the problem.
        split_column: Column that says which split a row belongs to. Without one, a tenth of the
            rows, by content, is `test`, the rest `train`, and `all` is what `make` gives.
        limit: How many rows to read.
        description: One line for `gym-reason envs list`.

    Raises:
        UsageError: Where the id is malformed or names another environment, or the template has no
            `{prompt}`.
    """
    if "{prompt}" not in template:
        raise UsageError(f"the template {template!r}", "{prompt} in it, where the problem goes")
    kwargs: dict[str, object] = {
        "path": str(Path(path).absolute()),
        "prompt": prompt,
        "reference": reference,
        "verifier": verifier,
        "id_column": id,
        "difficulty": difficulty,
        "system": system,
        "template": template,
        "split_column": split_column,
        "limit": limit,
    }
    present = gymnasium.registry.get(env_id)
    if present is not None and (present.entry_point != ENTRY_POINT or present.kwargs != kwargs):
        raise UsageError(
            f"the environment {env_id!r} is registered already", "a new id", "choose another"
        )
    register_env(env_id, ENTRY_POINT, description or f"The tasks of {Path(path).name}.", kwargs)


class DatasetEnv(ReasoningEnv):
    """Answer the problems of a file, one an episode. `register_dataset` makes an id for it."""

    def __init__(
        self,
        *,
        path: str | Path,
        prompt: str,
        reference: str,
        verifier: Verifier | str = "math",
        id_column: str | None = None,
        difficulty: str | None = None,
        system: str | None = None,
        template: str = "{prompt}",
        split_column: str | None = None,
        limit: int | None = None,
        split: str | None = None,
        max_turns: int = 1,
        gamma: float = 1.0,
        render_mode: str | None = None,
    ) -> None:
        """Read the file, unless this process has read it already.

        Args:
            path: The file or folder; see `register_dataset` for this and the next eight.
            prompt: Column of the problems.
            reference: Column of the references.
            verifier: What scores an answer.
            id_column: Column of the names; `id` itself is an argument of Gymnasium's `make`.
            difficulty: Column of the difficulties.
            system: System message.
            template: The prompt around the problem.
            split_column: Column of the splits.
            limit: How many rows to read.
            split: One of the file's splits, or `all`; None for `train` where the file names its
                splits and has that one, else for `all`.
            max_turns: Actions after which an episode is truncated.
            gamma: Discount of the MDP.
            render_mode: `ansi` or None.

        Raises:
            DataError: For a file that cannot be read, naming the line or row.
            UsageError: For a value out of range.
        """
        if limit is not None:
            check_integer("limit", limit, 1, 10**12)
        source = DatasetSource(
            Path(path),
            prompt,
            reference,
            id_column,
            difficulty,
            system,
            template,
            split_column,
            limit,
        )
        table = load_table(source)
        self.source = source
        self.splits = table.splits
        if split is None:
            split = "train" if table.names_splits and "train" in table.splits else "all"
        self.max_length = max(self.max_length, table.longest_prompt)
        super().__init__(
            verifier=verifier,
            split=split,
            max_turns=max_turns,
            gamma=gamma,
            render_mode=render_mode,
        )
        self._tasks = table.tasks_of(split)
        if not self._tasks:
            raise DataError(
                f"{source.path} has no row in split {split!r}", "at least one", "use split='all'"
            )

    def tasks(self) -> Sequence[Task]:
        """Return the tasks of the split, in the order of the file."""
        return self._tasks


class Table:
    """The tasks of a file and the split of each."""

    def __init__(self, tasks: list[Task], task_splits: list[str], names_splits: bool) -> None:
        """Keep the tasks.

        Args:
            tasks: In the order of the file.
            task_splits: The split of each task where the file names it, else the content that
                decides it.
            names_splits: Which of the two.
        """
        self.names_splits = names_splits
        self.splits = (*dict.fromkeys(task_splits), "all") if names_splits else SPLITS
        self.longest_prompt = max(len(prompt_text(task)) for task in tasks)
        self._tasks = tuple(tasks)
        self._task_splits = tuple(task_splits)
        self._by_split: dict[str, tuple[Task, ...]] = {"all": self._tasks}

    def tasks_of(self, split: str) -> tuple[Task, ...]:
        """Return the tasks of one split, in the order of the file."""
        if split not in self._by_split:
            pairs = zip(self._tasks, self._task_splits, strict=True)
            self._by_split[split] = tuple(
                task
                for task, own in pairs
                if (own == split if self.names_splits else in_split(own, split))
            )
        return self._by_split[split]


_tables: dict[DatasetSource, tuple[tuple[int, int], Table]] = {}
_tables_lock = threading.Lock()


def load_table(source: DatasetSource) -> Table:
    """Return the tasks of a file, read once while its size and time of change stay the same.

    Raises DataError.
    """
    with _tables_lock:
        check_format(source.path)
        key = modification_key(source.path)
        cached = _tables.get(source)
        if cached is None or cached[0] != key:
            cached = (key, _read_table(source))
            _tables[source] = cached
        return cached[1]


def _read_table(source: DatasetSource) -> Table:
    tasks: list[Task] = []
    task_splits: list[str] = []
    names = folder_splits(source.path)
    use_folders = bool(names) and source.split_column is None
    for name in names if use_folders else (None,):
        for row in read_rows(source.path, name):
            if source.limit is not None and len(tasks) >= source.limit:
                break
            tasks.append(_read_task(source, row))
            if name is not None:
                task_splits.append(name)
            elif source.split_column is not None:
                task_splits.append(_read_text(source, row, source.split_column))
            else:
                task_splits.append(_read_text(source, row, source.prompt))
    if not tasks:
        raise DataError(f"{source.path} has no rows", "at least one task")
    return Table(tasks, task_splits, use_folders or source.split_column is not None)


def _read_task(source: DatasetSource, row: Row) -> Task:
    problem = _read_text(source, row, source.prompt)
    reference = _read_text(source, row, source.reference)
    text = source.template.replace("{prompt}", problem)
    system = (Message("system", source.system),) if source.system else ()
    return Task(
        id=_read_text(source, row, source.id) if source.id else content_id(problem, reference),
        prompt=(*system, Message("user", text)),
        reference=reference,
        difficulty=_read_number(source, row, source.difficulty) if source.difficulty else 0.0,
    )


def _read_text(source: DatasetSource, row: Row, column: str) -> str:
    value = _read_value(source, row, column)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise DataError(
            f"{column!r} in {row[0]} of {source.path} is a {type(value).__name__}", "a text"
        )
    text = str(value)
    if not text.strip():
        raise DataError(f"{column!r} in {row[0]} of {source.path} is empty", "a text")
    if not text.isascii() and text not in Utf8Text(len(text)):
        raise DataError(
            f"{column!r} in {row[0]} of {source.path} holds a lone surrogate", "valid Unicode"
        )
    return text


def _read_number(source: DatasetSource, row: Row, column: str) -> float:
    value = _read_value(source, row, column)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise DataError(f"{column!r} in {row[0]} of {source.path} is {value!r:.60}", "a number")
    return number


def _read_value(source: DatasetSource, row: Row, column: str) -> Any:
    where, columns = row
    if column not in columns:
        found = f"{where} of {source.path} has no column {column!r}"
        raise DataError(found, f"it among {', '.join(map(repr, columns)) or 'its columns'}")
    return columns[column]
