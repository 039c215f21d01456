"""Days of tasks, and the ways to name them: by their date, or as seen from today."""

from calendar import monthrange
from datetime import date

from gym_reason.envs.mobile.dates import WEEKDAYS, day_at, shift_days, shift_months
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.world import World

_NAMES = {-1: "yesterday", 0: "today", 1: "tomorrow", 14: "in two weeks"}


def name_by_date(day: date) -> str:
    """Return the name of a day by its date: `on 2023-10-17`."""
    return f"on {day.isoformat()}"


def name_from_today(day: date, today: date) -> str | None:
    """Return the name of a day as seen from today: `this Friday`; None where it has none.

    A day of the week is named for the second to the sixth day from today, so that there is only
    one that it can be.
    """
    away = (day - today).days
    if 2 <= away <= 6:
        return f"this {WEEKDAYS[day.weekday()]}"
    return _NAMES.get(away)


def name_day(values: Values, day: date, today: date) -> str:
    """Return one of the names of a day."""
    seen = name_from_today(day, today)
    return seen if seen and values.chance(0.6) else name_by_date(day)


def draw_day(values: Values, world: World, first: int, last: int) -> tuple[date, str]:
    """Return a day from so many to so many days after today, and one of its names."""
    today = day_at(world.now)
    day = shift_days(today, values.integer(first, last))
    return day, name_day(values, day, today)


def draw_missing_date(values: Values, world: World) -> str:
    """Return a date that there is not, of this month or the next ones: `2023-11-31`."""
    today = day_at(world.now)
    months = [shift_months(today, number) for number in range(12)]
    lengths = [(month, monthrange(month.year, month.month)[1]) for month in months]
    month, length = values.pick([one for one in lengths if one[1] < 31][:3])
    return f"{month.year}-{month.month:02d}-{length + 1}"
