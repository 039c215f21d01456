"""Mixing sources of rows: how large a share each has, and which of its rows come when."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gym_reason.seeding import derive_rng


def mixing_shares(
    sizes: Sequence[int], weights: Sequence[float], temperature: float = 1.0, cap: int = 0
) -> list[float]:
    """Return each source's share of the rows that are drawn; they sum to 1.

    A share grows with `(weight * min(rows, cap)) ** (1 / temperature)`.

    Args:
        sizes: Rows of each source, at least one.
        weights: What multiplies each size.
        temperature: 1 mixes in proportion to the sizes; the higher, the more alike the shares.
        cap: Rows beyond this many do not count; 0 for no cap.

    Source: arXiv 1910.10683, section 3.5.2.
    """
    counted = [min(size, cap) if cap else size for size in sizes]
    pulls = [
        (weight * size) ** (1.0 / temperature)
        for weight, size in zip(weights, counted, strict=True)
    ]
    return [pull / sum(pulls) for pull in pulls]


class Mixer:
    """Says which rows a step takes, as a function of the seed and the step alone.

    Each draw picks a source by its share, then that source's next row: every row of a source comes
    once before one of them comes twice, in an order that is drawn anew for each pass.
    """

    def __init__(
        self, sizes: Sequence[int], shares: Sequence[float], rows: int, seed: int, name: str
    ) -> None:
        """Keep the sizes and the shares of the sources; a step takes `rows` rows."""
        self._sizes = list(sizes)
        self._shares = list(shares)
        self._rows = rows
        self._seed, self._name = seed, name
        self._step = 0
        self._taken = [0] * len(sizes)
        self._orders: dict[int, tuple[int, npt.NDArray[np.int64]]] = {}

    def draw(self, step: int) -> list[tuple[int, int]]:
        """Return the rows of a step counted from 0, each as its source and its place in it."""
        if step < self._step:
            self._step, self._taken = 0, [0] * len(self._sizes)
        while self._step < step:  # a resumed run counts what the steps before it took
            for source in self._sources(self._step):
                self._taken[source] += 1
            self._step += 1
        drawn = []
        for source in self._sources(step):
            drawn.append((source, self._row(source, self._taken[source])))
            self._taken[source] += 1
        self._step = step + 1
        return drawn

    def _sources(self, step: int) -> list[int]:
        rng = derive_rng(self._seed, self._name, "sources", step)
        sources: list[int] = rng.choice(len(self._sizes), size=self._rows, p=self._shares).tolist()
        return sources

    def _row(self, source: int, number: int) -> int:
        """Return which row of a source its `number`-th draw takes."""
        turn, place = divmod(number, self._sizes[source])
        if source not in self._orders or self._orders[source][0] != turn:
            rng = derive_rng(self._seed, self._name, "order", source, turn)
            self._orders[source] = (turn, rng.permutation(self._sizes[source]))
        return int(self._orders[source][1][place])
