"""MobileScreen: a phone to be used by its pixels, or by both pixels and text."""

import dataclasses
from typing import Any, TypedDict, Unpack

import gymnasium
import numpy as np
from numpy.typing import NDArray

from gym_reason.envs.base import check_choice, check_integer
from gym_reason.envs.mobile.env import Mobile
from gym_reason.envs.mobile.layout import HEIGHT, WIDTH, Layout
from gym_reason.envs.mobile.render.png import write_png
from gym_reason.spaces import Utf8Text
from gym_reason.types import Message, Task

MAX_SCALE = 4
"""Most pixels of the screenshot to a point."""
SEEN = ("both", "screenshot", "marks", "elements")
"""What a policy can be shown of a screen."""


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

    Actions are those of `Mobile`, in text; points in pixels refer to the screenshot. A policy that
    reads messages is shown the screenshot in them. Needs Pillow.
    """

    def __init__(
        self, *, scale: int = 1, seen: str = "both", **options: Unpack[MobileOptions]
    ) -> None:
        """Make the environment.

        Args:
            scale: Pixels of the screenshot to a point, from 1 (360 by 800) to 4; 3 is 1080 by 2400.
            seen: What is shown of a screen: its elements as text and the screenshot, `both`; the
                `screenshot` alone; the screenshot with `marks`, numbered boxes whose numbers
                actions can name; or the `elements` alone, for policies that read text.
            options: The arguments of `Mobile`.

        Raises:
            UsageError: For a value out of range.
        """
        self.scale = check_integer("scale", scale, 1, MAX_SCALE)
        self.seen = check_choice("seen", seen, SEEN)
        self.shows_images = seen != "elements"
        self._pixels: NDArray[np.uint8] | None = None
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

    def illustrate(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """Return messages with the screenshot in the last one."""
        if not self.shows_images or self._pixels is None:
            return messages
        *before, last = messages or (Message("user", ""),)
        images = (*last.images, write_png(self._pixels))
        return (*before, dataclasses.replace(last, images=images))

    def _write(self, layout: Layout, app: str, obs_id: int) -> str:
        if self.seen in ("both", "elements"):
            return super()._write(layout, app, obs_id)
        # The number without which no action can name a mark.
        return f"screen {obs_id}" if self.dialect == "native" else ""

    def _start(self, task: Task) -> Any:
        return self._see(self._tell(""))

    def _show(self, told: str) -> Any:
        return self._see(told)

    def _see(self, told: str) -> ScreenObservation:
        asked = self.episode.task.meta.get("asked", "")
        self._pixels = self.photograph()
        if self.seen == "marks":
            from gym_reason.envs.mobile.render.marks import mark  # Pillow, which is there by now

            self._pixels = mark(self._pixels, self.episode.observe(), self.scale)
        return {
            "goal": str(asked)[: self.max_length],
            "elements": told[: self.max_length],
            "screenshot": self._pixels,
            "clock": np.array(self.episode.device.now(), np.int64),
        }
