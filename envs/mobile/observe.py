"""What a policy without eyes is shown: a screen as a list of elements, as a tree, or in brief.

The numbers are those of `Layout.elements`, so that an action's index needs no translation. The
keyboard's keys and the three buttons along the lower edge are left out, and so is all that an open
dialog covers.
"""

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping

from gym_reason.envs.mobile.layout import BAR_HEIGHT, STATUS_HEIGHT, Element, Layout
from gym_reason.verifiers.state.world import Value

MAX_CACHED = 4096
"""Screens whose text is kept."""

_UNSEEN = ("key", "nav", "status", "title", "bar")
_STATES = ("switch", "check", "radio", "chip", "tab")


class Observer:
    """Writes screens as text, and keeps what it has written, by the identity of the layout."""

    def __init__(self, form: str = "elements") -> None:
        """Write in one of FORMS."""
        self._write = FORMS[form]
        self._kept: OrderedDict[int, tuple[Layout, str, str]] = OrderedDict()

    def describe(self, layout: Layout, app: str) -> str:
        """Return a screen as text.

        Args:
            layout: The screen.
            app: The name on the screen of the app in the foreground; empty on the home screen.
        """
        kept = self._kept.get(id(layout))
        if kept is not None and kept[1] == app:
            self._kept.move_to_end(id(layout))
            return kept[2]
        text = self._write(layout, app)
        # The layout is kept with it, so that its identity is not given to another meanwhile.
        self._kept[id(layout)] = (layout, app, text)
        if len(self._kept) > MAX_CACHED:
            self._kept.popitem(last=False)
        return text


def seen_elements(layout: Layout) -> list[tuple[int, Element]]:
    """Return what is shown of a screen, with the numbers of the elements."""
    elements = layout.elements
    return [
        (number, elements[number])
        for number in range(layout.modal, len(elements))
        if elements[number].kind not in _UNSEEN
    ]


def has_keyboard(layout: Layout) -> bool:
    """Return whether the keyboard is shown. It is the last but the buttons at the lower edge."""
    return any(one.kind == "key" for one in layout.elements[-5:])


def _quote(words: str) -> str:
    # As JSON does, so that no text of a user looks like another line of the list.
    return json.dumps(words, ensure_ascii=False)


def _head(layout: Layout, app: str) -> list[str]:
    title = next((one.text for one in layout.elements if one.kind == "title"), "")
    clock = next((one.text for one in layout.elements if one.kind == "status"), "")
    lines = [f"{clock} {app or 'Home screen'}" + (f", page {_quote(title)}" if title else "")]
    if not layout.modal and layout.max_scroll:
        above, below = layout.scroll > 0, layout.scroll < layout.max_scroll
        where = "above and below" if above and below else "above" if above else "below"
        lines.append(f"there is more {where}")
    return lines


def list_elements(layout: Layout, app: str) -> str:
    """Return a screen as a list, an element a line, those that can be used with their numbers."""
    lines = _head(layout, app)
    for number, element in seen_elements(layout):
        usable = element.tap or element.hold or element.drag
        lines.append(f"{number if usable else '-'} {_describe(element)}")
    if has_keyboard(layout):
        lines.append("keyboard shown")
    return "\n".join(lines)


def _describe(element: Element) -> str:
    kind = element.kind
    parts = [kind, _quote(element.text)]
    if kind == "field":
        parts.append(f"= {_quote(element.detail)}")
    elif kind == "slider":
        parts.append(f"at {element.value}")
    elif element.detail:
        parts.append(_quote(element.detail))
    if element.value is True and (kind in _STATES or kind == "item"):
        parts.append("on")
    elif element.value is False and kind in _STATES:
        parts.append("off")
    if kind == "canvas":
        parts.append("at {},{},{},{}".format(*element.bounds))
    if element.focused:
        parts.append("(being written in)")
    if not element.enabled:
        parts.append("(disabled)")
    return " ".join(parts)


def write_brief(layout: Layout, app: str) -> str:
    """Return a screen in few characters: numbers and labels, `*` for on, fields with their text."""
    title = next((one.text for one in layout.elements if one.kind == "title"), "")
    lines = [f"# {_one_line(title or app) or 'Home'}"]
    for number, element in seen_elements(layout):
        words = _one_line(element.text)
        if element.kind == "field":
            words += f"={_one_line(element.detail)}"
        elif element.kind == "slider":
            words += f" {element.value}"
        elif element.detail:
            words += f"|{_one_line(element.detail)}"
        if not (element.tap or element.hold or element.drag):
            lines.append(f"- {words}")
        else:
            on = element.value is True and element.kind != "field"
            lines.append(f"{number}{'*' if on else ' '}{words}")
    if not layout.modal and layout.scroll < layout.max_scroll:
        lines.append("v")
    return "\n".join(lines)


def _one_line(words: str) -> str:
    return words.replace("\\", "\\\\").replace("\n", "\\n") if "\n" in words else words


def write_tree(layout: Layout, app: str) -> str:
    """Return a screen as an accessibility tree: nested, with bounds in points and states."""
    lines = [_head(layout, app)[0], "screen"]
    opened: str = ""
    parent: Element | None = None
    for number, element in seen_elements(layout):
        part = _part_of(element, number, layout)
        if part != opened:
            lines.append(f"  {part}")
            opened, parent = part, None
        within = parent is not None and _ends(parent, element)
        lines.append("  " * (3 if within else 2) + f"{number} {_describe_node(element)}")
        if not within:
            parent = element
    if has_keyboard(layout):
        lines.append("  keyboard")
    return "\n".join(lines)


def _part_of(element: Element, number: int, layout: Layout) -> str:
    if layout.modal and element.kind != "toast":
        return "dialog"
    if element.kind in ("tab", "fab", "toast"):
        return {"tab": "tabs", "fab": "floating", "toast": "messages"}[element.kind]
    top, bottom = layout.body[1], layout.body[3]
    if element.bounds[1] < top and element.bounds[3] <= STATUS_HEIGHT + BAR_HEIGHT:
        return "bar"
    more = layout.max_scroll
    return f"list, scrolled {layout.scroll} of {more}" if more and bottom > top else "list"


def _ends(line: Element, element: Element) -> bool:
    """Return whether an element stands at the end of a line of a list, and so belongs to it."""
    return (
        line.kind in ("item", "switch", "check", "radio", "field", "text")
        and element.bounds[0] >= line.bounds[2]
        and element.top == line.top
    )


def _describe_node(element: Element) -> str:
    states = {
        "clickable": element.tap is not None,
        "long-clickable": element.hold is not None,
        "draggable": element.drag is not None,
        "checked": element.value is True and element.kind in (*_STATES, "item"),
        "focused": element.focused,
        "disabled": not element.enabled,
    }
    words = [element.kind, _quote(element.text)]
    if element.detail or element.kind == "field":
        words.append(f"value={_quote(element.detail)}")
    if element.kind == "slider":
        words.append(f"level={_level(element.value)}")
    words.append("[{},{}][{},{}]".format(*element.bounds))
    return " ".join([*words, *(name for name, holds in states.items() if holds)])


def _level(value: Value) -> str:
    return "" if value is None else str(value)


FORMS: Mapping[str, Callable[[Layout, str], str]] = {
    "elements": list_elements,
    "tree": write_tree,
    "brief": write_brief,
}
"""The forms of an observation as text, by name."""
