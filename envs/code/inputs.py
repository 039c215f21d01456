"""Inputs that small programs are tried on: the corners first, then draws."""

import numpy as np

from gym_reason.envs.code.tree import Value

POOL = 48
"""Inputs that a program and its near misses are compared on."""

CORNERS = 10
"""How many of them, at the front, may be corner cases."""

_VOCABULARY = (
    "ant",
    "bear",
    "cat",
    "stone",
    "river",
    "eel",
    "tree",
    "noon",
    "otter",
    "rose",
    "sun",
    "level",
    "area",
    "snow",
    "oar",
    "tent",
    "moon",
    "acorn",
)
_CORNERS: dict[str, tuple[Value, ...]] = {
    "int": (0, 1, 2, -1, 10, 7, 12, 36, 59, 99),
    "str": ("", "a", "level", "sense", "moon river", "z a", "tree tent"),
    "ints": ([], [0], [3], [-4], [2, 2, 2], [1, 2, 3, 4, 5], [5, 4, 3, 2, 1], [0, -1, 8, -3]),
    "words": ([], ["a"], ["noon"], ["tree", "ant", "tree"], ["b", "a", "c"]),
}


def draw_pool(arguments: tuple[str, ...], rng: np.random.Generator) -> list[tuple[Value, ...]]:
    """Return POOL inputs or fewer for arguments of the given types, all different."""
    found: dict[str, tuple[Value, ...]] = {}
    for number in range(POOL):
        drawn = tuple(_draw_argument(kind, number, rng) for kind in arguments)
        found.setdefault(repr(drawn), drawn)
    return list(found.values())


def _draw_argument(kind: str, number: int, rng: np.random.Generator) -> Value:
    corners = _CORNERS[kind]
    # Corners of several arguments are paired by chance, not place by place.
    if number < len(corners):
        return corners[number] if rng.random() < 0.75 else _draw(kind, rng)
    return _draw(kind, rng)


def _draw(kind: str, rng: np.random.Generator) -> Value:
    if kind == "int":
        return _below(rng, 61) - 10 if rng.random() < 0.6 else _below(rng, 400) - 20
    if kind == "ints":
        spread = (7, 13, 25)[_below(rng, 3)]
        return [_below(rng, spread) - spread // 4 for _ in range(1 + _below(rng, 8))]
    words = [_VOCABULARY[_below(rng, len(_VOCABULARY))] for _ in range(1 + _below(rng, 4))]
    return words if kind == "words" else " ".join(words[:3])


def _below(rng: np.random.Generator, limit: int) -> int:
    return int(rng.random() * limit)
