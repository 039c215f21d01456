"""The calendar, the list of things to do, expenses and recipes, used through their screens."""

from datetime import date, timedelta
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gym_reason.envs.mobile.apps.calendar import EVENT, CalendarEvent, falls_on, list_day
from gym_reason.envs.mobile.apps.expenses import EXPENSE, Expense, read_amount, write_amount
from gym_reason.envs.mobile.apps.recipes import RECIPE, Recipe
from gym_reason.envs.mobile.apps.tasks import TODO, Todo, passes
from gym_reason.envs.mobile.dates import (
    day_at,
    read_day,
    read_time,
    shift_days,
    shift_months,
    start_of,
    write_time,
)
from gym_reason.envs.mobile.devices.sim import SimDevice
from gym_reason.envs.mobile.forms import read_count, show_month_grid
from gym_reason.envs.mobile.gestures import LongPress, Press, Tap, TypeText
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.tasks.fill_calendar import fill_calendar
from gym_reason.envs.mobile.tasks.fill_expenses import fill_expenses
from gym_reason.envs.mobile.tasks.fill_recipes import fill_recipes
from gym_reason.envs.mobile.tasks.fill_tasks import fill_tasks
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.envs.mobile.widgets import Event
from gym_reason.errors import EnvError
from gym_reason.verifiers.state.world import EMPTY_WORLD, Row, Table, World

TODAY = date(2023, 10, 17)
NOW = start_of(TODAY) + 10 * 3600
EMPTY = EMPTY_WORLD.at(NOW)
ENTRIES = ("", "7", "2023-10-20", "2099-12-31", "1970-01-01", "09:30", "12.50", "x\ny", "\u0664")
"""What a careless user writes into any field."""
APPS = ("calendar", "tasks", "expenses", "recipes")
R = TypeVar("R", bound=Row)
DAYS = st.dates(date(1970, 1, 1), date(2099, 12, 31))


def use(world: World, app: str) -> tuple[SimDevice, Hand]:
    """Return a device with an app open, and a hand on it."""
    device = SimDevice()
    device.load(world, Look())
    hand = Hand(device, Look())
    hand.open(app)
    return device, hand


def rows_of(device: SimDevice, table: Table[R]) -> list[R]:
    return list(device.dump().rows(table).values())


def fill(seed: int) -> World:
    values = Values(np.random.default_rng(seed), "train")
    world = EMPTY
    for add in (fill_calendar, fill_tasks, fill_expenses, fill_recipes):
        world = add(world, values)
    return world


def event_of(title: str, day: date, minute: int = 600, repeat: str = "once") -> CalendarEvent:
    return CalendarEvent(0, title, start_of(day) + 60 * minute, 60, "", "", repeat)


@given(DAYS, st.integers(0, 1439))
def test_days_and_times_survive_being_written(day: date, minute: int) -> None:
    moment = start_of(day) + 60 * minute
    assert day_at(moment) == day
    assert read_day(day.isoformat()) == day
    assert read_time(write_time(moment)) == minute


@given(st.text(max_size=12))
def test_any_entry_is_read_or_refused(words: str) -> None:
    for read in (read_day, read_time, read_count, read_amount):
        read(words)
    day = read_day(words)
    assert day is None or 1970 <= day.year <= 2099


@pytest.mark.parametrize("words", ["2023-02-29", "2023-11-31", "0001-01-01", "17.10.2023", ""])
def test_dates_that_are_none(words: str) -> None:
    assert read_day(words) is None


@pytest.mark.parametrize("words", ["24:00", "9:60", "14:5", "2 pm", "", "\u0661\u0662:00"])
def test_times_that_are_none(words: str) -> None:
    assert read_time(words) is None


def test_months_and_days_stop_at_the_ends() -> None:
    assert shift_months(date(2099, 12, 5), 3) == date(2099, 12, 1)
    assert shift_months(date(2023, 12, 31), 1) == date(2024, 1, 1)
    assert shift_days(date(1970, 1, 1), -1) == date(1970, 1, 1)


@given(DAYS)
def test_a_month_shows_each_day_once_under_its_weekday(day: date) -> None:
    grid = show_month_grid(day, Look(), lambda one: Event("x", one.isoformat()), {day})
    cells = [(column, cell) for line in grid[1:] for column, cell in enumerate(line.children)]
    days = [(column, cell) for column, cell in cells if cell.kind == "chip"]
    assert [int(cell.text) for _, cell in days] == list(range(1, len(days) + 1))
    assert all(column == day.replace(day=int(cell.text)).weekday() for column, cell in days)
    assert [cell.text for _, cell in days if cell.value] == [str(day.day)]


@given(st.integers(0, 10**9))
def test_amounts_survive_being_written(cents: int) -> None:
    assert read_amount(write_amount(cents)) == (cents if cents < 10**9 else None)


@pytest.mark.parametrize(("words", "cents"), [("12", 1200), ("12.5", 1250), (" 0.05 ", 5)])
def test_amounts(words: str, cents: int) -> None:
    assert read_amount(words) == cents


@pytest.mark.parametrize("words", ["12,50", "-3", "1.234", "1e3", "12 EUR", ""])
def test_amounts_that_are_none(words: str) -> None:
    assert read_amount(words) is None


@given(st.sampled_from(["daily", "weekly", "monthly", "once"]), st.integers(-40, 400))
def test_series_come_on_their_days_and_never_before_the_first(repeat: str, away: int) -> None:
    day = TODAY + timedelta(days=away)
    expected = away == 0 or (
        away > 0
        and {
            "daily": True,
            "weekly": day.weekday() == TODAY.weekday(),
            "monthly": day.day == TODAY.day,
            "once": False,
        }[repeat]
    )
    assert falls_on(event_of("A", TODAY, repeat=repeat), day) == expected


def test_an_event_is_written_changed_and_deleted() -> None:
    device, hand = use(EMPTY, "calendar")
    hand.tap("Add")
    hand.type("Title", "Piano lesson")
    hand.type("Date", "2023-10-20")
    hand.type("Start time", "9:15")
    hand.type("Place", "5 Oak Street")
    hand.press("back")
    hand.tap("Every week", "chip")
    hand.tap("Save")
    start = start_of(date(2023, 10, 20)) + 9 * 3600 + 900
    event = CalendarEvent(1, "Piano lesson", start, 60, "5 Oak Street", "", "weekly")
    assert rows_of(device, EVENT) == [event]
    hand.tap("Go to date")
    hand.type("Date", "2023-10-27")
    hand.tap("Show")
    hand.tap("Piano lesson")
    hand.tap("Edit")
    hand.type("Minutes", "45")
    hand.tap("Save")
    assert rows_of(device, EVENT) == [event._replace(minutes=45)]
    hand.tap("Delete")
    hand.tap("Cancel")
    assert len(rows_of(device, EVENT)) == 1
    hand.tap("Delete")
    hand.tap("Delete")
    assert rows_of(device, EVENT) == []
    assert device.screen().key == "2023-10-27"


def test_a_date_is_chosen_from_the_month() -> None:
    device, hand = use(EMPTY, "calendar")
    hand.tap("Add")
    hand.tap("Pick a date")
    hand.tap("Next month")
    hand.tap("9", "chip")
    assert device.screen().fields["day"] == "2023-11-09"
    hand.tap("Pick a date")
    hand.tap("Previous month")
    hand.tap("31", "chip")
    assert device.screen().fields["day"] == "2023-10-31"


@pytest.mark.parametrize(
    ("label", "words", "toast"),
    [
        ("Title", " ", "A title is needed"),
        ("Date", "2023-11-31", "There is no such date"),
        ("Start time", "25:00", "A time like 14:30 is needed"),
        ("Minutes", "0", "Minutes from 1 to 1440 are needed"),
        ("Minutes", "1441", "Minutes from 1 to 1440 are needed"),
        ("Minutes", "an hour", "Minutes from 1 to 1440 are needed"),
    ],
)
def test_a_wrong_event_is_refused_and_kept_open(label: str, words: str, toast: str) -> None:
    device, hand = use(EMPTY, "calendar")
    hand.tap("Add")
    hand.type("Title", "Lunch")
    hand.type(label, words)
    hand.tap("Save")
    assert device.phone.toast == toast
    assert device.screen().page == "edit"
    assert rows_of(device, EVENT) == []


def test_the_pages_of_the_calendar_show_the_same_events() -> None:
    world = EMPTY.insert(EVENT, event_of("Later", TODAY, 900))
    world = world.insert(EVENT, event_of("Series", TODAY - timedelta(days=6), 500, "weekly"))
    world = world.insert(EVENT, event_of("Sooner", TODAY, 700))
    assert [event.title for event in list_day(world, TODAY)] == ["Sooner", "Later"]
    device, hand = use(world, "calendar")
    assert hand.sees("Sooner")
    assert not hand.sees("Series")
    hand.tap("Next day")
    assert hand.sees("Series")
    hand.tap("Month", "tab")
    marked = [one.text for one in device.observe().elements if one.kind == "chip" and one.value]
    assert marked == ["11", "17", "18", "25"]
    hand.tap("17", "chip")
    assert hand.sees("Later")
    hand.tap("Upcoming", "tab")
    shown = [one.text for one in device.observe().elements if one.kind == "item"]
    assert shown == ["Sooner", "Later", "Series", "Series"]
    hand.tap("Search", "icon")
    assert not hand.sees("Later")
    hand.type("Search", "LAT")
    assert hand.sees("Later")
    assert not hand.sees("Sooner")


def test_a_task_is_written_ticked_and_deleted() -> None:
    device, hand = use(EMPTY, "tasks")
    hand.tap("Add")
    hand.type("Title", "Buy milk")
    hand.type("Due date", "2023-1-5")
    hand.press("back")
    hand.tap("High", "chip")
    hand.tap("Save")
    todo = Todo(1, "Buy milk", "", "2023-01-05", "high", False, "")
    assert rows_of(device, TODO) == [todo]
    hand.tap("Buy milk", "check")
    ticked = todo._replace(done=True, completed=TODAY.isoformat())
    assert rows_of(device, TODO) == [ticked]
    assert not hand.sees("Buy milk")
    hand.tap("Done", "chip")
    hand.tap("Buy milk", "check")
    assert rows_of(device, TODO) == [todo]
    hand.tap("Overdue", "chip")
    hand.tap("Buy milk", "item")
    hand.tap("Edit")
    hand.type("Due date", "soon")
    hand.tap("Save")
    assert device.phone.toast == "There is no such date"
    hand.type("Due date", "")
    hand.tap("Save")
    assert rows_of(device, TODO) == [todo._replace(due="")]
    hand.tap("Delete")
    hand.tap("Delete")
    assert rows_of(device, TODO) == []


def test_filters_of_tasks() -> None:
    today = TODAY.isoformat()
    late = Todo(1, "A", "", "2023-10-16", "high", False, "")
    cases = {
        late: {"open", "all", "high", "late"},
        late._replace(due=today, priority="low"): {"open", "all", "today"},
        late._replace(due="", priority="none"): {"open", "all"},
        late._replace(done=True, completed=today): {"done", "all"},
    }
    for todo, shown in cases.items():
        names = ("open", "done", "all", "high", "today", "late")
        assert {name for name in names if passes(todo, name, today)} == shown


def test_an_expense_is_written_and_changed() -> None:
    device, hand = use(EMPTY, "expenses")
    hand.tap("Add")
    hand.tap("Save")
    assert device.phone.toast == "A name is needed"
    hand.type("Name", "Taxi")
    hand.type("Amount", "12,50")
    hand.tap("Save")
    assert device.phone.toast == "An amount like 12.50 is needed"
    hand.type("Amount", "12.5")
    hand.press("back")
    hand.tap("Transport", "chip")
    hand.tap("Save")
    expense = Expense(1, "Taxi", 1250, "Transport", "", TODAY.isoformat())
    assert rows_of(device, EXPENSE) == [expense]
    hand.tap("Food", "chip")
    assert not hand.sees("Taxi")
    hand.tap("Transport", "chip")
    hand.tap("Taxi")
    hand.tap("Edit")
    assert hand.read("Amount", "field") == "12.50"
    hand.type("Note", "To the station")
    hand.tap("Save")
    assert rows_of(device, EXPENSE) == [expense._replace(note="To the station")]


def test_several_expenses_are_selected_and_deleted() -> None:
    world = EMPTY
    for number, name in enumerate(("One", "Two", "Three")):
        expense = Expense(0, name, 100 * (number + 1), "Food", "", "2023-10-01")
        world = world.insert(EXPENSE, expense)
    device, hand = use(world, "expenses")
    assert "Total: 6.00" in [one.text for one in device.observe().elements]
    hand.hold("One")
    hand.tap("Two")
    hand.tap("Three")
    hand.tap("Two")
    hand.tap("Delete", "icon")
    hand.tap("Cancel")
    assert len(rows_of(device, EXPENSE)) == 3
    hand.tap("Delete", "icon")
    hand.tap("Delete", "button")
    assert [row[1] for row in rows_of(device, EXPENSE)] == ["Two"]
    hand.tap("Two")
    assert device.screen().page == "expense"
    hand.press("back")
    hand.hold("Two")
    hand.tap("Clear selection")
    hand.tap("Two")
    hand.tap("Delete")
    hand.tap("Delete")
    assert rows_of(device, EXPENSE) == []


def test_a_recipe_is_written_changed_and_deleted() -> None:
    device, hand = use(EMPTY, "recipes")
    hand.tap("Add")
    hand.type("Title", "Pea soup")
    hand.type("Servings", "four")
    hand.type("Minutes", "30")
    hand.tap("Save")
    assert device.phone.toast == "The number of servings is needed"
    hand.type("Servings", "4")
    hand.press("back")
    hand.type("Directions", "Boil the peas.")
    hand.tap("Save")
    recipe = Recipe(1, "Pea soup", 4, 30, "", "", "Boil the peas.")
    assert rows_of(device, RECIPE) == [recipe]
    hand.tap("Search", "icon")
    hand.type("Search", "stew")
    assert not hand.sees("Pea soup")
    hand.type("Search", "pea")
    hand.press("enter")
    hand.tap("Pea soup")
    hand.tap("Edit")
    hand.type("Ingredients", "500 g peas")
    hand.tap("Save")
    assert rows_of(device, RECIPE) == [recipe._replace(ingredients="500 g peas")]
    hand.tap("Menu")
    hand.tap("Delete")
    hand.tap("Delete", "button")
    assert rows_of(device, RECIPE) == []


def test_what_is_not_on_the_screen_is_not_found() -> None:
    _, hand = use(EMPTY, "recipes")
    with pytest.raises(EnvError, match="Pea soup"):
        hand.tap("Pea soup")


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(APPS), st.integers(0, 10**6))
def test_no_touch_and_no_entry_breaks_an_app(app: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    device = SimDevice()
    device.load(fill(seed % 7), Look())
    hand = Hand(device, Look())
    for _ in range(60):
        if device.phone.route.app != app:
            hand.open(app)
        screen = device.observe()
        usable = [
            one
            for one in screen.elements[screen.modal :]
            if (one.tap or one.hold) and one.kind not in ("key", "nav")
        ]
        draw = rng.random()
        if draw < 0.15 or not usable:
            device.act(TypeText(ENTRIES[int(rng.integers(len(ENTRIES)))], clear=True))
        elif draw < 0.22:
            device.act(Press("back"))
        else:
            one = usable[int(rng.integers(len(usable)))]
            left, top, right, bottom = one.bounds
            point = ((left + right) // 2, (top + bottom) // 2)
            device.act(LongPress(*point) if draw < 0.3 else Tap(*point))
    world = device.dump()
    assert all(event.title for event in world.rows(EVENT).values())
    assert all(0 < event.minutes <= 1440 for event in world.rows(EVENT).values())
    assert all(one.cents >= 0 and one.name for one in world.rows(EXPENSE).values())
    assert all(one.servings > 0 and one.minutes > 0 for one in world.rows(RECIPE).values())
    assert all(bool(one.completed) == one.done for one in world.rows(TODO).values())
