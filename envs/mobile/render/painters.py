"""How each kind of element looks, painted on a tile of its whole size."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from gym_reason.envs.mobile.gestures import SLIDER_MARGIN
from gym_reason.envs.mobile.layout import LINE_HEIGHT, MARGIN, Element, break_lines
from gym_reason.envs.mobile.render.fonts import measure
from gym_reason.envs.mobile.render.palette import Colour, Palette, hue, mix
from gym_reason.envs.mobile.render.scenes import paint_scene, paint_strokes
from gym_reason.envs.mobile.render.tiles import Tile

Painter: TypeAlias = Callable[[Tile, Element, Palette], None]
"""Paints an element on a tile that has its size and the colour of what it stands on."""

WHITE: Colour = (255, 255, 255)


def paint_item(tile: Tile, element: Element, palette: Palette) -> None:
    """Paint a line of a list."""
    on = tile.ground
    if element.value is True:
        on = mix(palette.soft, tile.ground, 0.8)
        tile.fill(0, 0, tile.width, tile.height, on)
    x, middle = MARGIN, tile.height // 2
    if element.value is not None or element.name:
        radius = 20 if tile.height > 50 else 16
        disc = palette.accent if element.value is True else palette.soft
        picture = "check" if element.value is True else element.name or "select"
        tile.round(x, middle - radius, x + 2 * radius, middle + radius, radius, disc, on)
        ink = palette.on_accent if element.value is True else palette.accent
        tile.picture(picture, x + radius - 11, middle - 11, 22, ink, disc)
        x += 2 * radius + MARGIN
    _write_label(tile, element, palette, x, tile.width - x - 12, on)


def _write_label(
    tile: Tile, element: Element, palette: Palette, x: int, room: int, on: Colour | None = None
) -> None:
    """Write the two lines of an element."""
    under = on or tile.ground
    ink, faint = palette.ink, palette.faint
    if not element.enabled:
        ink, faint = mix(ink, under, 0.45), mix(faint, under, 0.45)
    middle = tile.height // 2
    if element.detail:
        tile.write(element.text, x, middle - 3, 16, ink, room, on)
        tile.write(element.detail, x, middle + 17, 13, faint, room, on)
    else:
        tile.write(element.text, x, middle + 6, 16, ink, room, on)


def paint_switch(tile: Tile, element: Element, palette: Palette) -> None:
    """Paint a line with a switch at its end."""
    _write_label(tile, element, palette, MARGIN, tile.width - 2 * MARGIN - 60)
    right, middle = tile.width - MARGIN, tile.height // 2
    left, top = right - 50, middle - 15
    share = 1.0 if element.enabled else 0.4
    if element.value:
        track = mix(palette.accent, tile.ground, share)
        tile.round(left, top, right, top + 30, 15, track)
        tile.round(right - 27, top + 3, right - 3, top + 27, 12, palette.on_accent, over=True)
    else:
        edge = mix(palette.faint, tile.ground, share)
        tile.round(left, top, right, top + 30, 15, palette.field)
        tile.round(left, top, right, top + 30, 15, edge, stroke=2, over=True)
        tile.round(left + 8, top + 7, left + 24, top + 23, 8, edge, palette.field)


def paint_check(tile: Tile, element: Element, palette: Palette) -> None:
    """Paint a line with a box to tick."""
    top = tile.height // 2 - 10
    if element.value:
        tile.round(MARGIN + 2, top, MARGIN + 22, top + 20, 4, palette.accent)
        tile.picture("check", MARGIN + 4, top + 2, 16, palette.on_accent, palette.accent)
    else:
        tile.round(MARGIN + 2, top, MARGIN + 22, top + 20, 4, palette.faint, stroke=2)
    _write_label(tile, element, palette, MARGIN + 40, tile.width - MARGIN - 52)


def paint_radio(tile: Tile, element: Element, palette: Palette) -> None:
    """Paint a line of a choice of one."""
    top = tile.height // 2 - 10
    colour = palette.accent if element.value else palette.faint
    tile.round(MARGIN + 2, top, MARGIN + 22, top + 20, 10, colour, stroke=2)
    if element.value:
        tile.round(MARGIN + 7, top + 5, MARGIN + 17, top + 15, 5, colour)
    _write_label(tile, element, palette, MARGIN + 40, tile.width - MARGIN - 52)


def paint_text(tile: Tile, element: Element, palette: Palette) -> None:
    """Paint a paragraph."""
    room = tile.width - 2 * MARGIN + 8
    for number, line in enumerate(element.lines):
        wide = measure(line, 14)
        # All of a paragraph can be read, so that a line of wide letters is written smaller.
        size = 14 if wide <= room else max(8, int(14 * room / wide))
        tile.write(line, MARGIN, 6 + LINE_HEIGHT * number + 15, size, palette.ink, room)


def paint_heading(tile: Tile, element: Element, palette: Palette) -> None:
    """Paint the title of a section."""
    base = tile.height - 12
    tile.write(element.text, MARGIN, base, 14, palette.accent, tile.width - 2 * MARGIN)


def paint_button(tile: Tile, element: Element, palette: Palette) -> None:
    """Paint a button: full on a page, soft in a dialog."""
    flat = tile.ground == palette.dialog
    fill, ink = (palette.soft, palette.accent) if flat else (palette.accent, palette.on_accent)
    if not element.enabled:
        fill, ink = mix(palette.faint, tile.ground, 0.2), mix(palette.faint, tile.ground, 0.7)
    margin = 4 if tile.width < 170 else MARGIN
    tile.round(margin, 4, tile.width - margin, tile.height - 4, 20, fill)
    _write_centred(tile, element.text, tile.width // 2, tile.height // 2 + 5, 15, ink, fill, margin)


def _write_centred(
    tile: Tile, text: str, x: int, base: int, size: int, ink: Colour, on: Colour, margin: int
) -> None:
    """Write a label, smaller where it would not fit."""
    room = tile.width - 2 * margin - 8
    while size > 10 and measure(text, size) > room:
        size -= 1
    tile.write(text, x, base, size, ink, room, on, align="middle")


def paint_icon(tile: Tile, element: Element, palette: Palette) -> None:
    """Paint a button that is a picture."""
    ink = palette.ink if element.enabled else mix(palette.ink, tile.ground, 0.35)
    left, top = (tile.width - 24) // 2, (tile.height - 24) // 2
    if element.value is True:
        tile.round(left - 8, top - 8, left + 32, top + 32, 20, palette.soft)
        tile.picture(element.name, left, top, 24, palette.accent, palette.soft)
    else:
        tile.picture(element.name, left, top, 24, ink)


def paint_slider(tile: Tile, element: Element, palette: Palette) -> None:
    """Paint a slider: its label and level above, its track below."""
    level = element.value if isinstance(element.value, int) else 0
    label = element.text + (f"  {element.detail}" if element.detail else "")
    tile.write(label, MARGIN, 20, 15, palette.ink, tile.width - 90)
    right, y = tile.width - SLIDER_MARGIN, 42
    tile.write(f"{level}%", right + 8, 20, 14, palette.faint, 60, align="right")
    x = SLIDER_MARGIN + (right - SLIDER_MARGIN) * max(0, min(100, level)) // 100
    accent = palette.accent if element.enabled else palette.line
    tile.round(SLIDER_MARGIN - 3, y - 3, right + 3, y + 3, 3, palette.line)
    tile.round(SLIDER_MARGIN - 3, y - 3, max(x, SLIDER_MARGIN + 3), y + 3, 3, accent)
    tile.round(x - 10, y - 10, x + 10, y + 10, 10, accent, over=True)


def paint_chip(tile: Tile, element: Element, palette: Palette) -> None:
    """Paint a small choice."""
    top, bottom, middle = 4, tile.height - 4, tile.width // 2
    on = tile.ground
    ink = palette.ink if element.enabled else mix(palette.ink, tile.ground, 0.4)
    if element.value:
        on, ink = palette.accent, palette.on_accent
        tile.round(3, top, tile.width - 3, bottom, 10, on)
    else:
        tile.round(3, top, tile.width - 3, bottom, 10, palette.line, stroke=1)
    _write_centred(tile, element.text, middle, tile.height // 2 + 5, 14, ink, on, 3)


def paint_field(tile: Tile, element: Element, palette: Palette) -> None:
    """Paint a field: its label above what is written, or in its place where nothing is."""
    left, right, bottom = MARGIN, tile.width - MARGIN, tile.height - 4
    on, edge = palette.field, palette.accent if element.focused else palette.faint
    tile.round(left, 2, right, bottom + 6, 6, on)
    tile.fill(left, bottom, right, tile.height, tile.ground)
    tile.fill(left, bottom - (2 if element.focused else 1), right, bottom, edge)
    x, room = left + 12, right - left - 24
    label = palette.accent if element.focused else palette.faint
    if not element.detail and not element.focused:
        tile.write(element.text, x, 32, 16, label, room, on)
        return
    tile.write(element.text, x, 17, 12, label, room, on)
    count = max(1, (tile.height - 36) // LINE_HEIGHT)
    if element.value:
        lines = break_lines(element.detail, room)
        shown = lines[-count:] if element.focused else lines[:count]
    else:
        shown = (element.detail,)
    end = x
    for number, line in enumerate(shown):
        size, base = 15, 36 + LINE_HEIGHT * number
        if element.value and (wide := measure(line, 15)) > room:
            size = max(8, int(15 * room / wide))
        end = x + tile.write(line, x, base, size, palette.ink, room, on, keep_end=element.focused)
    if element.focused:
        base = 36 + LINE_HEIGHT * (len(shown) - 1)
        tile.fill(end + 1, base - 14, end + 3, base + 4, palette.accent)


def paint_image(tile: Tile, element: Element, palette: Palette) -> None:
    """Paint a picture, with the text that is in it."""
    paint_scene(tile, element, palette)


def paint_canvas(tile: Tile, element: Element, palette: Palette) -> None:
    """Paint a surface with what was drawn on it: a line for each stroke."""
    paint_strokes(tile, element.detail)
    tile.fill(0, 0, tile.width, 1, palette.line)
    tile.fill(0, tile.height - 1, tile.width, tile.height, palette.line)
    if not element.detail:
        tile.write(element.text, tile.width // 2, 24, 13, (140, 144, 156), 300, WHITE, "middle")


def paint_app(tile: Tile, element: Element, palette: Palette) -> None:
    """Paint the icon of an app, with its name below."""
    left = (tile.width - 54) // 2
    ground = hue(element.name)
    tile.round(left, 10, left + 54, 64, 17, ground)
    tile.picture(element.name, left + 13, 23, 28, WHITE, ground)
    _write_centred(tile, element.text, tile.width // 2, 83, 13, palette.ink, tile.ground, 0)


def paint_tab(tile: Tile, element: Element, palette: Palette) -> None:
    """Paint one of the pages along the bottom."""
    tile.fill(0, 0, tile.width, tile.height, palette.bar)
    middle = tile.width // 2
    ink, on = (palette.accent, palette.soft) if element.value else (palette.faint, palette.bar)
    if element.name:
        if element.value:
            tile.round(middle - 28, 4, middle + 28, 32, 14, on, palette.bar)
        tile.picture(element.name, middle - 11, 7, 22, ink, on)
        _write_centred(tile, element.text, middle, 47, 12, ink, palette.bar, 2)
        return
    _write_centred(tile, element.text, middle, 33, 14, ink, palette.bar, 2)
    if element.value:
        tile.round(middle - 24, 44, middle + 24, 47, 2, palette.accent, palette.bar)


def paint_fab(tile: Tile, element: Element, palette: Palette) -> None:
    """Paint the round button at the lower right."""
    tile.round(0, 0, tile.width, tile.height, 17, palette.accent)
    left = (tile.width - 26) // 2
    tile.picture(element.name, left, left, 26, palette.on_accent, palette.accent)


def paint_title(tile: Tile, element: Element, palette: Palette) -> None:
    """Paint the title in the bar."""
    left = 8 if element.bounds[0] > MARGIN else 0
    room = tile.width - left - 4
    tile.write(element.text, left, tile.height // 2 + 7, 20, palette.ink, room)


def paint_dialog(tile: Tile, element: Element, palette: Palette) -> None:
    """Paint the box over a page, with its title."""
    room, size = tile.width - 44, 18
    while size > 13 and measure(element.text, size) > room:
        size -= 1
    tile.write(element.text, 22, 33, size, palette.ink, room)


def paint_key(tile: Tile, element: Element, palette: Palette) -> None:
    """Paint a key of the keyboard."""
    picture = {"\x0e": "shift", "\b": "erase", "\n": "enter"}.get(element.text)
    key = palette.soft if picture else palette.key
    tile.fill(0, 0, tile.width, tile.height, palette.board)
    tile.round(2, 4, tile.width - 2, tile.height - 4, 6, key, palette.board)
    middle, base = tile.width // 2, tile.height // 2 + 6
    if picture:
        tile.picture(picture, middle - 9, tile.height // 2 - 9, 18, palette.ink, key)
    elif element.text == " ":
        tile.fill(middle - 9, base, middle + 9, base + 2, palette.faint)
    else:
        tile.write(element.text, middle, base, 18, palette.ink, 30, key, align="middle")


def paint_nav(tile: Tile, element: Element, palette: Palette) -> None:
    """Paint a button of the bar at the very bottom."""
    x, y = tile.width // 2, tile.height // 2
    ink = palette.faint
    if element.name == "back":
        tile.picture("left", x - 11, y - 11, 22, ink)
    elif element.name == "home":
        tile.round(x - 8, y - 8, x + 8, y + 8, 8, ink, stroke=2)
    else:
        tile.round(x - 8, y - 8, x + 8, y + 8, 3, ink, stroke=2)


def paint_status(tile: Tile, element: Element, palette: Palette) -> None:
    """Paint the line at the very top: the time, and what a phone shows beside it."""
    tile.write(element.text, MARGIN, 17, 13, palette.ink, 80)
    right = tile.width - MARGIN
    tile.picture("battery", right - 14, 5, 15, palette.ink)
    tile.picture("network", right - 32, 5, 14, palette.ink)
    tile.picture("wifi", right - 52, 5, 15, palette.ink)


def paint_toast(tile: Tile, element: Element, palette: Palette) -> None:
    """Paint a message."""
    tile.round(0, 0, tile.width, tile.height, 12, palette.toast)
    middle, base = tile.width // 2, tile.height // 2 + 5
    _write_centred(tile, element.text, middle, base, 14, palette.on_toast, palette.toast, 8)


PAINTERS: Mapping[str, Painter] = {
    "item": paint_item,
    "switch": paint_switch,
    "check": paint_check,
    "radio": paint_radio,
    "text": paint_text,
    "heading": paint_heading,
    "button": paint_button,
    "icon": paint_icon,
    "slider": paint_slider,
    "chip": paint_chip,
    "field": paint_field,
    "image": paint_image,
    "canvas": paint_canvas,
    "app": paint_app,
    "tab": paint_tab,
    "fab": paint_fab,
    "title": paint_title,
    "dialog": paint_dialog,
    "key": paint_key,
    "nav": paint_nav,
    "status": paint_status,
    "toast": paint_toast,
}
"""By the kind of the element."""
