"""Browser: an address bar, tabs, bookmarks, history, and pages that are rows or files."""

import re

from gym_reason.envs.mobile.app import App
from gym_reason.envs.mobile.apps.browser_games import SUBMITTERS, read_game, show_game, step
from gym_reason.envs.mobile.apps.browser_tables import (
    BOOKMARK,
    GAME,
    LOCAL,
    PAGE,
    TAB,
    VISIT,
    Bookmark,
    add_tab,
    bring_to_front,
    find_front_tab,
    load,
)
from gym_reason.envs.mobile.apps.files import File, find_file, write_moment
from gym_reason.envs.mobile.device_events import CLOSE, ask, copy, go
from gym_reason.envs.mobile.drawing import add_stroke, choose_colour, wipe
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone, Route
from gym_reason.envs.mobile.widgets import (
    Dialog,
    Event,
    Page,
    Widget,
    button,
    field,
    heading,
    icon,
    item,
    text,
)
from gym_reason.verifiers.state.world import World

BROWSER = App("browser", "Browser", "globe", (PAGE, BOOKMARK, VISIT, TAB, GAME))
MAX_SHOWN_VISITS = 50
"""Entries of the history that are shown."""


def find_local_file(world: World, url: str) -> File | None:
    """Return the file that an address names; None where it names none."""
    folder, _, name = url.removeprefix(LOCAL).rpartition("/")
    return find_file(world, folder, name) if url.startswith(LOCAL) else None


def find_title(world: World, url: str) -> str:
    """Return the title of the page at an address; the address where it has none."""
    page, one = world.find(PAGE, url), find_local_file(world, url)
    if page is not None:
        return page.title
    match = re.search("<title>([^<]+)</title>", one.content) if one is not None else None
    return match[1] if match else url


def _current_url(world: World) -> str:
    tab = find_front_tab(world)
    return tab.url if tab else ""


@BROWSER.page("main")
def show_browser(world: World, route: Route, look: Look) -> Page:
    """Return the address bar and the page in the tab that is shown."""
    url = _current_url(world)
    kept = world.find(BOOKMARK, url) is not None
    star = icon(
        "star" if kept else "star_border",
        look.say("Remove bookmark" if kept else "Add bookmark"),
        Event("browser.bookmark", url),
        enabled=bool(url),
    )
    dialog = None
    if route.dialog == "menu":
        lines = (
            item(look.say("New tab"), "", Event("browser.new_tab")),
            item(look.say("Tabs"), "", go("tabs")),
            item(look.say("Bookmarks"), "", go("bookmarks")),
            item(look.say("History"), "", go("history")),
        )
        dialog = Dialog("", look.arrange(lines, "browser.menu"), (_cancel(look),))
    return Page(
        find_title(world, url) if url else look.say("New tab"),
        (
            field("address", look.say("Address"), route.get("address", url)),
            button(look.say("Go"), Event("browser.enter")),
            *_show_content(world, url, route, look),
        ),
        (star, icon("menu", look.say("Menu"), ask("menu"))),
        root=True,
        dialog=dialog,
    )


def _cancel(look: Look) -> Widget:
    return button(look.say("Cancel"), CLOSE)


def _show_content(world: World, url: str, route: Route, look: Look) -> tuple[Widget, ...]:
    if not url:
        marks = world.rows(BOOKMARK).values()
        return (heading(look.say("Bookmarks")), *(_show_link(one.title, one.id) for one in marks))
    page = world.find(PAGE, url)
    if page is not None:
        links = [line.partition("|") for line in page.links.splitlines()]
        return (
            text(page.text, hold=copy(page.text)),
            *(_show_link(words, address) for words, _, address in links),
        )
    one = find_local_file(world, url)
    if one is None:
        return (text(look.say("This page cannot be reached")),)
    game = read_game(one.content)
    if game is not None:
        return show_game(world, url, game, route, look)
    body = re.sub("<title>[^<]*</title>", "", one.content)
    words = "\n".join(re.sub("<[^<>]*>", "\n", body).split("\n")).strip()
    return (text(words, hold=copy(words)),)


def _show_link(words: str, address: str) -> Widget:
    return item(words, address, Event("browser.follow", address), picture="globe")


@BROWSER.page("tabs")
def show_tabs(world: World, route: Route, look: Look) -> Page:
    """Return the tabs that are open."""
    lines = [
        item(
            find_title(world, tab.url) if tab.url else look.say("New tab"),
            tab.url,
            Event("browser.show_tab", tab.id),
            None,
            icon("close", look.say("Close"), Event("browser.close_tab", tab.id)),
            picture="globe",
            chosen=tab.front,
        )
        for tab in world.rows(TAB).values()
    ]
    add = icon("add", look.say("New tab"), Event("browser.new_tab"))
    return Page(look.say("Tabs"), tuple(lines) or (text(look.say("No tab is open")),), fab=add)


@BROWSER.page("bookmarks")
def show_bookmarks(world: World, route: Route, look: Look) -> Page:
    """Return the addresses that are kept."""
    lines = [
        _show_link(one.title, one.id)._replace(
            children=(icon("delete", look.say("Delete"), Event("browser.bookmark", one.id)),)
        )
        for one in world.rows(BOOKMARK).values()
    ]
    return Page(look.say("Bookmarks"), tuple(lines) or (text(look.say("No bookmarks yet")),))


@BROWSER.page("history")
def show_history(world: World, route: Route, look: Look) -> Page:
    """Return the addresses that were opened, the last one first."""
    visits = list(world.rows(VISIT).values())[::-1][:MAX_SHOWN_VISITS]
    lines = [
        item(
            find_title(world, one.url),
            f"{write_moment(one.at)} · {one.url}",
            Event("browser.follow", one.url),
            picture="globe",
        )
        for one in visits
    ]
    dialog = None
    if route.dialog == "clear":
        clear = button(look.say("Clear"), Event("browser.clear_history"))
        dialog = Dialog(look.say("Clear the whole history?"), (), (_cancel(look), clear))
    return Page(
        look.say("History"),
        tuple(lines) or (text(look.say("No history yet")),),
        (icon("delete", look.say("Clear history"), ask("clear"), enabled=bool(lines)),),
        dialog=dialog,
    )


@BROWSER.on("enter")
def enter(phone: Phone, event: Event) -> Phone:
    """Open the address that was entered."""
    url = phone.route.get("address", _current_url(phone.world)).strip()
    if not url.startswith(LOCAL):
        url = re.sub("^https?://", "", url, flags=re.I).removesuffix("/")
    return load(phone, url) if url else phone.say("An address is needed")


@BROWSER.on("follow")
def follow(phone: Phone, event: Event) -> Phone:
    """Open the address of a link, on the first page of the browser."""
    return load(phone.open("browser", Route("browser")), str(event.key))


@BROWSER.on("bookmark")
def bookmark(phone: Phone, event: Event) -> Phone:
    """Keep an address, or forget it where it is kept."""
    world, url = phone.world, str(event.key)
    if world.find(BOOKMARK, url) is not None:
        return phone.write(world.delete(BOOKMARK, url)).say("Bookmark removed")
    world = world.insert(BOOKMARK, Bookmark(url, find_title(world, url)))
    return phone.write(world).say("Bookmark added")


@BROWSER.on("new_tab")
def open_tab(phone: Phone, event: Event) -> Phone:
    """Open an empty tab."""
    return phone.write(add_tab(phone.world, "")).open("browser", Route("browser"))


@BROWSER.on("show_tab")
def show_tab(phone: Phone, event: Event) -> Phone:
    """Show another tab."""
    world = bring_to_front(phone.world, int(event.key or 0))
    return phone.write(world).open("browser", Route("browser"))


@BROWSER.on("close_tab")
def close_tab(phone: Phone, event: Event) -> Phone:
    """Close a tab; the last one that is left is shown where it was in front."""
    world = phone.world.delete(TAB, event.key or 0)
    left = list(world.rows(TAB).values())
    if left and find_front_tab(world) is None:
        world = bring_to_front(world, left[-1].id)
    return phone.write(world)


@BROWSER.on("clear_history")
def clear_history(phone: Phone, event: Event) -> Phone:
    """Forget every address that was opened."""
    world = phone.world
    return phone.write(world.delete(VISIT, *world.rows(VISIT))).turn(phone.route.open_dialog(""))


BROWSER.on("choose_colour")(choose_colour)
BROWSER.on("stroke")(add_stroke)
BROWSER.on("wipe")(wipe)


@BROWSER.on("move")
def move(phone: Phone, event: Event) -> Phone:
    """Make a step in a maze, or see the next number."""
    url = _current_url(phone.world)
    one = find_local_file(phone.world, url)
    game = read_game(one.content) if one is not None else None
    return phone if game is None else step(phone, url, game, str(event.value))


@BROWSER.on("submit")
def submit(phone: Phone, event: Event) -> Phone:
    """Hand in what was drawn or entered on the page."""
    url = _current_url(phone.world)
    one = find_local_file(phone.world, url)
    game = read_game(one.content) if one is not None else None
    if game is None or game.kind not in SUBMITTERS:
        return phone
    return SUBMITTERS[game.kind](phone, url, game)
