"""Numbered boxes over a screen: marks by which a model that sees can name what it touches."""

import numpy as np

from gym_reason.envs.mobile.gestures import find_element
from gym_reason.envs.mobile.layout import Layout
from gym_reason.envs.mobile.render.fonts import line_height, write
from gym_reason.envs.mobile.render.palette import Colour
from gym_reason.envs.mobile.render.tiles import Pixels

COLOURS: tuple[Colour, ...] = (
    (200, 30, 60),
    (0, 110, 60),
    (20, 70, 200),
    (150, 60, 0),
    (120, 20, 160),
    (0, 95, 120),
)
"""Of the boxes in turn, so that neighbours differ."""
_LABEL_SIZE = 11


def marked_elements(screen: Layout, keys: bool = False) -> tuple[int, ...]:
    """Return the numbers of the elements that are marked: those whose middle can be touched.

    Args:
        screen: The layout.
        keys: Whether the letters of the keyboard are marked too.
    """
    numbers: list[int] = []
    for number in range(screen.modal, len(screen.elements)):
        element = screen.elements[number]
        left, top, right, bottom = element.bounds
        used = element.tap or element.hold or element.drag
        if not used or (element.kind == "key" and not keys):
            continue
        if find_element(screen, (left + right) // 2, (top + bottom) // 2) is element:
            numbers.append(number)
    return tuple(numbers)


def mark(pixels: Pixels, screen: Layout, scale: int = 1, keys: bool = False) -> Pixels:
    """Return a copy of a painted screen with a box and a number on each element that can be used.

    The numbers are those of `screen.elements`.

    Args:
        pixels: What `paint_array` returned.
        screen: The layout that was painted.
        scale: The scale that it was painted with.
        keys: Whether the letters of the keyboard are marked too.
    """
    marked = pixels.copy()
    for number in marked_elements(screen, keys):
        left, top, right, bottom = (value * scale for value in screen.elements[number].bounds)
        colour = COLOURS[number % len(COLOURS)]
        _outline(marked, left + scale, top + scale, right - scale, bottom - scale, colour, scale)
        _label(marked, str(number), left + scale, top + scale, colour, scale)
    return marked


def _outline(
    pixels: Pixels, left: int, top: int, right: int, bottom: int, colour: Colour, scale: int
) -> None:
    pixels[top : top + scale, left:right] = colour
    pixels[bottom - scale : bottom, left:right] = colour
    pixels[top:bottom, left : left + scale] = colour
    pixels[top:bottom, right - scale : right] = colour


def _label(pixels: Pixels, text: str, left: int, top: int, colour: Colour, scale: int) -> None:
    ink = write(text, _LABEL_SIZE * scale)
    rows, columns = line_height(_LABEL_SIZE * scale), ink.shape[1]
    box = pixels[top : top + rows, left : left + columns + 4 * scale]
    box[:] = colour
    inner = box[: ink.shape[0], 2 * scale : 2 * scale + columns]
    share = ink[: inner.shape[0], : inner.shape[1], None].astype(np.uint16)
    inner[:] = (inner * (255 - share) + 255 * share) // 255
