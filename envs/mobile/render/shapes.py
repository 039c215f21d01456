"""Shapes as masks, with smooth edges: rounded rectangles, circles and the small pictures."""

from functools import lru_cache

import numpy as np

from gym_reason.envs.mobile.render.fonts import Image, ImageDraw, Mask, baseline, fit, write
from gym_reason.envs.mobile.render.pictures import GRID, STROKE, Shape, find_picture, letter_of

_FINE = 4
"""Points across a pixel that shapes are drawn with, before they are made smaller."""


@lru_cache(maxsize=1024)
def rounded(width: int, height: int, radius: int, stroke: int = 0) -> Mask:
    """Return a rounded rectangle: filled, or an outline `stroke` pixels wide."""
    picture = Image.new("L", (width * _FINE, height * _FINE))
    draw = ImageDraw.Draw(picture)
    box = (0, 0, width * _FINE - 1, height * _FINE - 1)
    radius = min(radius, width // 2, height // 2) * _FINE
    if stroke:
        draw.rounded_rectangle(box, radius, outline=255, width=stroke * _FINE)
    else:
        draw.rounded_rectangle(box, radius, fill=255)
    return np.asarray(picture.resize((width, height), Image.Resampling.BOX))


@lru_cache(maxsize=1024)
def picture(name: str, size: int) -> Mask:
    """Return a picture, or a letter for one that is not known."""
    shapes = find_picture(name)
    if not shapes:
        return _letter(letter_of(name), size)
    fine = Image.new("L", (size * _FINE, size * _FINE))
    draw = ImageDraw.Draw(fine)
    for shape in shapes:
        _draw_shape(draw, shape, size * _FINE / GRID)
    return np.asarray(fine.resize((size, size), Image.Resampling.BOX))


@lru_cache(maxsize=256)
def curve(points: tuple[tuple[float, float], ...], width: int, height: int, stroke: int) -> Mask:
    """Return a line through points, on an empty field of `width` by `height`."""
    fine = Image.new("L", (width * 2, height * 2))
    scaled = tuple(value * 2 for point in points for value in point)
    _draw_line(ImageDraw.Draw(fine), scaled, stroke * 2)
    return np.asarray(fine.resize((width, height), Image.Resampling.BOX))


def _letter(letter: str, size: int) -> Mask:
    field = np.zeros((size, size), np.uint8)
    letters = round(size * 0.85)
    ink = write(fit(letter, letters, size), letters)[:, :size]
    rise = baseline(letters) - round(size * 0.5 + letters * 0.36)
    rows = min(size, ink.shape[0] - max(0, rise))
    left = (size - ink.shape[1]) // 2
    field[:rows, left : left + ink.shape[1]] = ink[max(0, rise) : max(0, rise) + rows]
    return field


def _draw_shape(draw: ImageDraw.ImageDraw, shape: Shape, scale: float) -> None:
    kind = shape.kind
    stroke = STROKE * scale
    if kind == "arc":
        x, y, radius = (value * scale for value in shape.numbers[:3])
        begin, end = shape.numbers[3:]
        outer = radius + stroke / 2
        box = (x - outer, y - outer, x + outer, y + outer)
        draw.arc(box, begin, end, fill=255, width=round(stroke))
        return
    numbers = tuple(value * scale for value in shape.numbers)
    if kind == "line":
        _draw_line(draw, numbers, stroke)
    elif kind == "area":
        draw.polygon(numbers, fill=255)
    elif kind in ("ring", "disc"):
        x, y, radius = numbers
        outer = radius + (stroke / 2 if kind == "ring" else 0)
        box = (x - outer, y - outer, x + outer, y + outer)
        if kind == "ring":
            draw.ellipse(box, outline=255, width=round(stroke))
        else:
            draw.ellipse(box, fill=255)
    else:
        x0, y0, x1, y1, radius = numbers
        if kind == "block":
            draw.rounded_rectangle((x0, y0, x1, y1), radius, fill=255)
        else:
            half = stroke / 2
            box = (x0 - half, y0 - half, x1 + half, y1 + half)
            draw.rounded_rectangle(box, radius + half, outline=255, width=round(stroke))


def _draw_line(draw: ImageDraw.ImageDraw, numbers: tuple[float, ...], stroke: float) -> None:
    """Draw a line with round corners and ends."""
    draw.line(numbers, fill=255, width=round(stroke), joint="curve")
    half = stroke / 2
    for x, y in zip(numbers[::2], numbers[1::2], strict=True):
        draw.ellipse((x - half, y - half, x + half, y + half), fill=255)
