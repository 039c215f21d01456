"""How long the comparisons of one verdict may take together."""

import time

BUDGET_S = 1.5
"""Longest time for the comparisons of one verdict."""


class Budget:
    """A limit of time that several comparisons share."""

    def __init__(self, seconds: float = BUDGET_S) -> None:
        """Start now."""
        self._end = time.monotonic() + seconds

    @property
    def left_s(self) -> float:
        """Seconds that are left, 0 where it is spent."""
        return max(0.0, self._end - time.monotonic())

    def extend(self, seconds: float) -> None:
        """Give back time that no comparison has taken."""
        self._end += seconds

    def spend(self) -> None:
        """Leave nothing."""
        self._end = 0.0
