"""Parts of forms and lists that several apps share: a day, a choice, a search, a question."""

import re
from calendar import monthrange
from collections.abc import Callable, Container, Sequence
from datetime import date
from typing import Any

from gym_reason.envs.mobile.app import Handler
from gym_reason.envs.mobile.dates import read_day, shift_months, write_month
from gym_reason.envs.mobile.device_events import CLOSE, ask, put
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone, Route
from gym_reason.envs.mobile.widgets import (
    Dialog,
    Event,
    Widget,
    button,
    chip,
    field,
    icon,
    row,
    space,
    text,
)
from gym_reason.verifiers.state.world import Table, Value

DAY_DIALOG = "day"
"""The dialog in which a day is chosen; its subject is a day of the month that is shown."""


def show_month_grid(
    month: date, look: Look, tap: Callable[[date], Event], marked: Container[date]
) -> tuple[Widget, ...]:
    """Return the days of a month as chips, a row a week from Monday on.

    Args:
        month: Any day of the month.
        look: The appearance.
        tap: Gives the event of a touch of a day.
        marked: The days that are shown as chosen.
    """
    first, count = monthrange(month.year, month.month)
    cells = [space()] * first
    for number in range(1, count + 1):
        day = month.replace(day=number)
        cells.append(chip(str(number), day in marked, tap(day)))
    cells += [space()] * (-len(cells) % 7)
    names = row(*map(text, look.say("M T W T F S S").split()))
    return (names, *(row(*cells[start : start + 7]) for start in range(0, len(cells), 7)))


def show_day_field(route: Route, label: str, look: Look) -> Widget:
    """Return the field `day` of a form, and beside it the way to choose from a month."""
    pick = button(look.say("Pick a date"), ask(DAY_DIALOG, route.get("day")))
    return row(field("day", look.say(label), route.get("day")), pick)


def show_day_dialog(route: Route, today: date, look: Look, done: str) -> Dialog:
    """Return the month from which the day of a form is chosen; `done` is what handles it."""
    entered = read_day(route.get("day"))
    month = read_day(str(route.subject)) or entered or today
    before, after = shift_months(month, -1), shift_months(month, 1)
    turn = row(
        button(look.say("Previous month"), ask(DAY_DIALOG, before.isoformat())),
        button(look.say("Next month"), ask(DAY_DIALOG, after.isoformat())),
    )
    marked = {entered} if entered else {today}
    grid = show_month_grid(month, look, lambda day: Event(done, None, day.isoformat()), marked)
    cancel = button(look.say("Cancel"), CLOSE)
    return Dialog(write_month(month, look), (turn, *grid), (cancel,))


def choose_day(phone: Phone, event: Event) -> Phone:
    """Enter the day that was chosen in the dialog, and close it."""
    return phone.turn(phone.route.put(day=event.value).open_dialog(""))


def read_count(words: str) -> int | None:
    """Return a whole number of at most six digits that was entered; None for anything else."""
    match = re.fullmatch(r"\s*([0-9]{1,6})\s*", words, re.A)
    return int(match[1]) if match else None


def search_field(route: Route, look: Look) -> list[Widget]:
    """Return the field `search` of a list while it is shown; nothing otherwise."""
    if not route.value("searching"):
        return []
    return [field("search", look.say("Search"), route.get("search"))]


def search_icon(route: Route, look: Look) -> Widget:
    """Return what shows and hides the field `search`; what was entered in it stays."""
    return icon("search", look.say("Search"), put("searching", not route.value("searching")))


def delete_row(table: Table[Any]) -> Handler:
    """Return the handler that deletes the row that an event is about, and goes back."""

    def delete(phone: Phone, event: Event) -> Phone:
        return phone.write(phone.world.delete(table, event.key or 0)).pop().say("Deleted")

    return delete


def show_search(phone: Phone, event: Event) -> Phone:
    """Show the field `search` of a list, or put it away with what was entered in it."""
    route = phone.route
    if route.value("searching"):
        return phone.turn(route.put(searching=False, search="")._replace(focus=""))
    return phone.turn(route.put(searching=True))


def show_chips(
    choices: Sequence[tuple[str, str]],
    chosen: Value,
    look: Look,
    tap: Callable[[str], Event],
    columns: int = 4,
) -> tuple[Widget, ...]:
    """Return chips of which one is chosen, in rows.

    Args:
        choices: What each stands for, and its label in English.
        chosen: What the chosen one stands for.
        look: The appearance.
        tap: Gives the event of a touch, from what the chip stands for.
        columns: Chips side by side.
    """
    chips = [chip(look.say(label), name == chosen, tap(name)) for name, label in choices]
    chips += [space()] * (-len(chips) % columns)
    return tuple(row(*chips[start : start + columns]) for start in range(0, len(chips), columns))


def confirm(question: str, words: str, label: str, event: Event, look: Look) -> Dialog:
    """Return the last question before something is done; the label is that of doing it."""
    buttons = (button(look.say("Cancel"), CLOSE), button(look.say(label), event))
    return Dialog(look.say(question), (text(words),), buttons)
