"""What adapters read from, and what they return."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gym_reason.envs.mobile.devices.adb.connection import Connection
from gym_reason.verifiers.state.world import Key, LogEntry, Row


class NotGiven(Exception):
    """A phone that does not tell a table; the message says why, in one line."""


class Source:
    """A phone to read from, with its time zone."""

    def __init__(self, phone: Connection) -> None:
        """Read from a phone."""
        self.phone = phone

    def ask(self, *words: str) -> str:
        """Return what a command writes. Raises NotGiven where it fails."""
        answer = self.phone.run(*words)
        if answer.status:
            raise NotGiven(first_line(answer.text) or f"{words[0]} fails")
        return answer.text

    @cached_property
    def zone(self) -> ZoneInfo | int:
        """The time zone, or where this machine does not know its name, seconds ahead of UTC."""
        name = self.ask("getprop", "persist.sys.timezone").strip()
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return read_offset(self.ask("date", "+%z"))

    def localise(self, seconds: int) -> int:
        """Return a moment of UTC as the world counts it: in the zone of the device."""
        if isinstance(self.zone, int):
            return seconds + self.zone
        try:
            moment = datetime.fromtimestamp(seconds, UTC).astimezone(self.zone)
        except (OverflowError, OSError, ValueError):
            return seconds
        offset = moment.utcoffset()
        return seconds + (int(offset.total_seconds()) if offset is not None else 0)

    def now(self) -> int:
        """Return the time on the phone, as the world counts it. Raises NotGiven."""
        words = self.ask("date", "+%s").strip()
        if not words.isascii() or not words.isdigit():
            raise NotGiven(f"date answers {words[:40]!r}")
        return self.localise(int(words))


class Reading(NamedTuple):
    """What an adapter has read."""

    tables: Mapping[str, Mapping[Key, Row]]
    """Rows by table and primary key."""
    log: tuple[LogEntry, ...] = ()
    """What happened and cannot be undone, as far as the rows show it."""


class Adapter(NamedTuple):
    """What reads some tables of a phone."""

    tables: tuple[str, ...]
    """Their names."""
    read: Callable[[Source], Reading]
    """Reads them and changes nothing. Raises NotGiven."""


def by_key(rows: list[Row]) -> Mapping[Key, Row]:
    """Return rows by their primary keys."""
    return {row[0]: row for row in rows}


def read_offset(words: str) -> int:
    """Return the seconds of an offset like `+0130`; 0 for anything else."""
    sign, digits = words.strip()[:1], words.strip()[1:]
    if sign not in "+-" or len(digits) != 4 or not digits.isascii() or not digits.isdigit():
        return 0
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -seconds if sign == "-" else seconds


def first_line(words: str) -> str:
    """Return the first line with anything in it, shortened."""
    return next((line.strip()[:200] for line in words.split("\n") if line.strip()), "")
