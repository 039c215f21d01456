"""Days and times of the world's clock, which counts seconds since 1970 in the device's own zone."""

import re
from datetime import date

from gym_reason.envs.mobile.look import Look

DAY_S = 86_400
"""Seconds of a day."""
FIRST_YEAR, LAST_YEAR = 1970, 2099
"""Years that a date may have."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
"""The days of a week, as `date.weekday` counts them."""
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
"""The months of a year, in order."""

_EPOCH = date(1970, 1, 1).toordinal()


def day_at(seconds: int) -> date:
    """Return the day of a moment."""
    return date.fromordinal(_EPOCH + seconds // DAY_S)


def start_of(day: date) -> int:
    """Return the first second of a day."""
    return (day.toordinal() - _EPOCH) * DAY_S


def shift_days(day: date, days: int) -> date:
    """Return the day so many days later, or the last one within the years that there are."""
    first, last = date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31)
    ordinal = day.toordinal() + days
    return date.fromordinal(max(first.toordinal(), min(last.toordinal(), ordinal)))


def shift_months(day: date, months: int) -> date:
    """Return the first day of the month so many months later, within the years that there are."""
    count = day.year * 12 + day.month - 1 + months
    count = max(FIRST_YEAR * 12, min(LAST_YEAR * 12 + 11, count))
    return date(count // 12, count % 12 + 1, 1)


def read_day(text: str) -> date | None:
    """Return the day of a text like `2023-10-17`; None for anything else."""
    match = re.fullmatch(r"\s*([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})\s*", text, re.A)
    if match is None:
        return None
    year, month, day = map(int, match.groups())
    try:
        return date(year, month, day) if FIRST_YEAR <= year <= LAST_YEAR else None
    except ValueError:
        return None


def read_time(text: str) -> int | None:
    """Return the minute of the day of a text like `14:30` or `14`; None for anything else."""
    match = re.fullmatch(r"\s*([0-9]{1,2})(?::([0-9]{2}))?\s*", text, re.A)
    if match is None:
        return None
    hour, minute = int(match[1]), int(match[2] or 0)
    return hour * 60 + minute if hour < 24 and minute < 60 else None


def write_time(seconds: int) -> str:
    """Return the time of the day of a moment: `14:30`."""
    return f"{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}"


def write_day(day: date, look: Look) -> str:
    """Return a day as it is shown: `2023-10-17 Tuesday`."""
    return f"{day.isoformat()} {look.say(WEEKDAYS[day.weekday()])}"


def write_month(day: date, look: Look) -> str:
    """Return the month of a day as it is shown: `October 2023`."""
    month = look.say(MONTHS[day.month - 1])
    return f"{day.year}\u5e74{month}" if look.locale == "zh" else f"{month} {day.year}"
