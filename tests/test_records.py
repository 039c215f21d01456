"""Files of records: whole or absent, and a broken line is named by its number."""

import errno
import json
import math
import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.errors import DataError, RunError
from gym_reason.records import (
    dump_line,
    explain_os_errors,
    open_atomic,
    read_jsonl,
    read_lines,
    to_json,
    write_atomic,
    write_jsonl_zst,
)


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Row:
    name: str
    colour: Colour
    values: tuple[float, ...]


def test_dataclasses_enums_and_bytes_become_json() -> None:
    row = Row("x", Colour.RED, (1.0, 2.0))
    expected = {"name": "x", "colour": "red", "values": [1.0, 2.0]}
    assert to_json({1: row, "raw": b"\x01\xff", "type": int}) == {
        "1": expected, "raw": "01ff", "type": "<class 'int'>"
    }  # fmt: skip


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner)),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(st.text(), json_values, max_size=3), max_size=5))
def test_rows_survive_being_written_and_read(rows: list[dict[str, object]]) -> None:
    lines = [dump_line(row) for row in rows]
    assert all(line.count(b"\n") == 1 and line.endswith(b"\n") for line in lines)
    assert [json.loads(line) for line in lines] == rows


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.zst"])
def test_files_plain_and_compressed_read_alike(tmp_path: Path, name: str) -> None:
    rows = [{"text": "a\u2028b\x85é"}, {"text": "c" * 100_000}]
    path = tmp_path / name
    if path.suffix == ".zst":
        write_jsonl_zst(path, rows)
    else:
        path.write_bytes(b"".join(dump_line(row) for row in rows))
    assert list(read_jsonl(path)) == [(1, rows[0]), (2, rows[1])]


def test_a_compressed_file_of_several_frames_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.zst"
    compress = zstandard.ZstdCompressor().compress
    path.write_bytes(compress(b'{"row": 1}\n') + compress(b'{"row": 2}\n'))
    assert [row["row"] for _, row in read_jsonl(path)] == [1, 2]


def test_blank_lines_are_passed_over_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\n{"a": 1}\n  \n{"a": 2}')
    assert [number for number, _ in read_jsonl(path)] == [2, 4]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1}\n{"a":', "line 2 of .* is not JSON"),
        (b'{"a": 1}\n[1]\n', "line 2 of .* is a list; expected one JSON object a line"),
        (b'{"a": "\xff"}\n', "line 1 of .* is not JSON"),
        (b'{"a": ' + b"[" * 200_000 + b"\n", "line 1 of .* is not JSON"),
        (b'{"a": ' + b"1" * 5000 + b"}\n", "line 1 of .* is not JSON"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        list(read_jsonl(path))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*absent.jsonl: No such file"):
        list(read_lines(tmp_path / "absent.jsonl"))
    with pytest.raises(DataError, match=r"cannot read .*: Is a directory"):
        list(read_lines(tmp_path))


@pytest.mark.parametrize("content", [b"no zstandard", b""])
def test_a_broken_compressed_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.jsonl.zst"
    path.write_bytes(content)
    if content:
        with pytest.raises(DataError, match=r"cannot read .*rows.jsonl.zst"):
            list(read_lines(path))
    else:
        assert list(read_lines(path)) == []


def test_a_compressed_file_that_was_cut_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.zst"
    rows = [{"text": os.urandom(2000).hex()} for _ in range(100)]
    write_jsonl_zst(path, rows)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(DataError, match=r"rows.jsonl.zst"):
        list(read_jsonl(path))


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_atomic(path, "old")

    def fail() -> None:
        with open_atomic(path) as file:
            file.write(b"new, and cut")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["file.txt"]


def test_a_write_replaces_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    write_atomic(path, b"a longer first content")
    write_atomic(path, "é")
    assert path.read_bytes() == "é".encode()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"cannot write .*file.txt: No such file"):
        write_atomic(tmp_path / "absent" / "file.txt", "")


def test_a_full_disk_is_a_run_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="No space left on device"), explain_os_errors(tmp_path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_numbers_that_json_lacks_are_written_as_null_or_read_back() -> None:
    assert math.isnan(json.loads(dump_line({"loss": math.nan}))["loss"])
