"""The state of the running rows: arrays on the host, row i of each the i-th request's."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gym_reason.agents.engines.local.requests import Request
from gym_reason.agents.engines.local.sampling import RowParams, collect_params, uniform
from gym_reason.agents.engines.local.slabs import round_up

AHEAD = 16
"""Steps for which random numbers are computed at a time."""


class RowTable:
    """Requests in rows 0 to `count` - 1, with everything a decode step reads about them.

    On the host, where a step over some hundred numbers costs a tenth of what a tensor operation
    does; the device is only asked for each step's tokens and log-probabilities.
    """

    def __init__(self, vocab_size: int, device: torch.device) -> None:
        """Start empty."""
        self.requests: list[Request] = []
        self._vocab_size = vocab_size
        self.device = device
        self._positions = np.zeros(0, dtype=np.int64)
        self._emitted = np.zeros(0, dtype=np.int64)
        self._limits = np.zeros(0, dtype=np.int64)
        self._last = np.zeros(0, dtype=np.int64)
        self._seeds = np.zeros(0, dtype=np.uint64)
        self._stops = np.zeros((0, 0), dtype=np.int64)
        self._tokens = np.zeros((0, 0), dtype=np.int64)
        self._logps = np.zeros((0, 0), dtype=np.float32)
        self._params: RowParams | None = None
        self._ahead: NDArray[np.float64] | None = None
        self._ahead_step = 0
        self._searching: list[int] = []

    @property
    def count(self) -> int:
        """How many rows run."""
        return len(self.requests)

    @property
    def shortest(self) -> int:
        """Smallest position that the next decode step writes, plus one."""
        return int(self._positions.min()) + 1

    @property
    def longest(self) -> int:
        """Largest position that the next decode step writes, plus one."""
        return int(self._positions.max()) + 1

    def counts(self) -> list[int]:
        """Return how many tokens each row has emitted."""
        counts: list[int] = self._emitted.tolist()
        return counts

    def append(self, requests: list[Request]) -> None:
        """Add rows whose prompts have been prefilled and that have emitted nothing."""
        old, stop = self.count, self.count + len(requests)
        width = max(self._stops.shape[1], *(len(request.stop_ids) for request in requests))
        stops = np.full((stop, width), -1, dtype=np.int64)
        stops[:old, : self._stops.shape[1]] = self._stops
        for row, request in enumerate(requests, old):
            stops[row, : len(request.stop_ids)] = request.stop_ids
        self._stops = stops
        # The next token that such a row is fed is the first it emits, right after its prompt.
        self._positions = _extend(self._positions, [len(r.prompt) - 1 for r in requests])
        self._emitted = _extend(self._emitted, [0] * len(requests))
        self._limits = _extend(self._limits, [request.limit for request in requests])
        self._last = _extend(self._last, [0] * len(requests))
        self._seeds = _extend(self._seeds, [request.params.seed % 2**64 for request in requests])
        self._reserve(stop, 1)
        self.requests.extend(requests)
        self._forget()

    def params(self, first: int, stop: int) -> RowParams:
        """Return the sampling parameters of a range of rows."""
        if first == 0 and stop == self.count:
            if self._params is None:
                self._params = self._collect(0, stop)
            return self._params
        return self._collect(first, stop)

    def uniform(self, first: int, stop: int) -> Tensor:
        """Return the number from [0, 1) that draws each row's next token."""
        if first != 0 or stop != self.count:
            steps = self._emitted[first:stop].astype(np.uint64)
            return self._send(uniform(self._seeds[first:stop], steps))
        if self._ahead is None or self._ahead_step == AHEAD:
            steps = np.arange(AHEAD, dtype=np.uint64)[:, None] + self._emitted.astype(np.uint64)
            self._ahead, self._ahead_step = uniform(self._seeds, steps), 0
        numbers = self._ahead[self._ahead_step]
        self._ahead_step += 1
        return self._send(numbers)

    def last_tokens(self) -> Tensor:
        """Return the token that each row emitted last."""
        return self._send(self._last.copy())

    def positions(self) -> Tensor:
        """Return the position of each row's last token."""
        return self._send(self._positions.copy())

    def record(self, first: int, stop: int, tokens_N: Tensor, logps_N: Tensor) -> list[int]:
        """Append one token to each row of a range; return the rows that end with it."""
        emitted = self._emitted[first:stop]
        fewest, most = int(emitted.min()), int(emitted.max())
        self._reserve(stop, most + 1)
        tokens, logps = tokens_N.cpu().numpy(), logps_N.cpu().numpy()
        if fewest == most:
            self._tokens[first:stop, most] = tokens
            self._logps[first:stop, most] = logps
        else:
            rows = np.arange(first, stop)
            self._tokens[rows, emitted] = tokens
            self._logps[rows, emitted] = logps
        self._last[first:stop] = tokens
        self._positions[first:stop] += 1
        emitted += 1
        ended = emitted >= self._limits[first:stop]
        if self._stops.shape[1]:
            ended |= (self._stops[first:stop] == tokens[:, None]).any(1)
        found = [first + row for row in ended.nonzero()[0].tolist()]
        searching = [row for row in self._searching if first <= row < stop]
        if not searching:
            return found
        stopped = set(found)
        for row in searching:
            search, token = self.requests[row].search, int(tokens[row - first])
            if search is not None and token not in self.requests[row].stop_ids:
                stopped |= {row} if search.feed(token) else set()
        return sorted(stopped)

    def read(self, rows: list[int]) -> list[tuple[list[int], list[float]]]:
        """Return the emitted tokens and log-probabilities of some rows."""
        return [
            (self._tokens[row, :count].tolist(), self._logps[row, :count].tolist())
            for row, count in zip(rows, self._emitted[rows].tolist(), strict=True)
        ]

    def remove(self, rows: list[int]) -> tuple[Tensor, Tensor] | None:
        """Fill removed rows with the last ones; return which went where, None if none did."""
        gone = set(rows)
        left = self.count - len(gone)
        sources = [row for row in range(left, self.count) if row not in gone]
        targets = [row for row in sorted(gone) if row < left]
        for name in (*_PER_ROW, *_RESULTS):
            array = getattr(self, name)
            array[targets] = array[sources]
            if name in _PER_ROW:
                setattr(self, name, array[:left])
        for source, target in zip(sources, targets, strict=True):
            self.requests[target] = self.requests[source]
        del self.requests[left:]
        self._forget()
        if not sources:
            return None
        return (
            torch.tensor(sources, device=self.device),
            torch.tensor(targets, device=self.device),
        )

    def _send(self, array: NDArray[Any]) -> Tensor:
        """Return an array on the device, without a wait for what a GPU is at.

        CUDA has read such memory, which is not pinned, when the call returns.
        """
        return torch.from_numpy(array).to(self.device, non_blocking=True)

    def _forget(self) -> None:
        self._params = self._ahead = None
        self._searching = [row for row, r in enumerate(self.requests) if r.search is not None]

    def _collect(self, first: int, stop: int) -> RowParams:
        params = [request.params for request in self.requests[first:stop]]
        return collect_params(params, self._vocab_size, self.device)

    def _reserve(self, rows: int, width: int) -> None:
        """Grow the tables of results; widths double so that long rows copy little."""
        old_rows, old = self._tokens.shape
        width = old if width <= old else max(round_up(width), 2 * old)
        rows = max(old_rows, round_up(rows))
        if (rows, width) != (old_rows, old):
            for name in _RESULTS:
                array = getattr(self, name)
                grown = np.zeros((rows, width), dtype=array.dtype)
                grown[:old_rows, :old] = array
                setattr(self, name, grown)


_PER_ROW = ("_positions", "_emitted", "_limits", "_last", "_seeds", "_stops")
_RESULTS = ("_tokens", "_logps")


def _extend(array: NDArray[Any], values: list[int]) -> NDArray[Any]:
    return np.concatenate((array, np.array(values, dtype=array.dtype)))
