"""Tasks of the calendar: events are added, deleted, asked for and moved."""

from collections.abc import Callable
from datetime import date

from gym_reason.envs.mobile.apps.calendar import EVENT, list_day
from gym_reason.envs.mobile.dates import day_at, shift_days, start_of, write_time
from gym_reason.envs.mobile.tasks.calendar_conflicts import CONFLICT_VARIANTS
from gym_reason.envs.mobile.tasks.calendar_queries import QUERY_VARIANTS
from gym_reason.envs.mobile.tasks.calendar_steps import (
    delete_shown,
    enter_event,
    open_event,
    show_day,
    want_row,
)
from gym_reason.envs.mobile.tasks.days import (
    draw_missing_date,
    name_by_date,
    name_day,
    name_from_today,
)
from gym_reason.envs.mobile.tasks.fill_calendar import draw_event, find_free_days
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.template import Draft, Drawing, Template, Variant
from gym_reason.envs.mobile.tasks.twins import make_twin
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.goals import Deleted, Goal, Inserted
from gym_reason.verifiers.state.world import Value, World

_ADD = (
    'Put "{title}" in my calendar {day} at {time}. It takes {minutes} minutes, and its description '
    'is "{notes}"',
    'Create a calendar event named "{title}" {day}, starting at {time} and lasting {minutes} '
    'minutes, with this description: "{notes}"',
    'I need a new event: "{title}", {day} at {time}, {minutes} minutes long. Write '
    '"{notes}" as its description.',
)
_ADD_SERIES = (
    'Put "{title}" in my calendar {repeat}, for the first time {day} at {time}. It takes {minutes} '
    'minutes each time, and its description is "{notes}"',
    'Create an event named "{title}" that comes again {repeat}, starting {day} at {time} and '
    'lasting {minutes} minutes, with this description: "{notes}"',
    'I need a repeating event: "{title}", {repeat} from its first time {day} at {time} on, '
    '{minutes} minutes long. Write "{notes}" as its description.',
)
_REPEATS = {"daily": "every day", "weekly": "every week", "monthly": "every month"}


def _draft_addition(values: Values, world: World, day: date, name: str) -> Draft:
    event = draw_event(values, day)._replace(place="", notes=values.sentence())
    params: dict[str, Value] = {
        "title": event.title,
        "day": name,
        "time": write_time(event.start),
        "minutes": event.minutes,
        "notes": event.notes,
    }
    goal = Goal((Inserted(EVENT.name, want_row(event, EVENT.fields)),))
    today = day_at(world.now)
    return Draft(world, goal, _ADD, params, lambda hand: enter_event(hand, event, today))


def draw_addition(values: Values, world: World, twin: bool) -> Draft:
    """Draw an event to add on a date; in the twin there is no such date."""
    day = shift_days(day_at(world.now), values.integer(2, 40))
    draft = _draft_addition(values, world, day, name_by_date(day))
    if not twin:
        return draft
    params = {**draft.params, "day": f"on {draw_missing_date(values, world)}"}
    return make_twin(world, _ADD, params)


def draw_addition_away(first: int, last: int) -> Drawing:
    """Return how an event is drawn that is to be added on a day named as seen from today."""

    def draw(values: Values, world: World, twin: bool) -> Draft:
        today = day_at(world.now)
        day = shift_days(today, values.integer(first, last))
        name = name_from_today(day, today) or name_by_date(day)
        return _draft_addition(values, world, day, name)

    return draw


def draw_series(values: Values, world: World, twin: bool) -> Draft:
    """Draw a series of events to add."""
    today = day_at(world.now)
    day = shift_days(today, values.integer(0, 25))
    repeat = values.pick(tuple(_REPEATS))
    event = draw_event(values, day)._replace(place="", notes=values.sentence(), repeat=repeat)
    params: dict[str, Value] = {
        "title": event.title,
        "day": name_day(values, day, today),
        "time": write_time(event.start),
        "minutes": event.minutes,
        "notes": event.notes,
        "repeat": _REPEATS[repeat],
    }
    goal = Goal((Inserted(EVENT.name, want_row(event, EVENT.fields)),))
    return Draft(world, goal, _ADD_SERIES, params, lambda hand: enter_event(hand, event, today))


_DELETE_ONE = (
    'Delete the event "{title}" {day} at {time} from my calendar.',
    'The event "{title}" at {time} {day} will not take place. Take it out of the calendar.',
    'Please remove "{title}" from my calendar, the one {day} that begins at {time}.',
)


def draw_deletion(values: Values, world: World, twin: bool) -> Draft:
    """Draw an event to delete among others of its title; in the twin it is not there."""
    day, other = values.sample(find_free_days(world, 0, 25), 2)
    minute = 30 * values.integer(16, 24)
    event = draw_event(values, day, minute)
    alike = [event._replace(start=start_of(other) + 60 * minute)]
    if values.chance(0.5):
        alike.append(event._replace(start=event.start + 3600 * values.pick((-2, 3))))
    for one in alike:
        world = world.insert(EVENT, one)
    params: dict[str, Value] = {
        "title": event.title,
        "day": name_day(values, day, day_at(world.now)),
        "time": write_time(event.start),
    }
    if twin:
        return make_twin(world, _DELETE_ONE, params)
    world = world.insert(EVENT, event)
    placed = event._replace(id=world.last_id(EVENT))

    def script(hand: Hand) -> None:
        open_event(hand, world, placed)
        delete_shown(hand)

    return Draft(world, Goal((Deleted(EVENT.name, (placed.id,)),)), _DELETE_ONE, params, script)


_DELETE_DAY = (
    "Delete every event that I have {day}.",
    "Clear my calendar {day}: none of the events of that day may be left.",
    "Something came up {day}. Remove all events of that day from the calendar.",
)
_DELETE_OTHERS = (
    'Delete every event that I have {day} except "{title}".',
    'Clear my calendar {day}, but leave "{title}" in it.',
    'Of the events {day} only "{title}" takes place. Remove the others from the calendar.',
)


def _fill_day(values: Values, world: World, day: date, count: int) -> World:
    """Return the world with so many events of a day, none at the same time."""
    for hour in sorted(values.sample(range(8, 20), count)):
        event = draw_event(values, day, 60 * hour + 30)
        world = world.insert(EVENT, event._replace(minutes=min(event.minutes, 60)))
    return world


def draw_clearing(
    find_name: Callable[[Values, date, date], str], first: int, last: int, spare: bool
) -> Drawing:
    """Return how a day is drawn that is to be cleared.

    Args:
        find_name: Names the day, as seen from today.
        first: The first day that it may be, counted from today.
        last: The last one.
        spare: Whether one event of it is to be left.
    """

    def draw(values: Values, world: World, twin: bool) -> Draft:
        today = day_at(world.now)
        # A day that a series falls on would need the whole series to be deleted.
        free = find_free_days(world, first, last) or find_free_days(world, first, last + 14)
        day = values.pick(free)
        world = _fill_day(values, world, day, values.integer(2, 3))
        events = list_day(world, day)
        left = values.pick(events).id if spare else 0
        gone = [event for event in events if event.id != left]
        params: dict[str, Value] = {"day": find_name(values, day, today)}
        if spare:
            params["title"] = next(event.title for event in events if event.id == left)

        def script(hand: Hand) -> None:
            show_day(hand, day, today)
            for event in gone:
                hand.tap(event.title, "item")
                delete_shown(hand)

        goal = Goal((Deleted(EVENT.name, tuple(event.id for event in gone)),))
        return Draft(world, goal, _DELETE_OTHERS if spare else _DELETE_DAY, params, script)

    return draw


def _name_by_date(values: Values, day: date, today: date) -> str:
    return name_by_date(day)


def _name_from_today(values: Values, day: date, today: date) -> str:
    return name_from_today(day, today) or name_by_date(day)


_AWAY = "SimpleCalendarAddOneEvent"

CALENDAR_TEMPLATES: tuple[Template, ...] = (
    Template(
        "calendar.add",
        ("calendar",),
        (
            Variant("on_date", draw_addition, (_AWAY,), has_twin=True, level=2),
            Variant("in_two_weeks", draw_addition_away(14, 14), (f"{_AWAY}InTwoWeeks",), level=2),
            Variant("this_weekday", draw_addition_away(2, 6), (f"{_AWAY}RelativeDay",), level=2),
            Variant("tomorrow", draw_addition_away(1, 1), (f"{_AWAY}Tomorrow",), level=2),
            Variant("series", draw_series, ("SimpleCalendarAddRepeatingEvent",), level=2),
        ),
    ),
    Template(
        "calendar.delete",
        ("calendar",),
        (
            Variant(
                "one", draw_deletion, ("SimpleCalendarDeleteOneEvent",), has_twin=True, level=2
            ),
            Variant(
                "day",
                draw_clearing(_name_by_date, 0, 25, False),
                ("SimpleCalendarDeleteEvents",),
                level=3,
            ),
            Variant(
                "this_weekday",
                draw_clearing(_name_from_today, 2, 6, False),
                ("SimpleCalendarDeleteEventsOnRelativeDay",),
                level=3,
            ),
            Variant("all_but_one", draw_clearing(name_day, 0, 20, True), level=2),
        ),
    ),
    Template("calendar.query", ("calendar",), QUERY_VARIANTS),
    Template("calendar.reschedule_conflict", ("calendar",), CONFLICT_VARIANTS),
)
"""The templates of the calendar."""
