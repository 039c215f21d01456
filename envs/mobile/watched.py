"""A world that notes what is read of it, so that a screen is made anew only where that changed."""

from collections.abc import Mapping
from typing import TypeVar, cast

from gym_reason.verifiers.state.world import Key, LogEntry, Row, Table, World

R = TypeVar("R", bound=Row)

ALL = "*"
"""Stands for whatever cannot be told apart by table."""

_NO_ROWS: Mapping[Key, Row] = {}


class WatchedWorld(World):
    """A world for views to read."""

    read: dict[str, object]
    """What was read: the rows by table, or under ALL the tables as a whole."""
    timed: bool
    """Whether the time was."""

    def __new__(cls, world: World) -> "WatchedWorld":
        """Watch a world."""
        watched = tuple.__new__(cls, world)
        watched.read, watched.timed = {}, False
        return watched

    def rows(self, table: Table[R]) -> Mapping[Key, R]:
        """Return the rows of a table by primary key."""
        tables: Mapping[str, Mapping[Key, Row]] = self[0]
        rows = tables.get(table.name)
        self.read[table.name] = rows
        return cast("Mapping[Key, R]", _NO_ROWS if rows is None else rows)

    @property
    def tables(self) -> Mapping[str, Mapping[Key, Row]]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Every row, by table and primary key."""
        self.read[ALL] = self[0]
        return self[0]

    @property
    def log(self) -> tuple[LogEntry, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """What cannot be undone. No page shows it."""
        self.timed = True  # It only grows while time passes.
        return self[1]

    @property
    def now(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The time."""
        self.timed = True
        return self[2]

    @property
    def next_ids(self) -> Mapping[str, int]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The next number of each table. They change with the tables alone."""
        self.read[ALL] = self[0]
        return self[3]
