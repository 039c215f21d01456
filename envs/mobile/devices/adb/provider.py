"""Rows of a content provider, read so that no value can pass for another row.

`content query` writes `Row: 0 _id=7, body=Hello, you` and quotes nothing: a text may hold commas,
newlines, or what looks like the next row. So the numbers are read first, which cannot lie; then
each text column alone with the key before it; and a row that could be read in two ways alone.
"""

import re
from collections.abc import Sequence

from gym_reason.envs.mobile.devices.adb.source import NotGiven, Source, first_line

NUMBER = re.compile(r"-?[0-9]{1,19}|NULL")
MAX_ROWS = 20_000
"""Most rows of one table."""

Fields = dict[str, int | str]
"""The values of a row, by column; a number that is missing is 0, a text that is missing empty."""


def read_rows(
    source: Source, uri: str, numbers: Sequence[str], texts: Sequence[str], where: str = ""
) -> list[Fields]:
    """Return rows in the order of their `_id`, which is among their fields.

    Args:
        source: The phone.
        uri: The provider's address: `content://sms`.
        numbers: Columns of whole numbers.
        texts: Columns of texts.
        where: A condition in SQL; empty for all rows.

    Raises:
        NotGiven: Where the provider refuses, or its rows change meanwhile.
    """
    rows = _read_numbers(source, uri, numbers, where)
    for column in texts if rows else ():
        values = _read_texts(source, uri, column, [int(row["_id"]) for row in rows], where)
        for row, value in zip(rows, values, strict=True):
            row[column] = value
    return rows


def _query(source: Source, uri: str, columns: Sequence[str], where: str) -> str:
    words = ["content", "query", "--uri", uri, "--projection", ":".join(columns)]
    if where:
        words += ["--where", where]
    output = source.ask(*words, "--sort", "_id ASC").replace("\r\n", "\n")
    if output.startswith("No result found"):
        return ""
    if output and not output.startswith("Row: 0 "):
        raise NotGiven(first_line(output))
    # One newline ends the answer, one the last row.
    return output.removesuffix("\n")


def _read_numbers(source: Source, uri: str, columns: Sequence[str], where: str) -> list[Fields]:
    columns = ("_id", *columns)
    output = _query(source, uri, columns, where)
    lines = output.split("\n") if output else []
    if len(lines) > MAX_ROWS:
        raise NotGiven(f"{len(lines)} rows, more than {MAX_ROWS}")
    rows: list[Fields] = []
    for place, line in enumerate(lines):
        head = f"Row: {place} "
        parts = line.removeprefix(head).split(", ")
        if not line.startswith(head) or len(parts) != len(columns):
            raise NotGiven(f"a row that cannot be read: {line[:80]!r}")
        fields: Fields = {}
        for column, part in zip(columns, parts, strict=True):
            name, _, value = part.partition("=")
            if name != column or not NUMBER.fullmatch(value):
                raise NotGiven(f"{part[:80]!r}, where a number of {column} should be")
            fields[column] = 0 if value == "NULL" else int(value)
        rows.append(fields)
    keys = [int(row["_id"]) for row in rows]
    if len(set(keys)) != len(keys):
        raise NotGiven("two rows of one key")
    return rows


def _read_texts(
    source: Source, uri: str, column: str, keys: Sequence[int], where: str
) -> list[str]:
    output = _query(source, uri, ("_id", column), where)
    values = _split(output, column, keys)
    if values is None:
        values = [_read_one(source, uri, column, key) for key in keys]
    if "NULL" in values:
        # A text of these four letters is written like none.
        condition = f"({where}) AND {column} IS NULL" if where else f"{column} IS NULL"
        missing = {row["_id"] for row in _read_numbers(source, uri, (), condition)}
        values = ["" if key in missing else value for key, value in zip(keys, values, strict=True)]
    return values


def _split(output: str, column: str, keys: Sequence[int]) -> list[str] | None:
    """Return the text of each key; None where one of the rows could begin in two places."""
    heads = [f"Row: {place} _id={key}, {column}=" for place, key in enumerate(keys)]
    starts: list[int] = []
    for place, head in enumerate(heads):
        found = 0 if place == 0 and output.startswith(head) else output.find(f"\n{head}") + 1
        again = output.find(f"\n{head}", found)
        if (place > 0 and found == 0) or again >= 0 or not output.startswith(head, found):
            return None
        starts.append(found)
    if starts != sorted(starts):
        return None
    ends = [*(start - 1 for start in starts[1:]), len(output)]
    return [
        output[start + len(head) : end]
        for start, head, end in zip(starts, heads, ends, strict=True)
    ]


def _read_one(source: Source, uri: str, column: str, key: int) -> str:
    output = _query(source, uri, ("_id", column), f"_id={key}")
    head = f"Row: 0 _id={key}, {column}="
    if not output.startswith(head):
        raise NotGiven(f"row {key} of {uri} went away meanwhile")
    return output.removeprefix(head)
