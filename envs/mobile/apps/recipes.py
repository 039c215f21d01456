"""Recipes: what goes into a dish, and how it is made."""

from typing import NamedTuple

from gym_reason.envs.mobile.app import App
from gym_reason.envs.mobile.device_events import BACK, ask, copy, go
from gym_reason.envs.mobile.forms import confirm, delete_row, read_count, search_field, show_search
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone, Route
from gym_reason.envs.mobile.widgets import (
    Dialog,
    Event,
    Page,
    button,
    field,
    heading,
    icon,
    item,
    text,
)
from gym_reason.verifiers.state.world import Table, World


class Recipe(NamedTuple):
    """A recipe."""

    id: int
    """Its number."""
    title: str
    """The dish."""
    servings: int
    """How many it is for."""
    minutes: int
    """How long it takes."""
    description: str
    """What is good about it."""
    ingredients: str
    """What goes into it."""
    directions: str
    """How it is made."""


RECIPE = Table("recipes.recipe", Recipe)
RECIPES = App("recipes", "Recipes", "recipe", (RECIPE,))


def list_recipes(world: World, wanted: str = "") -> list[Recipe]:
    """Return the recipes whose title holds a text, by their titles."""
    found = [
        recipe
        for recipe in world.rows(RECIPE).values()
        if wanted.casefold() in recipe.title.casefold()
    ]
    return sorted(found, key=lambda recipe: (recipe.title.casefold(), recipe.id))


@RECIPES.page("main")
def show_recipes(world: World, route: Route, look: Look) -> Page:
    """Return the recipes, or those of a search."""
    lines = search_field(route, look)
    found = list_recipes(world, route.get("search").strip())
    lines += [
        item(recipe.title, recipe.description[:40], go("recipe", recipe.id), picture="recipe")
        for recipe in found
    ]
    if not found:
        lines.append(text(look.say("No recipes here")))
    return Page(
        look.say(RECIPES.label),
        tuple(lines),
        (icon("search", look.say("Search"), Event("recipes.search")),),
        root=True,
        fab=icon("add", look.say("Add"), Event("recipes.begin")),
    )


@RECIPES.page("recipe")
def show_recipe(world: World, route: Route, look: Look) -> Page:
    """Return a recipe to cook from."""
    recipe = world.find(RECIPE, route.key)
    if recipe is None:
        return Page("", (text(look.say("This recipe is gone")),))
    dialog = None
    if route.dialog == "menu":
        lines = (
            item(look.say("Copy ingredients"), "", copy(recipe.ingredients)),
            item(look.say("Delete"), "", ask("delete")),
        )
        dialog = Dialog("", look.arrange(lines, "recipes.menu"))
    elif route.dialog == "delete":
        event = Event("recipes.delete", recipe.id)
        dialog = confirm("Delete this recipe?", recipe.title, "Delete", event, look)
    return Page(
        recipe.title,
        (
            text(recipe.description),
            item(look.say("Servings"), str(recipe.servings)),
            item(look.say("Minutes"), str(recipe.minutes)),
            heading(look.say("Ingredients")),
            text(recipe.ingredients, hold=copy(recipe.ingredients)),
            heading(look.say("Directions")),
            text(recipe.directions, hold=copy(recipe.directions)),
        ),
        (
            icon("edit", look.say("Edit"), Event("recipes.edit", recipe.id)),
            icon("menu", look.say("Menu"), ask("menu")),
        ),
        dialog=dialog,
    )


@RECIPES.page("edit")
def show_editor(world: World, route: Route, look: Look) -> Page:
    """Return a recipe to write; a new one has the number 0."""
    return Page(
        look.say("Edit recipe") if route.key else look.say("New recipe"),
        (
            field("title", look.say("Title"), route.get("title")),
            field("servings", look.say("Servings"), route.get("servings")),
            field("minutes", look.say("Minutes"), route.get("minutes")),
            field("description", look.say("Description"), route.get("description"), lines=2),
            field("ingredients", look.say("Ingredients"), route.get("ingredients"), lines=5),
            field("directions", look.say("Directions"), route.get("directions"), lines=5),
            button(look.say("Cancel"), BACK),
        ),
        (icon("save", look.say("Save"), Event("recipes.save")),),
    )


RECIPES.on("search")(show_search)


@RECIPES.on("begin")
def begin(phone: Phone, event: Event) -> Phone:
    """Open an empty recipe."""
    return phone.push(
        "edit",
        0,
        title="",
        servings="",
        minutes="",
        description="",
        ingredients="",
        directions="",
    )


@RECIPES.on("edit")
def edit(phone: Phone, event: Event) -> Phone:
    """Open a recipe to be changed."""
    recipe = phone.world.find(RECIPE, event.key)
    if recipe is None:
        return phone
    return phone.push(
        "edit",
        recipe.id,
        title=recipe.title,
        servings=str(recipe.servings),
        minutes=str(recipe.minutes),
        description=recipe.description,
        ingredients=recipe.ingredients,
        directions=recipe.directions,
    )


@RECIPES.on("save")
def save(phone: Phone, event: Event) -> Phone:
    """Write the recipe that is open, and go back; say what is wrong with it otherwise."""
    route, world = phone.route, phone.world
    title = route.get("title").strip()
    servings, minutes = read_count(route.get("servings")), read_count(route.get("minutes"))
    if not title:
        return phone.say("A title is needed")
    if not servings:
        return phone.say("The number of servings is needed")
    if not minutes:
        return phone.say("The number of minutes is needed")
    new = Recipe(
        int(route.key or 0),
        title,
        servings,
        minutes,
        route.get("description").strip(),
        route.get("ingredients").strip(),
        route.get("directions").strip(),
    )
    if new.id == 0:
        return phone.write(world.insert(RECIPE, new)).pop().say("Saved")
    if world.find(RECIPE, new.id) is None:
        return phone.say("This recipe is gone")
    fields = new._asdict()
    del fields["id"]
    return phone.write(world.update(RECIPE, new.id, **fields)).pop().say("Saved")


RECIPES.on("delete")(delete_row(RECIPE))
