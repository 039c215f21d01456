"""What a hand does to a device: gestures in points, and what follows from each. Pure."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from gym_reason.envs.mobile.app import App
from gym_reason.envs.mobile.device_events import handle, write_field
from gym_reason.envs.mobile.layout import HEIGHT, NAV_HEIGHT, STATUS_HEIGHT, Element, Layout
from gym_reason.envs.mobile.phone import Phone
from gym_reason.envs.mobile.system.tables import DUE
from gym_reason.envs.mobile.widgets import Event

ACTION_S = 1
"""Seconds that the clock moves by with every gesture."""
MAX_WAIT_S = 86_400
"""Longest single wait."""
MAX_TYPED = 4_000
"""Most characters of one field."""
SLIDER_MARGIN = 24
"""Points at each end of a slider that are its lowest and highest level."""


class Tap(NamedTuple):
    """A short touch."""

    x: int
    y: int


class LongPress(NamedTuple):
    """A touch of a second."""

    x: int
    y: int


class Drag(NamedTuple):
    """A finger moved from one point to another: what it touches first goes with it."""

    x0: int
    y0: int
    x1: int
    y1: int


class TypeText(NamedTuple):
    """Text from the keyboard, into the field that is being written in."""

    text: str
    """What is typed, behind what is there."""
    clear: bool = False
    """Whether what is there goes first."""


class Press(NamedTuple):
    """A key: `back`, `home`, `recents`, `enter` or `delete`."""

    key: str


class OpenApp(NamedTuple):
    """An app brought to the front, by its name."""

    app: str


class Wait(NamedTuple):
    """Nothing but time."""

    seconds: int = 1


Gesture: TypeAlias = Tap | LongPress | Drag | TypeText | Press | OpenApp | Wait


def find_element(screen: Layout, x: int, y: int) -> Element | None:
    """Return the topmost element that a finger can use at a point; None for none."""
    elements = screen.elements
    for number in range(len(elements) - 1, screen.modal - 1, -1):
        element = elements[number]
        left, top, right, bottom = element.bounds
        if left <= x < right and top <= y < bottom and stops_touch(element):
            return element
    return None


def stops_touch(element: Element) -> bool:
    """Return whether a finger meets an element, and not what lies under it."""
    return bool(element.tap or element.hold or element.drag) or element.kind in _SOLID


_SOLID = ("dialog", "bar", "fab", "key", "nav")
"""Kinds that keep a touch from what lies under them."""

Finder: TypeAlias = Callable[[Layout, int, int], Element | None]
"""Returns the element that a finger meets at a point; None for none."""


def perform(
    phone: Phone,
    gesture: Gesture,
    screen: Layout,
    apps: Mapping[str, App],
    find: Finder = find_element,
) -> Phone:
    """Return the device after a gesture and the second that it takes.

    A gesture that meets nothing changes nothing but the time and the message at the bottom.

    Args:
        phone: The device.
        gesture: What is done to it.
        screen: What it shows.
        apps: Its apps, by name.
        find: Finds what is touched; a device that finds it in its own way says so here.
    """
    if phone.toast:
        phone = phone.say("")
    match gesture:
        case Tap(x, y):
            phone = _touch(phone, screen, (x, y), False, apps, find)
        case LongPress(x, y):
            phone = _touch(phone, screen, (x, y), True, apps, find)
        case Drag():
            phone = _drag(phone, screen, gesture, apps, find)
        case TypeText(words, clear):
            phone = type_text(phone, screen, words, clear)
        case Press(key):
            phone = _press(phone, screen, key, apps)
        case OpenApp(app):
            phone = phone.open(app) if app in apps else phone
        case Wait():
            return let_pass(phone, max(0, min(gesture.seconds, MAX_WAIT_S)), apps)
    return let_pass(phone, ACTION_S, apps)


def let_pass(phone: Phone, seconds: int, apps: Mapping[str, App]) -> Phone:
    """Return the device some time later, with everything that was due meanwhile, in order."""
    now = phone.world.now + seconds
    while True:
        due = min(
            (row for row in phone.world.rows(DUE).values() if row.at <= now),
            key=lambda row: (row.at, row.id),
            default=None,
        )
        if due is None:
            return phone.write(phone.world.at(now))
        world = phone.world.delete(DUE, due.id).at(max(due.at, phone.world.now))
        event = Event(due.event, due.key, due.value)
        phone = handle(phone.write(world), event, apps)


def type_text(phone: Phone, screen: Layout, words: str, clear: bool) -> Phone:
    """Return the device with text typed into the field that is being written in, if any."""
    field = focused_field(screen)
    if field is None or not phone.route.focus:
        return phone
    if "\n" in words and not field.value:
        words = words.replace("\n", " ")
    return write_field(phone, (("" if clear else field.detail) + words)[:MAX_TYPED])


def focused_field(screen: Layout) -> Element | None:
    """Return the field that is being written in, as far as it can be seen."""
    return next((one for one in screen.elements if one.focused), None)


def _touch(
    phone: Phone,
    screen: Layout,
    point: tuple[int, int],
    long: bool,
    apps: Mapping[str, App],
    find: Finder,
) -> Phone:
    element = find(screen, *point)
    if element is None:
        # A touch beside a dialog closes it, like back.
        return handle(phone, Event("back"), apps) if screen.modal else phone
    event = (element.hold or element.tap) if long else element.tap
    if event is None:
        return phone
    if event.name == "type":
        return _type_key(phone, screen, str(event.value))
    if element.drag is not None:
        event = event._replace(value=_drag_value(element, [point]))
    return handle(phone, event, apps)


def _drag(phone: Phone, screen: Layout, drag: Drag, apps: Mapping[str, App], find: Finder) -> Phone:
    x0, y0, x1, y1 = drag
    if y0 < STATUS_HEIGHT and y1 > y0 + 100:
        return handle(phone, Event("cover", "shade"), apps)
    if y0 >= HEIGHT - NAV_HEIGHT and y1 < y0 - 100:
        return handle(phone, Event("home"), apps)
    element = find(screen, x0, y0)
    if element is not None and element.drag is not None:
        value = _drag_value(element, [(x0, y0), (x1, y1)])
        return handle(phone, element.drag._replace(value=value), apps)
    if not phone.stack and not phone.overlay and y0 - y1 > 100 and not screen.modal:
        return handle(phone, Event("cover", "drawer"), apps)
    return scroll_by(phone, screen, y0 - y1)


def scroll_by(phone: Phone, screen: Layout, distance: int) -> Phone:
    """Return the device with the page moved up by `distance` points, as far as it goes."""
    if screen.modal or phone.request is not None:
        return phone
    if phone.overlay:
        return phone._replace(scroll=max(0, min(screen.max_scroll, screen.scroll + distance)))
    route = phone.route
    if not route.app:
        return phone
    scroll = max(0, min(screen.max_scroll, screen.scroll + distance))
    return phone if scroll == route.scroll else phone.turn(route._replace(scroll=scroll))


def _drag_value(element: Element, path: list[tuple[int, int]]) -> str | int:
    left, _, right, _ = element.bounds
    if element.kind == "slider":
        span = right - left - 2 * SLIDER_MARGIN
        return max(0, min(100, round(100 * (path[-1][0] - left - SLIDER_MARGIN) / span)))
    return " ".join(f"{x - left},{y - element.top}" for x, y in path)


def _press(phone: Phone, screen: Layout, key: str, apps: Mapping[str, App]) -> Phone:
    if key == "recents":
        return handle(phone, Event("cover", "recents"), apps)
    if key in ("back", "home"):
        return handle(phone, Event(key), apps)
    return _type_key(phone, screen, {"enter": "\n", "delete": "\b"}[key])


def _type_key(phone: Phone, screen: Layout, character: str) -> Phone:
    field, route = focused_field(screen), phone.route
    if field is None or not route.focus:
        return phone
    if character == "\x0e":
        return phone.turn(route.put(shift=route.value("shift") is not True))
    if character == "\b":
        return write_field(phone, field.detail[:-1])
    if character == "\n" and not field.value:
        return phone.turn(route._replace(focus=""))
    return write_field(phone, (field.detail + character)[:MAX_TYPED])
