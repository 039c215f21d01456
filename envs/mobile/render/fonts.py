"""Text as masks: how much ink each pixel holds, from Pillow's own font and the system's.

Pillow brings a font with the basic Latin letters. Other writing is drawn with a font of the system
where one is found; where none is, a letter with an accent loses it and any other sign is a box.
"""

import os
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gym_reason.errors import UsageError

try:
    from PIL import Image, ImageDraw, ImageFont
except ImportError:
    raise UsageError(
        "the Python package pillow is not installed",
        "it, to draw screens",
        'pip install "gym-reason[mobile]"',
    ) from None

Mask: TypeAlias = NDArray[np.uint8]
"""Ink from 0 to 255, row by row."""

__all__ = ["Image", "ImageDraw", "Mask", "baseline", "fit", "line_height", "measure", "write"]

ELLIPSIS = "…"
_NOBODYS = "\U000fffff"
"""A character that no font has."""
_FACES = (
    "NotoSansCJK-Regular*",
    "NotoSansCJKsc-Regular*",
    "NotoSansSC-Regular*",
    "SourceHanSans*-Regular*",
    "wqy-microhei*",
    "wqy-zenhei*",
    "DroidSansFallback*",
    "uming*",
    "ukai*",
    "PingFang*",
    "Hiragino Sans GB*",
    "msyh*",
    "simhei*",
    "DejaVuSans.ttf",
)
"""Files that are looked for, the first one that has a character is used."""
_SPELLED = {
    "\u2013": "-",  # dashes
    "\u2014": "-",
    "\u2022": "\u00b7",  # a bullet
    "\u00d7": "x",
    "→": ">",
    "←": "<",
    "€": "EUR ",
    "£": "GBP ",
}
"""What stands for a sign that no font has."""


class Glyph(NamedTuple):
    """A character as it is drawn in one size."""

    ink: Mask | None
    """Its pixels; None where it leaves none."""
    left: int
    """Where they begin, from where the character begins."""
    top: int
    """Their first row in the mask of a line."""
    advance: int
    """How far behind it the next character begins."""


@lru_cache(maxsize=4096)
def write(text: str, size: int) -> Mask:
    """Return one line of text as a mask, `line_height(size)` rows high and as wide as it is.

    Args:
        text: The line; a line break counts as a space.
        size: The height of the letters with their room, in pixels.
    """
    glyphs = [_glyph(character, size) for character in text]
    rows, columns = line_height(size), 1 + sum(glyph.advance for glyph in glyphs)
    line = np.zeros((rows, columns), np.uint8)
    x = 0
    for ink, left, top, advance in glyphs:
        if ink is not None:
            x0, y0 = max(0, x + left), max(0, top)
            box = line[y0 : top + ink.shape[0], x0 : x + left + ink.shape[1]]
            inside = ink[y0 - top :, x0 - x - left :][: box.shape[0], : box.shape[1]]
            np.maximum(box, inside, out=box)
        x += advance
    line.flags.writeable = False
    return line


def line_height(size: int) -> int:
    """Return the rows of a mask of text."""
    return round(size * 1.45)


def baseline(size: int) -> int:
    """Return the row of a mask of text that letters stand on."""
    return round(size * 1.08)


def measure(text: str, size: int) -> int:
    """Return how many pixels wide a line is."""
    return sum(_glyph(character, size).advance for character in text)


@lru_cache(maxsize=8192)
def fit(text: str, size: int, room: int, end: bool = False) -> str:
    """Return as much of a line as fits into `room` pixels, with an ellipsis for what is left out.

    Args:
        text: The line.
        size: The size of the letters, in pixels.
        room: How wide it may be.
        end: Whether the end of the line is kept, and not its beginning.
    """
    text = text[-400:] if end else text[:400]
    if measure(text, size) <= room:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if measure(_cut(text, middle, end), size) <= room:
            low = middle
        else:
            high = middle - 1
    return _cut(text, low, end)


def _cut(text: str, count: int, end: bool) -> str:
    return ELLIPSIS + text[len(text) - count :] if end else text[:count].rstrip() + ELLIPSIS


@lru_cache(maxsize=8192)
def _glyph(character: str, size: int) -> Glyph:
    face, shown = _choose(character)
    base = baseline(size)
    if face < 0:
        return _box(size, base)
    advance = round(_face(face, size).getlength(shown))
    ink = _draw(shown, face, size, advance)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not rows.size:
        return Glyph(None, 0, 0, advance)
    top, left = int(rows[0]), int(columns[0])
    ink = ink[top : rows[-1] + 1, left : columns[-1] + 1].copy()
    return Glyph(ink, left - size, top, advance)


def _draw(text: str, face: int, size: int, advance: int) -> Mask:
    """Return a few characters as Pillow draws them, with room of `size` before and behind."""
    picture = Image.new("L", (advance + 2 * size, line_height(size)))
    draw = ImageDraw.Draw(picture)
    draw.text((size, baseline(size)), text, 255, _face(face, size), anchor="ls")
    return np.asarray(picture)


def _box(size: int, base: int) -> Glyph:
    """Return what stands for a character that no font has."""
    side, stroke = max(4, round(size * 0.75)), max(1, size // 14)
    ink = np.full((side, side), 150, np.uint8)
    ink[stroke:-stroke, stroke:-stroke] = 0
    return Glyph(ink, 1, base - side, side + max(2, size // 8))


@lru_cache(maxsize=8192)
def _choose(character: str) -> tuple[int, str]:
    """Return the font that draws a character, and what it draws for it."""
    if character in "\n\r\t":
        return 0, " "
    if unicodedata.category(character) in ("Cc", "Cf", "Mn"):
        return 0, ""
    for face in range(len(_files())):
        if _draws(face, character):
            return face, character
    plain = _SPELLED.get(character) or unicodedata.normalize("NFKD", character)[0]
    return (0, plain) if _draws(0, plain[0]) else (-1, character)


def _draws(face: int, character: str) -> bool:
    """Return whether a font has a character: one that it lacks looks like one that nobody has."""
    return (
        character == " " or (_draw(character, face, 16, 16) != _draw(_NOBODYS, face, 16, 16)).any()
    )


@lru_cache(maxsize=128)
def _face(number: int, size: int) -> ImageFont.FreeTypeFont:
    if number > 0:
        return ImageFont.truetype(_files()[number], size, layout_engine=ImageFont.Layout.BASIC)
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise UsageError(
            "a Pillow without FreeType", "one that scales fonts", "pip install --upgrade pillow"
        )
    return font.font_variant(layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=1)
def _files() -> tuple[str, ...]:
    """Return the files of the fonts, in the order of trust; the first is Pillow's own, unnamed."""
    return ("", *find_fonts(_folders()))


def find_fonts(folders: Sequence[Path]) -> Iterator[str]:
    """Yield the files of known fonts, those with the most characters first."""
    for pattern in _FACES:
        for folder in folders:
            for path in sorted(folder.rglob(pattern)) if folder.is_dir() else ():
                if _opens(path):
                    yield str(path)
                    break


def _opens(path: Path) -> bool:
    try:
        ImageFont.truetype(str(path), 16)
    except OSError:
        return False
    return True


def _folders() -> list[Path]:
    home = Path(os.path.expanduser("~"))
    data = os.environ.get("XDG_DATA_HOME")
    return [
        Path(data) / "fonts" if data else home / ".local" / "share" / "fonts",
        home / ".fonts",
        Path("/usr/share/fonts"),
        Path("/usr/local/share/fonts"),
        Path("/System/Library/Fonts"),
        Path("C:/Windows/Fonts"),
    ]
