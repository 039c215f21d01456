"""Steps in the calendar that several scripts take."""

from datetime import date

from gym_reason.envs.mobile.apps.calendar import REPEATS, CalendarEvent, list_day
from gym_reason.envs.mobile.dates import day_at, write_time
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.verifiers.state.goals import Want, Wants
from gym_reason.verifiers.state.world import Value, World


def show_day(hand: Hand, day: date, today: date) -> None:
    """Open the calendar on a day."""
    hand.open("calendar")
    away = (day - today).days
    if away in (1, 2):
        for _ in range(away):
            hand.tap("Next day")
    elif away != 0:
        hand.tap("Go to date")
        hand.type("Date", day.isoformat())
        hand.tap("Show")


def open_event(hand: Hand, world: World, event: CalendarEvent) -> None:
    """Open an event from its day, also where others of that day are called the same."""
    day = day_at(event.start)
    show_day(hand, day, day_at(world.now))
    alike = [one.id for one in list_day(world, day) if one.title == event.title]
    hand.tap(event.title, "item", alike.index(event.id))


def delete_shown(hand: Hand) -> None:
    """Delete what is open."""
    hand.tap("Delete")
    hand.tap("Delete")


def enter_event(hand: Hand, event: CalendarEvent, today: date) -> None:
    """Write a new event and save it; what is so anyway is left."""
    day = day_at(event.start)
    hand.open("calendar")
    hand.tap("Add")
    hand.type("Title", event.title)
    if day != today:
        hand.type("Date", day.isoformat())
    hand.type("Start time", write_time(event.start))
    if event.minutes != 60:
        hand.type("Minutes", str(event.minutes))
    if event.place:
        hand.type("Place", event.place)
    if event.notes:
        hand.type("Description", event.notes)
    if event.repeat != "once":
        hand.press("back")
        hand.tap(dict(REPEATS)[event.repeat], "chip")
    hand.tap("Save")


def want_row(row: tuple[Value, ...], fields: tuple[str, ...]) -> Wants:
    """Return that a row holds these values, texts as they read, the primary key left out."""
    return {
        name: Want(value, "text" if isinstance(value, str) else "exact")
        for name, value in zip(fields[1:], row[1:], strict=True)
    }
