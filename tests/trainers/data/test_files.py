"""Files of examples: every format round trip, broken rows with their place, and no half texts."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from gym_reason.errors import DataError, UsageError
from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.data.examples import Example, read_examples
from gym_reason.trainers.data.files import check_output_format, dump_rows, json_line, read_table

ROWS: list[dict[str, Any]] = [
    {"prompt": "1+1=", "response": "2", "ifd": 0.5, "messages": [{"role": "user", "content": "a"}]},
    {"prompt": "Wie groß?", "response": "文", "ifd": 1.5, "messages": [], "extra": None},
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows in the format of the name, and return the path."""
    with path.open("wb") as file:
        dump_rows(file, path.name, rows)
    return path


def read(path: Path, **columns: str) -> tuple[list[Example], DropLog]:
    """Return the examples of a file and what was dropped."""
    log = DropLog()
    return read_examples(path, columns, log), log


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.zst", "a.parquet"])
def test_what_is_written_is_read_back(name: str, tmp_path: Path) -> None:
    read_back = [dict(line.row) for line in read_table(write(tmp_path / name, ROWS))]
    assert [{**{"extra": None}, **row} for row in read_back] == [
        {**{"extra": None}, **row} for row in ROWS
    ]


def test_broken_rows_are_named_and_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    lines = [
        b'{"prompt": "a", "response": "b"}',
        b"{",
        b"[1]",
        b"\xff",
        b"",
        b"[" * 100_000,
        b'{"prompt": "a"}',
        b'{"prompt": "a", "response": 3}',
        b'{"prompt": "a", "response": "  "}',
        b'{"prompt": "a", "response": null}',
        b'{"prompt": [{"role": "robot", "content": "a"}], "response": "b"}',
        b'{"messages": [{"role": "user", "content": "a"}]}',
        b'{"prompt": "a", "response": "\\ud800"}',
        b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}',
    ]
    path.write_bytes(b"\n".join(lines))
    examples, log = read(path)
    assert [example.where for example in examples] == ["line 1", "line 14"]
    assert [drop.where for drop in log.drops] == [
        f"line {n}" for n in (2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13)
    ]
    assert log.counts == {"broken row": 9, "empty response": 2}
    assert examples[1].prompt_text == "a"
    assert examples[0].prompt_id == examples[1].prompt_id


def test_messages_count_before_the_prompt_unless_a_column_is_named(tmp_path: Path) -> None:
    messages = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "1+1="},
        {"role": "assistant", "content": "2"},
    ]
    row = {"prompt": "other", "response": "3", "messages": messages, "answer": "4"}
    path = write(tmp_path / "a.jsonl", [row])
    (example,), _ = read(path)
    assert (example.prompt_text, example.response) == ("be brief\n\n1+1=", "2")
    (example,), _ = read(path, response="answer")
    assert (example.prompt_text, example.response) == ("other", "4")
    _, log = read(path, response="gone")
    assert log.drops[0].detail == "no column 'gone'"


def test_an_example_gives_back_its_columns_as_a_demonstration(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [{"q": "1+1=", "a": "2", "id": 7}])
    (example,), _ = read(path, prompt="q", response="a")
    row = example.to_row(ifd=0.5)
    assert row == {
        **{"q": "1+1=", "a": "2", "id": 7, "prompt": "1+1=", "response": "2", "ifd": 0.5},
        "messages": [
            {"role": "user", "content": "1+1="},
            {"role": "assistant", "content": "2"},
        ],
    }
    again, _ = read(write(tmp_path / "b.jsonl", [row]))
    assert again[0].prompt == example.prompt


def test_half_a_surrogate_pair_is_written_as_its_escape() -> None:
    assert json.loads(json_line({"a": "\ud800", "b": "ß"})) == {"a": "\ud800", "b": "ß"}
    assert json_line({"b": "ß"}) == '{"b": "ß"}\n'.encode()


def test_what_fits_no_column_of_parquet_is_refused() -> None:
    with pytest.raises(DataError, match=r"the column 'a' fits no column of Parquet.*\.jsonl"):
        dump_rows(io.BytesIO(), "a.parquet", [{"a": 1}, {"a": "text"}])


def test_other_endings_and_absent_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.parquet"):
        check_output_format(tmp_path / "a.txt")
    with pytest.raises(DataError, match="no file"):
        list(read_table(tmp_path / "a.jsonl"))
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(DataError, match="ends in"):
        list(read_table(tmp_path / "a.txt"))
