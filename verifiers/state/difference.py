"""What changed between two worlds, by primary key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from gym_reason.verifiers.state.world import Key, LogEntry, Row, Value, World


class Change(NamedTuple):
    """One row that differs."""

    table: str
    """The table's name."""
    key: Key
    """The row's primary key."""
    before: Row | None
    """The row before; None where it was inserted."""
    after: Row | None
    """The row after; None where it was deleted."""

    def fields(self) -> Mapping[int, tuple[Value, Value]]:
        """Return the old and the new value of each field that differs, by position.

        Empty for a row that was inserted or deleted.
        """
        if self.before is None or self.after is None:
            return {}
        return {
            index: (old, new)
            for index, (old, new) in enumerate(zip(self.before, self.after, strict=True))
            if not same_value(old, new)
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything in which two worlds differ, the clock aside."""

    changes: tuple[Change, ...]
    """The rows, table by table, in the order of the tables' names and of the rows."""
    log: tuple[LogEntry, ...]
    """What was logged since the first world."""
    broken_log: bool = False
    """Whether the second log does not go on from the first, as that of a real device would."""

    def __bool__(self) -> bool:
        """Return whether anything differs."""
        return bool(self.changes or self.log or self.broken_log)


def compare_worlds(before: World, after: World) -> Difference:
    """Return what changed from one world to a later one.

    A row counts as changed even where a write and its reverse wrote the same values into a row of
    another primary key: deleting a row and making it anew is two changes.
    """
    changes: list[Change] = []
    names = before.tables.keys() | after.tables.keys()
    for name in sorted(names):
        old, new = before.tables.get(name, {}), after.tables.get(name, {})
        if old is not new:
            changes += _compare_rows(name, old, new)
    known = len(before.log)
    intact = after.log[:known] == before.log
    return Difference(tuple(changes), after.log[known:] if intact else after.log, not intact)


def same_value(first: object, second: object) -> bool:
    """Return whether two fields are equal and of one type: True is not 1, and 1 is not 1.0."""
    return first == second and type(first) is type(second)


def _compare_rows(name: str, old: Mapping[Key, Row], new: Mapping[Key, Row]) -> list[Change]:
    changes = [Change(name, key, row, None) for key, row in old.items() if key not in new]
    for key, row in new.items():
        before = old.get(key)
        if before is not row and not _same_row(before, row):
            changes.append(Change(name, key, before, row))
    return changes


def _same_row(first: Row | None, second: Row) -> bool:
    return first is not None and len(first) == len(second) and all(map(same_value, first, second))
