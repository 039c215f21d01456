"""The whole data of a device: typed tables with primary keys, a log, and a virtual clock."""

from collections import namedtuple
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar, cast

from gym_reason.errors import DataError
from gym_reason.types import Json

Key: TypeAlias = int | str
"""A primary key: a number that the world gives out, or a name."""
Value: TypeAlias = "str | int | float | bool | None"
"""A field of a row."""
Row: TypeAlias = tuple[Any, ...]
"""A row as the world holds it: a NamedTuple whose first field is the primary key."""

R = TypeVar("R", bound=Row)


class Table(Generic[R]):
    """The declaration of a table: its name and the NamedTuple of its rows, primary key first."""

    __slots__ = ("fields", "name", "row_type")

    def __init__(self, name: str, row_type: type[R]) -> None:
        """Declare a table, named `app.noun`. Rows are NamedTuples of texts, numbers and None."""
        self.name = name
        self.row_type = row_type
        self.fields: tuple[str, ...] = row_type._fields  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        """Return the name."""
        return f"Table({self.name!r})"


class LogEntry(NamedTuple):
    """Something that happened and cannot be undone on the screen: a message sent, a call made."""

    kind: str
    """What happened, as `app.noun_verb`: `messages.sent`."""
    at: int
    """When, in seconds of the world's clock."""
    values: tuple[tuple[str, Value], ...]
    """What it was about, by name, in the order given."""


class World(NamedTuple):
    """The state that tasks and verifiers see. It never changes: each write returns another world.

    Tables that a write does not touch are shared between the worlds, so a comparison only looks at
    those that differ by identity.
    """

    tables: Mapping[str, Mapping[Key, Row]]
    """Every row, by table and primary key, in the order of insertion."""
    log: tuple[LogEntry, ...]
    """What cannot be undone, oldest first."""
    now: int
    """Seconds since 1970 in the device's own time zone. Only actions move it."""
    next_ids: Mapping[str, int]
    """The next number of each table with numbered rows. A number is never given twice."""

    def rows(self, table: Table[R]) -> Mapping[Key, R]:
        """Return the rows of a table by primary key."""
        return cast("Mapping[Key, R]", self.tables.get(table.name, _NO_ROWS))

    def find(self, table: Table[R], key: Key | None) -> R | None:
        """Return one row, or None."""
        return None if key is None else self.rows(table).get(key)

    def insert(self, table: Table[R], row: R) -> "World":
        """Return the world with one more row. A row with the key 0 is given the next number.

        Raises DataError where the key is taken.
        """
        name, key = table.name, row[0]
        next_ids = self.next_ids
        if key == 0:
            key = next_ids.get(name, 1)
            row = row._replace(**{table.fields[0]: key})  # type: ignore[attr-defined]
        elif key in self.tables.get(name, _NO_ROWS):
            raise DataError(f"a second row {key!r} in {name}", "a new primary key")
        if isinstance(key, int) and key >= next_ids.get(name, 1):
            next_ids = {**next_ids, name: key + 1}
        rows: dict[Key, Row] = {**self.tables.get(name, _NO_ROWS), key: row}
        return World({**self.tables, name: rows}, self.log, self.now, next_ids)

    def update(self, table: Table[R], key: Key, **fields: Value) -> "World":
        """Return the world with fields of one row changed; the same world where nothing differs.

        Raises DataError where there is no such row.
        """
        rows = self.tables.get(table.name, _NO_ROWS)
        old = rows.get(key)
        if old is None:
            raise DataError(f"no row {key!r} in {table.name}", "one of its primary keys")
        new = old._replace(**fields)  # type: ignore[attr-defined]
        if new == old:
            return self
        tables = {**self.tables, table.name: {**rows, key: new}}
        return World(tables, self.log, self.now, self.next_ids)

    def delete(self, table: Table[R], *keys: Key) -> "World":
        """Return the world without some rows. Keys that are not there are no error."""
        rows = self.tables.get(table.name, _NO_ROWS)
        left = {key: row for key, row in rows.items() if key not in keys}
        if len(left) == len(rows):
            return self
        return World({**self.tables, table.name: left}, self.log, self.now, self.next_ids)

    def record(self, kind: str, **values: Value) -> "World":
        """Return the world with one more entry in the log."""
        entry = LogEntry(kind, self.now, tuple(values.items()))
        return World(self.tables, (*self.log, entry), self.now, self.next_ids)

    def at(self, now: int) -> "World":
        """Return the world at another time."""
        return World(self.tables, self.log, now, self.next_ids)

    def last_id(self, table: Table[R]) -> int:
        """Return the number that was given last in a table; 0 where none was."""
        return self.next_ids.get(table.name, 1) - 1

    def to_json(self) -> dict[str, Json]:
        """Return the world as JSON values: each table with the names of its fields and its rows."""
        return {
            "now": self.now,
            "tables": {
                name: {"fields": _field_names(rows), "rows": [list(row) for row in rows.values()]}
                for name, rows in self.tables.items()
                if rows
            },
            "log": [[entry.kind, entry.at, dict(entry.values)] for entry in self.log],
            "next_ids": dict(self.next_ids),
        }


_NO_ROWS: Mapping[Key, Row] = {}

EMPTY_WORLD = World({}, (), 0, {})
"""A device without any data."""


def read_world(value: object, tables: Iterable[Table[Any]] = ()) -> World:
    """Return the world of `World.to_json`.

    Args:
        value: The JSON value.
        tables: Declarations whose row types are used; rows of other tables get types of their own,
            with the names of the fields that the value gives, which is enough to compare worlds.

    Raises:
        DataError: For anything that is no world.
    """
    known = {table.name: table.row_type for table in tables}
    if not isinstance(value, dict) or not isinstance(value.get("tables"), dict):
        raise DataError("a value without tables", "the JSON of a world")
    contents = {
        name: _read_table(name, table, known.get(name)) for name, table in value["tables"].items()
    }
    now, log, next_ids = value.get("now", 0), value.get("log", []), value.get("next_ids", {})
    counters = isinstance(next_ids, dict) and all(type(one) is int for one in next_ids.values())
    if type(now) is not int or not isinstance(log, list) or not counters:
        raise DataError("a clock, a log or counters of another type", "the JSON of a world")
    return World(contents, tuple(_read_entry(entry) for entry in log), now, next_ids)


def _field_names(rows: Mapping[Key, Row]) -> list[str]:
    return list(next(iter(rows.values()))._fields)  # type: ignore[attr-defined]


def _read_table(name: str, table: object, row_type: type[Row] | None) -> Mapping[Key, Row]:
    match table:
        case {"fields": [*fields], "rows": [*rows]} if fields:
            pass
        case _:
            raise DataError(f"table {name!r} of another form", "its fields and its rows")
    if row_type is None:
        row_type = _make_row_type(name, tuple(map(str, fields)))
    elif list(row_type._fields) != fields:  # type: ignore[attr-defined]
        expected = ", ".join(row_type._fields)  # type: ignore[attr-defined]
        raise DataError(f"table {name!r} with the fields {', '.join(map(str, fields))}", expected)
    found: dict[Key, Row] = {}
    for row in rows:
        if not isinstance(row, list) or len(row) != len(fields) or type(row[0]) not in (int, str):
            raise DataError(
                f"a row of {name!r} of another form", f"{len(fields)} values, key first"
            )
        if not all(map(_is_plain, row)):
            raise DataError(f"row {row[0]!r} of {name!r} with a nested value", "plain values")
        if row[0] in found:
            raise DataError(f"row {row[0]!r} of {name!r} twice", "each primary key once")
        found[row[0]] = row_type(*row)
    return found


@lru_cache(maxsize=256)
def _make_row_type(name: str, fields: tuple[str, ...]) -> type[Row]:
    # Python takes some names beyond ASCII for equal, and then refuses them in its own way.
    if len(fields) > MAX_FIELDS or not all(field.isascii() for field in fields):
        raise DataError(f"the fields of {name!r}", f"at most {MAX_FIELDS} names of ASCII letters")
    try:
        return namedtuple("Row", fields)
    except ValueError as error:
        raise DataError(f"the fields of {name!r}: {error}", "names as Python has them") from error


def _read_entry(entry: object) -> LogEntry:
    match entry:
        case [str(kind), int(at), dict(values)] if all(map(_is_plain, values.values())):
            return LogEntry(kind, at, tuple(values.items()))
    raise DataError("an entry of the log of another form", "[kind, time, values]")


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)


MAX_FIELDS = 100
"""Most fields of a row that is read without a declaration."""
