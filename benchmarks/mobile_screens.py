"""Paint every app of the mobile environments, light and dark, onto one sheet.

Run: python benchmarks/mobile_screens.py --help
"""

import argparse
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from PIL import Image

from gym_reason.envs.mobile.apps import APPS
from gym_reason.envs.mobile.devices.sim import SimDevice
from gym_reason.envs.mobile.gestures import OpenApp
from gym_reason.envs.mobile.look import LOCALES, THEMES, Look
from gym_reason.envs.mobile.render.paint import paint_array
from gym_reason.envs.mobile.render.tiles import Pixels
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.seeding import derive_rng
from gym_reason.verifiers.state.world import EMPTY_WORLD, World

NOW = 1_760_000_000
"""A Thursday in October 2025, at 08:53."""
ROW = 7
"""Screens side by side."""
WIDTH, HEIGHT, GAP = 216, 480, 12
"""Of a screen on the sheet, and between two, in pixels."""
GREY = (128, 130, 136)
COLOURS = 256
"""Colours of the sheet, which has to be small."""


def fill_world(seed: int) -> World:
    """Return a device with data in every app."""
    world, values = EMPTY_WORLD.at(NOW), Values(derive_rng(seed, "sheet"), "train")
    for app in APPS:
        module = import_module(f"gym_reason.envs.mobile.tasks.fill_{app}")
        fill: Callable[[World, Values], World] = getattr(module, f"fill_{app}")
        world = fill(world, values)
    return world


def paint_apps(world: World, look: Look) -> list[Pixels]:
    """Return the home screen, twice as fine, and the first page of every app."""
    device = SimDevice()
    device.load(world, look)
    shots = [paint_array(device.observe(), look, 2)]
    for app in APPS:
        device.act(OpenApp(app))
        shots.append(paint_array(device.observe(), look, 2))
    return shots


def lay_sheet(shots: Sequence[Pixels]) -> Image.Image:
    """Return screens in rows on one sheet."""
    rows = -(-len(shots) // ROW)
    size = (GAP + ROW * (WIDTH + GAP), GAP + rows * (HEIGHT + GAP))
    sheet = Image.new("RGB", size, GREY)
    for number, shot in enumerate(shots):
        small = Image.fromarray(shot).resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
        left = GAP + number % ROW * (WIDTH + GAP)
        sheet.paste(small, (left, GAP + number // ROW * (HEIGHT + GAP)))
    return sheet


def main() -> None:
    """Paint the sheet and write it."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--out", type=Path, default=Path("docs/images/mobile-apps.png"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--locale", choices=LOCALES, default="en")
    arguments = parser.parse_args()
    world = fill_world(arguments.seed)
    shots: list[Pixels] = []
    for theme in THEMES:
        shots += paint_apps(world, Look(theme, locale=arguments.locale))
    sheet = lay_sheet(shots).quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(arguments.out, optimize=True)
    print(f"{arguments.out}: {len(shots)} screens, {arguments.out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
