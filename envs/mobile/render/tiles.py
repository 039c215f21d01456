"""A tile: a small part of the screen, painted in points."""

from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gym_reason.envs.mobile.render.fonts import Mask, baseline, fit, write
from gym_reason.envs.mobile.render.palette import Colour
from gym_reason.envs.mobile.render.shapes import picture, rounded

Pixels: TypeAlias = NDArray[np.uint8]
"""Rows of pixels of red, green and blue."""


class Tile:
    """A part of the screen of one ground colour. Everything is given in points, from its corner.

    What is painted beyond the edge is cut off.
    """

    def __init__(self, width: int, height: int, ground: Colour, scale: int) -> None:
        """Make an empty tile of `width` by `height` points."""
        self.width, self.height, self.ground, self.scale = width, height, ground, scale
        self.pixels: Pixels = np.empty((height * scale, width * scale, 3), np.uint8)
        fill_box(self.pixels, ground)
        self._top, self._left, self._bottom, self._right = height * scale, width * scale, 0, 0

    def crop(self) -> tuple[Pixels, int, int]:
        """Return what was painted on, a copy, and the row and column in pixels that it begins at.

        Nothing around it differs from the ground.
        """
        top, left = self._top, self._left
        if top >= self._bottom or left >= self._right:
            return self.pixels[:0, :0].copy(), 0, 0
        return self.pixels[top : self._bottom, left : self._right].copy(), top, left

    def fill(self, x0: int, y0: int, x1: int, y1: int, colour: Colour) -> None:
        """Fill a rectangle."""
        s = self.scale
        box = self._touch(y0 * s, x0 * s, y1 * s, x1 * s)
        if box.size:
            fill_box(box, colour)

    def round(
        self,
        x0: int,
        y0: int,
        x1: int,
        y1: int,
        radius: int,
        colour: Colour,
        on: Colour | None = None,
        stroke: int = 0,
        over: bool = False,
    ) -> None:
        """Paint a rounded rectangle, or its outline.

        `on` is the colour under it, corners and all, that of the tile where none is given; what is
        painted `over` others stands on several.
        """
        if x1 > x0 and y1 > y0:
            s = self.scale
            mask = rounded((x1 - x0) * s, (y1 - y0) * s, radius * s, stroke * s)
            under = None if over else on or self.ground
            self.stamp(mask, x0 * s, y0 * s, colour, under)

    def picture(
        self, name: str, x: int, y: int, size: int, colour: Colour, on: Colour | None = None
    ) -> None:
        """Paint a picture with its corner at a point."""
        s = self.scale
        self.stamp(picture(name, size * s), x * s, y * s, colour, on or self.ground)

    def write(
        self,
        text: str,
        x: int,
        base: int,
        size: int,
        colour: Colour,
        room: int,
        on: Colour | None = None,
        align: str = "left",
        keep_end: bool = False,
    ) -> int:
        """Write a line, with an ellipsis for what does not fit; return how wide it is, in points.

        Args:
            text: The line.
            x: Where it begins; its middle or its end, as `align` says.
            base: What the letters stand on.
            size: The size of the letters.
            colour: Their colour.
            room: How wide the line may be.
            on: The colour under it; that of the tile where none is given.
            align: `left`, `middle` or `right`.
            keep_end: Whether the end of a long line is shown, and not its beginning.
        """
        if not text or room < size // 2:
            return 0
        s = self.scale
        ink = write(fit(text, size * s, room * s, keep_end), size * s)
        left = x * s
        if align != "left":
            left -= ink.shape[1] // 2 if align == "middle" else ink.shape[1]
        self.stamp(ink, left, base * s - baseline(size * s), colour, on or self.ground)
        return int(ink.shape[1]) // s

    def stamp(self, mask: Mask, left: int, top: int, colour: Colour, on: Colour | None) -> None:
        """Put ink of a colour where a mask has it, with its corner at a point in pixels.

        It is put on what is there; where that is one colour all over, naming it as `on` is quicker.
        """
        rows, columns = mask.shape
        box = self._touch(top, left, top + rows, left + columns)
        if not box.size:
            return
        skipped_rows, skipped_columns = max(0, -top), max(0, -left)
        mask = mask[skipped_rows:, skipped_columns:][: box.shape[0], : box.shape[1]]
        if on is None:
            share = mask[:, :, None].astype(np.uint16)
            box[:] = (np.array(colour, np.uint16) * share + box * (255 - share)) // 255
        else:
            box[:] = np.take(_ramp(colour, on), mask, axis=0)

    def _touch(self, top: int, left: int, bottom: int, right: int) -> Pixels:
        """Return the part of the pixels that is within the tile, and note that it is painted on."""
        rows, columns = self.pixels.shape[:2]
        top, left, bottom, right = max(0, top), max(0, left), min(rows, bottom), min(columns, right)
        if top >= bottom or left >= right:
            return self.pixels[:0, :0]
        self._top, self._left = min(self._top, top), min(self._left, left)
        self._bottom, self._right = max(self._bottom, bottom), max(self._right, right)
        return self.pixels[top:bottom, left:right]


def fill_box(box: Pixels, colour: Colour) -> None:
    """Fill pixels with one colour; row by row, which is many times as quick as one by one."""
    box[0] = colour
    box[1:] = box[0]


@lru_cache(maxsize=512)
def _ramp(colour: Colour, ground: Colour) -> Pixels:
    """Return the colours from the ground, for no ink, to a colour, for all ink."""
    share = np.arange(256)[:, None] / 255
    return np.rint(np.array(colour) * share + np.array(ground) * (1 - share)).astype(np.uint8)
