"""What the browser keeps, and how an address is opened in it."""

from typing import NamedTuple

from gym_reason.envs.mobile.phone import Phone
from gym_reason.verifiers.state.world import Table, World


class WebPage(NamedTuple):
    """A page of the web, as far as this device can reach it."""

    id: str
    """Its address: `garden.example/roses`."""
    title: str
    """Its title."""
    text: str
    """Its text."""
    links: str
    """Its links, one a line: the words, a bar, the address."""


class Bookmark(NamedTuple):
    """An address that is kept."""

    id: str
    """The address."""
    title: str
    """The title of its page when it was kept."""


class Visit(NamedTuple):
    """An address that was opened."""

    id: int
    """Its number."""
    url: str
    """The address."""
    at: int
    """When, on the world's clock."""


class Tab(NamedTuple):
    """A page that is open in the browser."""

    id: int
    """Its number."""
    url: str
    """Its address; empty for the start page."""
    front: bool
    """Whether it is the one that is shown. At most one is."""


class Game(NamedTuple):
    """How far the game of a page was played."""

    id: str
    """The address of the page."""
    kind: str
    """`draw`, `maze` or `multiply`."""
    progress: str
    """The strokes that were handed in, the cell that was reached, or how many numbers were seen."""
    tries: int
    """How often something was handed in, or how many steps were made."""
    solved: bool
    """Whether it is won; nothing changes after that."""


PAGE = Table("browser.page", WebPage)
BOOKMARK = Table("browser.bookmark", Bookmark)
VISIT = Table("browser.visit", Visit)
TAB = Table("browser.tab", Tab)
GAME = Table("browser.game", Game)

LOCAL = "file:///"
"""How the address of a file on the device begins."""


def write_local_address(folder: str, name: str) -> str:
    """Return the address of a file on the device."""
    return f"{LOCAL}{folder}/{name}"


def find_front_tab(world: World) -> Tab | None:
    """Return the tab that is shown; None where none is open."""
    return next((tab for tab in world.rows(TAB).values() if tab.front), None)


def bring_to_front(world: World, key: int) -> World:
    """Return the world with one tab shown and no other."""
    for tab in world.rows(TAB).values():
        world = world.update(TAB, tab.id, front=tab.id == key)
    return world


def add_tab(world: World, url: str) -> World:
    """Return the world with one more tab, which is shown."""
    world = world.insert(TAB, Tab(0, url, False))
    return bring_to_front(world, world.last_id(TAB))


def load(phone: Phone, url: str) -> Phone:
    """Return the device with an address open in the tab that is shown, and in the history."""
    world, tab = phone.world, find_front_tab(phone.world)
    world = add_tab(world, url) if tab is None else world.update(TAB, tab.id, url=url)
    world = world.insert(VISIT, Visit(0, url, world.now))
    return phone.write(world).turn(phone.route._replace(fields=(), focus="", scroll=0, dialog=""))
