"""The processes that train a model together. A run of one process is a world of one.

Trainers ask a world without knowing how many there are: alone, every sum is what one has, and every
share is the whole. `processes` has the world of several.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import torch

from gym_reason.errors import GymReasonError

T = TypeVar("T")


class World:
    """One process, which is all there is."""

    rank: int = 0
    """Number of this process."""
    size: int = 1
    """How many processes there are."""
    local_rank: int = 0
    """Number of this process on its machine."""
    local_size: int = 1
    """How many of them run on this machine."""
    mesh: Any = None
    """torch's mesh of the processes that weights are split over; None where each holds them all."""
    fails_together: bool = True
    """Whether an error that ends this process ends the others at the same place."""
    pulse: int = 0
    """Changes while this process waits for the others, which has a limit of its own."""
    echo_s: float = 0.0
    """Seconds after a signal within which it may come once more without being meant so."""

    def __init__(self, remark: str = "") -> None:
        """Keep what a person should know of how the processes were started."""
        self._remark = remark

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes, and speaks."""
        return self.rank == 0

    def describe(self) -> str:
        """Return a sentence on the processes; empty where there is nothing to say."""
        return self._remark

    def limit_waits(self, limit_s: float) -> None:
        """Wait for the others at most so long from now on."""

    def decide(self, make: Callable[[], T], what: str) -> T:
        """Return what `make` returns in the main process; it is called there alone."""
        return make()

    def gather(self, value: T, what: str) -> list[T]:
        """Return the value that each process brings, by rank."""
        return [value]

    def own(self, items: Sequence[T]) -> Sequence[T]:
        """Return this process's block of some items; the blocks are of like size, in order."""
        return items

    def join(self, items: Sequence[T], what: str) -> list[T]:
        """Return the items of all processes, in order of rank; undoes `own`."""
        return list(items)

    def join_or_fail(self, items: Sequence[T], failure: Exception | None, what: str) -> list[T]:
        """Return the items of all processes, or raise in each of them what failed in one.

        That is the failure itself where it came about, and RunError elsewhere.
        """
        if failure is not None:
            raise failure
        return list(items)

    def add_up(self, tensors: Sequence[torch.Tensor], what: str) -> None:
        """Put the sum over the processes into each tensor."""

    def add_figures(self, figures: Mapping[str, float], what: str) -> dict[str, float]:
        """Return the sum of each figure over the processes that have it."""
        return dict(figures)

    def sum_gradients(self, weights: Iterable[torch.Tensor]) -> None:
        """Give every process the sum of the gradients; one that no process has stays away."""

    def wait(self, what: str) -> None:
        """Wait until every process is here."""

    def check_same(self, weights: Iterable[tuple[str, torch.Tensor]], where: str) -> None:
        """Raise RunError where the processes hold other weights than the main one."""

    @property
    def keeps_step(self) -> bool:
        """Whether every process has to run as many forward passes as the others."""
        return self.mesh is not None


ALONE = World()
"""The world of a run in one process."""


def describe_error(error: BaseException) -> str:
    """Return an error as one line."""
    text = " ".join(str(error).split())[:500]
    if isinstance(error, GymReasonError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
