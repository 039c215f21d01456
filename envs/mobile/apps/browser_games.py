"""The games of pages: a drawing in three colours, a maze, and five numbers to be multiplied."""

import re
from collections import deque
from collections.abc import Callable, Mapping
from functools import lru_cache
from math import prod
from typing import NamedTuple, TypeAlias

from gym_reason.envs.mobile.apps.browser_tables import GAME, Game
from gym_reason.envs.mobile.drawing import COLOURS, read_colours, show_palette
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone, Route
from gym_reason.envs.mobile.widgets import (
    Event,
    Widget,
    button,
    canvas,
    field,
    heading,
    row,
    text,
)
from gym_reason.seeding import derive_rng
from gym_reason.verifiers.state.world import Value, World

SHOWN_COLOURS = 3
"""How many of them a drawing must have, and no other."""
MAZE_SIZE = 5
"""Cells of a maze, across and down."""
WALL_SHARE = 0.5
"""How many of the cells beside the way are walls."""
NUMBERS = 5
"""How many numbers are shown."""
STEPS: Mapping[str, tuple[int, int]] = {
    "Up": (-1, 0),
    "Down": (1, 0),
    "Left": (0, -1),
    "Right": (0, 1),
}
"""The buttons of a maze: rows down and columns to the right."""

Cell: TypeAlias = "tuple[int, int]"


class GameRules(NamedTuple):
    """A game, as the file of its page gives it."""

    kind: str
    """`draw`, `maze` or `multiply`."""
    seed: int
    """What its colours, walls or numbers are drawn from."""


def write_game(rules: GameRules, title: str) -> str:
    """Return the file of a page with a game. `read_game` is the inverse."""
    return (
        f"<html><head><title>{title}</title></head>\n"
        f'<body data-game="{rules.kind}" data-seed="{rules.seed}"></body></html>\n'
    )


def read_game(content: str) -> GameRules | None:
    """Return the game in the file of a page; None where there is none."""
    match = re.search(
        r'<body data-game="(draw|maze|multiply)" data-seed="([0-9]{1,9})">', content, re.A
    )
    return GameRules(match[1], int(match[2])) if match else None


@lru_cache(maxsize=256)
def draw_colours(seed: int) -> tuple[str, ...]:
    """Return the colours that a drawing must have."""
    order = derive_rng(seed, "browser", "colours").permutation(len(COLOURS))[:SHOWN_COLOURS]
    return tuple(COLOURS[int(index)] for index in order)


@lru_cache(maxsize=256)
def draw_numbers(seed: int) -> tuple[int, ...]:
    """Return the numbers that are shown one after the other."""
    rng = derive_rng(seed, "browser", "numbers")
    return tuple(int(number) for number in rng.integers(2, 10, NUMBERS))


@lru_cache(maxsize=256)
def draw_walls(seed: int) -> frozenset[Cell]:
    """Return the walls of a maze; there is a way from the upper left to the lower right."""
    rng = derive_rng(seed, "browser", "maze")
    cells = [(y, x) for y in range(MAZE_SIZE) for x in range(MAZE_SIZE)]
    ends = ((0, 0), (MAZE_SIZE - 1, MAZE_SIZE - 1))
    while True:
        walls = frozenset(cell for cell in cells if cell not in ends and rng.random() < WALL_SHARE)
        if find_way(walls):
            return walls


def find_way(walls: frozenset[Cell]) -> tuple[str, ...]:
    """Return the shortest way through a maze, as its buttons; empty where there is none."""
    start, end = (0, 0), (MAZE_SIZE - 1, MAZE_SIZE - 1)
    ways: dict[Cell, tuple[str, ...]] = {start: ()}
    waiting = deque([start])
    while waiting:
        cell = waiting.popleft()
        for label in STEPS:
            near = _step_from(cell, label)
            if near not in ways and _is_open(walls, near):
                ways[near] = (*ways[cell], label)
                waiting.append(near)
    return ways.get(end, ())


def _step_from(cell: Cell, label: str) -> Cell:
    down, right = STEPS[label]
    return cell[0] + down, cell[1] + right


def _is_open(walls: frozenset[Cell], cell: Cell) -> bool:
    return cell not in walls and all(0 <= place < MAZE_SIZE for place in cell)


def show_game(
    world: World, url: str, rules: GameRules, route: Route, look: Look
) -> tuple[Widget, ...]:
    """Return the page of a game."""
    game = world.find(GAME, url)
    if game is not None and game.solved:
        return (heading(look.say("Success!")),)
    return _VIEWS[rules.kind](game, rules, route, look)


def _show_drawing(
    game: Game | None, rules: GameRules, route: Route, look: Look
) -> tuple[Widget, ...]:
    names = [look.say(colour.capitalize()) for colour in draw_colours(rules.seed)]
    return (
        heading(f"{look.say('Draw with these colours:')} {', '.join(names)}"),
        *show_palette(route, look, "browser.choose_colour"),
        canvas("strokes", look.say("Canvas"), Event("browser.stroke"), route.get("strokes")),
        row(
            button(look.say("Clear"), Event("browser.wipe")),
            button(look.say("Submit"), Event("browser.submit")),
        ),
    )


def _show_maze(game: Game | None, rules: GameRules, route: Route, look: Look) -> tuple[Widget, ...]:
    walls, here = draw_walls(rules.seed), _read_cell(game)
    end = (MAZE_SIZE - 1, MAZE_SIZE - 1)

    def mark(cell: Cell) -> str:
        if cell == here:
            return "X"
        return "#" if cell in walls else "O" if cell == end else "."

    lines = [row(*(text(mark((y, x))) for x in range(MAZE_SIZE))) for y in range(MAZE_SIZE)]
    buttons = tuple(button(look.say(label), Event("browser.move", None, label)) for label in STEPS)
    return (
        heading(look.say("Bring the X to the O; # is a wall")),
        *lines,
        row(*look.arrange(buttons, "browser.maze")),
    )


def _show_numbers(
    game: Game | None, rules: GameRules, route: Route, look: Look
) -> tuple[Widget, ...]:
    seen = _read_seen(game)
    shown: tuple[Widget, ...] = (heading(look.say("Remember five numbers")),)
    if seen:
        shown += (text(str(draw_numbers(rules.seed)[seen - 1])),)
    if seen < NUMBERS:
        return (*shown, button(look.say("Next number"), Event("browser.move", None, "next")))
    return (
        *shown,
        field("product", look.say("Product"), route.get("product")),
        button(look.say("Submit"), Event("browser.submit")),
    )


_VIEWS: Mapping[str, Callable[[Game | None, GameRules, Route, Look], tuple[Widget, ...]]] = {
    "draw": _show_drawing,
    "maze": _show_maze,
    "multiply": _show_numbers,
}


def _read_cell(game: Game | None) -> Cell:
    if game is None:
        return 0, 0
    down, _, right = game.progress.partition(",")
    return int(down), int(right)


def _read_seen(game: Game | None) -> int:
    return 0 if game is None else int(game.progress)


def step(phone: Phone, url: str, rules: GameRules, label: str) -> Phone:
    """Return the device after a step in a maze, or with the next number shown."""
    game = phone.world.find(GAME, url)
    if game is not None and game.solved:
        return phone
    if rules.kind == "multiply":
        seen = min(NUMBERS, _read_seen(game) + 1)
        return _write(phone, url, rules, progress=str(seen))
    if rules.kind != "maze" or label not in STEPS:
        return phone
    cell = _step_from(_read_cell(game), label)
    if not _is_open(draw_walls(rules.seed), cell):
        return phone.say("There is a wall")
    done = cell == (MAZE_SIZE - 1, MAZE_SIZE - 1)
    tries = 1 + (game.tries if game else 0)
    place = f"{cell[0]},{cell[1]}"
    return _write(phone, url, rules, progress=place, tries=tries, solved=done)


def _submit_drawing(phone: Phone, url: str, rules: GameRules) -> Phone:
    """Hand in a drawing: it must have the colours shown, and no other."""
    strokes = phone.route.get("strokes")
    solved = read_colours(strokes) == set(draw_colours(rules.seed))
    return _hand_in(phone, url, rules, solved, progress=strokes)


def _submit_product(phone: Phone, url: str, rules: GameRules) -> Phone:
    """Hand in a product of the numbers."""
    entered = phone.route.get("product").strip()
    if not re.fullmatch("[0-9]{1,12}", entered, re.A):
        return phone.say("A number is needed")
    return _hand_in(phone, url, rules, int(entered) == prod(draw_numbers(rules.seed)))


SUBMITTERS: Mapping[str, Callable[[Phone, str, GameRules], Phone]] = {
    "draw": _submit_drawing,
    "multiply": _submit_product,
}
"""What handles what is handed in, by the kind of game."""


def _hand_in(phone: Phone, url: str, rules: GameRules, solved: bool, **fields: Value) -> Phone:
    game = phone.world.find(GAME, url)
    if game is not None and game.solved:
        return phone
    tries = 1 + (game.tries if game else 0)
    phone = _write(phone, url, rules, tries=tries, solved=solved, **fields)
    return phone if solved else phone.say("That is not right")


def _write(phone: Phone, url: str, rules: GameRules, **fields: Value) -> Phone:
    world = phone.world
    if world.find(GAME, url) is None:
        start = {"draw": "", "maze": "0,0", "multiply": "0"}[rules.kind]
        world = world.insert(GAME, Game(url, rules.kind, start, 0, False))
    return phone.write(world.update(GAME, url, **fields))
