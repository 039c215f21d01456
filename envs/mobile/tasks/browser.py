"""Tasks of the browser: games on a page that is a file."""

from collections.abc import Callable
from math import prod

from gym_reason.envs.mobile.apps.browser_games import (
    GameRules,
    draw_colours,
    draw_numbers,
    draw_walls,
    find_way,
    write_game,
)
from gym_reason.envs.mobile.apps.browser_tables import GAME, TAB, VISIT, write_local_address
from gym_reason.envs.mobile.apps.files import FILE, File
from gym_reason.envs.mobile.drawing import FIRST_COLOUR
from gym_reason.envs.mobile.tasks.files import open_folder
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.strokes import draw_stroke
from gym_reason.envs.mobile.tasks.template import Draft, Drawing, Template, Variant
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.goals import Allowed, Goal, Inserted, Want
from gym_reason.verifiers.state.world import Value, World

FOLDER_NAME, FILE_NAME = "Download", "task.html"
"""Where the page lies."""
LAST_SEED = 999_999_999
"""The seed of a game is at most that."""

_DRAW = (
    "Open the file {name} in {folder} with the browser. Then draw with each of the three colours "
    "that it shows, with no other, and submit the drawing.",
    "There is a page {name} in the folder {folder}. Open it in the browser, make a drawing of "
    "exactly the three colours it asks for, and hand it in with the button.",
    "In the files app, open {name} from {folder} with the browser and follow the page: a drawing "
    "in the three colours named, in all of them and only in them, and then submit.",
)
_MAZE = (
    "Open the file {name} in {folder} with the browser. Then bring the X to the cell at the lower "
    "right with the buttons.",
    "There is a page {name} in the folder {folder}. Open it in the browser and lead the X through "
    "the maze to its lower right corner.",
    "In the files app, open {name} from {folder} with the browser, and solve the maze on the page: "
    "the X must get to the last cell, at the lower right.",
)
_MULTIPLY = (
    "Open the file {name} in {folder} with the browser. It shows five numbers, one after the "
    "other. Enter their product and submit it.",
    "There is a page {name} in the folder {folder}. Open it in the browser, look at its five "
    "numbers one by one, multiply them, and hand in the result.",
    "In the files app, open {name} from {folder} with the browser. Remember each of the five "
    "numbers that it shows, and submit the product of them all.",
)


def draw_in_colours(hand: Hand, rules: GameRules) -> None:
    """Draw a line in each colour that the page shows, and submit."""
    chosen = FIRST_COLOUR
    for number, colour in enumerate(draw_colours(rules.seed)):
        if colour != chosen:
            hand.tap(colour.capitalize(), "chip")
        draw_stroke(hand, number)
        chosen = colour
    hand.tap("Submit")


def walk_through(hand: Hand, rules: GameRules) -> None:
    """Go the shortest way through the maze of the page."""
    for label in find_way(draw_walls(rules.seed)):
        hand.tap(label, "button")


def multiply(hand: Hand, rules: GameRules) -> None:
    """See the numbers of the page, and submit their product."""
    numbers = draw_numbers(rules.seed)
    for _ in numbers:
        hand.tap("Next number")
    hand.type("Product", str(prod(numbers)))
    hand.tap("Submit")


def draw_game(
    kind: str, sentences: tuple[str, ...], play: Callable[[Hand, GameRules], None]
) -> Drawing:
    """Return how a task with a game is drawn; in its twin there is no such file."""

    def draw(values: Values, world: World, twin: bool) -> Draft:
        rules = GameRules(kind, values.integer(1, LAST_SEED))
        content = write_game(rules, values.title())
        moment = world.now - values.integer(600, 86_400)
        file = File(0, FOLDER_NAME, FILE_NAME, len(content), "html", content, moment)
        params: dict[str, Value] = {"name": FILE_NAME, "folder": FOLDER_NAME}
        other = file._replace(name=values.file_name(".html"))
        world = world.insert(FILE, other._replace(content=f"<body>{values.sentence()}</body>"))
        if twin:
            return Draft(world, Goal(feasible=False), sentences, params, lambda hand: None)
        world = world.insert(FILE, file)
        url = write_local_address(FOLDER_NAME, FILE_NAME)
        wants = {"id": Want(url), "kind": Want(kind), "solved": Want(True)}
        goal = Goal((Inserted(GAME.name, wants),), (Allowed(TAB.name), Allowed(VISIT.name)))

        def script(hand: Hand) -> None:
            open_folder(hand, FOLDER_NAME)
            hand.tap(FILE_NAME, "item")
            hand.tap("Browser", "item")
            play(hand, rules)

        return Draft(world, goal, sentences, params, script)

    return draw


BROWSER_TEMPLATES: tuple[Template, ...] = (
    Template(
        "browser.page_task",
        ("files", "browser"),
        (
            Variant("draw", draw_game("draw", _DRAW, draw_in_colours), ("BrowserDraw",), True, 2),
            Variant("maze", draw_game("maze", _MAZE, walk_through), ("BrowserMaze",), True, 2),
            Variant(
                "multiply",
                draw_game("multiply", _MULTIPLY, multiply),
                ("BrowserMultiply",),
                True,
                2,
            ),
        ),
    ),
)
