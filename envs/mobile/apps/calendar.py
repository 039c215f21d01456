"""Calendar: events by day, by month and as they come, with repeats and a search."""

from datetime import date
from typing import NamedTuple

from gym_reason.envs.mobile.app import App
from gym_reason.envs.mobile.dates import (
    DAY_S,
    day_at,
    read_day,
    read_time,
    shift_days,
    shift_months,
    start_of,
    write_day,
    write_month,
    write_time,
)
from gym_reason.envs.mobile.device_events import BACK, CLOSE, ask, copy, go
from gym_reason.envs.mobile.forms import (
    DAY_DIALOG,
    choose_day,
    confirm,
    delete_row,
    read_count,
    show_chips,
    show_day_dialog,
    show_day_field,
    show_month_grid,
)
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone, Route
from gym_reason.envs.mobile.widgets import (
    Dialog,
    Event,
    Page,
    Widget,
    button,
    chip,
    field,
    heading,
    icon,
    item,
    row,
    text,
)
from gym_reason.verifiers.state.world import Table, World


class CalendarEvent(NamedTuple):
    """An event, or the first of a series."""

    id: int
    """Its number."""
    title: str
    """What it is called."""
    start: int
    """When it begins, on the world's clock; of a series, when the first one does."""
    minutes: int
    """How long it takes."""
    place: str
    """Where it is; empty for nowhere in particular."""
    notes: str
    """What else was written about it."""
    repeat: str
    """How often it comes again: `once`, `daily`, `weekly` or `monthly`."""


EVENT = Table("calendar.event", CalendarEvent)
CALENDAR = App("calendar", "Calendar", "calendar", (EVENT,))
REPEATS = (
    ("once", "Once"),
    ("daily", "Every day"),
    ("weekly", "Every week"),
    ("monthly", "Every month"),
)
"""How often an event may come again, and how it is shown."""
UPCOMING_DAYS = 14
"""Days that the list of coming events shows, today included."""
MAX_MINUTES = 1440
"""Longest event."""


def falls_on(event: CalendarEvent, day: date) -> bool:
    """Return whether an event, or one of its series, begins on a day.

    A monthly series leaves out the months that have no such day.
    """
    first = day_at(event.start)
    if event.repeat == "once" or day <= first:
        return day == first
    if event.repeat == "weekly":
        return (day - first).days % 7 == 0
    return event.repeat == "daily" or day.day == first.day


def list_day(world: World, day: date) -> list[CalendarEvent]:
    """Return the events of a day, by their time."""
    events = [event for event in world.rows(EVENT).values() if falls_on(event, day)]
    return sorted(events, key=lambda event: (event.start % DAY_S, event.id))


def write_span(event: CalendarEvent) -> str:
    """Return from when to when an event takes: `14:30 - 15:30`."""
    return f"{write_time(event.start)} - {write_time(event.start + event.minutes * 60)}"


@CALENDAR.page("main")
def show_agenda(world: World, route: Route, look: Look) -> Page:
    """Return the events of a day; today's without a key."""
    today = day_at(world.now)
    day = read_day(str(route.key)) or today
    turn = row(
        button(look.say("Previous day"), _show_day(shift_days(day, -1))),
        button(look.say("Today"), _show_day(today)),
        button(look.say("Next day"), _show_day(shift_days(day, 1))),
    )
    lines: list[Widget] = [_line(event) for event in list_day(world, day)]
    dialog = None
    if route.dialog == "go":
        dialog = Dialog(
            look.say("Go to date"),
            (field("day", look.say("Date"), route.get("day")),),
            (
                button(look.say("Cancel"), CLOSE),
                button(look.say("Show"), Event("calendar.find_day")),
            ),
        )
    return Page(
        write_day(day, look),
        (turn, *(lines or [text(look.say("No events"))])),
        (
            icon("go_to", look.say("Go to date"), ask("go")),
            icon("search", look.say("Search"), go("search")),
        ),
        root=True,
        fab=icon("add", look.say("Add"), Event("calendar.begin", day.isoformat())),
        tabs=_show_tabs("main", look),
        dialog=dialog,
    )


def _show_day(day: date) -> Event:
    return Event("calendar.show", "main", day.isoformat())


def _show_tabs(chosen: str, look: Look) -> tuple[Widget, ...]:
    pages = (("main", "Day"), ("month", "Month"), ("upcoming", "Upcoming"))
    return tuple(
        chip(look.say(label), page == chosen, Event("calendar.show", page)) for page, label in pages
    )


def _line(event: CalendarEvent, day: str = "") -> Widget:
    parts = (day, write_span(event), event.place)
    detail = ", ".join(part for part in parts if part)
    return item(event.title, detail, go("event", event.id), picture="calendar")


@CALENDAR.page("month")
def show_month(world: World, route: Route, look: Look) -> Page:
    """Return a month, the days with events marked."""
    today = day_at(world.now)
    month = (read_day(str(route.key)) or today).replace(day=1)
    days = (shift_days(month, number) for number in range(31))
    busy = {day for day in days if any(falls_on(one, day) for one in world.rows(EVENT).values())}
    turn = row(
        button(look.say("Previous month"), _show_month(shift_months(month, -1))),
        button(look.say("Next month"), _show_month(shift_months(month, 1))),
    )
    return Page(
        write_month(month, look),
        (
            turn,
            *show_month_grid(month, look, _show_day, busy),
            text(look.say("Days with events are marked")),
            text(f"{look.say('Today')}: {write_day(today, look)}"),
        ),
        (icon("search", look.say("Search"), go("search")),),
        root=True,
        tabs=_show_tabs("month", look),
    )


def _show_month(month: date) -> Event:
    return Event("calendar.show", "month", month.isoformat())


@CALENDAR.page("upcoming")
def show_upcoming(world: World, route: Route, look: Look) -> Page:
    """Return the events of today and of the days after, under their dates."""
    today = day_at(world.now)
    lines: list[Widget] = []
    for number in range(UPCOMING_DAYS):
        day = shift_days(today, number)
        events = list_day(world, day)
        if events:
            lines += [heading(write_day(day, look)), *map(_line, events)]
    return Page(
        look.say("Upcoming"),
        tuple(lines or [text(look.say("No events"))]),
        (icon("search", look.say("Search"), go("search")),),
        root=True,
        tabs=_show_tabs("upcoming", look),
    )


@CALENDAR.page("search")
def show_search(world: World, route: Route, look: Look) -> Page:
    """Return the events that hold what was entered in their title, place or notes, by time."""
    wanted = route.get("search").strip().casefold()
    found = [
        event
        for event in world.rows(EVENT).values()
        if wanted and wanted in f"{event.title}\n{event.place}\n{event.notes}".casefold()
    ]
    found.sort(key=lambda event: (event.start, event.id))
    lines = [_line(event, day_at(event.start).isoformat()) for event in found]
    return Page(
        look.say("Search"),
        (
            field("search", look.say("Search"), route.get("search")),
            *(lines or [text(look.say("Nothing found"))]),
        ),
    )


@CALENDAR.page("event")
def show_event(world: World, route: Route, look: Look) -> Page:
    """Return an event with all that is known of it."""
    event = world.find(EVENT, route.key)
    if event is None:
        return Page("", (text(look.say("This event is gone")),))
    dialog = None
    if route.dialog == "delete":
        question = "Delete this event?" if event.repeat == "once" else "Delete the whole series?"
        dialog = confirm(question, event.title, "Delete", Event("calendar.delete", event.id), look)
    lines = [
        item(look.say("Date"), write_day(day_at(event.start), look)),
        item(look.say("Time"), write_span(event)),
        item(look.say("Minutes"), str(event.minutes)),
        item(look.say("Repeat"), look.say(dict(REPEATS).get(event.repeat, event.repeat))),
    ]
    if event.place:
        lines.append(item(look.say("Place"), event.place))
    if event.notes:
        lines += [heading(look.say("Description")), text(event.notes, hold=copy(event.notes))]
    return Page(
        event.title,
        tuple(lines),
        (
            icon("edit", look.say("Edit"), Event("calendar.edit", event.id)),
            icon("delete", look.say("Delete"), ask("delete")),
        ),
        dialog=dialog,
    )


@CALENDAR.page("edit")
def show_editor(world: World, route: Route, look: Look) -> Page:
    """Return an event to write; a new one has the number 0."""
    dialog = None
    if route.dialog == DAY_DIALOG:
        dialog = show_day_dialog(route, day_at(world.now), look, "calendar.choose_day")
    repeat = show_chips(
        REPEATS, route.value("repeat"), look, lambda name: Event("put", "repeat", name)
    )
    return Page(
        look.say("Edit event") if route.key else look.say("New event"),
        (
            field("title", look.say("Title"), route.get("title")),
            show_day_field(route, "Date", look),
            field("time", look.say("Start time"), route.get("time")),
            field("minutes", look.say("Minutes"), route.get("minutes")),
            field("place", look.say("Place"), route.get("place")),
            field("notes", look.say("Description"), route.get("notes"), lines=3),
            heading(look.say("Repeat")),
            *repeat,
            button(look.say("Cancel"), BACK),
        ),
        (icon("save", look.say("Save"), Event("calendar.save")),),
        dialog=dialog,
    )


CALENDAR.on("choose_day")(choose_day)


@CALENDAR.on("show")
def show(phone: Phone, event: Event) -> Phone:
    """Show a day, a month or what comes, in place of what is shown."""
    key = None if event.value is None else str(event.value)
    return phone.turn(Route("calendar", str(event.key), key))


@CALENDAR.on("find_day")
def find_day(phone: Phone, event: Event) -> Phone:
    """Show the day that was entered."""
    day = read_day(phone.route.get("day"))
    if day is None:
        return phone.say("There is no such date")
    return phone.turn(Route("calendar", "main", day.isoformat()))


@CALENDAR.on("begin")
def begin(phone: Phone, event: Event) -> Phone:
    """Open an empty event on the day that is shown, at the next full hour."""
    hour = (phone.world.now // 3600 + 1) * 3600
    return phone.push(
        "edit",
        0,
        title="",
        day=str(event.key),
        time=write_time(hour),
        minutes="60",
        place="",
        notes="",
        repeat="once",
    )


@CALENDAR.on("edit")
def edit(phone: Phone, event: Event) -> Phone:
    """Open an event to be changed."""
    old = phone.world.find(EVENT, event.key)
    if old is None:
        return phone
    return phone.push(
        "edit",
        old.id,
        title=old.title,
        day=day_at(old.start).isoformat(),
        time=write_time(old.start),
        minutes=str(old.minutes),
        place=old.place,
        notes=old.notes,
        repeat=old.repeat,
    )


@CALENDAR.on("save")
def save(phone: Phone, event: Event) -> Phone:
    """Write the event that is open, and go back; say what is wrong with it otherwise."""
    route, world = phone.route, phone.world
    title = route.get("title").strip()
    day, minute = read_day(route.get("day")), read_time(route.get("time"))
    if not title:
        return phone.say("A title is needed")
    if day is None:
        return phone.say("There is no such date")
    if minute is None:
        return phone.say("A time like 14:30 is needed")
    minutes = read_count(route.get("minutes"))
    if minutes is None or not 1 <= minutes <= MAX_MINUTES:
        return phone.say("Minutes from 1 to 1440 are needed")
    new = CalendarEvent(
        int(route.key or 0),
        title,
        start_of(day) + minute * 60,
        minutes,
        route.get("place").strip(),
        route.get("notes").strip(),
        route.get("repeat", "once"),
    )
    if new.id == 0:
        return phone.write(world.insert(EVENT, new)).pop().say("Saved")
    if world.find(EVENT, new.id) is None:
        return phone.say("This event is gone")
    fields = new._asdict()
    del fields["id"]
    return phone.write(world.update(EVENT, new.id, **fields)).pop().say("Saved")


CALENDAR.on("delete")(delete_row(EVENT))
