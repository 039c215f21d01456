"""The screen as pixels: tiles of elements, kept and put together anew for each picture.

Needs Pillow: `pip install "gym-reason[mobile]"`. A picture depends on the layout, the theme and the
scale alone, and on the fonts of the system where text is not plain Latin.
"""

import io
from collections import OrderedDict
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gym_reason.envs.mobile.layout import (
    BAR_HEIGHT,
    HEIGHT,
    NAV_HEIGHT,
    STATUS_HEIGHT,
    WIDTH,
    Element,
    Layout,
)
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.render.fonts import Image
from gym_reason.envs.mobile.render.painters import PAINTERS
from gym_reason.envs.mobile.render.palette import PALETTES, Colour, Palette, mix
from gym_reason.envs.mobile.render.png import write_png
from gym_reason.envs.mobile.render.shapes import rounded
from gym_reason.envs.mobile.render.tiles import Pixels, Tile, fill_box

MAX_KEPT_BYTES = 48 * 2**20
"""What the tiles that are kept may take, in one process."""
MAX_SCALE = 4
"""Most pixels along a point."""

_CORNER = 14
"""Radius of a dialog's corners, in points."""
_OVER = ("fab", "toast")
"""Kinds that what is below shows through, at the corners."""
Overlay: TypeAlias = tuple[NDArray[np.uint16], NDArray[np.uint16]]
"""The light that an element adds, and the share of what is below that it lets through, of 256."""

Kept: TypeAlias = tuple[Pixels, int, int]
"""The part of an element that differs from its ground, and the row and column it begins at."""


def paint(screen: Layout, look: Look, scale: int = 1) -> Image.Image:
    """Return a screen as a picture of 360 by 800 pixels, times `scale`."""
    return Image.fromarray(paint_array(screen, look, scale))


def paint_png(screen: Layout, look: Look, scale: int = 1) -> bytes:
    """Return a screen as a PNG file of 360 by 800 pixels, times `scale`."""
    return write_png(paint_array(screen, look, scale))


def read_png(png: bytes) -> Pixels:
    """Return the pixels of a PNG file."""
    with Image.open(io.BytesIO(png), formats=("PNG",)) as picture:
        return np.asarray(picture.convert("RGB"))


def paint_array(screen: Layout, look: Look, scale: int = 1) -> Pixels:
    """Return a screen as rows of pixels: (800 * scale, 360 * scale, 3), which the caller owns."""
    return _PAINTERS[look.theme].paint(screen, max(1, min(MAX_SCALE, scale)))


class _ScreenPainter:
    """Paints screens of one theme, and keeps the tiles that it has painted."""

    def __init__(self, palette: Palette) -> None:
        self._palette = palette
        self._kept: OrderedDict[object, Kept] = OrderedDict()
        self._bytes = 0

    def paint(self, screen: Layout, scale: int) -> Pixels:
        """Return the pixels of a screen."""
        palette, elements, modal = self._palette, screen.elements, screen.modal
        home = _is_home(screen)
        frame = _ground(palette, home, scale).copy()
        page: Colour | None = None if home else palette.page
        bar = STATUS_HEIGHT + BAR_HEIGHT
        first_key = 0
        for number, element in enumerate(elements):
            kind = element.kind
            if modal and number == modal:
                _dim(frame)
                page = palette.dialog
            if kind == "key":
                first_key = first_key or number
                continue
            if first_key:
                self._paint_keys(frame, elements[first_key:number], scale)
                first_key = 0
            if kind in _OVER:
                _blend(frame, element, _overlay(element, palette, scale), scale)
            elif kind == "dialog":
                self._paint_dialog(frame, element, scale)
            elif kind == "nav":
                if modal:
                    left, top, right, bottom = (value * scale for value in element.bounds)
                    fill_box(frame[top:bottom, left:right], palette.page)
                self._paste(frame, element, palette.page if not home else None, scale)
            elif element.bounds[1] < bar and (not modal or number < modal):
                self._paste(frame, element, palette.bar if not home else None, scale)
            else:
                self._paste(frame, element, page, scale)
        return frame

    def _paste(self, frame: Pixels, element: Element, ground: Colour | None, s: int) -> None:
        """Put an element's tile in its place; no ground means the picture of the home screen."""
        left, top, right, bottom = element.bounds
        kind, _, text, detail, _, _, _, name, value, enabled, focused, start, _, end = element
        whole = end - start if end > start else bottom - top
        place = start if ground is None else left if kind == "title" else 0
        # What a touch means is not seen. Lines follow from the text and the width.
        key = (
            *(kind, text, detail, name, value, enabled, focused),
            *(right - left, whole, place, ground, s),
        )
        kept = self._kept.get(key)
        if kept is None:
            kept = self._keep(key, self._make(element, ground, whole, s))
        else:
            self._kept.move_to_end(key)
        tile, row, column = kept
        first = (top - start) * s if end > start else 0
        last = first + (bottom - top) * s
        if row < first or row + len(tile) > last:
            tile = tile[max(0, first - row) : max(0, last - row)]
            row = max(row, first)
        y, x = top * s + row - first, left * s + column
        frame[y : y + tile.shape[0], x : x + tile.shape[1]] = tile

    def _make(self, element: Element, ground: Colour | None, height: int, s: int) -> Kept:
        if ground is not None:
            return _paint_tile(element, self._palette, ground, height, s).crop()
        left, _, right, bottom = element.bounds
        top = bottom - height
        below = _ground(self._palette, True, s)[top * s : bottom * s, left * s : right * s].copy()
        light, share = _overlay(element, PALETTES["dark"], s)
        return (light + ((below * share) >> 8)).astype(np.uint8), 0, 0

    def _keep(self, key: object, kept: Kept) -> Kept:
        self._kept[key] = kept
        self._bytes += kept[0].nbytes
        while self._bytes > MAX_KEPT_BYTES // len(PALETTES) and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1][0].nbytes
        return kept

    def _paint_keys(self, frame: Pixels, keys: tuple[Element, ...], s: int) -> None:
        """Put the whole keyboard in its place, as one tile."""
        left, top, _, _ = keys[0].bounds
        _, _, right, bottom = keys[-1].bounds
        key = ("keys", "".join(one.text for one in keys), left, top, right, bottom, s)
        kept = self._kept.get(key)
        if kept is None:
            board = self._palette.board
            tile = Tile(right - left, bottom - top, board, s).pixels
            for one in keys:
                x0, y0, x1, y1 = one.bounds
                painted = _paint_tile(one, self._palette, board, y1 - y0, s).pixels
                tile[(y0 - top) * s : (y1 - top) * s, (x0 - left) * s : (x1 - left) * s] = painted
            kept = self._keep(key, (tile, 0, 0))
        frame[top * s : bottom * s, left * s : right * s] = kept[0]

    def _paint_dialog(self, frame: Pixels, element: Element, s: int) -> None:
        left, top, right, bottom = (value * s for value in element.bounds)
        size = _CORNER * s
        corners = [
            (y, x, frame[y : y + size, x : x + size].astype(np.uint16))
            for y in (top, bottom - size)
            for x in (left, right - size)
        ]
        fill_box(frame[top:bottom, left:right], self._palette.dialog)
        self._paste(frame, element, self._palette.dialog, s)
        mask = rounded(2 * size, 2 * size, size).astype(np.uint16)[:, :, None]
        for y, x, below in corners:
            y0, x0 = (size if y > top else 0), (size if x > left else 0)
            ink = mask[y0 : y0 + size, x0 : x0 + size]
            box = frame[y : y + size, x : x + size]
            box[:] = (box * ink + below * (255 - ink)) // 255


_PAINTERS = {theme: _ScreenPainter(palette) for theme, palette in PALETTES.items()}


def _is_home(screen: Layout) -> bool:
    """Return whether it is the home screen: apps, and no title."""
    named = apps = False
    for element in screen.elements:
        if element.kind == "title":
            named = bool(element.text)
        apps = apps or element.kind == "app"
    return apps and not named


@lru_cache(maxsize=16)
def _ground(palette: Palette, home: bool, scale: int) -> Pixels:
    """Return what is below all elements."""
    frame = np.empty((HEIGHT * scale, WIDTH * scale, 3), np.uint8)
    if home:
        for y in range(HEIGHT):
            colour = mix(palette.sky, palette.ground, 1 - y / HEIGHT)
            frame[y * scale : (y + 1) * scale] = colour
        return frame
    fill_box(frame, palette.page)
    frame[: (STATUS_HEIGHT + BAR_HEIGHT) * scale] = palette.bar
    frame[(HEIGHT - NAV_HEIGHT) * scale :] = palette.page
    return frame


def _paint_tile(
    element: Element, palette: Palette, ground: Colour, height: int, scale: int
) -> Tile:
    """Return the tile of one element, of its whole height."""
    left, _, right, _ = element.bounds
    tile = Tile(right - left, height, ground, scale)
    PAINTERS[element.kind](tile, element, palette)
    return tile


@lru_cache(maxsize=64)
def _overlay(element: Element, palette: Palette, scale: int) -> Overlay:
    """Return an element so that what is below shows through.

    What lies between its pictures on black and on white is what it lets through.
    """
    _, top, _, bottom = element.bounds
    height = max(bottom - top, element.bottom - element.top)
    black = _paint_tile(element, palette, (0, 0, 0), height, scale).pixels.astype(np.uint16)
    white = _paint_tile(element, palette, (255, 255, 255), height, scale).pixels.astype(np.uint16)
    share = np.maximum(white, black) - black
    return black, (share + (share >> 7)).astype(np.uint16)


def _blend(frame: Pixels, element: Element, overlay: Overlay, scale: int) -> None:
    left, top, right, bottom = (value * scale for value in element.bounds)
    box = frame[top:bottom, left:right]
    box[:] = overlay[0] + ((box * overlay[1]) >> 8)


def _dim(frame: Pixels) -> None:
    """Halve the light of a whole frame, eight values at once."""
    eight = frame.reshape(-1).view(np.uint64)
    np.right_shift(eight, np.uint64(1), out=eight)
    np.bitwise_and(eight, np.uint64(0x7F7F7F7F7F7F7F7F), out=eight)
