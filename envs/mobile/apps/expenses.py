"""Expenses: what was spent, on what and when."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from gym_reason.envs.mobile.app import App
from gym_reason.envs.mobile.dates import day_at, read_day, write_day
from gym_reason.envs.mobile.device_events import BACK, ask, copy, go, put
from gym_reason.envs.mobile.forms import (
    DAY_DIALOG,
    choose_day,
    confirm,
    delete_row,
    search_field,
    show_chips,
    show_day_dialog,
    show_day_field,
    show_search,
)
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone, Route
from gym_reason.envs.mobile.widgets import (
    Event,
    Page,
    Widget,
    button,
    field,
    heading,
    icon,
    item,
    text,
)
from gym_reason.verifiers.state.world import Table, World


class Expense(NamedTuple):
    """Something that was paid."""

    id: int
    """Its number."""
    name: str
    """What for."""
    cents: int
    """How much, in hundredths."""
    category: str
    """Its kind: one of CATEGORIES."""
    note: str
    """What else was written about it."""
    day: str
    """When, like `2023-10-17`."""


EXPENSE = Table("expenses.expense", Expense)
EXPENSES = App("expenses", "Expenses", "expense", (EXPENSE,))
CATEGORIES = ("Food", "Transport", "Housing", "Health", "Clothing", "Leisure", "Other")
"""The kinds of expenses."""


def write_amount(cents: int) -> str:
    """Return an amount as it is shown: `12.50`."""
    return f"{cents // 100}.{cents % 100:02d}"


def read_amount(words: str) -> int | None:
    """Return the hundredths of an amount like `12.5` or `12`; None for anything else."""
    match = re.fullmatch(r"\s*([0-9]{1,7})(?:\.([0-9]{1,2}))?\s*", words, re.A)
    return int(match[1]) * 100 + int((match[2] or "0").ljust(2, "0")) if match else None


def list_expenses(world: World, category: str = "", wanted: str = "") -> list[Expense]:
    """Return the expenses of a category, or those whose name holds a text, the newest first."""
    found = [
        one
        for one in world.rows(EXPENSE).values()
        if category in ("", one.category) and wanted.casefold() in one.name.casefold()
    ]
    return sorted(found, key=lambda one: (one.day, one.id), reverse=True)


@EXPENSES.page("main")
def show_expenses(world: World, route: Route, look: Look) -> Page:
    """Return the expenses with their sum; once one was pressed for long, a choice of several."""
    wanted = route.get("search").strip()
    category = "" if wanted else route.get("category")
    found = list_expenses(world, category, wanted)
    chosen = read_choice(route)
    choices = [("", "All"), *((name, name) for name in CATEGORIES)]
    lines = search_field(route, look)
    if not wanted:
        lines += show_chips(choices, category, look, lambda name: put("category", name))
    lines.append(heading(f"{look.say('Total')}: {write_amount(sum(one.cents for one in found))}"))
    lines += [_line(one, chosen, look) for one in found]
    if not found:
        lines.append(text(look.say("No expenses here")))
    actions: tuple[Widget, ...] = (icon("search", look.say("Search"), Event("expenses.search")),)
    title = look.say(EXPENSES.label)
    if chosen:
        title = look.say("Selected: {count}").replace("{count}", str(len(chosen)))
        actions = (
            icon("close", look.say("Clear selection"), put("chosen", "")),
            icon("delete", look.say("Delete"), ask("delete")),
        )
    dialog = None
    if route.dialog == "delete":
        names = "\n".join(one.name for one in list_expenses(world) if one.id in chosen)
        question = "Delete these expenses?"
        dialog = confirm(question, names, "Delete", Event("expenses.delete_chosen"), look)
    fab = icon("add", look.say("Add"), Event("expenses.begin"))
    return Page(title, tuple(lines), actions, root=True, fab=fab, dialog=dialog)


def read_choice(route: Route) -> tuple[int, ...]:
    """Return the numbers of the expenses that are selected on a page."""
    return tuple(int(number) for number in route.get("chosen").split())


def _line(one: Expense, chosen: Sequence[int], look: Look) -> Widget:
    """Return an expense's line: a long press selects it, and then a tap selects others."""
    select = Event("expenses.select", one.id)
    detail = ", ".join((write_amount(one.cents), look.say(one.category), one.day))
    tap = select if chosen else go("expense", one.id)
    mark = one.id in chosen if chosen else None
    return item(one.name, detail, tap, select, picture="expense", chosen=mark)


@EXPENSES.page("expense")
def show_expense(world: World, route: Route, look: Look) -> Page:
    """Return an expense with all that is known of it."""
    one = world.find(EXPENSE, route.key)
    if one is None:
        return Page("", (text(look.say("This expense is gone")),))
    dialog = None
    if route.dialog == "delete":
        event = Event("expenses.delete", one.id)
        dialog = confirm("Delete this expense?", one.name, "Delete", event, look)
    day = read_day(one.day)
    lines = [
        item(look.say("Amount"), write_amount(one.cents)),
        item(look.say("Category"), look.say(one.category)),
        item(look.say("Date"), write_day(day, look) if day else one.day),
    ]
    if one.note:
        lines += [heading(look.say("Note")), text(one.note, hold=copy(one.note))]
    return Page(
        one.name,
        tuple(lines),
        (
            icon("edit", look.say("Edit"), Event("expenses.edit", one.id)),
            icon("delete", look.say("Delete"), ask("delete")),
        ),
        dialog=dialog,
    )


@EXPENSES.page("edit")
def show_editor(world: World, route: Route, look: Look) -> Page:
    """Return an expense to write; a new one has the number 0."""
    dialog = None
    if route.dialog == DAY_DIALOG:
        dialog = show_day_dialog(route, day_at(world.now), look, "expenses.choose_day")
    choices = [(name, name) for name in CATEGORIES]
    return Page(
        look.say("Edit expense") if route.key else look.say("New expense"),
        (
            field("name", look.say("Name"), route.get("name")),
            field("amount", look.say("Amount"), route.get("amount")),
            show_day_field(route, "Date", look),
            field("note", look.say("Note"), route.get("note")),
            heading(look.say("Category")),
            *show_chips(choices, route.value("category"), look, lambda name: put("category", name)),
            button(look.say("Cancel"), BACK),
        ),
        (icon("save", look.say("Save"), Event("expenses.save")),),
        dialog=dialog,
    )


EXPENSES.on("choose_day")(choose_day)
EXPENSES.on("search")(show_search)


@EXPENSES.on("select")
def select(phone: Phone, event: Event) -> Phone:
    """Add an expense to the selection, or take it out."""
    chosen = set(read_choice(phone.route)) ^ {int(event.key or 0)}
    numbers = " ".join(map(str, sorted(chosen)))
    return phone.turn(phone.route.put(chosen=numbers)._replace(focus=""))


@EXPENSES.on("delete_chosen")
def delete_chosen(phone: Phone, event: Event) -> Phone:
    """Delete the expenses that are selected."""
    world = phone.world.delete(EXPENSE, *read_choice(phone.route))
    route = phone.route.put(chosen="").open_dialog("")
    return phone.write(world).turn(route).say("Deleted")


@EXPENSES.on("begin")
def begin(phone: Phone, event: Event) -> Phone:
    """Open an empty expense of today."""
    today = day_at(phone.world.now).isoformat()
    return phone.push("edit", 0, name="", amount="", day=today, note="", category="Other")


@EXPENSES.on("edit")
def edit(phone: Phone, event: Event) -> Phone:
    """Open an expense to be changed."""
    one = phone.world.find(EXPENSE, event.key)
    if one is None:
        return phone
    return phone.push(
        "edit",
        one.id,
        name=one.name,
        amount=write_amount(one.cents),
        day=one.day,
        note=one.note,
        category=one.category,
    )


@EXPENSES.on("save")
def save(phone: Phone, event: Event) -> Phone:
    """Write the expense that is open, and go back; say what is wrong with it otherwise."""
    route, world = phone.route, phone.world
    name, note = route.get("name").strip(), route.get("note").strip()
    cents, day = read_amount(route.get("amount")), read_day(route.get("day"))
    if not name:
        return phone.say("A name is needed")
    if cents is None:
        return phone.say("An amount like 12.50 is needed")
    if day is None:
        return phone.say("There is no such date")
    new = Expense(
        int(route.key or 0), name, cents, route.get("category", "Other"), note, day.isoformat()
    )
    if new.id == 0:
        return phone.write(world.insert(EXPENSE, new)).pop().say("Saved")
    if world.find(EXPENSE, new.id) is None:
        return phone.say("This expense is gone")
    fields = new._asdict()
    del fields["id"]
    return phone.write(world.update(EXPENSE, new.id, **fields)).pop().say("Saved")


EXPENSES.on("delete")(delete_row(EXPENSE))
