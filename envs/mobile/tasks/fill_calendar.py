"""The events that a calendar has anyway."""

from datetime import date

from gym_reason.envs.mobile.apps.calendar import EVENT, CalendarEvent, falls_on
from gym_reason.envs.mobile.dates import day_at, shift_days, start_of
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.world import World

MEETINGS = ("Meeting", "Call", "Lunch", "Dinner")
"""What one has with a person."""
LENGTHS = (15, 30, 45, 60, 90, 120)
"""Usual minutes of an event."""
QUIET_S = 3600
"""Seconds around the present in which nothing begins, so that `next` does not change meanwhile."""


def draw_event(values: Values, day: date, minute: int | None = None) -> CalendarEvent:
    """Return an event of a day, between seven and nine in the evening unless a minute is given."""
    if minute is None:
        minute = 15 * values.integer(28, 80)
    return CalendarEvent(
        0,
        _draw_title(values),
        start_of(day) + 60 * minute,
        values.pick(LENGTHS),
        values.address() if values.chance(0.6) else "",
        values.sentence() if values.chance(0.5) else "",
        "once",
    )


def _draw_title(values: Values) -> str:
    if values.chance(0.4):
        # People are drawn as such, so that nobody else in a task is called the same.
        return f"{values.pick(MEETINGS)} with {' '.join(values.person())}"
    return values.title()


def find_free_days(world: World, first: int, last: int) -> list[date]:
    """Return the days without an event, from so many to so many days after today."""
    today = day_at(world.now)
    days = (shift_days(today, away) for away in range(first, last + 1))
    events = world.rows(EVENT).values()
    return [day for day in days if not any(falls_on(event, day) for event in events)]


def fill_calendar(world: World, values: Values) -> World:
    """Return the world with events of some days before and after today, and a weekly series."""
    today = day_at(world.now)
    count = values.integer(7, 9)
    for away in sorted(values.sample(range(-5, 22), count)):
        event = draw_event(values, shift_days(today, away))
        if abs(event.start - world.now) > QUIET_S:
            world = world.insert(EVENT, event)
    start = shift_days(today, -values.pick((8, 9, 10, 11, 12, 13, 15)))
    # Five minutes past a quarter, so that it never begins together with another event.
    minute = 15 * values.integer(28, 80) + 5
    return world.insert(EVENT, draw_event(values, start, minute)._replace(repeat="weekly"))
