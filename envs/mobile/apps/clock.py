"""The clock: alarms and the time elsewhere. Timer and stopwatch are in `clock_timers`."""

from collections.abc import Mapping
from typing import NamedTuple

from gym_reason.envs.mobile.app import App
from gym_reason.envs.mobile.dates import write_time
from gym_reason.envs.mobile.device_events import BACK, CLOSE, ask
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
    switch,
    text,
)
from gym_reason.verifiers.state.world import Table, World


class Alarm(NamedTuple):
    """An alarm."""

    id: int
    """Its number."""
    hour: int
    """0 to 23."""
    minute: int
    """0 to 59."""
    days: str
    """The days of the week that it comes back on, `mon,wed`; empty for once."""
    label: str
    """What the user calls it; may be empty."""
    on: bool
    """Whether it will ring."""


class Timer(NamedTuple):
    """The timer."""

    id: str
    """Always `timer`."""
    state: str
    """`idle`, `running` or `paused`."""
    length: int
    """Seconds that it was set to."""
    left: int
    """Seconds that were left when it was started or paused last."""
    ends: int
    """When it ends, on the world's clock; 0 while it does not run."""


class Stopwatch(NamedTuple):
    """The stopwatch."""

    id: str
    """Always `stopwatch`."""
    state: str
    """`idle`, `running` or `paused`."""
    elapsed: int
    """Seconds that were counted when it was paused last."""
    since: int
    """When it was started last, on the world's clock; 0 while it does not run."""


class Lap(NamedTuple):
    """A time that was kept while the stopwatch ran."""

    id: int
    """Its number."""
    elapsed: int
    """Seconds from the start."""


class City(NamedTuple):
    """A city whose time is shown."""

    id: str
    """Its name."""
    offset: int
    """Minutes that its clocks are ahead of the device's; behind for less than 0."""


ALARM = Table("clock.alarm", Alarm)
TIMER = Table("clock.timer", Timer)
STOPWATCH = Table("clock.stopwatch", Stopwatch)
LAP = Table("clock.lap", Lap)
CITY = Table("clock.city", City)
CLOCK = App("clock", "Clock", "clock", (ALARM, TIMER, STOPWATCH, LAP, CITY))

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""The days of the week, as alarms hold them."""
CITIES: Mapping[str, int] = {
    "Cairo": 120,
    "Delhi": 330,
    "Lima": -300,
    "London": 0,
    "Nairobi": 180,
    "New York": -300,
    "Oslo": 60,
    "Sydney": 600,
    "Tokyo": 540,
}
"""Cities that can be added, with the minutes that they are ahead of the device's own zone."""


def show_tabs(here: str, look: Look) -> tuple[Widget, ...]:
    """Return the tabs of the app's four pages."""
    tabs = (
        ("main", "Alarms", "alarm"),
        ("cities", "World", "globe"),
        ("timer", "Timer", "timer"),
        ("stopwatch", "Stopwatch", "stopwatch"),
    )
    return tuple(
        chip(look.say(label), page == here, Event("clock.tab", page))._replace(name=picture)
        for page, label, picture in tabs
    )


@CLOCK.on("tab")
def turn_tab(phone: Phone, event: Event) -> Phone:
    """Show another of the four pages."""
    return phone.turn(Route("clock", str(event.key)))


def write_alarm_time(alarm: Alarm) -> str:
    """Return when an alarm rings: `07:30`."""
    return f"{alarm.hour:02d}:{alarm.minute:02d}"


@CLOCK.page("main")
def show_alarms(world: World, route: Route, look: Look) -> Page:
    """Return the alarms in the order of their times."""
    alarms = sorted(world.rows(ALARM).values(), key=lambda one: (one.hour, one.minute, one.id))
    lines = tuple(_show_alarm(alarm, look) for alarm in alarms)
    dialog = None
    chosen = world.find(ALARM, route.subject if isinstance(route.subject, int) else None)
    if route.dialog == "alarm" and chosen is not None:
        entries = (
            item(look.say("Edit"), "", Event("clock.edit", chosen.id)),
            item(look.say("Delete"), "", Event("clock.delete", chosen.id)),
        )
        title = f"{write_alarm_time(chosen)} {chosen.label}".strip()
        dialog = Dialog(title, look.arrange(entries, "clock.alarm"))
    return Page(
        look.say("Alarms"),
        lines or (text(look.say("No alarms")),),
        root=True,
        fab=icon("add", look.say("New alarm"), Event("clock.new")),
        tabs=show_tabs("main", look),
        dialog=dialog,
    )


def _show_alarm(alarm: Alarm, look: Look) -> Widget:
    days = [look.say(day.capitalize()) for day in alarm.days.split(",") if day]
    about = [alarm.label, " ".join(days) or look.say("Once")]
    menu = ask("alarm", alarm.id)
    line = switch(
        write_alarm_time(alarm),
        alarm.on,
        Event("clock.switch", alarm.id),
        ", ".join(part for part in about if part),
    )
    return line._replace(hold=menu, children=(icon("menu", look.say("Menu"), menu),))


@CLOCK.page("alarm")
def show_editor(world: World, route: Route, look: Look) -> Page:
    """Return the form of an alarm; a new one has the number 0."""
    days = route.get("days").split(",")
    chips = [chip(look.say(day.capitalize()), day in days, Event("clock.day", day)) for day in DAYS]
    return Page(
        look.say("Edit alarm") if route.key else look.say("New alarm"),
        (
            row(
                field("hour", look.say("Hour"), route.get("hour")),
                field("minute", look.say("Minute"), route.get("minute")),
            ),
            heading(look.say("Repeat")),
            row(*chips),
            field("label", look.say("Label"), route.get("label")),
            button(look.say("Cancel"), BACK),
        ),
        (icon("save", look.say("Save"), Event("clock.save")),),
    )


@CLOCK.on("new")
def begin(phone: Phone, event: Event) -> Phone:
    """Open an empty form."""
    return phone.push("alarm", 0, hour="", minute="", days="", label="")


@CLOCK.on("edit")
def edit(phone: Phone, event: Event) -> Phone:
    """Open the form of an alarm that is there."""
    alarm = phone.world.find(ALARM, event.key)
    if alarm is None:
        return phone
    hour, minute = f"{alarm.hour:02d}", f"{alarm.minute:02d}"
    return phone.push(
        "alarm", alarm.id, hour=hour, minute=minute, days=alarm.days, label=alarm.label
    )


@CLOCK.on("day")
def choose_day(phone: Phone, event: Event) -> Phone:
    """Take a day of the week into the form, or out of it."""
    chosen = set(phone.route.get("days").split(",")) ^ {str(event.key)}
    return phone.turn(phone.route.put(days=",".join(day for day in DAYS if day in chosen)))


@CLOCK.on("save")
def save(phone: Phone, event: Event) -> Phone:
    """Write the alarm that is open, and go back; a new one is on, and so is a changed one."""
    route, world = phone.route, phone.world
    hour, minute = _read(route.get("hour"), 23), _read(route.get("minute"), 59)
    if hour is None or minute is None:
        return phone.say("A time from 00:00 to 23:59 is needed")
    label, days = route.get("label").strip(), route.get("days")
    alarm = Alarm(0, hour, minute, days, label, True)
    if not route.key:
        world = world.insert(ALARM, alarm)
    elif world.find(ALARM, route.key) is None:
        return phone.pop().say("This alarm is gone")
    else:
        world = world.update(
            ALARM, route.key, hour=hour, minute=minute, days=days, label=label, on=True
        )
    return phone.write(world).pop().say("Saved")


def _read(entered: str, most: int) -> int | None:
    """Return a number from 0 on that was entered; None for anything else."""
    entered = entered.strip()
    if not entered.isascii() or not entered.isdigit() or len(entered) > 2:
        return None
    return int(entered) if int(entered) <= most else None


@CLOCK.on("switch")
def switch_alarm(phone: Phone, event: Event) -> Phone:
    """Turn an alarm on or off."""
    alarm = phone.world.find(ALARM, event.key)
    if alarm is None:
        return phone
    return phone.write(phone.world.update(ALARM, alarm.id, on=not alarm.on))


@CLOCK.on("delete")
def delete(phone: Phone, event: Event) -> Phone:
    """Delete an alarm."""
    world = phone.world.delete(ALARM, event.key or 0)
    return phone.write(world).turn(phone.route.open_dialog("")).say("Deleted")


@CLOCK.page("cities")
def show_cities(world: World, route: Route, look: Look) -> Page:
    """Return the time here and in the cities that were added."""
    cities = world.rows(CITY)
    here = item(look.say("Here"), write_time(world.now), picture="pin")
    lines = [
        item(
            city.id,
            write_time(world.now + 60 * city.offset),
            None,
            None,
            icon("delete", look.say("Remove"), Event("clock.remove_city", city.id)),
            picture="globe",
        )
        for city in sorted(cities.values())
    ]
    dialog = None
    if route.dialog == "city":
        dialog = Dialog(
            look.say("Add a city"),
            tuple(
                item(name, "", Event("clock.add_city", name))
                for name in CITIES
                if name not in cities
            ),
            (button(look.say("Cancel"), CLOSE),),
        )
    return Page(
        look.say("World"),
        (here, *lines),
        root=True,
        fab=icon("add", look.say("Add a city"), ask("city")),
        tabs=show_tabs("cities", look),
        dialog=dialog,
    )


@CLOCK.on("add_city")
def add_city(phone: Phone, event: Event) -> Phone:
    """Show the time of one more city."""
    name, world = str(event.key), phone.world
    if name in CITIES and world.find(CITY, name) is None:
        world = world.insert(CITY, City(name, CITIES[name]))
    return phone.write(world).turn(phone.route.open_dialog(""))


@CLOCK.on("remove_city")
def remove_city(phone: Phone, event: Event) -> Phone:
    """Show the time of a city no more."""
    return phone.write(phone.world.delete(CITY, str(event.key)))
