"""How a device looks: theme, density, language and the order of what may be ordered."""

from typing import NamedTuple, TypeVar

import numpy as np

from gym_reason.envs.mobile.words import ZH
from gym_reason.seeding import derive_rng

THEMES = ("light", "dark")
DENSITIES = ("comfortable", "compact")
LOCALES = ("en", "zh")

T = TypeVar("T")


class Look(NamedTuple):
    """The appearance of a device. It changes nothing of what its data are."""

    theme: str = "light"
    """One of THEMES."""
    density: str = "comfortable"
    """One of DENSITIES: how high rows are."""
    locale: str = "en"
    """One of LOCALES: the language of labels; what users wrote stays as it is."""
    order: int = 0
    """Seed of the order of home icons, settings and menus; 0 for the usual one."""

    def say(self, words: str) -> str:
        """Return a label in the device's language; English where no translation is known."""
        return ZH.get(words, words) if self.locale == "zh" else words

    def arrange(self, items: tuple[T, ...], place: str) -> tuple[T, ...]:
        """Return items in the device's order for a place, such as the home screen."""
        if self.order == 0:
            return items
        rng = derive_rng(self.order, "look", place)
        return tuple(items[int(index)] for index in rng.permutation(len(items)))


def draw_look(rng: np.random.Generator) -> Look:
    """Return a random appearance."""
    return Look(
        THEMES[int(rng.integers(len(THEMES)))],
        DENSITIES[int(rng.integers(len(DENSITIES)))],
        LOCALES[int(rng.integers(len(LOCALES)))],
        int(rng.integers(1, 1_000_000)),
    )
