"""From what an agent means to what a finger does, on the screen that it means."""

from collections.abc import Mapping

from gym_reason.envs.mobile.actions.reading import ActionError
from gym_reason.envs.mobile.actions.types import Action, Claim, Say, Touch
from gym_reason.envs.mobile.app import App
from gym_reason.envs.mobile.apps import APPS
from gym_reason.envs.mobile.gestures import (
    SLIDER_MARGIN,
    Drag,
    Gesture,
    LongPress,
    OpenApp,
    Press,
    Tap,
    TypeText,
    find_element,
)
from gym_reason.envs.mobile.layout import HEIGHT, WIDTH, Element, Layout
from gym_reason.envs.mobile.words import ZH

SWIPE_LENGTH = 300
"""Points that a swipe without an end goes."""

ALIASES: Mapping[str, str] = {
    "audio recorder": "media",
    "broccoli": "recipes",
    "broccoli app": "recipes",
    "calendar pro": "calendar",
    "camera": "media",
    "chrome": "browser",
    "dialer": "contacts",
    "file manager": "files",
    "gallery": "media",
    "google chrome": "browser",
    "joplin": "notes",
    "maps": "places",
    "markor": "notes",
    "open tracks": "places",
    "opentracks": "places",
    "osmand": "places",
    "phone": "contacts",
    "pro expense": "expenses",
    "retro music": "media",
    "simple calendar": "calendar",
    "simple calendar pro": "calendar",
    "simple gallery": "media",
    "simple gallery pro": "media",
    "simple sms": "messages",
    "simple sms messenger": "messages",
    "sms": "messages",
    "system settings": "settings",
    "vlc": "media",
}
"""Names that other suites have for apps, with the app of the same use."""


def resolve(action: Action, screen: Layout, apps: Mapping[str, App] = APPS) -> tuple[Gesture, ...]:
    """Return the gestures that an action takes; none for what is only said.

    Args:
        action: What the agent means.
        screen: The screen that its indices refer to.
        apps: The apps of the device, by name.

    Raises:
        ActionError: For an element or an app that is not there.
    """
    match action:
        case Say() | Claim():
            return ()
        case OpenApp(app):
            return (OpenApp(find_app(app, apps)),)
        case Touch():
            return _resolve_touch(action, screen)
        case Press(key) if key not in ("back", "home", "recents", "enter", "delete"):
            raise ActionError(f"there is no key {key[:40]!r}")
        case _:
            return (action,)


def find_app(words: str, apps: Mapping[str, App]) -> str:
    """Return the name of the app that is meant by its name or its label. Raises ActionError."""
    wanted = " ".join(words.split()).casefold()
    if wanted in apps:
        return wanted
    for app in apps.values():
        if wanted in (app.label.casefold(), ZH.get(app.label, "").casefold()) and wanted:
            return app.name
    alias = ALIASES.get(wanted.removesuffix(" app"), "")
    if alias in apps:
        return alias
    raise ActionError(f"there is no app {words[:40]!r}; the apps: {', '.join(apps)}")


def _resolve_touch(touch: Touch, screen: Layout) -> tuple[Gesture, ...]:
    element = None if touch.element is None else _element(screen, touch.element)
    point: tuple[int, int] | None = None
    if element is not None:
        point = find_point(screen, element)
    elif touch.x is not None and touch.y is not None:
        point = touch.x, touch.y
    match touch.kind:
        case "input_text":
            return _input_text(touch, element, point)
        case "scroll":
            return (_scroll(touch.direction, screen, element, point),)
        case "swipe":
            return (_swipe(touch.direction, point or (WIDTH // 2, HEIGHT // 2)),)
        case "set_level":
            return (_set_level(touch, element),)
    if point is None:
        raise ActionError(f"{touch.kind} needs an element or a point")
    match touch.kind:
        case "drag":
            if touch.x1 is None or touch.y1 is None:
                raise ActionError("drag needs a point where it ends")
            return (Drag(*point, touch.x1, touch.y1),)
        case "long_press":
            return (LongPress(*point),)
        case "double_tap":
            return Tap(*point), Tap(*point)
    return (Tap(*point),)


def _element(screen: Layout, index: int) -> Element:
    if not 0 <= index < len(screen.elements):
        raise ActionError(f"there is no element {index}; the screen has {len(screen.elements)}")
    return screen.elements[index]


def find_point(screen: Layout, element: Element) -> tuple[int, int]:
    """Return a point at which a finger meets an element: its middle, or where nothing covers it."""
    left, top, right, bottom = element.bounds
    middle = (left + right) // 2, (top + bottom) // 2
    # Most elements are on top of all that they touch, so the first look is the last.
    if find_element(screen, *middle) is element or not (element.tap or element.hold):
        return middle
    for across, down in _FRACTIONS:
        x, y = left + (right - left) * across // 8, top + (bottom - top) * down // 8
        if find_element(screen, x, y) is element:
            return x, y
    return middle


_FRACTIONS = tuple((across, down) for across in (4, 2, 6, 1, 7) for down in (4, 2, 6, 1, 7))
"""Places within an element, in eighths, that are tried in turn."""


def _input_text(
    touch: Touch, element: Element | None, point: tuple[int, int] | None
) -> tuple[Gesture, ...]:
    gestures: list[Gesture] = []
    # A field that is being written in keeps its keyboard; another touch of it would do no harm,
    # but it takes a second.
    if point is not None and not (element is not None and element.focused):
        gestures.append(Tap(*point))
    gestures.append(TypeText(touch.text, touch.clear))
    if touch.submit:
        gestures.append(Press("enter"))
    return tuple(gestures)


def _scroll(
    direction: str, screen: Layout, element: Element | None, point: tuple[int, int] | None
) -> Drag:
    """Return a drag of nearly a screenful; one that begins at an element stays within it."""
    if element is not None and point is not None:
        left, top, right, bottom = element.bounds
        x, y = point
        ends = {"down": (x, top), "up": (x, bottom), "right": (left, y), "left": (right, y)}
        return Drag(x, y, *ends[direction])
    left, top, right, bottom = screen.body
    high, wide = max(bottom - top - 60, 40), max(right - left - 60, 40)
    if direction in ("left", "right"):
        x, y = point or ((left + right) // 2, (top + bottom) // 2)
        return Drag(x, y, max(0, min(WIDTH - 1, x + (wide if direction == "left" else -wide))), y)
    x, y = point or _quiet_point(screen, direction)
    return Drag(x, y, x, y - high if direction == "down" else y + high)


def _quiet_point(screen: Layout, direction: str) -> tuple[int, int]:
    """Return where a drag of the page may begin without moving a slider or drawing."""
    left, top, right, bottom = screen.body
    x = (left + right) // 2
    places = range(bottom - 8, top, -24) if direction == "down" else range(top + 8, bottom, 24)
    for y in places:
        element = find_element(screen, x, y)
        if element is None or element.drag is None:
            return x, y
    return x, places[0]


def _swipe(direction: str, start: tuple[int, int]) -> Drag:
    x, y = start
    across = {"left": -SWIPE_LENGTH, "right": SWIPE_LENGTH}.get(direction, 0)
    down = {"up": -SWIPE_LENGTH, "down": SWIPE_LENGTH}.get(direction, 0)
    return Drag(x, y, max(0, min(WIDTH - 1, x + across)), max(0, min(HEIGHT - 1, y + down)))


def _set_level(touch: Touch, element: Element | None) -> Drag:
    if element is None or element.kind != "slider" or touch.level is None:
        raise ActionError("set_level needs the number of a slider, and a level")
    left, top, right, bottom = element.bounds
    x, y = (left + right) // 2, (top + bottom) // 2
    span = right - left - 2 * SLIDER_MARGIN
    return Drag(x, y, left + SLIDER_MARGIN + span * touch.level // 100, y)
