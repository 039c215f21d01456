"""The rows that `gym-reason verify` reads: from lines of a file to tasks and submissions."""

import json
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gym_reason.cli.rows import as_text, reference_column
from gym_reason.errors import DataError
from gym_reason.records import read_lines
from gym_reason.text import shorten
from gym_reason.types import Outcome, Task, Verdict

FIELDS = ("id", "submission", "reference", "meta")
"""What a row holds, under these names unless `--field` says otherwise."""


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A row as it was read, for the time that its verdict takes."""

    values: dict[str, Any]
    """Its columns; of a broken line what could be read, and its number."""
    size: int
    """Bytes of its line."""


def open_source(name: str) -> Iterator[tuple[int, bytes]]:
    """Return the numbered lines of a file that are not blank.

    Raises:
        DataError: Where the file cannot be read at all.
    """
    if name == "-":
        return ((n, line) for n, line in enumerate(sys.stdin.buffer, 1) if line.strip())
    path = Path(name)
    if not path.exists():
        raise DataError(f"no file {name}", "a file of JSON lines")
    if path.is_dir():
        raise DataError(f"{name} is a folder", "a file of JSON lines")
    return read_lines(path)


def read_items(
    source: Iterator[tuple[int, bytes]], columns: Mapping[str, str], rows: deque[SourceRow]
) -> Iterator[tuple[Task, str] | Verdict]:
    """Yield what the pool takes for each line, and put the row that it came from into `rows`."""
    for number, line in source:
        values: dict[str, Any] = {}
        try:
            parsed = json.loads(line)
            if not isinstance(parsed, dict):
                raise ValueError(f"a JSON {type(parsed).__name__}, expected an object")
            values = parsed
            item: tuple[Task, str] | Verdict = _read_row(values, number, columns)
        # Nesting beyond Python's stack is one more way for a line to be broken.
        except (ValueError, RecursionError) as error:
            values = {**values, "line": number}
            item = _invalid(f"line {number}: {shorten(str(error), 200)}")
        rows.append(SourceRow(values, len(line)))
        yield item


def _read_row(values: dict[str, Any], number: int, columns: Mapping[str, str]) -> tuple[Task, str]:
    """Return the task and the submission of a row. Raises ValueError where it lacks something."""
    for column in columns.values():
        if column not in values:
            raise ValueError(f"no column {column!r}")
    names = {field: columns.get(field, field) for field in FIELDS}
    if names["submission"] not in values:
        raise ValueError(f"no column {names['submission']!r}, expected the submission there")
    names["reference"] = reference_column(values, columns)
    taken = {*names.values(), *(field for field in FIELDS if field not in columns)}
    meta = {column: value for column, value in values.items() if column not in taken}
    own = values.get(names["meta"])
    task = Task(
        id=str(values.get(names["id"], number)),
        prompt=(),
        reference=as_text(values.get(names["reference"])) or "",
        # What the row calls its meta comes first: columns beside it may be anybody's.
        meta={**meta, **own} if isinstance(own, dict) else meta,
    )
    return task, _submission_text(values[names["submission"]])


def _submission_text(value: object) -> str:
    """Return a submission as text; a number stands for its digits."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return json.dumps(value)
    raise ValueError(f"the submission is of type {type(value).__name__}, expected text")


def _invalid(detail: str) -> Verdict:
    return Verdict(reward=0.0, correct=False, outcome=Outcome.INVALID, detail=detail)
