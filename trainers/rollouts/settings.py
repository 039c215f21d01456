"""The settings of rollouts: where they are played, how far ahead of the updates, how long at most.

Imports no torch.
"""

import math
from dataclasses import dataclass
from typing import Literal

from gym_reason.trainers.settings import check_at_least


@dataclass(frozen=True, slots=True)
class RolloutSettings:
    """Where the episodes of a run are played, and how those of RL go with the updates."""

    backend: Literal["local", "ray"] = "local"
    """`local`: in the trainer's process. `ray`: by the workers of `[ray]`."""
    part_tasks: int = 0
    """Tasks that are played together, with all their samples. 0: locally all of a step, on Ray one
    part for each worker. Two runs agree to the last bit where their parts are the same: how many
    rows a matrix product has decides how it rounds."""
    ahead: int = 0
    """Steps by which episodes are played ahead of the update that they enter, while earlier updates
    go on: no token is older than so many versions of the weights. 0 plays and updates in turn."""
    in_flight: bool = False
    """Whether new weights reach completions that are under way. They are fresher then, and no run
    can be repeated to the bit."""
    stall_seconds: float = 1800.0
    """The run ends, with a checkpoint, where its episodes, an update, a measurement or another
    stage show no sign of life for longer."""

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        check_at_least(0, ahead=self.ahead, part_tasks=self.part_tasks)
        if self.in_flight and self.ahead == 0:
            raise ValueError("in_flight with ahead = 0; expected ahead = 1 or more")
        if not (math.isfinite(self.stall_seconds) and self.stall_seconds > 0.0):
            raise ValueError(
                f"stall_seconds = {self.stall_seconds}; expected a number of seconds above 0"
            )

    def split(self, tasks: int, workers: int = 0) -> list[range]:
        """Return which of `tasks` tasks are played together; `workers` is 0 for the local backend.

        The parts are near enough of one size, and none is larger than asked for.
        """
        if tasks == 0:
            return []
        size = self.part_tasks or (-(-tasks // workers) if workers else tasks)
        parts = -(-tasks // size)
        return [range(tasks * p // parts, tasks * (p + 1) // parts) for p in range(parts)]
