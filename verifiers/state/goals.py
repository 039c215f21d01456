"""Goals over the difference between two worlds, as data that can be stored with a task."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from gym_reason.verifiers.state.world import Key, Value


@dataclass(frozen=True, slots=True)
class Want:
    """What one field must hold."""

    value: Value
    """The value."""
    reading: str = "exact"
    """How both sides are read before they are compared: a name in `READINGS`."""


Wants: TypeAlias = Mapping[str, Want]
"""What fields must hold, by name."""


@dataclass(frozen=True, slots=True)
class Inserted:
    """New rows: exactly `count` of them match, each taken for one expectation only."""

    table: str
    """The table's name."""
    wants: Wants
    """What the fields of the row hold; fields that are not named may hold anything."""
    count: int = 1
    """How many."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """Rows that are gone: all of a group, or all but some whichever those are."""

    table: str
    """The table's name."""
    keys: tuple[Key, ...]
    """The primary keys of the group."""
    left: int = 0
    """How many of them are left; 1 where all but one of some duplicates go."""


@dataclass(frozen=True, slots=True)
class Updated:
    """A row that holds other values than before in the fields named, and in no other."""

    table: str
    """The table's name."""
    key: Key
    """Its primary key."""
    wants: Wants
    """The new values."""


@dataclass(frozen=True, slots=True)
class Holds:
    """A row that holds these values at the end, whether it was changed for it or not."""

    table: str
    """The table's name."""
    key: Key
    """Its primary key."""
    wants: Wants
    """The values."""


@dataclass(frozen=True, slots=True)
class Logged:
    """Events in the log since the start: exactly `count` match."""

    kind: str
    """What happened."""
    wants: Wants
    """What it was about."""
    count: int = 1
    """How many times."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The page that is open at the end, with what was entered on it and not saved."""

    app: str
    """The app in the foreground."""
    page: str = ""
    """The page's name; empty for any."""
    key: Key | None = None
    """The primary key of what the page shows; None for any."""
    wants: Wants = field(default_factory=dict)
    """What its fields hold."""


Expectation: TypeAlias = Inserted | Deleted | Updated | Holds | Logged | Shown


@dataclass(frozen=True, slots=True)
class Allowed:
    """Changes that a task tolerates besides those that it wants."""

    table: str
    """The table's name, or for an event its kind."""
    fields: tuple[str, ...] = ()
    """The fields that may change; empty where rows may come and go too."""
    keys: tuple[Key, ...] = ()
    """The rows; empty for any."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the agent must have answered."""

    items: tuple[str, ...]
    """The things named; compared as a multiset, in any order."""
    reading: str = "title"
    """How each is read before it is compared: a name in `READINGS`."""


@dataclass(frozen=True, slots=True)
class Goal:
    """When a task is solved."""

    expectations: tuple[Expectation, ...] = ()
    """All must be met, each by changes of its own."""
    allowed: tuple[Allowed, ...] = ()
    """What else may have changed. Anything beyond is damage, and fails."""
    answer: Answer | None = None
    """What must have been answered; None where an answer plays no part."""
    feasible: bool = True
    """False where the one right end is to say `infeasible`, with nothing changed."""
