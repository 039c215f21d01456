"""MobileScreen: a phone to be used by its pixels, or by both pixels and text."""

from typing import Any, TypedDict, Unpack

import gymnasium
import numpy as np
from numpy.typing import NDArray

from gym_reason.envs.base import check_integer
from gym_reason.envs.mobile.env import Mobile
from gym_reason.envs.mobile.layout import HEIGHT, WIDTH
from gym_reason.spaces import Utf8Text
from gym_reason.types import Task

MAX_SCALE = 4
"""Most pixels of the screenshot to a point."""


class ScreenObservation(TypedDict):
    """What is seen."""

    goal: str
    """What the user asks for."""
    elements: str
    """The screen as text, with what was said of the last action."""
    screenshot: NDArray[np.uint8]
    """The screen as pixels: (800 * scale, 360 * scale, 3)."""
    clock: NDArray[np.int64]
    """Seconds since 1970, on the device's clock; no axes."""


class MobileOptions(TypedDict, total=False):
    """The arguments of `Mobile`."""

    templates: str
    levels: str
    device: str
    observation: str
    dialect: str
    look: str
    twins: float
    template_split: bool
    shaping: float
    prompt_style: str
    split: str
    max_turns: int | None
    gamma: float
    render_mode: str | None


class MobileScreen(Mobile):
    """Use a phone by its screenshot; each observation is a dict of the goal, text and pixels.

    Actions are those of `Mobile`, in text; points in pixels refer to the screenshot. Needs Pillow.
    """

    def __init__(self, *, scale: int = 1, **options: Unpack[MobileOptions]) -> None:
        """Make the environment.

        Args:
            scale: Pixels of the screenshot to a point, from 1 (360 by 800) to 4; 3 is 1080 by 2400.
            options: The arguments of `Mobile`.

        Raises:
            UsageError: For a value out of range.
        """
        self.scale = check_integer("scale", scale, 1, MAX_SCALE)
        super().__init__(**options)
        text = Utf8Text(self.max_length)
        self.observation_space = gymnasium.spaces.Dict(  # type: ignore[assignment]
            {
                "goal": text,
                "elements": text,
                "screenshot": gymnasium.spaces.Box(
                    0, 255, (HEIGHT * scale, WIDTH * scale, 3), np.uint8
                ),
                "clock": gymnasium.spaces.Box(0, np.iinfo(np.int64).max, (), np.int64),
            }
        )

    def _start(self, task: Task) -> Any:
        return self._see(self._tell(""))

    def _show(self, told: str) -> Any:
        return self._see(told)

    def _see(self, told: str) -> ScreenObservation:
        asked = self.episode.task.meta.get("asked", "")
        return {
            "goal": str(asked)[: self.max_length],
            "elements": told[: self.max_length],
            "screenshot": self.photograph(),
            "clock": np.array(self.episode.device.now(), np.int64),
        }
