"""Questions about the calendar."""

from collections.abc import Iterable
from datetime import date

from gym_reason.envs.mobile.apps.calendar import EVENT, CalendarEvent, falls_on, list_day
from gym_reason.envs.mobile.dates import DAY_S, day_at, shift_days, start_of, write_time
from gym_reason.envs.mobile.tasks.calendar_steps import show_day
from gym_reason.envs.mobile.tasks.days import draw_day
from gym_reason.envs.mobile.tasks.fill_calendar import QUIET_S, draw_event
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.template import Draft, Drawing, Variant
from gym_reason.envs.mobile.tasks.twins import make_twin
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.goals import Answer, Goal
from gym_reason.verifiers.state.judge import NOTHING
from gym_reason.verifiers.state.world import Value, World

TITLES = 'Answer with the titles, separated by commas, or with "none" if there are none.'
"""How an answer that names things is to be given."""
_ANY = (
    f"Do I have any events {{day}}? {TITLES}",
    f"Is there anything in my calendar {{day}}? {TITLES}",
    f"Look whether I am busy {{day}}, and with which events. {TITLES}",
)
_ON_DATE = (
    f"Which events do I have {{day}}? {TITLES}",
    f"What does my calendar hold {{day}}? {TITLES}",
    f"List all that I have to attend {{day}}. {TITLES}",
)
_AT_TIME = (
    f"Which of my events begins {{day}} at {{time}}? {TITLES}",
    f"What starts {{day}} at {{time}} according to my calendar? {TITLES}",
    f"Find the event that I have {{day}} starting at {{time}}. {TITLES}",
)
_IN_RANGE = (
    f"Which of my events {{day}} begin between {{first}} and {{last}}? {TITLES}",
    f"What starts {{day}} after {{first}} and before {{last}} in my calendar? {TITLES}",
    f"Look for events {{day}} whose start lies between {{first}} and {{last}}. {TITLES}",
)
_NEXT_WEEK = (
    f"Which events do I have in the seven days after today? Name each once. {TITLES}",
    f"What is in my calendar from tomorrow on for one week? Name each event once. {TITLES}",
    f"List my events of the next seven days, today left out, each one once. {TITLES}",
)
_FIRST_AFTER = (
    "What is my {which} event {day} that begins {side} {time}? Answer with its title.",
    "Of the events {day} that start {side} {time}, which is the {which}? Answer with its title.",
    "Give me the title of the {which} event that starts {side} {time} {day}.",
)
_PLACE = (
    'Where does my event "{title}" take place? Answer with the place only.',
    'What is the place of "{title}" in my calendar? Answer with the place alone.',
    'I forgot where I have to go for "{title}". Give me the place as the calendar has it.',
)
_NEXT = (
    "Which event of my calendar begins next from now on? Answer with its title.",
    "What is the next thing to start in my calendar? Answer with its title.",
    "Give me the title of the event that I have next.",
)
_LATEST = (
    "Which event of my calendar began last before now? Answer with its title.",
    "What was the latest thing to start in my calendar until now? Answer with its title.",
    "Give me the title of the event that I had last.",
)
_PERSON = (
    "When is my next meeting with {person}? Answer like 2023-10-17 14:30.",
    "I want to know the date and the time of the next meeting with {person}. Answer in the form "
    "2023-10-17 14:30.",
    "Find out when I meet {person} next, as 2023-10-17 14:30.",
)


def _name(events: Iterable[CalendarEvent]) -> Answer:
    return Answer(tuple(event.title for event in events))


def _say(hand: Hand, answer: Answer) -> None:
    hand.answer(", ".join(answer.items) or NOTHING)


def _draft(
    world: World, sentences: tuple[str, ...], params: dict[str, Value], answer: Answer, day: date
) -> Draft:
    """Return the question that the events of one day answer."""

    def script(hand: Hand) -> None:
        show_day(hand, day, day_at(world.now))
        _say(hand, answer)

    return Draft(world, Goal(answer=answer), sentences, params, script)


def _add_events(values: Values, world: World, day: date, count: int) -> World:
    """Return the world with so many events of a day, at hours that no other event begins at."""
    taken = {event.start % DAY_S // 3600 for event in list_day(world, day)}
    hours = [hour for hour in range(7, 21) if hour not in taken]
    for hour in values.sample(hours, count):
        event = draw_event(values, day, 60 * hour + 15 * values.integer(0, 3))
        world = world.insert(EVENT, event)
    return world


def draw_on_date(sentences: tuple[str, ...], least: int, most: int) -> Drawing:
    """Return how a question for the events of a day is drawn, with so many added to it."""

    def draw(values: Values, world: World, twin: bool) -> Draft:
        day, name = draw_day(values, world, -3, 20)
        world = _add_events(values, world, day, values.integer(least, most))
        return _draft(world, sentences, {"day": name}, _name(list_day(world, day)), day)

    return draw


def draw_at_time(values: Values, world: World, twin: bool) -> Draft:
    """Draw a question for what begins at a time of a day; sometimes it is nothing."""
    day, name = draw_day(values, world, -2, 20)
    world = _add_events(values, world, day, 3)
    events = list_day(world, day)
    starts = [event.start % DAY_S for event in events]
    start = values.pick(starts)
    if values.chance(0.2):
        start = values.pick([one for one in range(7 * 3600, 21 * 3600, 900) if one not in starts])
    answer = _name(event for event in events if event.start % DAY_S == start)
    return _draft(world, _AT_TIME, {"day": name, "time": write_time(start)}, answer, day)


def draw_in_range(values: Values, world: World, twin: bool) -> Draft:
    """Draw a question for what begins between two times of a day; neither is a start."""
    day, name = draw_day(values, world, -2, 20)
    world = _add_events(values, world, day, 4)
    events = list_day(world, day)
    first = 3600 * values.integer(7, 14) + 600
    last = first + 3600 * values.integer(2, 6)
    answer = _name(event for event in events if first < event.start % DAY_S < last)
    params: dict[str, Value] = {
        "day": name,
        "first": write_time(first),
        "last": write_time(last),
    }
    return _draft(world, _IN_RANGE, params, answer, day)


def draw_next_week(values: Values, world: World, twin: bool) -> Draft:
    """Draw a question for the events of the seven days after today."""
    today = day_at(world.now)
    days = [shift_days(today, away) for away in range(1, 8)]
    for day in values.sample(days, values.integer(1, 2)):
        world = _add_events(values, world, day, 1)
    events = world.rows(EVENT).values()
    answer = _name(one for one in events if any(falls_on(one, day) for day in days))

    def script(hand: Hand) -> None:
        hand.open("calendar")
        hand.tap("Upcoming", "tab")
        _say(hand, answer)

    return Draft(world, Goal(answer=answer), _NEXT_WEEK, {}, script)


def draw_first_after(values: Values, world: World, twin: bool) -> Draft:
    """Draw a question for the first event of a day after a time, or the last one before it."""
    day, name = draw_day(values, world, -2, 20)
    world = _add_events(values, world, day, 4)
    events = list_day(world, day)
    after = values.chance(0.5)
    place = values.integer(0, len(events) - 2)
    # Events begin at quarters of an hour, those of a series five minutes later.
    time = events[place].start % DAY_S + 7 * 60
    found = events[place + 1] if after else events[place]
    params: dict[str, Value] = {
        "day": name,
        "time": write_time(time),
        "which": "first" if after else "last",
        "side": "after" if after else "before",
    }
    return _draft(world, _FIRST_AFTER, params, _name([found]), day)


def _answer_from_search(hand: Hand, words: str, title: str, answer: Answer) -> None:
    """Look for an event, open the first of the title, and answer."""
    hand.open("calendar")
    hand.tap("Search", "icon")
    hand.type("Search", words)
    hand.press("enter")
    hand.tap(title, "item")
    _say(hand, answer)


def draw_place(values: Values, world: World, twin: bool) -> Draft:
    """Draw a question for the place of an event; in the twin there is no such event."""
    day, _ = draw_day(values, world, -3, 20)
    event = draw_event(values, day)._replace(place=values.address())
    params: dict[str, Value] = {"title": event.title}
    if twin:
        return make_twin(world, _PLACE, params)
    world = world.insert(EVENT, event)
    answer = Answer((event.place,))

    def script(hand: Hand) -> None:
        _answer_from_search(hand, event.title, event.title, answer)

    return Draft(world, Goal(answer=answer), _PLACE, params, script)


def _list_occurrences(world: World, first: int, last: int) -> list[tuple[int, CalendarEvent]]:
    """Return when events begin, from so many to so many days after today, and which, by time."""
    today = day_at(world.now)
    found: list[tuple[int, CalendarEvent]] = []
    for away in range(first, last + 1):
        day = shift_days(today, away)
        events = list_day(world, day)
        found += [(start_of(day) + event.start % DAY_S, event) for event in events]
    return found


def draw_next(values: Values, world: World, twin: bool) -> Draft:
    """Draw a question for the event that begins next, or for the one that began last."""
    today = day_at(world.now)
    coming = values.chance(0.6)
    away = values.integer(1, 3) if coming else -values.integer(1, 3)
    world = _add_events(values, world, shift_days(today, away), 1)
    # What begins about now would be the next one at first and not at the end.
    near = [
        key
        for key, event in world.rows(EVENT).items()
        if abs(event.start % DAY_S - world.now % DAY_S) < QUIET_S and falls_on(event, today)
    ]
    world = world.delete(EVENT, *near)
    if coming:
        start, event = min(one for one in _list_occurrences(world, 0, 3) if one[0] > world.now)
    else:
        start, event = max(one for one in _list_occurrences(world, -3, 0) if one[0] < world.now)
    answer = Answer((event.title,))

    def script(hand: Hand) -> None:
        if coming:
            hand.open("calendar")
            hand.tap("Upcoming", "tab")
        else:
            show_day(hand, day_at(start), today)
        _say(hand, answer)

    return Draft(world, Goal(answer=answer), _NEXT if coming else _LATEST, {}, script)


def draw_person(values: Values, world: World, twin: bool) -> Draft:
    """Draw a question for the next meeting with a person; in the twin there is none at all."""
    today = day_at(world.now)
    person = " ".join(values.person())
    params: dict[str, Value] = {"person": person}
    if twin:
        return make_twin(world, _PERSON, params)
    title = f"Meeting with {person}"
    days = [*values.sample(range(1, 25), 2), -values.integer(1, 5)]
    starts: list[int] = []
    for away in values.sample(days, 3):
        event = draw_event(values, shift_days(today, away))._replace(title=title)
        world = world.insert(EVENT, event)
        starts.append(event.start)
    start = min(one for one in starts if one > world.now)
    answer = Answer((f"{day_at(start).isoformat()} {write_time(start)}",))

    def script(hand: Hand) -> None:
        _answer_from_search(hand, person, title, answer)

    return Draft(world, Goal(answer=answer), _PERSON, params, script)


QUERY_VARIANTS: tuple[Variant, ...] = (
    Variant("any_on_date", draw_on_date(_ANY, 0, 2), ("SimpleCalendarAnyEventsOnDate",)),
    Variant("on_date", draw_on_date(_ON_DATE, 1, 3), ("SimpleCalendarEventsOnDate",)),
    Variant("at_time", draw_at_time, ("SimpleCalendarEventOnDateAtTime",)),
    Variant("in_range", draw_in_range, ("SimpleCalendarEventsInTimeRange",)),
    Variant("next_week", draw_next_week, ("SimpleCalendarEventsInNextWeek",)),
    Variant("first_after", draw_first_after, ("SimpleCalendarFirstEventAfterStartTime",)),
    Variant("place", draw_place, ("SimpleCalendarLocationOfEvent",), has_twin=True, level=2),
    Variant("next", draw_next, ("SimpleCalendarNextEvent",)),
    Variant(
        "next_with", draw_person, ("SimpleCalendarNextMeetingWithPerson",), has_twin=True, level=2
    ),
)
"""The variants of `calendar.query`."""
