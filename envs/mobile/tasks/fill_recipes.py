"""The recipes that were collected anyway."""

from gym_reason.envs.mobile.apps.recipes import RECIPE, Recipe
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.world import World

KINDS = {
    "train": ("Creamy", "Smoky", "Spicy", "Quick", "Rustic", "Golden", "Summer", "Sunday"),
    "test": ("Hearty", "Crunchy", "Sweet", "Winter", "Festive", "Light"),
}
"""What a dish is like, by split."""
DISHES = {
    "train": (
        "lentil soup",
        "pasta",
        "stew",
        "omelette",
        "curry",
        "salad",
        "pie",
        "risotto",
        "dumplings",
        "casserole",
    ),
    "test": ("chowder", "noodles", "gratin", "pancakes", "burger", "wrap", "goulash", "tart"),
}
"""What a dish is, by split."""
INGREDIENTS = {
    "train": (
        "garlic",
        "carrots",
        "butter",
        "thyme",
        "spinach",
        "paprika",
        "lemon",
        "mushrooms",
        "ginger",
        "parsley",
        "leeks",
        "beans",
    ),
    "test": (
        "onions",
        "celery",
        "honey",
        "basil",
        "cabbage",
        "cumin",
        "walnuts",
        "tomatoes",
        "mustard",
        "peas",
    ),
}
"""What goes into a dish, by split; none is a part of another's name."""
VERBS = ("Fry", "Boil", "Roast", "Steam", "Simmer")
MINUTES = (10, 15, 20, 30, 45, 60, 90)
"""Usual minutes that a recipe takes."""


def draw_recipe(values: Values, without: str = "", last: str = "") -> Recipe:
    """Return a recipe.

    Args:
        values: What it is drawn from.
        without: An ingredient that it must not hold.
        last: An ingredient that the directions name at their end; empty for none.
    """
    title = values.new(lambda: f"{values.pick_from(KINDS)} {values.pick_from(DISHES)}")
    contents: list[str] = []
    while len(contents) < 3:
        found = values.pick_from(INGREDIENTS)
        if found not in (*contents, without, last):
            contents.append(found)
    listed = [*contents, last] if last else contents
    first, second, third = contents
    directions = [
        f"{values.pick(VERBS)} the {first} for {values.integer(3, 25)} minutes.",
        f"Add the {second} and the {third}.",
    ]
    if last:
        directions.append(f"Stir in the {last} at the end.")
    return Recipe(
        0,
        title,
        values.integer(1, 8),
        values.pick(MINUTES),
        values.sentence(),
        "; ".join(f"{10 * values.integer(2, 50)} g {one}" for one in listed),
        " ".join(directions),
    )


def fill_recipes(world: World, values: Values) -> World:
    """Return the world with recipes of the usual kinds."""
    for _ in range(values.integer(5, 8)):
        world = world.insert(RECIPE, draw_recipe(values))
    return world
