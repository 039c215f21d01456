"""The settings of rollouts: how far they run ahead of the updates, and how long they may be still.

Imports no torch.
"""

import math
from dataclasses import dataclass

from gym_reason.trainers.settings import check_at_least


@dataclass(frozen=True, slots=True)
class RolloutSettings:
    """How the episodes of RL are played beside the updates."""

    ahead: int = 0
    """Steps by which episodes are played ahead of the update that they enter, while earlier updates
    go on: no token is older than so many versions of the weights. 0 plays and updates in turn."""
    in_flight: bool = False
    """Whether new weights reach completions that are under way. They are fresher then, and no run
    can be repeated to the bit."""
    stall_seconds: float = 1800.0
    """The run ends, with a checkpoint, where its episodes or its update show no sign of life for
    longer."""

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        check_at_least(0, ahead=self.ahead)
        if self.in_flight and self.ahead == 0:
            raise ValueError("in_flight with ahead = 0; expected ahead = 1 or more")
        if not (math.isfinite(self.stall_seconds) and self.stall_seconds > 0.0):
            raise ValueError(
                f"stall_seconds = {self.stall_seconds}; expected a number of seconds above 0"
            )
