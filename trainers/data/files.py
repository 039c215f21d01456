"""Files of examples: what is in a row, row by row, and writing them back in the same formats."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import zstandard

from gym_reason.envs.tables import read_rows
from gym_reason.errors import DataError, UsageError
from gym_reason.records import read_lines, to_json
from gym_reason.text import shorten

FORMATS = "a .jsonl, .jsonl.zst or .parquet file"


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a file, or what is wrong with it."""

    where: str
    """`line 7` or `row 7`."""
    row: Mapping[str, Any]
    """Its columns; none where it could not be read."""
    problem: str = ""
    """Why it could not be read; empty where it was."""


def read_table(path: Path) -> Iterator[Line]:
    """Yield every row of a file, broken ones too.

    JSON lines (plain or `.zst`), Parquet, CSV and folders of Hugging Face datasets are read. Raises
    DataError where there is no such file, or where what is no JSON lines is broken.
    """
    if not path.exists():
        raise DataError(f"no file {path}", FORMATS)
    if not path.name.endswith((".jsonl", ".jsonl.zst")):
        for where, row in read_rows(path):
            yield Line(where, row)
        return
    for number, line in read_lines(path):
        where = f"line {number}"
        try:
            value = json.loads(line)
        # Nesting beyond Python's stack is one more way for a line to be broken.
        except (ValueError, RecursionError) as error:
            yield Line(where, {}, f"no JSON: {shorten(str(error), 120)}")
            continue
        if isinstance(value, dict):
            yield Line(where, value)
        else:
            yield Line(where, {}, f"a JSON {type(value).__name__}, no object")


def check_output_format(path: Path) -> None:
    """Raise UsageError for a name whose ending is no format that can be written."""
    if not path.name.endswith((".jsonl", ".jsonl.zst", ".parquet")):
        raise UsageError(f"the output {path}", FORMATS, "give the name one of these endings")


def dump_rows(file: BinaryIO, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows to an open file, in the format that the ending of `name` stands for.

    Raises DataError where a column of Parquet would hold values of different types.
    """
    if name.endswith(".parquet"):
        _dump_parquet(file, list(rows))
    elif name.endswith(".zst"):
        with zstandard.ZstdCompressor(level=3).stream_writer(file, closefd=False) as packed:
            for row in rows:
                packed.write(json_line(row))
    else:
        file.writelines(map(json_line, rows))


def json_line(row: Mapping[str, Any]) -> bytes:
    """Return a row as a line of JSON in UTF-8; half a surrogate pair stays as its escape."""
    values = to_json(row)
    try:
        return json.dumps(values, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(values).encode("ascii") + b"\n"


def _dump_parquet(file: BinaryIO, rows: Sequence[Mapping[str, Any]]) -> None:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UsageError(
            "pyarrow is not installed", "it for Parquet", "pip install pyarrow"
        ) from None
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {}
    for name in names:
        values = [to_json(row.get(name)) for row in rows]
        try:
            columns[name] = pyarrow.array(values)
        except (pyarrow.ArrowException, UnicodeEncodeError) as error:
            raise DataError(
                f"the column {name!r} fits no column of Parquet: {shorten(str(error), 120)}",
                "values of one type",
                "write .jsonl instead",
            ) from None
    pyarrow.parquet.write_table(pyarrow.table(columns), file)


def is_valid_text(text: str) -> bool:
    """Return whether a text can be written as UTF-8, as every tokenizer expects."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
