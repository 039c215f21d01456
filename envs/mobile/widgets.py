"""What an app's page is made of: a tree of widgets, pure data."""

from typing import NamedTuple, TypeAlias

from gym_reason.verifiers.state.world import Key, Value

Path: TypeAlias = "tuple[tuple[int, int], ...]"


class Event(NamedTuple):
    """What a touch of a widget means: the name of a handler, and what it is about.

    Names with a dot belong to an app (`notes.save`), names without one to the device (`go`,
    `back`, `focus`): `envs/mobile/device_events.py`.
    """

    name: str
    """The handler."""
    key: Key | None = None
    """The row, page or field that it is about."""
    value: Value = None
    """What else it needs."""


class Widget(NamedTuple):
    """One element of a page. The functions below make them; apps do not fill this in by hand."""

    kind: str
    """`text`, `heading`, `item`, `button`, `icon`, `switch`, `check`, `radio`, `field`, `slider`,
    `chip`, `image`, `canvas`, `row`, `space`."""
    text: str = ""
    """What is written on it, or its label."""
    detail: str = ""
    """A second line, or the value of a field."""
    tap: Event | None = None
    """What a tap means."""
    hold: Event | None = None
    """What a long press means."""
    drag: Event | None = None
    """What a drag within it means; a slider's gets the level, a canvas's the path."""
    name: str = ""
    """The field that it edits; the picture of an icon or an image."""
    value: Value = None
    """Whether a switch is on, a chip chosen, a field of several lines; the level of a slider."""
    enabled: bool = True
    """Whether it can be used."""
    children: "tuple[Widget, ...]" = ()
    """A row's parts, or what stands at the end of an item's line."""
    lines: int = 1
    """Lines that a field shows."""


class Dialog(NamedTuple):
    """A box over the page; nothing else can be touched while it is open, but back closes it."""

    title: str
    """Its first line."""
    body: tuple[Widget, ...] = ()
    """What it holds; a menu holds items."""
    buttons: tuple[Widget, ...] = ()
    """At its end."""


class Page(NamedTuple):
    """What a view returns: one page of an app, before it is laid out."""

    title: str
    """In the bar at the top."""
    body: tuple[Widget, ...] = ()
    """From top to bottom; it scrolls where it is longer than the screen."""
    actions: tuple[Widget, ...] = ()
    """Icons at the end of the bar."""
    root: bool = False
    """Whether it is the app's first page, without an arrow back."""
    fab: Widget | None = None
    """The round button at the lower right."""
    tabs: tuple[Widget, ...] = ()
    """Along the bottom."""
    dialog: Dialog | None = None
    """The box that is open."""


def text(words: str, hold: Event | None = None) -> Widget:
    """Return a paragraph."""
    return Widget("text", words, hold=hold)


def heading(words: str) -> Widget:
    """Return the title of a section."""
    return Widget("heading", words)


def item(
    title: str,
    detail: str = "",
    tap: Event | None = None,
    hold: Event | None = None,
    *ends: Widget,
    picture: str = "",
    chosen: bool | None = None,
) -> Widget:
    """Return a line of a list, with a picture before it and small widgets at its end."""
    return Widget("item", title, detail, tap, hold, name=picture, value=chosen, children=ends)


def button(words: str, tap: Event, enabled: bool = True) -> Widget:
    """Return a button."""
    return Widget("button", words, tap=tap, enabled=enabled)


def icon(picture: str, label: str, tap: Event, enabled: bool = True) -> Widget:
    """Return a button that is a picture; the label is what a screen reader says."""
    return Widget("icon", label, tap=tap, name=picture, enabled=enabled)


def switch(label: str, on: bool, tap: Event, detail: str = "", enabled: bool = True) -> Widget:
    """Return a line with a switch."""
    return Widget("switch", label, detail, tap, value=on, enabled=enabled)


def check(label: str, on: bool, tap: Event, detail: str = "") -> Widget:
    """Return a line with a box to tick."""
    return Widget("check", label, detail, tap, value=on)


def radio(label: str, on: bool, tap: Event) -> Widget:
    """Return a line of a choice of one."""
    return Widget("radio", label, tap=tap, value=on)


def field(name: str, label: str, value: str, lines: int = 1) -> Widget:
    """Return a field to write in. What is written is kept on the page under `name`."""
    menu = Event("edit_menu", name)
    focus = Event("focus", name)
    return Widget("field", label, value, focus, menu, name=name, value=lines > 1, lines=lines)


def slider(label: str, level: int, drag: Event) -> Widget:
    """Return a slider with a level from 0 to 100; `drag` is handled with the new level."""
    return Widget("slider", label, tap=drag, drag=drag, value=level)


def chip(label: str, chosen: bool, tap: Event) -> Widget:
    """Return a small choice."""
    return Widget("chip", label, tap=tap, value=chosen)


def image(picture: str, label: str, lines: int = 10, detail: str = "") -> Widget:
    """Return a picture, as high as so many lines. `detail` is the text that is in the picture."""
    return Widget("image", label, detail, name=picture, lines=lines)


def canvas(name: str, label: str, drag: Event, strokes: str, lines: int = 14) -> Widget:
    """Return a surface to draw on; `drag` is handled with the path as text, `x,y x,y ...`."""
    return Widget("canvas", label, strokes, tap=drag, drag=drag, name=name, lines=lines)


def row(*parts: Widget) -> Widget:
    """Return widgets side by side, of equal width."""
    return Widget("row", children=parts)


def space() -> Widget:
    """Return an empty line; in a row, an empty part."""
    return Widget("space")
