"""Reading tables of tasks: JSON lines, CSV, Parquet and saved Hugging Face datasets."""

import csv
import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from gym_reason.errors import DataError, UsageError
from gym_reason.records import read_jsonl
from gym_reason.registry import explain_unknown

Row: TypeAlias = tuple[str, dict[str, Any]]
"""Where a row stands (`line 7`, `row 7`), and its columns."""

_FORMATS = "a .jsonl, .jsonl.zst, .csv or .parquet file, or a folder made by save_to_disk"


def check_format(path: Path) -> None:
    """Raise DataError where there is no such file or it is of no format that can be read."""
    if not path.exists():
        raise DataError(f"no file {path}", _FORMATS)
    if path.is_dir():
        if not any((path / name).is_file() for name in ("state.json", "dataset_dict.json")):
            raise DataError(
                f"the folder {path} has no state.json and no dataset_dict.json", _FORMATS
            )
    elif _kind(path) is None:
        raise DataError(f"{path} ends in {path.suffix!r}", _FORMATS)


def read_rows(path: Path, split: str | None = None) -> Iterator[Row]:
    """Yield the rows of a table in order.

    Args:
        path: The file or folder.
        split: Which of the datasets in a folder with several; None for all of them, one after the
            other.

    Raises:
        DataError: In one line that names the file and the line or row.
    """
    check_format(path)
    if path.is_dir():
        yield from _read_dataset(path, split)
    elif _kind(path) == "csv":
        yield from _read_csv(path)
    elif _kind(path) == "parquet":
        yield from _read_parquet(path)
    else:
        yield from _read_jsonl(path)


def folder_splits(path: Path) -> tuple[str, ...]:
    """Return the names of the datasets in a folder with several, or nothing for any other table."""
    listing = path / "dataset_dict.json"
    if not listing.is_file():
        return ()
    names = _read_json(listing).get("splits")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise DataError(
            f"{listing} lists no splits", 'an object such as {"splits": ["train", "test"]}'
        )
    return tuple(names)


def modification_key(path: Path) -> tuple[int, int]:
    """Return the size of a file or a folder and the time of its last change, in ns."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    states = [file.stat() for file in files]
    return sum(state.st_size for state in states), max(state.st_mtime_ns for state in states)


def _kind(path: Path) -> str | None:
    name = path.name.lower()
    if name.endswith((".jsonl", ".jsonl.zst")):
        return "jsonl"
    return next((kind for kind in ("csv", "parquet") if name.endswith(f".{kind}")), None)


def _read_jsonl(path: Path) -> Iterator[Row]:
    for number, row in read_jsonl(path):
        yield f"line {number}", row


def _read_csv(path: Path) -> Iterator[Row]:
    # A byte-order mark, which spreadsheets write, is no part of the first column's name.
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            for row in reader:
                if None in row:
                    found = f"line {reader.line_num} of {path} has more fields than the header"
                    raise DataError(found, f"{len(reader.fieldnames or ())} fields")
                yield f"line {reader.line_num}", {k: v for k, v in row.items() if v is not None}
        except (csv.Error, UnicodeDecodeError) as error:
            found = f"line {reader.line_num + 1} of {path} is not CSV: {error}"
            raise DataError(found, "CSV in UTF-8 with a header") from None


def _read_parquet(path: Path) -> Iterator[Row]:
    pyarrow, parquet = _import("pyarrow"), _import("pyarrow.parquet")
    try:
        table = parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path} is not Parquet: {error}", "a Parquet file") from None
    yield from _table_rows(table, "row ")


def _read_dataset(path: Path, split: str | None) -> Iterator[Row]:
    names = folder_splits(path)
    if not names:
        yield from _read_arrow_folder(path, "row ")
        return
    if split is not None and split not in names:
        raise DataError(*explain_unknown(f"dataset in {path}", split, list(names)))
    for name in names if split is None else (split,):
        yield from _read_arrow_folder(path / name, f"row {name}/")


def _read_arrow_folder(folder: Path, prefix: str) -> Iterator[Row]:
    pyarrow, ipc = _import("pyarrow"), _import("pyarrow.ipc")
    state_path = folder / "state.json"
    files = _read_json(state_path).get("_data_files")
    if not isinstance(files, list) or not all(isinstance(file, dict) for file in files):
        raise DataError(f"{state_path} lists no _data_files", "a folder made by save_to_disk")
    start = 0
    for file in files:
        # Only the last part of the name counts: a listing must not lead out of its folder.
        arrow_path = folder / Path(str(file.get("filename"))).name
        try:
            with pyarrow.memory_map(str(arrow_path)) as source:
                table = ipc.open_stream(source).read_all()
        except (pyarrow.ArrowException, OSError) as error:
            raise DataError(
                f"{arrow_path} is not an Arrow stream: {error}", f"a file that {state_path} lists"
            ) from None
        yield from _table_rows(table, prefix, start)
        start += table.num_rows


def _table_rows(table: Any, prefix: str, start: int = 0) -> Iterator[Row]:
    number = start
    for batch in table.to_batches():
        for row in batch.to_pylist():
            number += 1
            yield f"{prefix}{number}", row


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path}: {error}", "a folder made by save_to_disk") from None
    if not isinstance(content, dict):
        raise DataError(f"{path} holds a {type(content).__name__}", "one JSON object")
    return content


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise UsageError(
            "pyarrow is not installed", "it for Parquet and Arrow", "pip install pyarrow"
        ) from None
