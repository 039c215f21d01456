"""Where everything is on the screen: a page becomes elements with whole-number bounds.

Points are density-independent pixels of a screen of 360 by 800. Every device places elements by
these numbers, so that a touch means the same on each.
"""

from typing import NamedTuple, TypeAlias

from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.widgets import Dialog, Event, Page, Widget
from gym_reason.verifiers.state.world import Value

WIDTH, HEIGHT = 360, 800
STATUS_HEIGHT, BAR_HEIGHT, NAV_HEIGHT, TABS_HEIGHT, KEYBOARD_HEIGHT = 24, 56, 48, 56, 240
MARGIN = 16
LINE_HEIGHT = 20
LATIN_WIDTH, WIDE_WIDTH = 7, 14
"""Points that a character takes, at most, in Latin letters and in Chinese ones."""

Bounds: TypeAlias = "tuple[int, int, int, int]"
"""Left, top, right and bottom; the last two are outside."""


class Element(NamedTuple):
    """Something on the screen."""

    kind: str
    """A widget's kind, or `bar`, `title`, `tab`, `fab`, `dialog`, `key`, `nav`, `status`,
    `toast`."""
    bounds: Bounds
    """Where it is; the part outside the scrolled body is cut off."""
    text: str = ""
    """What is written on it, or its label."""
    detail: str = ""
    """A second line, or the value of a field."""
    tap: Event | None = None
    """What a tap means."""
    hold: Event | None = None
    """What a long press means."""
    drag: Event | None = None
    """What a drag within it means."""
    name: str = ""
    """The field that it edits; the picture of an icon or an image."""
    value: Value = None
    """Whether it is on or chosen; a level."""
    enabled: bool = True
    """Whether it can be used."""
    focused: bool = False
    """Whether it is the field that is being written in."""
    top: int = 0
    """Where it would begin if nothing were cut off; renderers start there."""
    lines: tuple[str, ...] = ()
    """The lines of a paragraph, as they are broken."""
    bottom: int = 0
    """Where it would end if nothing were cut off."""


class Layout(NamedTuple):
    """A whole screen."""

    elements: tuple[Element, ...]
    """What can be seen, in reading order, later ones above earlier ones."""
    body: Bounds
    """The part that scrolls."""
    length: int
    """The height of all that is in the body, seen or not."""
    scroll: int = 0
    """How far the body is scrolled."""
    modal: int = 0
    """The number of the first element that may be touched: that of an open dialog."""

    @property
    def max_scroll(self) -> int:
        """How far the body can be scrolled."""
        return max(0, self.length - (self.body[3] - self.body[1]))


def lay_out(page: Page, look: Look, scroll: int = 0, focus: str = "") -> Layout:
    """Return the screen of a page, without what the device adds (status, keys, toast).

    Args:
        page: What the view returned.
        look: The appearance; only its density moves anything.
        scroll: How far the body is scrolled; more than there is counts as all.
        focus: The field that is being written in; its keyboard takes room.
    """
    elements: list[Element] = []
    _place_bar(page, elements)
    bottom = HEIGHT - (KEYBOARD_HEIGHT + NAV_HEIGHT if focus else NAV_HEIGHT)
    if page.tabs and not focus:
        bottom -= TABS_HEIGHT
    top = STATUS_HEIGHT + BAR_HEIGHT
    compact = look.density == "compact"
    sizes = [_height(widget, compact, WIDTH) for widget in page.body]
    length = sum(sizes) + (72 if page.fab else 0)
    if focus and page.dialog is None:
        scroll = _show_field(page.body, sizes, focus, scroll, bottom - top)
    scroll = min(scroll, max(0, length - (bottom - top)))
    y = top - scroll
    for widget, size in zip(page.body, sizes, strict=True):
        if y >= bottom:
            break
        if y + size > top:
            _place(widget, (0, y, WIDTH, y + size), top, bottom, focus, elements)
        y += size
    if page.tabs and not focus:
        _place_evenly(page.tabs, "tab", (0, bottom, WIDTH, bottom + TABS_HEIGHT), elements)
    if page.fab is not None and not focus:
        box = (WIDTH - 72, bottom - 72, WIDTH - 16, bottom - 16)
        elements.append(_leaf("fab", page.fab, box, box[1]))
    modal = 0
    if page.dialog is not None:
        modal = len(elements)
        _place_dialog(page.dialog, compact, focus, elements)
    return Layout(tuple(elements), (0, top, WIDTH, bottom), length, scroll, modal)


def _show_field(
    body: tuple[Widget, ...], sizes: list[int], focus: str, scroll: int, room: int
) -> int:
    """Return how far to scroll so that the field that is being written in can be seen."""
    start = 0
    for widget, size in zip(body, sizes, strict=True):
        if any(one.kind == "field" and one.name == focus for one in (widget, *widget.children)):
            return max(min(scroll, start), start + min(size, room) - room)
        start += size
    return scroll


def break_lines(words: str, width: int) -> tuple[str, ...]:
    """Return a text in lines that are at most `width` points wide, broken at spaces if possible."""
    lines: list[str] = []
    for paragraph in words.split("\n"):
        if len(paragraph) * LATIN_WIDTH <= width and paragraph.isascii():
            lines.append(paragraph)
        else:
            lines += _break(paragraph, width)
    return tuple(lines)


def _break(paragraph: str, width: int) -> list[str]:
    lines: list[str] = []
    start = used = 0
    space = -1
    for index, character in enumerate(paragraph):
        used += LATIN_WIDTH if ord(character) < 0x2E80 else WIDE_WIDTH
        if character == " ":
            space = index
        if used > width and index > start:
            end = space if space > start else index
            lines.append(paragraph[start:end])
            start = end + 1 if end == space else end
            space = -1
            used = sum(
                LATIN_WIDTH if ord(one) < 0x2E80 else WIDE_WIDTH
                for one in paragraph[start : index + 1]
            )
    lines.append(paragraph[start:])
    return lines


def _height(widget: Widget, compact: bool, width: int) -> int:
    kind = widget.kind
    if kind in ("item", "switch", "check", "radio"):
        if compact:
            return 60 if widget.detail else 48
        return 72 if widget.detail else 56
    if kind == "text":
        return LINE_HEIGHT * len(break_lines(widget.text, width - 2 * MARGIN)) + 12
    if kind == "row":
        part = width // max(1, len(widget.children))
        return max((_height(child, compact, part) for child in widget.children), default=0)
    if kind == "field":
        return 36 + LINE_HEIGHT * widget.lines
    if kind in ("image", "canvas"):
        return LINE_HEIGHT * widget.lines
    return _FIXED_HEIGHTS[kind]


_FIXED_HEIGHTS = {
    "heading": 36,
    "button": 48,
    "icon": 48,
    "slider": 60,
    "chip": 40,
    "app": 96,
    "space": 16,
}


def _place(
    widget: Widget, box: Bounds, top: int, bottom: int, focus: str, elements: list[Element]
) -> None:
    """Add the elements of a widget, cut to what is between `top` and `bottom`."""
    left, y0, right, y1 = box
    if widget.kind == "row":
        parts = widget.children
        for number, part in enumerate(parts):
            x0 = left + (right - left) * number // len(parts)
            x1 = left + (right - left) * (number + 1) // len(parts)
            _place(part, (x0, y0, x1, y1), top, bottom, focus, elements)
        return
    if widget.kind == "space":
        return
    cut_top, cut_bottom = max(y0, top), min(y1, bottom)
    edge = right - 48 * len(widget.children)
    elements.append(
        Element(
            widget.kind,
            (left, cut_top, edge, cut_bottom),
            widget.text,
            widget.detail,
            widget.tap if widget.enabled else None,
            widget.hold if widget.enabled else None,
            widget.drag if widget.enabled else None,
            widget.name,
            widget.value,
            widget.enabled,
            widget.kind == "field" and widget.name == focus,
            y0,
            break_lines(widget.text, right - left - 2 * MARGIN) if widget.kind == "text" else (),
            y1,
        )
    )
    for number, child in enumerate(widget.children):
        x0 = edge + 48 * number
        elements.append(_leaf(child.kind, child, (x0, cut_top, x0 + 48, cut_bottom), y0, y1))


def _leaf(kind: str, widget: Widget, box: Bounds, top: int, bottom: int = 0) -> Element:
    return Element(
        kind,
        box,
        widget.text,
        widget.detail,
        widget.tap if widget.enabled else None,
        widget.hold if widget.enabled else None,
        None,
        widget.name,
        widget.value,
        widget.enabled,
        False,
        top,
        (),
        bottom or box[3],
    )


def _place_bar(page: Page, elements: list[Element]) -> None:
    top, bottom = STATUS_HEIGHT, STATUS_HEIGHT + BAR_HEIGHT
    left = MARGIN
    if not page.root:
        elements.append(
            Element("icon", (0, top, 48, bottom), "Back", tap=Event("back"), name="back", top=top)
        )
        left = 48
    edge = WIDTH - 48 * len(page.actions)
    elements.append(Element("title", (left, top, edge, bottom), page.title, top=top))
    for number, action in enumerate(page.actions):
        x0 = edge + 48 * number
        elements.append(_leaf("icon", action, (x0, top, x0 + 48, bottom), top))


def _place_evenly(
    widgets: tuple[Widget, ...], kind: str, box: Bounds, elements: list[Element]
) -> None:
    left, top, right, bottom = box
    for number, widget in enumerate(widgets):
        x0 = left + (right - left) * number // len(widgets)
        x1 = left + (right - left) * (number + 1) // len(widgets)
        elements.append(_leaf(kind, widget, (x0, top, x1, bottom), top))


def _place_dialog(dialog: Dialog, compact: bool, focus: str, elements: list[Element]) -> None:
    left, right = 24, WIDTH - 24
    sizes = [_height(widget, compact, right - left) for widget in dialog.body]
    title = 48 if dialog.title else 8
    buttons = 56 if dialog.buttons else 8
    height = title + sum(sizes) + buttons
    room = HEIGHT - STATUS_HEIGHT - NAV_HEIGHT - (KEYBOARD_HEIGHT if focus else 0)
    y = STATUS_HEIGHT + max(0, (room - height) // 2)
    bottom = min(y + height, STATUS_HEIGHT + room)
    elements.append(Element("dialog", (left, y, right, bottom), dialog.title, top=y))
    y += title
    for widget, size in zip(dialog.body, sizes, strict=True):
        if y + size <= bottom - buttons:
            _place(widget, (left, y, right, y + size), y, y + size, focus, elements)
        y += size
    if dialog.buttons:
        box = (left + 8, bottom - buttons + 4, right - 8, bottom - 4)
        _place_evenly(dialog.buttons, "button", box, elements)
