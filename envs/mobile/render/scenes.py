"""What is seen in a picture of an app: a made-up photo, a map, or paper with text on it."""

import re
import zlib

from gym_reason.envs.mobile.layout import Element, break_lines
from gym_reason.envs.mobile.render.fonts import measure
from gym_reason.envs.mobile.render.palette import INKS, Colour, Palette, hue, mix
from gym_reason.envs.mobile.render.pictures import find_picture
from gym_reason.envs.mobile.render.shapes import curve
from gym_reason.envs.mobile.render.tiles import Tile

INK: Colour = (44, 46, 54)
PAPER: Colour = (250, 249, 244)
SHEET: Colour = (255, 255, 255)
PEN = re.compile(r"(-?\d{1,6}),(-?\d{1,6})")
"""A point of a stroke."""


def paint_scene(tile: Tile, element: Element, palette: Palette) -> None:
    """Paint a picture over the whole tile; what it shows follows from its name and label."""
    name = element.name
    if name in ("map", "route", "track"):
        _paint_map(tile, element)
    elif name == "drawing":
        paint_strokes(tile, element.detail)
    elif element.detail:
        _paint_paper(tile, element, palette)
    elif name in ("photo", "picture", "image", "video", "camera") or not find_picture(name):
        _paint_landscape(tile, element)
    else:
        ground = mix(hue(name), palette.page, 0.25)
        tile.fill(0, 0, tile.width, tile.height, ground)
        size = max(16, min(96, tile.height - 32))
        left, top = (tile.width - size) // 2, (tile.height - size) // 2
        tile.picture(name, left, top, size, palette.ink, ground)
    if name not in ("map", "drawing") and not element.detail and tile.height >= 100:
        _write_caption(tile, element.text)


def paint_strokes(tile: Tile, strokes: str) -> None:
    """Paint a drawing: semicolons stand between strokes, each its colour and the points of it."""
    tile.fill(0, 0, tile.width, tile.height, SHEET)
    s = tile.scale
    for stroke in strokes.split(";"):
        points = tuple((int(x) * s, int(y) * s) for x, y in PEN.findall(stroke)[:512])
        if points:
            colour = INKS.get(stroke.partition(" ")[0], INKS["black"])
            mask = curve(points, tile.width * s, tile.height * s, 4 * s)
            tile.stamp(mask, 0, 0, colour, None)


def _paint_landscape(tile: Tile, element: Element) -> None:
    """Paint a sky, a sun and hills, in colours of their own for each label."""
    seed = zlib.crc32(f"{element.name} {element.text}".encode())
    tint = hue(f"{seed}")
    sky, hill = mix(tint, (255, 255, 255), 0.35), mix(tint, (20, 40, 20), 0.55)
    width, height = tile.width, tile.height
    tile.fill(0, 0, width, height, sky)
    x, y, radius = 30 + seed % max(1, width - 60), height // 4, height // 9
    tile.round(x - radius, y - radius, x + radius, y + radius, radius, PAPER, sky)
    for number in range(3):
        top = height * (5 + number) // 9
        left = -width // 2 + (seed >> (4 * number)) % width
        colour = mix(hill, sky, 0.55 + 0.2 * number)
        tile.round(
            left, top, left + width * 9 // 8, top + height * 2, height // 2, colour, over=True
        )
        tile.fill(0, height * (7 + number) // 9, width, height, colour)


def _paint_map(tile: Tile, element: Element) -> None:
    """Paint streets, a river and a park; a pin stands in the middle."""
    seed = zlib.crc32(element.text.encode())
    ground: Colour = (233, 236, 229)
    width, height = tile.width, tile.height
    tile.fill(0, 0, width, height, ground)
    tile.fill(width // 8, height // 8, width // 3, height // 2, (196, 226, 188))
    river = height * 2 // 3 + seed % 20
    tile.fill(0, river, width, river + 18, (168, 205, 236))
    for number in range(1, 6):
        x = width * number // 6 + (seed >> number) % 17 - 8
        tile.fill(x - 3, 0, x + 3, height, (255, 255, 255))
    for number in range(1, 5):
        y = height * number // 5 + (seed >> (number + 5)) % 13 - 6
        tile.fill(0, y - 3, width, y + 3, (255, 255, 255))
    tile.fill(0, height // 2 - 5, width, height // 2 + 5, (250, 214, 120))
    left, top = width // 2 - 18, height // 2 - 34
    tile.round(left - 4, top - 4, left + 40, top + 40, 22, (255, 255, 255), over=True)
    tile.picture("pin", left, top, 36, (206, 50, 48), (255, 255, 255))
    for number, line in enumerate(break_lines(element.detail, width - 32)[:4]):
        tile.write(line, 12, 20 + 16 * number, 12, INK, width - 24, ground)


def _paint_paper(tile: Tile, element: Element, palette: Palette) -> None:
    """Paint a sheet with all of its text, in letters as large as fit."""
    tile.fill(0, 0, tile.width, tile.height, mix(palette.faint, tile.ground, 0.5))
    left, right = min(24, tile.width // 8), tile.width - min(24, tile.width // 8)
    tile.fill(left, 8, right, tile.height - 8, PAPER)
    room = right - left - 24
    lines = break_lines(element.detail, room)
    size = min(22, max(9, (tile.height - 40) // (len(lines) + 1)))
    while size > 9 and max(measure(line, size) for line in lines) > room:
        size -= 1
    step = size * 3 // 2
    for number, line in enumerate(lines):
        tile.write(line, left + 12, 18 + size + step * number, size, INK, room, PAPER)


def _write_caption(tile: Tile, words: str) -> None:
    band: Colour = (30, 32, 38)
    tile.fill(0, tile.height - 24, tile.width, tile.height, band)
    tile.write(words, 12, tile.height - 8, 12, (240, 240, 244), tile.width - 24, band)
