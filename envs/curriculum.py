"""A curriculum: which setting of an environment to draw next, moved by the measured pass rate."""

from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np

from gym_reason.errors import UsageError
from gym_reason.types import Json


class Curriculum:
    """Moves through levels of rising difficulty.

    The pass rate of the last `window` episodes at the current level decides: at `raise_at` or above
    the level rises, at `lower_at` or below it falls, and the window starts anew. Episodes of other
    levels do not count.
    """

    def __init__(
        self,
        levels: Sequence[Mapping[str, object]],
        *,
        raise_at: float = 0.8,
        lower_at: float = 0.2,
        window: int = 100,
        rehearse: float = 0.1,
    ) -> None:
        """Start at the first level.

        Args:
            levels: Arguments of an environment, easiest first.
            raise_at: Pass rate at which the level rises, above `lower_at` and at most 1.
            lower_at: Pass rate at which the level falls, at least 0.
            window: How many episodes a pass rate is measured on, at least 1.
            rehearse: Share of episodes drawn from the levels below, in [0, 1).

        Raises:
            UsageError: For a value out of range, or no level.
        """
        if not levels:
            raise UsageError("a curriculum without levels", "at least one")
        if not 0.0 <= lower_at < raise_at <= 1.0:
            raise UsageError(
                f"lower_at = {lower_at}, raise_at = {raise_at}", "0 <= lower_at < raise_at <= 1"
            )
        if window < 1:
            raise UsageError(f"window = {window}", "at least 1")
        if not 0.0 <= rehearse < 1.0:
            raise UsageError(f"rehearse = {rehearse}", "a share from 0 to below 1")
        self.levels = tuple(dict(level) for level in levels)
        self.raise_at = raise_at
        self.lower_at = lower_at
        self.window = window
        self.rehearse = rehearse
        self._level = 0
        self._results: deque[bool] = deque(maxlen=window)

    @property
    def level(self) -> int:
        """Index of the current level."""
        return self._level

    @property
    def pass_rate(self) -> float | None:
        """Share of correct episodes in the window; None while it is empty."""
        return sum(self._results) / len(self._results) if self._results else None

    def record(self, level: int, correct: bool) -> None:
        """Count an episode drawn at `level`. Raises UsageError where there is no such level."""
        self._check_level(level)
        if level != self._level:
            return
        self._results.append(bool(correct))
        if len(self._results) < self.window:
            return
        rate = sum(self._results) / self.window
        if rate >= self.raise_at and self._level + 1 < len(self.levels):
            self._move(1)
        elif rate <= self.lower_at and self._level > 0:
            self._move(-1)

    def draw_level(self, rng: np.random.Generator) -> int:
        """Return the level of the next episode: the current one, or in its share a lower one."""
        if self._level == 0 or rng.random() >= self.rehearse:
            return self._level
        return int(rng.random() * self._level)

    def state(self) -> dict[str, Json]:
        """Return what `load_state` needs to go on from here, as JSON values."""
        return {"level": self._level, "results": [int(correct) for correct in self._results]}

    def load_state(self, state: Mapping[str, Json]) -> None:
        """Go on from a state. Raises UsageError where it does not fit this curriculum."""
        level, results = state.get("level"), state.get("results")
        if not isinstance(level, int) or not isinstance(results, list | tuple):
            raise UsageError(
                "a curriculum's state without level and results", "what state() returned"
            )
        self._check_level(level)
        if len(results) > self.window:
            raise UsageError(
                f"a state of {len(results)} episodes", f"at most {self.window}, the window"
            )
        self._level = level
        self._results = deque((bool(correct) for correct in results), maxlen=self.window)

    def _move(self, by: int) -> None:
        self._level += by
        self._results.clear()

    def _check_level(self, level: int) -> None:
        if not 0 <= level < len(self.levels):
            raise UsageError(f"level {level}", f"a level from 0 to {len(self.levels) - 1}")
