"""The events of a phone's calendars, as `calendar.event` holds them.

Calendars that keep their events in a database of their own, and not with the system, are not seen.
"""

import re

from gym_reason.envs.mobile.apps.calendar import EVENT, CalendarEvent
from gym_reason.envs.mobile.dates import DAY_S
from gym_reason.envs.mobile.devices.adb.provider import Fields, read_rows
from gym_reason.envs.mobile.devices.adb.source import Adapter, Reading, Source, by_key

EVENTS = "content://com.android.calendar/events"
_REPEATS = ("daily", "weekly", "monthly")
_UNITS = {"W": 7 * DAY_S, "D": DAY_S, "H": 3600, "M": 60, "S": 1}


def read_events(source: Source) -> Reading:
    """Return the events that were not deleted. Raises NotGiven."""
    numbers = ("dtstart", "dtend", "allDay")
    texts = ("title", "eventLocation", "description", "rrule", "duration")
    rows = read_rows(source, EVENTS, numbers, texts, "deleted=0")
    return Reading({EVENT.name: by_key([_read_event(source, row) for row in rows])})


def _read_event(source: Source, row: Fields) -> CalendarEvent:
    start = int(row["dtstart"]) // 1000
    seconds = int(row["dtend"]) // 1000 - start
    if not row["dtend"]:
        seconds = read_duration(str(row["duration"]))
    return CalendarEvent(
        int(row["_id"]),
        str(row["title"]),
        # A whole day begins at midnight of UTC, wherever the phone is.
        start if row["allDay"] else source.localise(start),
        max(0, seconds) // 60,
        str(row["eventLocation"]),
        str(row["description"]),
        read_repeat(str(row["rrule"])),
    )


def read_duration(words: str) -> int:
    """Return the seconds of a duration like `P1D`, `PT1H30M` or `P3600S`; 0 for none."""
    if not re.fullmatch(r"\+?P(T?[0-9]{1,9}[WDHMS])+", words, re.A):
        return 0
    return sum(int(count) * _UNITS[unit] for count, unit in re.findall(r"([0-9]+)([WDHMS])", words))


def read_repeat(rule: str) -> str:
    """Return how often an event comes again: a word of the app, or the rule where none fits."""
    if not rule:
        return "once"
    parts = dict(part.split("=", 1) for part in rule.upper().split(";") if "=" in part)
    word = parts.pop("FREQ", "").lower()
    # The day of the week or month is that of the first event, and the week begins where it may.
    plain = parts.pop("INTERVAL", "1") == "1" and parts.keys() <= {"WKST", "BYDAY", "BYMONTHDAY"}
    several = any("," in value for value in parts.values())
    numbered = word == "monthly" and "BYDAY" in parts
    return word if word in _REPEATS and plain and not several and not numbered else rule


ADAPTER = Adapter((EVENT.name,), read_events)
