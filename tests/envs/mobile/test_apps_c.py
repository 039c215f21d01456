"""Notes, files and the browser, used through the screen; and random gestures on five apps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.envs.mobile.apps.browser_games import (
    GameRules,
    draw_colours,
    draw_numbers,
    draw_walls,
    find_way,
    read_game,
    write_game,
)
from gym_reason.envs.mobile.apps.browser_tables import BOOKMARK, GAME, PAGE, TAB, VISIT, WebPage
from gym_reason.envs.mobile.apps.files import FILE, FOLDER, STANDARD_FOLDERS, File
from gym_reason.envs.mobile.devices.sim import SimDevice
from gym_reason.envs.mobile.gestures import Drag, LongPress, OpenApp, Press, Tap, TypeText
from gym_reason.envs.mobile.look import Look, draw_look
from gym_reason.envs.mobile.tasks.hand import Hand, centre
from gym_reason.envs.mobile.tasks.strokes import draw_stroke
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.world import EMPTY_WORLD, World, read_world
from tests.envs.mobile.gate import NOW, fill_world

START = EMPTY_WORLD.at(NOW)


def use(world: World) -> tuple[SimDevice, Hand]:
    device = SimDevice()
    device.load(world, Look())
    return device, Hand(device, Look())


def texts_of(device: SimDevice) -> list[str]:
    return [element.text for element in device.observe().elements]


def with_file(
    world: World, folder: str, name: str, kind: str = "text", content: str = "words"
) -> World:
    return world.insert(FILE, File(0, folder, name, 2_000, kind, content, NOW))


def names_in(world: World, folder: str) -> list[str]:
    return [one.name for one in world.rows(FILE).values() if one.folder == folder]


def test_a_note_says_when_it_was_changed_and_what_it_is() -> None:
    device, hand = use(START)
    hand.open("notes")
    hand.tap("Add")
    hand.tap("New note")
    hand.type("Title", "plan")
    hand.tap("This is a to-do", "check")
    hand.tap("Save")
    hand.tap("plan", "item")
    assert "2023-11-14 22:13 · To-do" in texts_of(device)


@pytest.mark.parametrize("folder", STANDARD_FOLDERS)
def test_the_standard_folders_are_always_there(folder: str) -> None:
    device, hand = use(START)
    hand.open("files")
    hand.tap(folder, "item")
    assert "This folder is empty" in texts_of(device)


def test_a_copy_gets_a_name_of_its_own_and_a_move_never_covers_a_file() -> None:
    world = with_file(with_file(START, "Documents", "a.txt"), "Download", "a.txt", content="other")
    device, hand = use(world)
    hand.open("files")
    hand.tap("Documents")
    hand.hold("a.txt")
    hand.tap("Copy to")
    hand.tap("Download")
    hand.tap("Copy here")
    assert names_in(device.dump(), "Download") == ["a.txt", "a (1).txt"]
    before = device.dump().tables
    hand.hold("a.txt")
    hand.tap("Move to")
    hand.tap("Download")
    hand.tap("Move here")
    assert "There is one of this name" in texts_of(device)
    assert device.dump().tables is before


@pytest.mark.parametrize("name", ["", "  ", "a/b", "taken"])
def test_a_bad_name_of_a_folder_makes_none(name: str) -> None:
    device, hand = use(START)
    hand.open("files")
    hand.tap("Documents")
    for entered in ("taken", name):
        hand.tap("New folder")
        hand.type("Name", entered)
        hand.tap("Create")
    assert list(device.dump().rows(FOLDER)) == ["Documents/taken"]
    assert "toast" in [element.kind for element in device.observe().elements]


def test_a_file_is_renamed_but_not_to_a_name_that_is_taken() -> None:
    device, hand = use(with_file(with_file(START, "Music", "a.mp3"), "Music", "b.mp3"))
    hand.open("files")
    hand.tap("Music")
    for name in ("b.mp3", "c.mp3"):
        hand.hold("a.mp3")
        hand.tap("Rename")
        hand.type("Name", name)
        hand.tap("Save")
        if name == "b.mp3":
            assert names_in(device.dump(), "Music") == ["a.mp3", "b.mp3"]
            hand.tap("Cancel")
    assert names_in(device.dump(), "Music") == ["c.mp3", "b.mp3"]


def test_deleting_asks_first_and_search_looks_into_every_folder() -> None:
    device, hand = use(with_file(START, "Documents", "report.txt"))
    hand.open("files")
    hand.tap("Search", "icon")
    hand.type("Search", "REP")
    hand.press("enter")
    hand.tap("report.txt")
    hand.tap("Menu")
    hand.tap("Delete")
    hand.tap("Cancel")
    assert names_in(device.dump(), "Documents") == ["report.txt"]
    hand.tap("Menu")
    hand.tap("Delete")
    hand.tap("Delete", "button")
    assert not device.dump().rows(FILE)
    assert device.screen().page == "main"


def test_the_browser_opens_addresses_links_tabs_and_bookmarks() -> None:
    world = START.insert(PAGE, WebPage("a.example", "First", "Hello", "on|b.example"))
    device, hand = use(world.insert(PAGE, WebPage("b.example", "Second", "There", "")))
    hand.open("browser")
    hand.type("Address", "https://a.example/")
    hand.press("enter")
    hand.tap("Go", "button")
    assert "Hello" in texts_of(device)
    hand.tap("on", "item")
    assert "There" in texts_of(device)
    hand.tap("Add bookmark")
    hand.tap("Menu")
    hand.tap("New tab")
    hand.type("Address", "c.example")
    hand.press("enter")
    hand.tap("Go", "button")
    assert "This page cannot be reached" in texts_of(device)
    assert [one.url for one in device.dump().rows(VISIT).values()] == [
        "a.example",
        "b.example",
        "c.example",
    ]
    assert [(one.url, one.front) for one in device.dump().rows(TAB).values()] == [
        ("b.example", False),
        ("c.example", True),
    ]
    hand.tap("Menu")
    hand.tap("Tabs")
    hand.tap("Close", number=1)
    assert [(one.url, one.front) for one in device.dump().rows(TAB).values()] == [
        ("b.example", True)
    ]
    hand.press("back")
    hand.tap("Menu")
    hand.tap("Bookmarks")
    hand.tap("Delete")
    assert not device.dump().rows(BOOKMARK)
    hand.press("back")
    hand.tap("Menu")
    hand.tap("History")
    hand.tap("Clear history")
    hand.tap("Clear", "button")
    assert not device.dump().rows(VISIT)


def open_game(rules: GameRules) -> tuple[SimDevice, Hand]:
    world = with_file(START, "Download", "task.html", "html", write_game(rules, "Game"))
    device, hand = use(world)
    hand.open("files")
    hand.tap("Download")
    hand.tap("task.html")
    hand.tap("Browser", "item")
    return device, hand


def solved(device: SimDevice) -> bool:
    return any(one.solved for one in device.dump().rows(GAME).values())


@given(st.sampled_from(["draw", "maze", "multiply"]), st.integers(0, 999_999_999))
def test_a_page_with_a_game_can_be_read_back_and_won(kind: str, seed: int) -> None:
    assert read_game(write_game(GameRules(kind, seed), "Game")) == GameRules(kind, seed)
    assert len(set(draw_colours(seed))) == 3
    assert len(find_way(draw_walls(seed))) >= 8
    assert all(number > 1 for number in draw_numbers(seed))


def test_walls_stop_the_player_and_the_numbers_are_needed_exactly() -> None:
    device, hand = open_game(GameRules("maze", 7))
    hand.tap("Up", "button")
    assert "There is a wall" in texts_of(device)
    assert not device.dump().rows(GAME)
    device, hand = open_game(GameRules("multiply", 7))
    for _ in range(5):
        hand.tap("Next number")
    for entered in ("1", "much", ""):
        hand.type("Product", entered)
        hand.tap("Submit")
    assert not solved(device)
    hand.type("Product", str(int(np.prod(draw_numbers(7)))))
    hand.tap("Submit")
    assert solved(device)


def test_a_drawing_needs_its_three_colours_and_no_other() -> None:
    wanted = draw_colours(7)
    other = next(one for one in ("red", "blue", "green", "black") if one not in wanted)
    device, hand = open_game(GameRules("draw", 7))
    for colour in (*wanted, other):
        hand.tap(colour.capitalize(), "chip")
        draw_stroke(hand)
    hand.tap("Submit")
    assert not solved(device)
    hand.tap("Clear")
    for colour in wanted:
        hand.tap(colour.capitalize(), "chip")
        draw_stroke(hand)
    hand.tap("Submit")
    assert solved(device)
    assert "Success!" in texts_of(device)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("app", ["notes", "files", "media", "places", "browser"])
def test_no_touch_and_no_text_breaks_an_app(app: str, seed: int) -> None:
    """Random gestures on what is on the screen: nothing raises, and the world stays one."""
    rng = np.random.default_rng(seed)
    device = SimDevice()
    device.load(fill_world(Values(rng, "all")), draw_look(rng))
    words = ("x", "a/b", "1", "-3.5", " ", "file:///Download/x", "https://", "\n", "é水")
    device.act(OpenApp(app))
    pages = set()
    for _ in range(250):
        elements = [one for one in device.observe().elements if one.tap or one.drag]
        element = elements[int(rng.integers(len(elements)))]
        x, y = centre(element)
        choice = rng.random()
        if choice < 0.7:
            device.act(Tap(x, y))
        elif choice < 0.8:
            device.act(LongPress(x, y))
        elif choice < 0.9:
            device.act(TypeText(words[int(rng.integers(len(words)))], bool(rng.integers(2))))
        elif choice < 0.95:
            device.act(Drag(x, y, int(rng.integers(360)), int(rng.integers(800))))
        else:
            device.act(Press(("back", "enter", "delete")[int(rng.integers(3))]))
        if device.screen().app != app:
            device.act(OpenApp(app))
        pages.add(device.screen().page)
    assert len(pages) > 1
    world = device.dump()
    assert read_world(world.to_json()).to_json() == world.to_json()
