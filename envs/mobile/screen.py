"""The whole screen of a device: what is open, laid out, with what the device adds to it."""

from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from gym_reason.envs.mobile.app import App
from gym_reason.envs.mobile.device_events import EDIT_MENU
from gym_reason.envs.mobile.layout import (
    HEIGHT,
    KEYBOARD_HEIGHT,
    NAV_HEIGHT,
    STATUS_HEIGHT,
    WIDTH,
    Element,
    Layout,
    lay_out,
)
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone
from gym_reason.envs.mobile.system.pages import (
    show_drawer,
    show_edit_menu,
    show_home,
    show_recents,
    show_request,
    show_shade,
)
from gym_reason.envs.mobile.system.tables import read_clip
from gym_reason.envs.mobile.watched import ALL, WatchedWorld
from gym_reason.envs.mobile.widgets import Event, Page
from gym_reason.verifiers.state.world import Value

MAX_CACHED = 4096
"""Screens that are kept, to be shown again without laying them out."""
MAX_MINUTES = 32
"""Minutes that one of them is kept for."""

KEY_ROWS = ("1234567890", "qwertyuiop", "asdfghjkl'", "\x0ezxcvbnm.\b", ",?@- !:/+\n")
"""The keyboard: a character a key; \\x0e is shift, \\b deletes, \\n is enter."""


class _Kept(NamedTuple):
    """A screen without what changes from second to second."""

    read: object
    """What it shows, kept so that its identity is not given to others meanwhile."""
    layout: Layout
    """The page alone."""
    screens: dict[tuple[int, str], Layout]
    """The whole, by the minute in the status bar and the message at the bottom."""


class Screens:
    """Lays out screens, and keeps those that it has laid out.

    A screen depends on the page that is open, the appearance, the tables that the page's view
    reads, and the time where it reads that. Worlds share the tables that were not written, so that
    most screens are found by identity, also in another world.
    """

    def __init__(self, apps: Mapping[str, App]) -> None:
        """Make an empty store for the apps of a device, by name."""
        self._apps = apps
        self._reads: OrderedDict[object, list[tuple[tuple[str, ...], bool]]] = OrderedDict()
        self._kept: OrderedDict[object, _Kept] = OrderedDict()

    def show(self, phone: Phone, look: Look) -> Layout:
        """Return the screen of a device."""
        page = _identify(phone, look)
        world = phone.world
        for names, timed in self._reads.get(page, ()):
            kept = self._kept.get(_key(page, names, _moment(phone) if timed else 0, world.tables))
            if kept is not None:
                return _finish(kept, phone, look)
        return self._make(page, phone, look)

    def _make(self, page: object, phone: Phone, look: Look) -> Layout:
        watched = WatchedWorld(phone.world)
        layout = _compose(phone.write(watched), self._apps, look)
        names, timed = tuple(watched.read), watched.timed
        found = self._reads.setdefault(page, [])
        if (names, timed) not in found:
            found.append((names, timed))
        if len(self._reads) > MAX_CACHED:
            self._reads.popitem(last=False)
        key = _key(page, names, _moment(phone) if timed else 0, phone.world.tables)
        kept = self._kept[key] = _Kept(tuple(watched.read.values()), layout, {})
        if len(self._kept) > MAX_CACHED:
            self._kept.popitem(last=False)
        return _finish(kept, phone, look)


def _identify(phone: Phone, look: Look) -> object:
    """Return all but the data that decides what is open."""
    if not phone.overlay:
        return phone.route, phone.request, look
    opened = (phone.stack, phone.recents) if phone.overlay == "recents" else ()
    return phone.overlay, phone.scroll, phone.request, look, opened


def _key(
    page: object, names: tuple[str, ...], moment: int, tables: Mapping[str, object]
) -> tuple[object, ...]:
    read = [id(tables) if name == ALL else id(tables.get(name)) for name in names]
    return page, names, moment, *read


def _moment(phone: Phone) -> int:
    """Return the time as far as pages show it: minutes, but seconds in the clock."""
    now = phone.world.now
    live = bool(phone.stack) and phone.stack[-1].app == "clock" and not phone.overlay
    return now if live else now // 60


def _finish(kept: _Kept, phone: Phone, look: Look) -> Layout:
    """Return a screen with the status bar, the message at the bottom and the three buttons."""
    minute = phone.world.now // 60
    screen = kept.screens.get((minute, phone.toast))
    if screen is not None:
        return screen
    page = kept.layout
    elements = (_status(minute), *page.elements)
    if phone.toast:
        toast = Element("toast", (24, 680, WIDTH - 24, 720), look.say(phone.toast))
        elements = (*elements, toast)
    modal = page.modal + 1 if page.modal else 0
    screen = Layout((*elements, *_NAV), page.body, page.length, page.scroll, modal)
    if len(kept.screens) >= MAX_MINUTES:
        kept.screens.clear()
    kept.screens[minute, phone.toast] = screen
    return screen


def current_page(phone: Phone, apps: Mapping[str, App], look: Look) -> Page:
    """Return the page that is in front, with the dialog that is open."""
    route = phone.route
    if phone.overlay == "drawer":
        page = show_drawer(apps, look)
    elif phone.overlay == "recents":
        page = show_recents(phone, apps, look)
    elif phone.overlay == "shade":
        page = show_shade(phone, apps, look)
    elif not route.app:
        page = show_home(apps, look)
    else:
        page = apps[route.app].pages[route.page](phone.world, route, look)
        if route.dialog == EDIT_MENU:
            shown = _field_text(page, str(route.subject))
            page = page._replace(dialog=show_edit_menu(shown, read_clip(phone.world), look))
    if phone.request is not None:
        page = page._replace(dialog=show_request(phone.request, apps, look))
    return page


def _compose(phone: Phone, apps: Mapping[str, App], look: Look) -> Layout:
    """Return the page that is in front, with the keyboard where it is shown."""
    route = phone.route
    covered = bool(phone.overlay) or phone.request is not None or route.dialog == EDIT_MENU
    focus = "" if covered else route.focus
    page = current_page(phone, apps, look)
    layout = lay_out(page, look, phone.scroll if phone.overlay else route.scroll, focus)
    if not focus:
        return layout
    keys = _keyboard(route.value("shift") is True)
    return layout._replace(elements=(*layout.elements, *keys))


def _field_text(page: Page, name: str) -> str:
    body = page.dialog.body + page.body if page.dialog else page.body
    for widget in body:
        for part in (widget, *widget.children):
            if part.kind == "field" and part.name == name:
                return part.detail
    return ""


@lru_cache(maxsize=1440)
def _clock(minute: int) -> Element:
    return Element("status", (0, 0, WIDTH, STATUS_HEIGHT), f"{minute // 60:02d}:{minute % 60:02d}")


def _status(minute: int) -> Element:
    return _clock(minute % 1440)


@lru_cache(maxsize=2)
def _keyboard(shift: bool) -> tuple[Element, ...]:
    top = HEIGHT - NAV_HEIGHT - KEYBOARD_HEIGHT
    height = KEYBOARD_HEIGHT // len(KEY_ROWS)
    keys: list[Element] = []
    for line, characters in enumerate(KEY_ROWS):
        for number, character in enumerate(characters):
            x0, x1 = WIDTH * number // 10, WIDTH * (number + 1) // 10
            y0 = top + height * line
            typed = character.upper() if shift else character
            keys.append(
                Element("key", (x0, y0, x1, y0 + height), typed, tap=Event("type", None, typed))
            )
    return tuple(keys)


def _nav(number: int, label: str, tap: Event) -> Element:
    x0, x1 = WIDTH * number // 3, WIDTH * (number + 1) // 3
    return Element("nav", (x0, HEIGHT - NAV_HEIGHT, x1, HEIGHT), label, tap=tap, name=label)


_NAV = (
    _nav(0, "back", Event("back")),
    _nav(1, "home", Event("home")),
    _nav(2, "recents", Event("cover", "recents")),
)


def shown_fields(phone: Phone, page: Page) -> dict[str, Value]:
    """Return what is entered on the open page, with the texts that its fields show."""
    fields: dict[str, Value] = dict(phone.route.fields)
    for widget in page.body:
        for part in (widget, *widget.children):
            if part.kind == "field":
                fields[part.name] = part.detail
    return fields
