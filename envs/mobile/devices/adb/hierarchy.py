"""The screen of a phone: what `uiautomator dump` writes, as elements in points.

A thing that can be touched takes the texts and the state of what lies within it and cannot, as a
line of a list does, so that a screen reads as those of the embedded device do.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple
from xml.parsers import expat

from gym_reason.envs.mobile.layout import HEIGHT, WIDTH, Bounds, Element, Layout
from gym_reason.envs.mobile.widgets import Event

MAX_BYTES = 8 * 2**20
"""Longest dump that is read."""
MAX_NODES = 20_000
"""Most nodes of a dump."""
MAX_TEXT = 2_000
"""Most characters of one text."""

_BOUNDS = re.compile(r"\[(-?[0-9]{1,6}),(-?[0-9]{1,6})\]\[(-?[0-9]{1,6}),(-?[0-9]{1,6})\]", re.A)
_KINDS = (
    (("EditText", "AutoCompleteTextView", "SearchAutoComplete"), "field"),
    (("Switch", "SwitchCompat", "ToggleButton"), "switch"),
    (("CheckBox", "CheckedTextView"), "check"),
    (("RadioButton",), "radio"),
    (("SeekBar",), "slider"),
    (("ImageButton", "ImageView"), "icon"),
    (("Button",), "button"),
)
_STATES = ("switch", "check", "radio")


class ScreenError(ValueError):
    """A dump that cannot be read; the message says why, in one line."""


class Node(NamedTuple):
    """A node of a dump."""

    depth: int
    """How deep it lies."""
    values: dict[str, str]
    """Its attributes."""

    def on(self, name: str) -> bool:
        """Return whether an attribute is true."""
        return self.values.get(name) == "true"


class Dump(NamedTuple):
    """What a phone shows."""

    nodes: tuple[Node, ...]
    """The nodes, each before those within it."""
    rotation: int
    """Quarter turns of the screen."""

    @property
    def package(self) -> str:
        """The app whose window it is; empty for none."""
        return next((one.values["package"] for one in self.nodes if one.values.get("package")), "")


def read_dump(xml: bytes) -> Dump:
    """Return the nodes of a dump. Raises ScreenError."""
    if len(xml) > MAX_BYTES:
        raise ScreenError(f"a dump of {len(xml)} bytes, more than {MAX_BYTES}")
    nodes: list[Node] = []
    rotations: list[int] = []
    depth = 0

    def start(name: str, values: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if name == "hierarchy":
            turns = values.get("rotation", "0")
            rotations.append(int(turns) % 4 if turns in ("0", "1", "2", "3") else 0)
        elif len(nodes) >= MAX_NODES:
            raise ScreenError(f"more than {MAX_NODES} nodes")
        else:
            nodes.append(Node(depth, values))

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1

    def refuse(*found: object) -> None:
        raise ScreenError("a dump with a document type")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    # Entities can blow a few bytes up to gigabytes; a dump has none of its own.
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(xml, True)
    except expat.ExpatError as error:
        raise ScreenError(f"a dump that is no XML: {error}") from None
    if not rotations:
        raise ScreenError("a dump without a hierarchy")
    return Dump(tuple(nodes), rotations[0])


def lay_out_dump(dump: Dump, size: tuple[int, int], clock: str = "") -> Layout:
    """Return the screen in points of 360 by 800.

    A phone does not tell how long a page is: one that scrolls is shown as if there were as much
    above as below.

    Args:
        dump: What the phone shows.
        size: Its width and height in pixels, unturned.
        clock: The time of the day, for the bar at the top.
    """
    wide, high = size if dump.rotation % 2 == 0 else (size[1], size[0])
    elements = [Element("status", (0, 0, WIDTH, 24), clock)] if clock else []
    body, area = (0, 0, WIDTH, HEIGHT), 0
    scrolls = False
    taken = [False] * len(dump.nodes)
    ends = _find_ends(dump.nodes)
    for number, node in enumerate(dump.nodes):
        box = to_points(node.values.get("bounds", ""), wide, high)
        if box is None:
            continue
        size_of_box = (box[2] - box[0]) * (box[3] - box[1])
        if node.on("scrollable") and size_of_box > area:
            body, area, scrolls = box, size_of_box, True
        if taken[number]:
            continue
        element = _read_element(dump.nodes, number, box, taken, ends)
        if element is not None:
            elements.append(element)
    height = body[3] - body[1]
    length, scroll = (2 * height, height // 2) if scrolls else (height, 0)
    return Layout(tuple(elements), body, length, scroll)


def to_points(words: str, wide: int, high: int) -> "Bounds | None":
    """Return bounds like `[0,84][1080,210]` in points, cut to the screen; None where none is left.

    Args:
        words: The bounds in pixels.
        wide: The width of the screen in pixels.
        high: Its height.
    """
    match = _BOUNDS.fullmatch(words)
    if match is None:
        return None
    left, top, right, bottom = map(int, match.groups())
    box = (
        max(0, left * WIDTH // wide),
        max(0, top * HEIGHT // high),
        min(WIDTH, -(-right * WIDTH // wide)),
        min(HEIGHT, -(-bottom * HEIGHT // high)),
    )
    return box if box[0] < box[2] and box[1] < box[3] else None


def _read_element(
    nodes: tuple[Node, ...], number: int, box: Bounds, taken: list[bool], ends: list[int]
) -> Element | None:
    node = nodes[number]
    kind = _kind_of(node)
    used = node.on("clickable") or node.on("long-clickable") or node.on("checkable")
    used = used or kind in ("field", "slider")
    words = [one for one in (_text(node, "text"), _text(node, "content-desc")) if one]
    value: bool | int | None = node.on("checked") if node.on("checkable") else None
    if used and kind not in ("field", "slider"):
        for inner in _untouched(nodes, number, taken, ends):
            words += [one for one in (_text(inner, "text"), _text(inner, "content-desc")) if one]
            if inner.on("checkable") and value is None:
                value, kind = inner.on("checked"), _kind_of(inner)
    words = list(dict.fromkeys(words))
    if not used and not words:
        return None
    if kind == "field":
        return _field(node, box, words)
    if not used:
        kind = "image" if kind == "icon" else "text"
    elif kind == "" or (kind in _STATES and value is None):
        kind = "item"
    if kind == "slider":
        value = _level(words)
    elif value is None and node.on("selected"):
        value = True
    enabled = node.values.get("enabled") != "false"
    return Element(
        kind,
        box,
        words[0] if words else _name(node),
        ", ".join(words[1:]),
        Event("tap") if enabled and used else None,
        Event("hold") if enabled and node.on("long-clickable") else None,
        Event("drag") if enabled and kind == "slider" else None,
        value=value,
        enabled=enabled,
        focused=False,
        top=box[1],
        lines=tuple(words[0].split("\n")) if kind == "text" and words else (),
        bottom=box[3],
    )


def _field(node: Node, box: Bounds, words: list[str]) -> Element:
    held, hint = _text(node, "text"), _text(node, "hint")
    label = hint or _text(node, "content-desc") or _name(node)
    enabled = node.values.get("enabled") != "false"
    return Element(
        "field",
        box,
        label,
        "" if held == hint else held,
        Event("tap") if enabled else None,
        Event("hold") if enabled else None,
        name=node.values.get("resource-id", "") or label,
        enabled=enabled,
        focused=node.on("focused"),
        top=box[1],
        bottom=box[3],
    )


def _find_ends(nodes: tuple[Node, ...]) -> list[int]:
    """Return for each node the number of the first one after it that lies not within it."""
    ends = [len(nodes)] * len(nodes)
    around: list[int] = []
    for number, node in enumerate(nodes):
        while around and nodes[around[-1]].depth >= node.depth:
            ends[around.pop()] = number
        around.append(number)
    return ends


def _untouched(
    nodes: tuple[Node, ...], number: int, taken: list[bool], ends: list[int]
) -> Iterator[Node]:
    """Yield what lies within a node and cannot be touched, and note that it is told of."""
    place = number + 1
    while place < ends[number]:
        inner = nodes[place]
        if inner.on("clickable") or inner.on("long-clickable") or _kind_of(inner) == "field":
            place = ends[place]  # all that lies within it is its own
            continue
        taken[place] = True
        yield inner
        place += 1


def _kind_of(node: Node) -> str:
    name = node.values.get("class", "").rpartition(".")[2]
    return next((kind for names, kind in _KINDS if name in names), "")


def _text(node: Node, name: str) -> str:
    return node.values.get(name, "").strip()[:MAX_TEXT]


def _name(node: Node) -> str:
    """Return what the app calls a node: `send button` for `com.app:id/send_button`."""
    return node.values.get("resource-id", "").rpartition("/")[2].replace("_", " ")[:MAX_TEXT]


def _level(words: list[str]) -> int | None:
    found = re.search(r"([0-9]{1,3})(?:\.[0-9]+)?\s*%?", " ".join(words))
    return min(100, int(found[1])) if found else None
