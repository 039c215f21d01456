"""The table `[rollout]` of a recipe."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class RolloutSettings:
    """Where episodes are played."""

    backend: Literal["local", "ray"] = "local"
    """`local`: in the trainer's process. `ray`: by the workers of `[ray]`."""
    part_tasks: int = 0
    """Tasks that are played together, with all their samples. 0: locally all of a step, on Ray one
    part for each worker. Two runs agree to the last bit where their parts are the same: how many
    rows a matrix product has decides how it rounds."""

    def __post_init__(self) -> None:
        """Refuse parts of nothing."""
        if self.part_tasks < 0:
            raise ValueError(f"part_tasks = {self.part_tasks}; expected 0 or more")

    def split(self, tasks: int, workers: int = 0) -> list[range]:
        """Return which of `tasks` tasks are played together; `workers` is 0 for the local backend.

        The parts are near enough of one size, and none is larger than asked for.
        """
        if tasks == 0:
            return []
        size = self.part_tasks or (-(-tasks // workers) if workers else tasks)
        parts = -(-tasks // size)
        return [range(tasks * p // parts, tasks * (p + 1) // parts) for p in range(parts)]
