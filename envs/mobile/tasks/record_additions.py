"""Tasks that add expenses and recipes, from the request itself, from a note or from a picture."""

from collections.abc import Callable, Sequence

from gym_reason.envs.mobile.apps.expenses import Expense
from gym_reason.envs.mobile.apps.files import FILE, File
from gym_reason.envs.mobile.apps.notes import NOTE, Note
from gym_reason.envs.mobile.tasks.calendar_steps import want_row
from gym_reason.envs.mobile.tasks.days import draw_missing_date
from gym_reason.envs.mobile.tasks.fill_recipes import MINUTES
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.record_kinds import (
    EXPENSE_KIND,
    RECIPE_KIND,
    Kind,
    add_records,
    write_records,
)
from gym_reason.envs.mobile.tasks.template import Draft, Drawing, Variant
from gym_reason.envs.mobile.tasks.twins import make_twin
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.goals import Goal, Inserted
from gym_reason.verifiers.state.world import Row, Value, World

_ADD = (
    "Enter these {noun} in {app}, each with all that is given here; a dash stands for nothing.\n\n"
    "{records}",
    "Please add the following to {app} exactly as it is written, leaving empty what has a dash:"
    "\n\n{records}",
    "{records}\n\nThese {noun} are still missing in {app}. Put them in, field by field; where "
    "there is a dash the field stays empty.",
)
_FROM_NOTE = (
    "The note {source} holds some {noun}. Enter all of them in {app}; a dash stands for nothing.",
    "Open the note {source} and put every one of its {noun} into {app}, leaving empty what has a "
    "dash.",
    "Copy the {noun} of the note {source} to {app}, field by field. A dash means an empty field.",
)
_FROM_PICTURE = (
    "The picture {source} in the gallery shows some {noun}. Enter all of them in {app}; a dash "
    "stands for nothing.",
    "Look at {source} in the gallery and put every one of its {noun} into {app}, leaving empty "
    "what has a dash.",
    "Copy the {noun} that can be read in the picture {source} to {app}, field by field. A dash "
    "means an empty field.",
)
_MARKED = (
    "The note {source} lists payments. Enter those marked {mark} in {app} and no others; a dash "
    "stands for nothing.",
    "Go through the payments in the note {source}: the ones that are {mark} belong into {app}, "
    "the rest does not. Leave empty what has a dash.",
    "From the note {source}, copy only the {mark} payments to {app}. A dash means an empty field.",
)
_TIMED = (
    "Enter those recipes of the note {source} in {app} that take {mark} minutes, and no others.",
    "Go through the note {source}: its recipes of {mark} minutes belong into {app}, the rest does "
    "not.",
    "From the note {source}, copy only the recipes that need {mark} minutes to {app}.",
)
MARKS = ("reimbursable", "private")
"""What payments of a note are marked as."""


def _expect(kind: Kind, rows: Sequence[Row]) -> Goal:
    return Goal(tuple(Inserted(kind.table.name, want_row(row, kind.table.fields)) for row in rows))


def draw_addition(kind: Kind, least: int, most: int) -> Drawing:
    """Return how records are drawn that the request itself gives.

    In the twin one of the expenses is of a date that there is not.
    """

    def draw(values: Values, world: World, twin: bool) -> Draft:
        rows = [kind.draw(values, world) for _ in range(values.integer(least, most))]
        as_table = values.chance(0.4)
        told = rows
        if twin:
            missing = draw_missing_date(values, world)
            told = [Expense(*rows[0])._replace(day=missing), *rows[1:]]
        params: dict[str, Value] = {
            "noun": kind.noun,
            "app": kind.label,
            "records": write_records(kind, told, as_table),
        }
        if twin:
            return make_twin(world, _ADD, params)
        goal = _expect(kind, rows)
        return Draft(world, goal, _ADD, params, lambda hand: add_records(hand, kind, rows, world))

    return draw


def _open_note(hand: Hand, name: str) -> None:
    hand.open("notes")
    hand.tap(name, "item")


def _open_picture(hand: Hand, name: str) -> None:
    hand.open("media")
    hand.tap("Gallery", "item")
    hand.tap(name, "item")


def _add_note(values: Values, world: World, name: str, text: str) -> World:
    moment = world.now - values.integer(600, 500_000)
    return world.insert(NOTE, Note(0, name, text, "", False, moment))


def _add_picture(values: Values, world: World, name: str, text: str) -> World:
    size = values.integer(100_000, 3_000_000)
    moment = world.now - values.integer(600, 500_000)
    folder = values.pick(("DCIM", "Pictures"))
    return world.insert(FILE, File(0, folder, name, size, "image", text, moment))


def draw_from_source(kind: Kind, picture: bool) -> Drawing:
    """Return how records of a note or of a picture are drawn; in the twin that is missing."""
    add = _add_picture if picture else _add_note
    look_at: Callable[[Hand, str], None] = _open_picture if picture else _open_note
    sentences = _FROM_PICTURE if picture else _FROM_NOTE

    def draw(values: Values, world: World, twin: bool) -> Draft:
        name = values.file_name(".jpg" if picture else ".txt")
        rows = [kind.draw(values, world) for _ in range(2)]
        params: dict[str, Value] = {"source": name, "noun": kind.noun, "app": kind.label}
        if twin:
            return make_twin(world, sentences, params)
        text = write_records(kind, rows, values.chance(0.4) and kind is EXPENSE_KIND)
        world = add(values, world, name, text)

        def script(hand: Hand) -> None:
            look_at(hand, name)
            add_records(hand, kind, rows, world)

        return Draft(world, _expect(kind, rows), sentences, params, script)

    return draw


def _draft_choice(
    values: Values,
    world: World,
    kind: Kind,
    sentences: tuple[str, ...],
    mark: str,
    text: str,
    rows: Sequence[Row],
    twin: bool,
) -> Draft:
    """Return the task to enter some of the records of a note, which is missing in the twin."""
    name = values.file_name(".txt")
    params: dict[str, Value] = {"source": name, "mark": mark, "app": kind.label}
    if twin:
        return make_twin(world, sentences, params)
    world = _add_note(values, world, name, text)

    def script(hand: Hand) -> None:
        _open_note(hand, name)
        add_records(hand, kind, rows, world)

    return Draft(world, _expect(kind, rows), sentences, params, script)


def draw_marked(values: Values, world: World, twin: bool) -> Draft:
    """Draw payments in a note of which those with a mark are to be entered."""
    rows = [EXPENSE_KIND.draw(values, world) for _ in range(values.integer(3, 5))]
    wanted = values.sample(rows, values.integer(1, 2))
    mark, other = values.sample(MARKS, 2)
    marked = [(*row, mark if row in wanted else other) for row in rows]
    text = write_records(EXPENSE_KIND, marked, values.chance(0.4), "Kind")
    return _draft_choice(values, world, EXPENSE_KIND, _MARKED, mark, text, wanted, twin)


def draw_timed(values: Values, world: World, twin: bool) -> Draft:
    """Draw recipes in a note of which those that take so many minutes are to be entered."""
    rows: list[Row] = []
    minutes = values.pick(MINUTES)
    others = [one for one in MINUTES if one != minutes]
    count = values.integer(1, 2)
    for number in range(count + 2):
        row = RECIPE_KIND.draw(values, world)
        taken = minutes if number < count else values.pick(others)
        rows.append((*row[:3], taken, *row[4:]))
    wanted = rows[:count]
    text = write_records(RECIPE_KIND, values.sample(rows, len(rows)), as_table=False)
    return _draft_choice(values, world, RECIPE_KIND, _TIMED, str(minutes), text, wanted, twin)


ADD_VARIANTS: tuple[Variant, ...] = (
    Variant(
        "expense",
        draw_addition(EXPENSE_KIND, 1, 1),
        ("ExpenseAddSingle",),
        has_twin=True,
        level=2,
    ),
    Variant("expenses", draw_addition(EXPENSE_KIND, 2, 3), ("ExpenseAddMultiple",), level=3),
    Variant("recipe", draw_addition(RECIPE_KIND, 1, 1), ("RecipeAddSingleRecipe",), level=2),
    Variant("recipes", draw_addition(RECIPE_KIND, 2, 3), ("RecipeAddMultipleRecipes",), level=3),
)
"""The variants of `records.add`."""
SOURCE_VARIANTS: tuple[Variant, ...] = (
    Variant(
        "marked_expenses",
        draw_marked,
        ("ExpenseAddMultipleFromMarkor",),
        has_twin=True,
        level=3,
    ),
    Variant("expenses_of_note", draw_from_source(EXPENSE_KIND, False), has_twin=True, level=3),
    Variant(
        "expenses_of_picture",
        draw_from_source(EXPENSE_KIND, True),
        ("ExpenseAddMultipleFromGallery",),
        has_twin=True,
        level=3,
    ),
    Variant(
        "recipes_of_note",
        draw_from_source(RECIPE_KIND, False),
        ("RecipeAddMultipleRecipesFromMarkor",),
        has_twin=True,
        level=3,
    ),
    Variant(
        "timed_recipes",
        draw_timed,
        ("RecipeAddMultipleRecipesFromMarkor2",),
        has_twin=True,
        level=3,
    ),
    Variant(
        "recipes_of_picture",
        draw_from_source(RECIPE_KIND, True),
        ("RecipeAddMultipleRecipesFromImage",),
        has_twin=True,
        level=3,
    ),
)
"""The variants of `records.add_from_source`."""
