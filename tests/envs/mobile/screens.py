"""What several tests need: a device full of data, and a hand that does anything."""

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module

import numpy as np

from gym_reason.envs.mobile.apps import APPS
from gym_reason.envs.mobile.gestures import (
    Drag,
    Gesture,
    LongPress,
    OpenApp,
    Press,
    Tap,
    TypeText,
    Wait,
)
from gym_reason.envs.mobile.layout import HEIGHT, WIDTH, Layout
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.seeding import derive_rng
from gym_reason.verifiers.state.world import EMPTY_WORLD, World

TEXTS = (
    "milk",
    " and 3 eggs",
    "<b>& 'one' \"two\"</b>",
    "line\nbreak",
    "牛奶",
    "café",
    "42",
    "\N{GRINNING FACE}!",
    "",
)
"""What the hand types."""


@lru_cache(maxsize=8)
def fill_world(seed: int = 0) -> World:
    """Return a device with data in every app."""
    values = Values(derive_rng(seed, "screens"), "train")
    world = EMPTY_WORLD.at(1_760_000_000)
    for app in APPS:
        fill: Callable[[World, Values], World] = getattr(
            import_module(f"gym_reason.envs.mobile.tasks.fill_{app}"), f"fill_{app}"
        )
        world = fill(world, values)
    return world


def draw_gesture(rng: np.random.Generator, screen: Layout) -> Gesture:
    """Return something that a hand might do to a screen: mostly what is offered, at times not."""
    usable = [
        one
        for one in screen.elements[screen.modal :]
        if (one.tap or one.hold or one.drag) and one.kind != "key"
    ]
    x, y = int(rng.integers(WIDTH)), int(rng.integers(HEIGHT))
    focused = any(one.focused for one in screen.elements)
    if not focused and rng.random() < 0.5:
        usable = [one for one in usable if one.kind == "field"] or usable
    choice = rng.random()
    if choice < 0.6 and usable:
        left, top, right, bottom = usable[int(rng.integers(len(usable)))].bounds
        x, y = int(rng.integers(left, right)), int(rng.integers(top, bottom))
        if choice < 0.06:
            return Drag(x, y, int(rng.integers(WIDTH)), y)
        return LongPress(x, y) if choice < 0.12 else Tap(x, y)
    if focused and choice < 0.9:
        return TypeText(TEXTS[int(rng.integers(len(TEXTS)))], bool(rng.random() < 0.3))
    if choice < 0.7:
        return Drag(x, y, int(rng.integers(-20, WIDTH + 20)), int(rng.integers(-20, HEIGHT + 20)))
    if choice < 0.8:
        return OpenApp(tuple(APPS)[int(rng.integers(len(APPS)))])
    if choice < 0.88:
        return Press(str(rng.choice(["back", "home", "recents", "enter", "delete"])))
    if choice < 0.91:
        return Wait(int(rng.integers(1, 90)))
    return LongPress(x, y) if choice < 0.93 else Tap(x, y)
