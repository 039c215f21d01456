"""What a device is to tasks and environments, whatever it runs on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gym_reason.envs.mobile.gestures import Gesture
from gym_reason.envs.mobile.layout import Layout
from gym_reason.envs.mobile.look import Look
from gym_reason.verifiers.state.judge import Screen
from gym_reason.verifiers.state.world import World


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a device can do."""

    pixels: bool
    """Whether it can be photographed."""
    exact_state: bool
    """Whether `dump` is the whole state, and `load` sets it."""
    virtual_clock: bool
    """Whether time passes by actions alone."""
    tables: tuple[str, ...] | None = None
    """The tables that `dump` gives; None for all."""
    lacks: Mapping[str, str] = field(default_factory=dict)
    """Tables that it might give and does not, each with the reason in one line."""


class Device(Protocol):
    """A device: gestures in, a layout and a world out."""

    capabilities: Capabilities

    def load(self, world: World, look: Look) -> None:
        """Set the data and the appearance, with the home screen open and nothing else."""
        ...

    def act(self, gesture: Gesture) -> None:
        """Do one gesture and wait until the device has settled."""
        ...

    def observe(self) -> Layout:
        """Return what is on the screen."""
        ...

    def photograph(self, scale: int = 1) -> bytes:
        """Return the screen as a PNG of 360 by 800 pixels, times `scale`.

        Raises UsageError or RunError where there are none.
        """
        ...

    def dump(self) -> World:
        """Return the data."""
        ...

    def now(self) -> int:
        """Return the time, as the world counts it."""
        ...

    def screen(self) -> Screen:
        """Return which page is open, and what was entered on it."""
        ...

    def close(self) -> None:
        """Free what the device holds. It may be called twice."""
        ...
