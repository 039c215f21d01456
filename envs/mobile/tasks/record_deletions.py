"""Tasks that delete expenses and recipes: by name, by what they hold, and those that are double."""

from collections.abc import Sequence

from gym_reason.envs.mobile.apps.recipes import RECIPE, Recipe, list_recipes
from gym_reason.envs.mobile.tasks.fill_recipes import DISHES, INGREDIENTS, draw_recipe
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.record_kinds import (
    EXPENSE_KIND,
    RECIPE_KIND,
    Kind,
    delete_open,
    find_by_name,
)
from gym_reason.envs.mobile.tasks.template import Draft, Drawing, Variant
from gym_reason.envs.mobile.tasks.twins import make_twin
from gym_reason.envs.mobile.tasks.values import STREETS, Values
from gym_reason.verifiers.state.goals import Deleted, Goal
from gym_reason.verifiers.state.world import Row, Value, World

_ONE = (
    'Delete "{names}" from {app}.',
    'I don\'t need "{names}" in {app} any more. Remove it.',
    'Take "{names}" out of {app} and leave everything else there as it is.',
)
_SEVERAL = (
    "Delete these {noun} from {app}: {names}.",
    "I don't need the following in {app} any more: {names}. Remove them.",
    "Take these out of {app} and leave everything else there as it is: {names}.",
)
_USING = (
    "Delete those recipes from Recipes whose directions use {ingredient}.",
    "I can't have {ingredient}. Remove every recipe that uses it in its directions from Recipes.",
    "Look through the directions in Recipes and delete each recipe in which {ingredient} is used "
    "there.",
)
_DOUBLE = (
    "Some {noun} are in {app} more than once, alike in every field. Delete all but one of each of "
    "them, and keep whatever differs in anything.",
    "Tidy up {app}: of {noun} that agree in all their fields only one may be left. Those that "
    "differ in one of them stay.",
    "I entered some {noun} several times with exactly the same data. Remove the extra ones from "
    "{app} so that one of each is left, and nothing else.",
)


def _add_shuffled(
    values: Values, world: World, kind: Kind, rows: Sequence[Row]
) -> tuple[World, list[Row]]:
    """Return the world with rows added in any order, and the rows with their numbers, as given."""
    numbered: dict[int, Row] = {}
    for place in values.sample(range(len(rows)), len(rows)):
        world, numbered[place] = kind.add(world, rows[place])
    return world, [numbered[place] for place in range(len(rows))]


def _draw_alike(values: Values, world: World, kind: Kind, row: Row) -> Row:
    """Return a record whose name begins or ends like that of another and is not the same."""
    other = kind.draw(values, world)
    first, _, last = row[1].partition(" ")
    if kind is EXPENSE_KIND:
        goods = row[1].removesuffix(" Street").rpartition(" ")[0]
        name = values.new(lambda: f"{goods} {values.pick_from(STREETS)} Street")
    elif values.chance(0.5):
        name = values.new(lambda: f"{first} {values.pick_from(DISHES)}")
    else:
        name = values.new(lambda: f"{values.word('adjective').capitalize()} {last}")
    return (0, name, *other[2:])


def draw_deletion(kind: Kind, least: int, most: int, alike: bool) -> Drawing:
    """Return how records are drawn that are to be deleted; in the twin they are not there.

    Args:
        kind: Their kind.
        least: How many there are at least.
        most: How many at most.
        alike: Whether there are others with names like theirs.
    """

    def draw(values: Values, world: World, twin: bool) -> Draft:
        rows = [kind.draw(values, world) for _ in range(values.integer(least, most))]
        decoys = [_draw_alike(values, world, kind, row) for row in rows for _ in range(2)]
        quoted = '", "'.join(row[1] for row in rows)
        single = most == 1
        sentences = _ONE if single else _SEVERAL
        params: dict[str, Value] = {
            "noun": kind.noun,
            "app": kind.label,
            "names": quoted if single else f'"{quoted}"',
        }
        added = [*([] if twin else rows), *(decoys if alike else ())]
        world, placed = _add_shuffled(values, world, kind, added)
        if twin:
            return make_twin(world, sentences, params)
        gone = placed[: len(rows)]

        def script(hand: Hand) -> None:
            hand.open(kind.app)
            if kind is EXPENSE_KIND and len(gone) > 1:
                _delete_together(hand, gone)
                return
            for row in gone:
                hand.tap(row[1], "item")
                delete_open(hand, kind)

        goal = Goal((Deleted(kind.table.name, tuple(row[0] for row in gone)),))
        return Draft(world, goal, sentences, params, script)

    return draw


def _delete_together(hand: Hand, rows: Sequence[Row]) -> None:
    hand.hold(rows[0][1], "item")
    for row in rows[1:]:
        hand.tap(row[1], "item")
    hand.tap("Delete", "icon")
    hand.tap("Delete", "button")


def draw_using(values: Values, world: World, twin: bool) -> Draft:
    """Draw an ingredient: the recipes whose directions use it go, one that only lists it stays."""
    ingredient = values.pick_from(INGREDIENTS)
    named = [
        recipe.id
        for recipe in world.rows(RECIPE).values()
        if ingredient in f"{recipe.ingredients} {recipe.directions}"
    ]
    world = world.delete(RECIPE, *named)
    listing = draw_recipe(values, without=ingredient)
    listing = listing._replace(ingredients=f"{listing.ingredients}; {ingredient} to taste")
    count = values.integer(1, 3)
    rows: list[Row] = [draw_recipe(values, last=ingredient) for _ in range(count)]
    world, placed = _add_shuffled(values, world, RECIPE_KIND, [*rows, listing])
    gone = tuple(row[0] for row in placed[:count])

    shown = list_recipes(world)

    def script(hand: Hand) -> None:
        # The directions stand on the recipe's own page: each has to be opened.
        hand.open("recipes")
        for recipe in shown:
            hand.tap(recipe.title, "item")
            if recipe.id in gone:
                delete_open(hand, RECIPE_KIND)
            else:
                hand.press("back")

    goal = Goal((Deleted(RECIPE.name, gone),))
    return Draft(world, goal, _USING, {"ingredient": ingredient}, script)


def _draw_near(values: Values, kind: Kind, row: Row) -> Row:
    """Return a record that differs from another in one field, and not in its name."""
    if kind is RECIPE_KIND:
        recipe = Recipe(*row)
        return values.pick(
            (
                recipe._replace(servings=recipe.servings + 1),
                recipe._replace(minutes=recipe.minutes + 5),
                recipe._replace(directions=f"{recipe.directions} Serve it warm."),
            )
        )
    number, name, cents, category, note, day = row
    if values.chance(0.5):
        return (number, name, cents + 10 * values.integer(1, 9), category, note, day)
    return (number, name, cents, category, f"{note} {values.sentence()}".strip(), day)


def draw_double(kind: Kind, groups: int, copies: int, near: bool) -> Drawing:
    """Return how records are drawn of which some are there more than once.

    Args:
        kind: Their kind.
        groups: How many different ones are double.
        copies: How often each of them is there, at most.
        near: Whether there are others that differ from them in one field only.
    """

    def draw(values: Values, world: World, twin: bool) -> Draft:
        rows: list[Row] = []
        for _ in range(groups):
            row = kind.draw(values, world)
            rows += [row] * values.integer(2, copies)
            if near:
                rows.append(_draw_near(values, kind, row))
        world, placed = _add_shuffled(values, world, kind, rows)
        sets: dict[Row, list[Row]] = {}
        for row in placed:
            sets.setdefault(row[1:], []).append(row)
        double = [same for same in sets.values() if len(same) > 1]
        goal = Goal(
            tuple(
                Deleted(kind.table.name, tuple(row[0] for row in same), left=1) for same in double
            )
        )
        params: dict[str, Value] = {"noun": kind.noun, "app": kind.label}
        return Draft(
            world, goal, _DOUBLE, params, lambda hand: _delete_extra(hand, kind, world, double)
        )

    return draw


def _delete_extra(hand: Hand, kind: Kind, world: World, double: Sequence[list[Row]]) -> None:
    """Delete all but the first of each set, found by its name among others of the name."""
    hand.open(kind.app)
    for turn, same in enumerate(double):
        name = str(same[0][1])
        if turn == 0:
            find_by_name(hand, name)
        else:
            hand.type("Search", name)
            hand.press("enter")
        shown = [row[0] for row in kind.listed(world, name) if row[1] == name]
        for row in same[1:]:
            hand.tap(name, "item", shown.index(row[0]))
            delete_open(hand, kind)
            shown.remove(row[0])


_RECIPE_DELETE = "RecipeDeleteMultipleRecipes"

DELETE_VARIANTS: tuple[Variant, ...] = (
    Variant(
        "expense",
        draw_deletion(EXPENSE_KIND, 1, 1, False),
        ("ExpenseDeleteSingle",),
        has_twin=True,
    ),
    Variant(
        "expenses",
        draw_deletion(EXPENSE_KIND, 2, 3, False),
        ("ExpenseDeleteMultiple",),
        level=2,
    ),
    Variant(
        "expenses_among_alike",
        draw_deletion(EXPENSE_KIND, 2, 4, True),
        ("ExpenseDeleteMultiple2",),
        level=2,
    ),
    Variant(
        "recipe",
        draw_deletion(RECIPE_KIND, 1, 1, False),
        ("RecipeDeleteSingleRecipe",),
        has_twin=True,
    ),
    Variant(
        "recipe_among_alike",
        draw_deletion(RECIPE_KIND, 1, 1, True),
        ("RecipeDeleteSingleWithRecipeWithNoise",),
        has_twin=True,
        level=2,
    ),
    Variant("recipes", draw_deletion(RECIPE_KIND, 2, 3, False), (_RECIPE_DELETE,), level=3),
    Variant(
        "recipes_among_alike",
        draw_deletion(RECIPE_KIND, 2, 3, True),
        (f"{_RECIPE_DELETE}WithNoise",),
        level=3,
    ),
    Variant("recipes_using", draw_using, (f"{_RECIPE_DELETE}WithConstraint",), level=3),
)
"""The variants of `records.delete`."""
DEDUPE_VARIANTS: tuple[Variant, ...] = (
    Variant(
        "expense", draw_double(EXPENSE_KIND, 1, 2, True), ("ExpenseDeleteDuplicates",), level=2
    ),
    Variant(
        "expenses", draw_double(EXPENSE_KIND, 2, 3, True), ("ExpenseDeleteDuplicates2",), level=3
    ),
    Variant(
        "recipe", draw_double(RECIPE_KIND, 1, 2, False), ("RecipeDeleteDuplicateRecipes",), level=2
    ),
    Variant(
        "recipes",
        draw_double(RECIPE_KIND, 2, 3, False),
        ("RecipeDeleteDuplicateRecipes2",),
        level=3,
    ),
    Variant(
        "recipes_among_alike",
        draw_double(RECIPE_KIND, 2, 3, True),
        ("RecipeDeleteDuplicateRecipes3",),
        level=3,
    ),
)
"""The variants of `records.dedupe`."""
