"""The whole screen of a device: what is open, laid out, with what the device adds to it."""

from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache

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
from gym_reason.envs.mobile.widgets import Event, Page
from gym_reason.verifiers.state.world import Value

MAX_CACHED = 4096
"""Screens that are kept, to be shown again without laying them out."""

KEY_ROWS = ("1234567890", "qwertyuiop", "asdfghjkl'", "\x0ezxcvbnm.\b", ",?@- !:/+\n")
"""The keyboard: a character a key; \\x0e is shift, \\b deletes, \\n is enter."""


class Screens:
    """Lays out screens, and keeps those that it has laid out.

    A screen depends on the tables, the open page, the appearance and the time in minutes. Worlds
    share the tables that they did not write, so that most screens are found by identity.
    """

    def __init__(self, apps: Mapping[str, App]) -> None:
        """Make an empty store for the apps of a device, by name."""
        self._apps = apps
        self._kept: OrderedDict[object, tuple[object, Layout]] = OrderedDict()

    def show(self, phone: Phone, look: Look) -> Layout:
        """Return the screen of a device."""
        world = phone.world
        tables = world.tables
        minute = world.now // 60
        if _is_live(phone):
            minute = world.now
        key = (id(tables), minute, phone[1:], look)
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept[1]
        layout = _compose(phone, self._apps, look)
        # The tables are kept with it, so that their identity is not given to others meanwhile.
        self._kept[key] = (tables, layout)
        if len(self._kept) > MAX_CACHED:
            self._kept.popitem(last=False)
        return layout


def _is_live(phone: Phone) -> bool:
    """Return whether what is open shows seconds: the clock's pages do."""
    return bool(phone.stack) and phone.stack[-1].app == "clock" and not phone.overlay


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
    route = phone.route
    covered = bool(phone.overlay) or phone.request is not None or route.dialog == EDIT_MENU
    focus = "" if covered else route.focus
    page = current_page(phone, apps, look)
    layout = lay_out(page, look, phone.scroll if phone.overlay else route.scroll, focus)
    elements = [_status(phone), *layout.elements]
    modal = layout.modal + 1 if layout.modal else 0
    if focus:
        elements += _keyboard(route.value("shift") is True)
    if phone.toast:
        elements.append(Element("toast", (24, 680, WIDTH - 24, 720), look.say(phone.toast)))
    elements += _NAV
    return Layout(tuple(elements), layout.body, layout.length, layout.scroll, modal)


def _field_text(page: Page, name: str) -> str:
    body = page.dialog.body + page.body if page.dialog else page.body
    for widget in body:
        for part in (widget, *widget.children):
            if part.kind == "field" and part.name == name:
                return part.detail
    return ""


def _status(phone: Phone) -> Element:
    seconds = phone.world.now % 86_400
    return Element(
        "status",
        (0, 0, WIDTH, STATUS_HEIGHT),
        f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}",
    )


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
