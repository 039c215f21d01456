"""The two kinds of records that the same tasks are about: expenses and recipes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gym_reason.envs.mobile.apps.expenses import EXPENSE, Expense, list_expenses, write_amount
from gym_reason.envs.mobile.apps.recipes import RECIPE, Recipe, list_recipes
from gym_reason.envs.mobile.dates import day_at
from gym_reason.envs.mobile.tasks.fill_expenses import draw_expense
from gym_reason.envs.mobile.tasks.fill_recipes import draw_recipe
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.world import Row, Table, World


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of records, and how it is used."""

    app: str
    """The app that keeps them."""
    label: str
    """What the app is called in a sentence."""
    noun: str
    """What several of them are called."""
    table: Table[Any]
    """Their table; the second field of a row is its name."""
    draw: Callable[[Values, World], Row]
    """Draws one."""
    columns: tuple[str, ...]
    """What is told of each, in order."""
    tell: Callable[[Row], tuple[str, ...]]
    """Returns the columns of one."""
    enter: Callable[[Hand, Row, World], None]
    """Writes one into the form that is open; what stands there anyway is left."""
    menu: str
    """What is touched before `Delete` can be; empty where it stands in the bar."""
    listed: Callable[[World, str], Sequence[Row]]
    """Returns what a search for a text shows, in order."""

    def add(self, world: World, row: Row) -> tuple[World, Row]:
        """Return the world with one more, and the row with its number."""
        world = world.insert(self.table, self.table.row_type(0, *row[1:]))
        return world, self.table.row_type(world.last_id(self.table), *row[1:])


def _tell_expense(row: Row) -> tuple[str, ...]:
    one = Expense(*row)
    return one.name, write_amount(one.cents), one.category, one.day, one.note or "-"


def _enter_expense(hand: Hand, row: Row, world: World) -> None:
    one = Expense(*row)
    hand.type("Name", one.name)
    hand.type("Amount", write_amount(one.cents))
    if one.day != day_at(world.now).isoformat():
        hand.type("Date", one.day)
    if one.note:
        hand.type("Note", one.note)
    hand.press("back")
    hand.tap(one.category, "chip")


def _tell_recipe(row: Row) -> tuple[str, ...]:
    return tuple(map(str, row[1:]))


def _enter_recipe(hand: Hand, row: Row, world: World) -> None:
    one = Recipe(*row)
    hand.type("Title", one.title)
    hand.type("Servings", str(one.servings))
    hand.type("Minutes", str(one.minutes))
    hand.type("Description", one.description)
    hand.type("Ingredients", one.ingredients)
    hand.type("Directions", one.directions)


EXPENSE_KIND = Kind(
    "expenses",
    "Expenses",
    "expenses",
    EXPENSE,
    draw_expense,
    ("Name", "Amount", "Category", "Date", "Note"),
    _tell_expense,
    _enter_expense,
    "",
    lambda world, wanted: list_expenses(world, "", wanted),
)
RECIPE_KIND = Kind(
    "recipes",
    "Recipes",
    "recipes",
    RECIPE,
    lambda values, world: draw_recipe(values),
    ("Title", "Servings", "Minutes", "Description", "Ingredients", "Directions"),
    _tell_recipe,
    _enter_recipe,
    "Menu",
    list_recipes,
)


def write_records(kind: Kind, rows: Sequence[Row], as_table: bool, more: str = "") -> str:
    """Return records as text: a table with bars, or blocks of lines.

    Args:
        kind: Their kind.
        rows: The records; where `more` is given, each with one value more at its end.
        as_table: Whether it is a table.
        more: The name of one column more.
    """
    width = len(kind.table.fields)
    columns = (*kind.columns, more) if more else kind.columns
    told = [(*kind.tell(row[:width]), *row[width:]) for row in rows]
    if as_table:
        return "\n".join(" | ".join(line) for line in (columns, *told))
    blocks = (
        "\n".join(f"{name}: {value}" for name, value in zip(columns, line, strict=True))
        for line in told
    )
    return "\n\n".join(blocks)


def add_records(hand: Hand, kind: Kind, rows: Sequence[Row], world: World) -> None:
    """Write records into their app, one after the other."""
    hand.open(kind.app)
    for row in rows:
        hand.tap("Add")
        kind.enter(hand, row, world)
        hand.tap("Save")


def delete_open(hand: Hand, kind: Kind) -> None:
    """Delete the record that is open."""
    if kind.menu:
        hand.tap(kind.menu)
    hand.tap("Delete")
    hand.tap("Delete", "button")


def find_by_name(hand: Hand, name: str) -> None:
    """Look for records by their name, in the list that is open and searched for the first time."""
    hand.tap("Search", "icon")
    hand.type("Search", name)
    hand.press("enter")
