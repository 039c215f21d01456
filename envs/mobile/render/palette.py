"""The colours of a screen, light and dark."""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

Colour: TypeAlias = tuple[int, int, int]
"""Red, green and blue, from 0 to 255."""


class Palette(NamedTuple):
    """What each part of a screen is coloured with."""

    page: Colour
    """Under lists and paragraphs."""
    bar: Colour
    """Under the title."""
    ink: Colour
    """Letters."""
    faint: Colour
    """Second lines, icons, labels."""
    line: Colour
    """Outlines."""
    accent: Colour
    """What is on, what can be pressed."""
    on_accent: Colour
    """Letters on it."""
    soft: Colour
    """Under what is chosen, and under pictures."""
    field: Colour
    """Under what is written in a field."""
    dialog: Colour
    """Under a box over the page."""
    board: Colour
    """Under the keyboard."""
    key: Colour
    """Under a letter of the keyboard."""
    toast: Colour
    """Under a message."""
    on_toast: Colour
    """Its letters."""
    sky: Colour
    """The upper end of the home screen."""
    ground: Colour
    """The lower end of the home screen."""


LIGHT = Palette(
    page=(252, 252, 255),
    bar=(240, 243, 250),
    ink=(27, 28, 33),
    faint=(92, 96, 108),
    line=(190, 195, 206),
    accent=(38, 92, 190),
    on_accent=(255, 255, 255),
    soft=(216, 226, 250),
    field=(231, 235, 243),
    dialog=(243, 245, 251),
    board=(222, 227, 236),
    key=(255, 255, 255),
    toast=(48, 49, 56),
    on_toast=(245, 245, 248),
    sky=(120, 170, 222),
    ground=(62, 92, 150),
)
DARK = Palette(
    page=(18, 19, 24),
    bar=(29, 31, 38),
    ink=(229, 229, 236),
    faint=(160, 164, 176),
    line=(74, 78, 90),
    accent=(168, 194, 255),
    on_accent=(8, 40, 100),
    soft=(48, 62, 98),
    field=(40, 43, 53),
    dialog=(38, 41, 50),
    board=(30, 32, 40),
    key=(60, 64, 75),
    toast=(226, 226, 232),
    on_toast=(42, 44, 50),
    sky=(36, 48, 82),
    ground=(12, 14, 28),
)
INKS: Mapping[str, Colour] = {
    "red": (208, 44, 44),
    "orange": (228, 128, 20),
    "green": (34, 140, 64),
    "blue": (40, 84, 200),
    "purple": (128, 60, 176),
    "black": (30, 30, 36),
}
"""What is drawn with on a canvas, by name."""
PALETTES: Mapping[str, Palette] = {"light": LIGHT, "dark": DARK}
"""By the name of the theme."""

_HUES: tuple[Colour, ...] = (
    (37, 99, 205),
    (14, 128, 92),
    (190, 72, 40),
    (122, 74, 190),
    (184, 52, 104),
    (20, 124, 148),
    (150, 104, 16),
    (84, 98, 122),
    (56, 130, 48),
    (98, 84, 206),
)
_OWN: Mapping[str, int] = {
    "settings": 7,
    "contact": 5,
    "message": 0,
    "calendar": 4,
    "note": 6,
    "folder": 9,
    "clock": 3,
    "money": 8,
    "recipe": 2,
    "task": 1,
    "media": 4,
    "place": 1,
    "browser": 0,
}


def hue(name: str) -> Colour:
    """Return the colour of an app's icon or of a picture; the same name has always the same one."""
    return _HUES[_OWN.get(name, sum(name.encode()) % len(_HUES))]


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return a colour between two: the first one for a share of 1."""
    red, green, blue = (
        round(one * share + other * (1 - share)) for one, other in zip(first, second, strict=True)
    )
    return red, green, blue
