"""Files of records: JSON lines, plain or Zstandard, and writes that are whole or absent."""

import dataclasses
import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO

import zstandard

from gym_reason.errors import DataError, RunError


@contextmanager
def explain_os_errors(path: Path) -> Iterator[None]:
    """Turn a full disk, a read-only folder and their like into a one-line RunError about `path`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunError(
            f"cannot write {path}: {reason}", "a writable folder with free space"
        ) from error


@contextmanager
def open_atomic(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that appears under `path` only if the block ends without an error."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with explain_os_errors(path):
            with temporary.open("wb") as file:
                yield file
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write a whole file, or nothing. Raises RunError."""
    with open_atomic(path) as file:
        file.write(content.encode("utf-8") if isinstance(content, str) else content)


_PLAIN = frozenset((str, int, float, bool, type(None)))
"""Types that `json` writes as they are."""


def to_json(value: object) -> Any:
    """Return `value` as what `json` can write.

    Dataclasses become objects, enums their values, tuples lists, bytes hexadecimal text, and
    anything unknown its `repr`.
    """
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        # Streams of tokens are long, and need no look at each.
        if _PLAIN.issuperset(map(type, value)):
            return list(value)
        return [to_json(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    return repr(value)


def dump_line(value: object) -> bytes:
    """Return `value` as one line of JSON, newline included."""
    return json.dumps(to_json(value), ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


def read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield `(line number, object)` for each line that is not blank.

    Files called `.zst` are read as Zstandard. Raises DataError with the file and the line where one
    is no JSON object.
    """
    for number, line in read_lines(path):
        yield number, parse_line(line, number, path)


def parse_line(line: bytes, number: int, path: Path) -> dict[str, Any]:
    """Return the object that a line of a file is. Raises DataError, which names both."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"line {number} of {path} is not JSON ({error})", "one JSON object a line"
        ) from None
    if not isinstance(row, dict):
        raise DataError(
            f"line {number} of {path} is a {type(row).__name__}", "one JSON object a line"
        )
    return row


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield `(line number, bytes)` for each line that is not blank. Raises DataError."""
    try:
        with path.open("rb") as file:
            source: Any = file
            if path.suffix == ".zst":
                source = io.BufferedReader(
                    zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
                )
            for number, line in enumerate(source, 1):
                if line.strip():
                    yield number, line
    except (OSError, zstandard.ZstdError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"cannot read {path}: {reason}", "a file of JSON lines") from None


def write_jsonl_zst(path: Path, rows: list[Any]) -> None:
    """Write rows as Zstandard-compressed JSON lines, whole or not at all. Raises RunError."""
    write_atomic(
        path, zstandard.ZstdCompressor(level=3).compress(b"".join(dump_line(row) for row in rows))
    )
