"""Small pictures as lines and shapes on a grid of 24 by 24, drawn by Pillow or as SVG.

A picture is written as shapes with a bar between them; numbers are points of the grid:

    line x y x y ...      a line through points      area x y x y ...     a filled outline
    ring x y radius       a circle                   disc x y radius      a filled circle
    box x y x y radius    a rectangle, rounded       block x y x y radius a filled one
    arc x y radius a b    a part of a circle, from one angle to another, clockwise from the right
"""

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

GRID = 24
"""Points of the grid, across and down."""
STROKE = 2
"""How wide lines are, in points of the grid."""

PICTURES: Mapping[str, str] = {
    "add": "line 12 5 12 19|line 5 12 19 12",
    "airplane": "area 12 2 13.5 4 13.5 9.5 21 14 21 16 13.5 13.8 13.5 18.5 16 20.5 16 22 12 20.8 8 "
    "22 8 20.5 10.5 18.5 10.5 13.8 3 16 3 14 10.5 9.5 10.5 4",
    "alarm": "ring 12 13 7.5|line 12 9 12 13 15 15|line 3 6 6.5 3|line 21 6 17.5 3",
    "archive": "box 3 4 21 9 1|line 5 9 5 20 19 20 19 9|line 10 13 14 13",
    "attach": "line 8 7 8 16|arc 12 16 4 0 180|line 16 16 16 6|arc 13.5 6 2.5 180 360|"
    "line 11 6 11 15",
    "back": "line 20 12 5 12|line 11 5 4 12 11 19",
    "battery": "box 7 5 17 21 2|block 10 2 14 5 0|block 9.5 11 14.5 19 0",
    "bell": "line 4 17 20 17|line 6 17 6 11|arc 12 11 6 180 360|line 18 11 18 17|arc 12 18 2.5 0 "
    "180",
    "bike": "ring 6 16 4|ring 18 16 4|line 6 16 10 9 15 9 18 16|line 10 9 13 16 15 9|line 14 6 "
    "16 6",
    "block": "ring 12 12 9|line 6 6 18 18",
    "bluetooth": "line 7 8 17 16 12 21 12 3 17 8 7 16",
    "book": "box 5 3 19 21 2|line 9 3 9 21|line 12 8 16 8|line 12 12 16 12",
    "bookmark": "line 6 3 18 3 18 21 12 16 6 21 6 3",
    "brightness": "disc 12 12 4.5|line 12 2 12 4|line 12 20 12 22|line 2 12 4 12|line 20 12 22 12|"
    "line 5 5 6.3 6.3|line 17.7 17.7 19 19|line 5 19 6.3 17.7|line 17.7 6.3 19 5",
    "browser": "ring 12 12 9|line 3 12 21 12|line 12 3 9 7 8 12 9 17 12 21 15 17 16 12 15 7 12 3",
    "brush": "line 20 3 10 13|line 21 4 12 15|area 9 13 12 16 10.5 20 7 21.5 3 21 5.5 18.5 6 15",
    "bus": "box 5 3 19 18 2|line 5 12 19 12|disc 8.5 15 1.2|disc 15.5 15 1.2|line 7 18 7 21|"
    "line 17 18 17 21",
    "calendar": "box 4 5 20 21 2|line 4 10 20 10|line 8 3 8 6|line 16 3 16 6|block 7 13 10 16 0|"
    "block 13 13 16 16 0",
    "call": "area 6 3 9.5 3.5 11 8 8.8 10 11 13.2 14 15.2 16 13 20.5 14.5 21 18 18.5 21 13 20 8 16 "
    "4.4 11 3 5.5",
    "camera": "box 3 7 21 20 2|ring 12 13.5 4|line 8 7 9.5 4 14.5 4 16 7",
    "car": "line 3 17 3 12 6 11 8 6 16 6 18 11 21 12 21 17 3 17|disc 7.5 17.5 2|disc 16.5 17.5 2|"
    "line 6 11 18 11",
    "chart": "line 4 4 4 20 20 20|block 7 12 10 18 0|block 12 8 15 18 0|block 17 5 20 18 0",
    "chat": "line 4 5 20 5 20 16 11 16 6 20 6 16 4 16 4 5|line 8 9 16 9|line 8 12 13 12",
    "check": "line 4 13 9.5 18.5 20 6",
    "clock": "ring 12 12 9|line 12 6.5 12 12 16 14.5",
    "close": "line 6 6 18 18|line 18 6 6 18",
    "cloud": "line 7 18 17 18|arc 7 14 4 90 250|arc 12 10 5 190 340|arc 17 14 4 280 450",
    "copy": "box 9 8 20 21 2|line 5 16 4 16 4 3 15 3 15 4.5",
    "delete": "line 4 6 20 6|line 9 6 9 3 15 3 15 6|line 6 6 7 21 17 21 18 6|line 10 10 10 17|"
    "line 14 10 14 17",
    "dialpad": "disc 6 5 1.7|disc 12 5 1.7|disc 18 5 1.7|disc 6 11 1.7|disc 12 11 1.7|"
    "disc 18 11 1.7|disc 6 17 1.7|disc 12 17 1.7|disc 18 17 1.7",
    "down": "line 5 9 12 16 19 9",
    "download": "line 12 3 12 15|line 6 10 12 16 18 10|line 4 20 20 20",
    "edit": "line 4 20 5 15.5 16 4.5 19.5 8 8.5 19 4 20|line 13.5 7 17 10.5",
    "enter": "line 20 5 20 13 5 13|line 10 8 5 13 10 18",
    "erase": "line 22 6 9 6 3 12 9 18 22 18 22 6|line 12 9 18 15|line 18 9 12 15",
    "event": "box 4 5 20 21 2|line 4 10 20 10|line 8 3 8 6|line 16 3 16 6|block 12 13 17 18 0",
    "eye": "line 2 12 6 7.5 12 6 18 7.5 22 12 18 16.5 12 18 6 16.5 2 12|disc 12 12 3",
    "file": "line 14 3 6 3 6 21 18 21 18 7.5 14 3 14 8 18 8",
    "filter": "area 3 4 21 4 14 13 14 20 10 18 10 13",
    "flag": "line 5 22 5 3|area 5 4 19 4 15.5 8.5 19 13 5 13",
    "folder": "area 3 6 4 5 9.5 5 11.5 7 20 7 21 8 21 18.5 20 19.5 4 19.5 3 18.5",
    "food": "line 7 3 7 21|line 4 3 4 8 7 10 10 8 10 3|line 17 21 17 3 14 6 14 13 17 13",
    "forward": "line 4 12 19 12|line 13 5 20 12 13 19",
    "globe": "ring 12 12 9|line 3 12 21 12|line 12 3 9 7 8 12 9 17 12 21 15 17 16 12 15 7 12 3",
    "go_to": "line 4 12 19 12|line 13 5 20 12 13 19",
    "health": "line 2 12 7 12 9 6 13 18 15.5 12 22 12",
    "heart": "area 12 21 4 13.5 2.7 9.5 4 6 7.5 4.6 10.5 5.8 12 8 13.5 5.8 16.5 4.6 20 6 21.3 9.5 "
    "20 13.5",
    "help": "ring 12 12 9|arc 12 10 3 180 405|line 14 12.2 12 14|disc 12 17 1.2",
    "history": "arc 13 12 8 200 490|line 13 7 13 12 16.5 14|line 2 6 5 10 9 8",
    "home": "line 3 12 12 4 21 12|line 6 10 6 20 18 20 18 10",
    "hourglass": "line 6 3 18 3|line 6 21 18 21|line 7 3 7 7 17 17 17 21|line 17 3 17 7 7 17 7 21",
    "info": "ring 12 12 9|line 12 11 12 17|disc 12 7.5 1.3",
    "label": "line 3 4 12 4 21 13 13 21 4 12 3 4|disc 7.5 8.5 1.5",
    "left": "line 15 5 8 12 15 19",
    "link": "line 10 14 14 10|line 11 7 14 4 17 4 20 7 20 10 17 13|line 13 17 10 20 7 20 4 17 4 "
    "14 7 11",
    "list": "disc 4.5 6 1.5|disc 4.5 12 1.5|disc 4.5 18 1.5|line 9 6 21 6|line 9 12 21 12|"
    "line 9 18 21 18",
    "lock": "block 5 10 19 21 2|line 8 10 8 7|arc 12 7 4 180 360|line 16 7 16 10",
    "mail": "box 3 5 21 19 2|line 3 7 12 13 21 7",
    "map": "line 9 4 3 6.5 3 20 9 17.5 15 20 21 17.5 21 4 15 6.5 9 4 9 17.5|line 15 6.5 15 20",
    "media": "box 3 4 21 20 3|area 10 8.5 16 12 10 15.5",
    "menu": "disc 12 5 2|disc 12 12 2|disc 12 19 2",
    "merge": "line 6 3 6 8 12 13 12 21|line 18 3 18 8 12 13",
    "message": "line 4 5 20 5 20 16 11 16 6 20 6 16 4 16 4 5",
    "microphone": "block 9 2 15 14 3|arc 12 11 6.5 0 180|line 12 18 12 22",
    "money": "box 2 6 22 18 2|ring 12 12 3|disc 6 12 1.2|disc 18 12 1.2",
    "moon": "area 14 3 10.5 5.5 9 9.5 10 14 13 17.5 17.5 18.6 20.5 17.5 18 20 14 21.5 9 21 5 "
    "17.5 3.5 13 4.5 8 8.5 4",
    "music": "disc 7 18 3|disc 17 16 3|line 10 18 10 5 20 3 20 16",
    "network": "block 3 16 6 21 0|block 8 12 11 21 0|block 13 8 16 21 0|block 18 3 21 21 0",
    "next": "area 5 5 15 12 5 19|line 18 5 18 19",
    "note": "line 5 3 19 3 19 15 13 21 5 21 5 3|line 13 21 13 15 19 15|line 8 8 16 8|line 8 12 "
    "13 12",
    "pause": "block 6 5 10 19 1|block 14 5 18 19 1",
    "people": "ring 9 8 3.5|arc 9 20 6.5 180 360|arc 16 8 3.5 270 450|arc 15 20 6.5 290 360",
    "person": "disc 12 8 4|area 4 20 4.6 16.8 7 14.7 12 13.8 17 14.7 19.4 16.8 20 20",
    "photo": "box 3 4 21 20 2|area 5 17.5 10 10.5 13 14.5 15 12 19 17.5|disc 15.5 8.5 1.7",
    "pin": "area 12 22 6.5 14 5 10 6 6 9 3.2 12 2.5 15 3.2 18 6 19 10 17.5 14",
    "play": "area 7 4 20 12 7 20",
    "previous": "area 19 5 9 12 19 19|line 6 5 6 19",
    "print": "box 3 9 21 17 2|line 7 9 7 3 17 3 17 9|line 7 14 7 21 17 21 17 14",
    "queue": "line 3 6 16 6|line 3 11 16 11|line 3 16 10 16|disc 16 18 2.7|line 18.5 18 18.5 9 "
    "22 10",
    "receipt": "line 5 21 5 3 19 3 19 21 16.7 19 14.3 21 12 19 9.7 21 7.3 19 5 21|line 8 8 16 8|"
    "line 8 12 16 12",
    "recents": "box 5 5 19 19 2",
    "recipe": "arc 8 8 4.5 80 290|arc 12 6 4 200 340|arc 16 8 4.5 250 460|line 7 12 7 20 17 20 "
    "17 12|line 7 16.5 17 16.5",
    "record": "disc 12 12 7",
    "redo": "line 20 9 9 9|line 15 4 20 9 15 14|arc 9 14 5 90 270|line 9 19 15 19",
    "refresh": "arc 12 12 8 -50 220|area 13.5 1 20 5.5 13 9",
    "remove": "line 5 12 19 12",
    "repeat": "line 17 2 21 6 17 10|line 21 6 6 6 3 9 3 12|line 7 22 3 18 7 14|line 3 18 18 18 "
    "21 15 21 12",
    "right": "line 9 5 16 12 9 19",
    "route": "ring 6 18 3|ring 18 6 3|line 9 18 15 18|arc 15 15 3 -90 90|line 15 12 9 12|"
    "arc 9 9 3 90 270|line 9 6 15 6",
    "run": "disc 15 4 2.2|line 13 8 8 8 6 11|line 13 8 11 14 15 17 14 22|line 11 14 8 18 4 18|"
    "line 13 8 16 12 20 12",
    "save": "line 4 4 17 4 20 7 20 20 4 20 4 4|line 8 4 8 9 15 9 15 4|block 8 13 16 20 0",
    "search": "ring 10 10 6|line 14.5 14.5 20.5 20.5",
    "select": "box 4 4 20 20 3|line 8 12 11 15 16 9",
    "send": "area 3 3.5 22 12 3 20.5 3 14 14 12 3 10",
    "settings": "ring 12 12 3|line 12 2 12 5|line 12 19 12 22|line 2 12 5 12|line 19 12 22 12|"
    "line 5 5 7 7|line 17 17 19 19|line 5 19 7 17|line 17 7 19 5|ring 12 12 7",
    "share": "disc 6 12 3|disc 18 5 3|disc 18 19 3|line 6 12 18 5|line 6 12 18 19",
    "shift": "line 12 4 4 12 8 12 8 19 16 19 16 12 20 12 12 4",
    "shopping": "line 2 4 5 4 8 15 18 15 21 7 6 7|disc 9 19.5 1.7|disc 17 19.5 1.7",
    "shuffle": "line 3 6 7 6 16 18 21 18|line 3 18 7 18 9.5 14.7|line 13.5 9.3 16 6 21 6|"
    "line 18 3 21 6 18 9|line 18 15 21 18 18 21",
    "sort": "line 4 6 20 6|line 4 12 15 12|line 4 18 10 18",
    "speaker": "area 3 9 7 9 12 4 12 20 7 15 3 15|arc 12 12 4 -50 50|arc 12 12 8 -50 50",
    "star": "area 12 2.5 15 9 22 9.7 16.7 14.4 18.2 21.3 12 17.7 5.8 21.3 7.3 14.4 2 9.7 9 9",
    "star_outline": "line 12 3.5 14.6 9.4 21 10 16.2 14.2 17.6 20.5 12 17.2 6.4 20.5 7.8 14.2 3 "
    "10 9.4 9.4 12 3.5",
    "stop": "block 5 5 19 19 1",
    "stopwatch": "ring 12 14 7.5|line 12 9.5 12 14|line 9 2 15 2|line 12 2 12 6|line 18 7 20 5",
    "task": "ring 12 12 9|line 7.5 12.5 10.7 15.5 16.5 9",
    "timer": "ring 12 13.5 8|line 9 2 15 2|line 12 13.5 15.5 9.5",
    "torch": "line 8 3 16 3 16 7 14 10 14 21 10 21 10 10 8 7 8 3|line 8 7 16 7",
    "undo": "line 4 9 15 9|line 9 4 4 9 9 14|arc 15 14 5 -90 90|line 15 19 9 19",
    "up": "line 5 15 12 8 19 15",
    "upload": "line 12 16 12 4|line 6 9 12 3 18 9|line 4 20 20 20",
    "video": "box 2 6 16 18 2|area 17 11 22 7 22 17 17 13",
    "walk": "disc 13 4 2.2|line 12 8 12 14 15 17 16 22|line 12 14 10 18 7 22|line 12 8 8 10 7 13|"
    "line 12 8 15 11 18 12",
    "warning": "line 12 3.5 22 20.5 2 20.5 12 3.5|line 12 9.5 12 14.5|disc 12 17.5 1.2",
    "wifi": "disc 12 19 1.8|arc 12 19 6 225 315|arc 12 19 11 225 315|arc 12 19 16 225 315",
    "work": "box 3 7 21 20 2|line 8 7 8 4 16 4 16 7|line 3 13 21 13",
    "zip": "box 5 3 19 21 2|line 11 3 11 13|block 10 14 14 18 0",
}
"""Every picture by its name."""

_SAME: Mapping[str, str] = {
    "account": "person",
    "audio": "music",
    "battery_saver": "battery",
    "cancel": "close",
    "cell": "network",
    "contact": "person",
    "contacts": "people",
    "data": "network",
    "directions": "route",
    "display": "brightness",
    "document": "file",
    "done": "check",
    "expense": "money",
    "favorite": "heart",
    "favourite": "heart",
    "flashlight": "torch",
    "gallery": "photo",
    "group": "people",
    "groups": "people",
    "image": "photo",
    "location": "pin",
    "mic": "microphone",
    "minus": "remove",
    "mobile": "network",
    "more": "menu",
    "notification": "bell",
    "notifications": "bell",
    "ok": "check",
    "pdf": "file",
    "phone": "call",
    "picture": "photo",
    "place": "pin",
    "playlist": "queue",
    "plus": "add",
    "recorder": "microphone",
    "recording": "microphone",
    "restore": "undo",
    "rename": "edit",
    "reset": "refresh",
    "song": "music",
    "sound": "speaker",
    "sms": "message",
    "star_border": "star_outline",
    "tag": "label",
    "tasks": "task",
    "text": "note",
    "tick": "check",
    "todo": "task",
    "track": "route",
    "trash": "delete",
    "unarchive": "upload",
    "volume": "speaker",
    "wallet": "money",
    "web": "globe",
}
"""Other names of some of them."""


class Shape(NamedTuple):
    """One shape of a picture."""

    kind: str
    """`line`, `area`, `ring`, `disc`, `box`, `block` or `arc`."""
    numbers: tuple[float, ...]
    """Its points, radius and angles, on the grid."""


@lru_cache(maxsize=512)
def find_picture(name: str) -> tuple[Shape, ...]:
    """Return the shapes of a picture; none for a name that is not known."""
    written = PICTURES.get(_SAME.get(name, name))
    if written is None:
        return ()
    shapes: list[Shape] = []
    for part in written.split("|"):
        kind, *numbers = part.split()
        shapes.append(Shape(kind, tuple(map(float, numbers))))
    return tuple(shapes)


def letter_of(name: str) -> str:
    """Return what stands for a picture that is not known: the first letter of its name."""
    return name.strip()[:1].upper()


def write_svg(name: str) -> str:
    """Return a picture as an SVG element in the colour of the text around it; empty for none."""
    shapes = find_picture(name)
    if not shapes:
        return ""
    parts = "".join(map(_svg_shape, shapes))
    return (
        f'<svg viewBox="0 0 {GRID} {GRID}" fill="none" stroke="currentColor" '
        f'stroke-width="{STROKE}" stroke-linecap="round" stroke-linejoin="round">{parts}</svg>'
    )


def _svg_shape(shape: Shape) -> str:
    kind, numbers = shape
    filled = ' fill="currentColor" stroke="none"' if kind in ("area", "disc", "block") else ""
    if kind in ("line", "area"):
        tag = "polyline" if kind == "line" else "polygon"
        return f'<{tag} points="{" ".join(f"{one:g}" for one in numbers)}"{filled}/>'
    if kind in ("ring", "disc"):
        x, y, radius = numbers
        return f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}"{filled}/>'
    if kind in ("box", "block"):
        x0, y0, x1, y1, radius = numbers
        size = f'width="{x1 - x0:g}" height="{y1 - y0:g}"'
        return f'<rect x="{x0:g}" y="{y0:g}" {size} rx="{radius:g}"{filled}/>'
    x, y, radius, begin, end = numbers
    (x0, y0), (x1, y1) = (
        (x + radius * math.cos(math.radians(a)), y + radius * math.sin(math.radians(a)))
        for a in (begin, end)
    )
    large = int(end - begin > 180)
    path = f"M{x0:.2f} {y0:.2f}A{radius:g} {radius:g} 0 {large} 1 {x1:.2f} {y1:.2f}"
    return f'<path d="{path}"/>'
