"""Tasks of the calendar in which two events of a day are in each other's way."""

from datetime import date

from gym_reason.envs.mobile.apps.calendar import EVENT, CalendarEvent
from gym_reason.envs.mobile.dates import day_at, write_time
from gym_reason.envs.mobile.tasks.calendar_steps import open_event
from gym_reason.envs.mobile.tasks.days import name_day
from gym_reason.envs.mobile.tasks.fill_calendar import draw_event, find_free_days
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.template import Draft, Variant
from gym_reason.envs.mobile.tasks.twins import make_twin
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.goals import Goal, Updated, Want
from gym_reason.verifiers.state.world import Value, World

_AFTER = (
    "Two of my events overlap {day}. Move the one that starts {which} so that it begins exactly "
    "when the other ends, and keep its length.",
    "Solve the clash in my calendar {day}: of the two events that overlap, the one that starts "
    "{which} should begin right when the other is over and take as long as before.",
    "I can't be at two events at once {day}. Let the one of them that starts {which} begin at the "
    "end of the other, without changing how long it takes.",
)
_TO_TIME = (
    "Two of my events overlap {day}. Move the {which} of the two to {time} on the same day.",
    "There is a clash in my calendar {day}. Let the {which} of the two events that overlap begin "
    "at {time} that day instead.",
    "I can't be at two events at once {day}. Put the {which} one at {time} that day and leave its "
    "length as it is.",
)
_SHORTEN = (
    "Two of my events overlap {day}. Shorten the one that starts earlier so that it ends exactly "
    "when the other begins.",
    "Solve the clash in my calendar {day}: make the first of the two events that overlap so much "
    "shorter that it is over when the second begins.",
    "I have to leave one event for another {day}. Cut the one that begins first so that it ends at "
    "the start of the other.",
)


def _place_pair(
    values: Values, world: World, twin: bool
) -> tuple[World, date, CalendarEvent, CalendarEvent]:
    """Return the world with two events of a day, by their start, and a third one in the evening.

    The two overlap, but in the twin the second begins when the first ends or later.
    """
    day = values.pick(find_free_days(world, 0, 20))
    minute = 30 * values.integer(16, 22)
    first = draw_event(values, day, minute)._replace(minutes=values.pick((60, 90, 120)))
    # By half a step, so that neither is as long as the other.
    length = first.minutes + values.pick((-25, -15, 15, 25))
    begin = minute + (first.minutes + values.pick((0, 30)) if twin else values.pick((15, 30, 45)))
    second = draw_event(values, day, begin)._replace(minutes=length)
    placed: list[CalendarEvent] = []
    # Which of them was entered first tells nothing.
    for event in values.sample((first, second, draw_event(values, day, 60 * 20 + 30)), 3):
        world = world.insert(EVENT, event)
        placed.append(event._replace(id=world.last_id(EVENT)))
    placed.sort(key=lambda event: event.start)
    return world, day, placed[0], placed[1]


def _draft(
    world: World,
    sentences: tuple[str, ...],
    params: dict[str, Value],
    event: CalendarEvent,
    twin: bool,
    **fields: int,
) -> Draft:
    """Return the task to change the start or the minutes of an event."""
    if twin:
        return make_twin(world, sentences, params)
    wants = {name: Want(value) for name, value in fields.items()}

    def script(hand: Hand) -> None:
        open_event(hand, world, event)
        hand.tap("Edit")
        if "start" in fields:
            hand.type("Start time", write_time(fields["start"]))
        else:
            hand.type("Minutes", str(fields["minutes"]))
        hand.tap("Save")

    return Draft(world, Goal((Updated(EVENT.name, event.id, wants),)), sentences, params, script)


def draw_after(values: Values, world: World, twin: bool) -> Draft:
    """Draw two events of which one is to begin when the other ends."""
    world, day, first, second = _place_pair(values, world, twin)
    later = values.chance(0.5)
    moved, other = (second, first) if later else (first, second)
    params: dict[str, Value] = {
        "day": name_day(values, day, day_at(world.now)),
        "which": "later" if later else "earlier",
    }
    return _draft(world, _AFTER, params, moved, twin, start=other.start + 60 * other.minutes)


def draw_to_time(values: Values, world: World, twin: bool) -> Draft:
    """Draw two events of which the shorter or the longer is to begin at another time."""
    world, day, first, second = _place_pair(values, world, twin)
    shorter, longer = sorted((first, second), key=lambda event: event.minutes)
    short = values.chance(0.5)
    moved = shorter if short else longer
    start = moved.start - moved.start % 86_400 + 60 * (15 * values.integer(64, 70) + 5)
    params: dict[str, Value] = {
        "day": name_day(values, day, day_at(world.now)),
        "which": "shorter" if short else "longer",
        "time": write_time(start),
    }
    return _draft(world, _TO_TIME, params, moved, twin, start=start)


def draw_shortening(values: Values, world: World, twin: bool) -> Draft:
    """Draw two events of which the first is to end when the second begins."""
    world, day, first, second = _place_pair(values, world, twin)
    params: dict[str, Value] = {"day": name_day(values, day, day_at(world.now))}
    minutes = (second.start - first.start) // 60
    return _draft(world, _SHORTEN, params, first, twin, minutes=minutes)


CONFLICT_VARIANTS: tuple[Variant, ...] = (
    Variant("begin_after", draw_after, has_twin=True, level=2),
    Variant("to_time", draw_to_time, has_twin=True, level=2),
    Variant("shorten", draw_shortening, has_twin=True, level=2),
)
"""The variants of `calendar.reschedule_conflict`."""
