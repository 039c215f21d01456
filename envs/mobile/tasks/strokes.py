"""How a hand draws on the canvas of a page."""

from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.errors import EnvError

EDGE = 40
"""Points between a stroke and the edge of the canvas."""
STEP = 30
"""Points between one stroke and the next."""


def draw_stroke(hand: Hand, number: int = 0) -> None:
    """Draw the `number`-th of some lines, from left to right, each below the one before.

    Raises EnvError where no canvas is in sight.
    """
    elements = hand.device.observe().elements
    surface = next((one for one in elements if one.kind == "canvas"), None)
    if surface is None:
        raise EnvError("a page without a canvas", "one to draw on")
    left, top, right, _ = surface.bounds
    y = top + EDGE + STEP * number
    hand.drag(left + EDGE, y, right - EDGE, y + STEP // 2)
