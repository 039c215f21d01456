"""Files of programming problems, in the forms that well-known collections have, as tasks."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gym_reason.envs.code import contests, functions
from gym_reason.envs.code.fields import Record
from gym_reason.envs.tables import check_format, modification_key, read_rows
from gym_reason.errors import DataError
from gym_reason.registry import explain_unknown
from gym_reason.spaces import Utf8Text
from gym_reason.types import Json, Message, Task
from gym_reason.verifiers.code.languages import find_language
from gym_reason.verifiers.code.tests import AssertTests, read_tests

FORMS: dict[str, Callable[[Mapping[str, Any], str], Record]] = {
    "humaneval": functions.read_humaneval,
    "mbpp": functions.read_mbpp,
    "leetcode": functions.read_leetcode,
    "livecodebench": contests.read_livecodebench,
    "apps": contests.read_apps,
    "codecontests": contests.read_codecontests,
}
"""The forms, each with what reads a record of it in a language."""


@dataclass(frozen=True, slots=True)
class RecordFile:
    """A file of problems."""

    path: Path
    """A `.jsonl`, `.jsonl.zst`, `.csv` or `.parquet` file, or a folder made by `save_to_disk`."""
    form: str
    """One of FORMS."""
    language: str = "python"
    """The language that programs are asked for in."""
    limit: int | None = None
    """Records to read; None for all."""


_files: dict[RecordFile, tuple[tuple[int, int], tuple[Task, ...]]] = {}
_files_lock = threading.Lock()


def load_records(source: RecordFile) -> tuple[Task, ...]:
    """Return the tasks of a file, read once while its size and time of change stay the same.

    Raises:
        DataError: In one line that names the file and the line or row.
        UnknownNameError: For an unknown language.
    """
    with _files_lock:
        check_format(source.path)
        key = modification_key(source.path)
        cached = _files.get(source)
        if cached is None or cached[0] != key:
            cached = (key, read_records(source))
            _files[source] = cached
        return cached[1]


def read_records(source: RecordFile) -> tuple[Task, ...]:
    """Return the tasks of a file. Raises as `load_records` does."""
    if source.form not in FORMS:
        raise DataError(*explain_unknown("form of records", source.form, list(FORMS)))
    find_language(source.language)  # an unknown one is no fault of a row
    tasks: dict[str, Task] = {}
    for where, row in read_rows(source.path):
        if source.limit is not None and len(tasks) >= source.limit:
            break
        try:
            task = task_of(FORMS[source.form](row, source.language), source)
            if task.id in tasks:
                raise DataError(f"the id {task.id!r} stands twice", "one record an id")
        except DataError as error:
            raise DataError(f"{where} of {source.path}: {error}") from None
        tasks[task.id] = task
    if not tasks:
        raise DataError(f"{source.path} has no rows", "at least one problem")
    return tuple(tasks.values())


def task_of(record: Record, source: RecordFile) -> Task:
    """Return the task of a record. Raises DataError where its tests cannot be read."""
    meta: dict[str, Json] = {"language": source.language, "solution": record.solution}
    meta["public"] = json.dumps(record.public, ensure_ascii=False) if record.public else ""
    meta["starter"] = record.starter
    reference = json.dumps(record.tests, ensure_ascii=False)
    tests = read_tests(reference, meta)
    if isinstance(tests, AssertTests) and find_language(source.language)[1].run:
        raise DataError(f"its tests call functions; a program in {source.language}", "python")
    if meta["public"]:
        read_tests(str(meta["public"]), meta)
    for text in (record.prompt, reference, record.solution):
        if not text.isascii() and text not in Utf8Text(len(text)):
            raise DataError("it holds a lone surrogate", "valid Unicode")
    return Task(
        id=record.id,
        prompt=(Message("user", record.prompt),),
        reference=reference,
        difficulty=record.difficulty,
        meta=meta,
    )
