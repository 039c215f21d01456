"""The state of the running rows: dense tensors, row i of each belonging to the i-th request."""

import numpy as np
import torch
from torch import Tensor

from gym_reason.agents.engines.local.requests import Request
from gym_reason.agents.engines.local.sampling import RowParams, collect_params, uniform
from gym_reason.agents.engines.local.slabs import round_up

POSITION, EMITTED, LIMIT, TOKEN, STOPS = range(5)
"""Columns of the integer state; stop tokens follow from STOPS on, padded with -1."""


class RowTable:
    """Requests in rows 0 to `count` - 1, with everything a decode step reads about them."""

    def __init__(self, vocab_size: int, device: torch.device) -> None:
        """Start empty."""
        self.requests: list[Request] = []
        self._vocab_size = vocab_size
        self.device = device
        self._state = torch.full((0, STOPS), -1, dtype=torch.int64, device=device)
        self._tokens = torch.zeros((0, 0), dtype=torch.int64, device=device)
        self._logps = torch.zeros((0, 0), dtype=torch.float32, device=device)
        # Known on the host without asking the device: both numbers grow by one per step in every
        # row.
        self._positions = np.zeros(0, dtype=np.int64)
        self._emitted = np.zeros(0, dtype=np.int64)
        self._seeds = np.zeros(0, dtype=np.uint64)
        self._params: RowParams | None = None
        self._searching: list[int] = []

    @property
    def count(self) -> int:
        """How many rows run."""
        return len(self.requests)

    @property
    def longest(self) -> int:
        """Largest position that the next decode step writes, plus one."""
        return int(self._positions.max()) + 1

    def append(self, requests: list[Request]) -> None:
        """Add rows whose prompts have been prefilled and that have emitted nothing."""
        first, stop = self.count, self.count + len(requests)
        width = max(len(request.stop_ids) for request in requests)
        self._reserve(stop, STOPS + width, 1)
        rows = [
            # The next token that such a row is fed is the first it emits, right after its prompt.
            [len(r.prompt) - 1, 0, r.limit, -1, *r.stop_ids]
            + [-1] * (self._state.shape[1] - STOPS - len(r.stop_ids))
            for r in requests
        ]
        self._state[first:stop] = torch.tensor(rows, dtype=torch.int64, device=self.device)
        lengths = np.array([len(request.prompt) - 1 for request in requests])
        self._positions = np.concatenate((self._positions, lengths))
        self._emitted = np.concatenate((self._emitted, np.zeros(len(requests), dtype=np.int64)))
        seeds = [request.params.seed % 2**64 for request in requests]
        self._seeds = np.concatenate((self._seeds, np.array(seeds, dtype=np.uint64)))
        self.requests.extend(requests)
        self._forget_params()

    def params(self, first: int, stop: int) -> RowParams:
        """Return the sampling parameters of a range of rows."""
        if first == 0 and stop == self.count:
            if self._params is None:
                self._params = self._collect(0, stop)
            return self._params
        return self._collect(first, stop)

    def uniform(self, first: int, stop: int) -> Tensor:
        """Return the number from [0, 1) that draws each row's next token."""
        steps = self._emitted[first:stop].astype(np.uint64)
        return torch.from_numpy(uniform(self._seeds[first:stop], steps)).to(self.device)

    def column(self, index: int, first: int, stop: int) -> Tensor:
        """Return one column of the integer state."""
        return self._state[first:stop, index]

    def record(self, first: int, stop: int, tokens_N: Tensor, logps_N: Tensor) -> list[int]:
        """Append one token to each row of a range; return the rows that end with it."""
        needed = int(self._emitted[first:stop].max()) + 1
        self._reserve(stop, 0, needed)
        state = self._state[first:stop]
        emitted_N1 = state[:, EMITTED : EMITTED + 1]
        self._tokens[first:stop].scatter_(1, emitted_N1, tokens_N.unsqueeze(1))
        self._logps[first:stop].scatter_(1, emitted_N1, logps_N.unsqueeze(1))
        state[:, TOKEN] = tokens_N
        state[:, POSITION : EMITTED + 1] += 1
        self._positions[first:stop] += 1
        self._emitted[first:stop] += 1
        ended_N = state[:, EMITTED] >= state[:, LIMIT]
        if state.shape[1] > STOPS:
            ended_N |= (state[:, STOPS:] == tokens_N.unsqueeze(1)).any(1)
        searching = [row for row in self._searching if first <= row < stop]
        if not searching:
            return [first + row for row in ended_N.nonzero().squeeze(1).tolist()]
        ended = {first + row for row, value in enumerate(ended_N.tolist()) if value}
        tokens = tokens_N.tolist()
        for row in searching:
            search, token = self.requests[row].search, tokens[row - first]
            if search is not None and token not in self.requests[row].stop_ids:
                ended |= {row} if search.feed(token) else set()
        return sorted(ended)

    def read(self, rows: list[int]) -> list[tuple[list[int], list[float]]]:
        """Return the emitted tokens and log-probabilities of some rows."""
        index = torch.tensor(rows, device=self.device)
        width = int(self._emitted[rows].max())
        tokens = self._tokens[index, :width].tolist()
        logps = self._logps[index, :width].tolist()
        counts = self._emitted[rows].tolist()
        return [(t[:n], p[:n]) for t, p, n in zip(tokens, logps, counts, strict=True)]

    def remove(self, rows: list[int]) -> tuple[Tensor, Tensor] | None:
        """Fill removed rows with the last ones; return which went where, None if none did."""
        gone = set(rows)
        left = self.count - len(gone)
        sources = [row for row in range(left, self.count) if row not in gone]
        targets = [row for row in sorted(gone) if row < left]
        moves = None
        if sources:
            source_N = torch.tensor(sources, device=self.device)
            target_N = torch.tensor(targets, device=self.device)
            for table in (self._state, self._tokens, self._logps):
                table[target_N] = table[source_N]
            for numbers in (self._positions, self._emitted, self._seeds):
                numbers[targets] = numbers[sources]
            for source, target in zip(sources, targets, strict=True):
                self.requests[target] = self.requests[source]
            moves = (source_N, target_N)
        del self.requests[left:]
        self._positions, self._emitted = self._positions[:left], self._emitted[:left]
        self._seeds = self._seeds[:left]
        self._forget_params()
        return moves

    def _forget_params(self) -> None:
        self._params = None
        self._searching = [row for row, r in enumerate(self.requests) if r.search is not None]

    def _collect(self, first: int, stop: int) -> RowParams:
        params = [request.params for request in self.requests[first:stop]]
        return collect_params(params, self._vocab_size, self.device)

    def _reserve(self, rows: int, columns: int, width: int) -> None:
        """Grow the tables to at least this size; widths double so that long rows copy little."""
        rows = max(self._state.shape[0], round_up(rows))
        columns = max(self._state.shape[1], columns)
        if (rows, columns) != tuple(self._state.shape):
            self._state = _grow(self._state, rows, columns, -1)
        old = self._tokens.shape[1]
        width = old if width <= old else max(round_up(width), 2 * old)
        if (rows, width) != tuple(self._tokens.shape):
            self._tokens = _grow(self._tokens, rows, width, 0)
            self._logps = _grow(self._logps, rows, width, 0)


def _grow(table: Tensor, rows: int, columns: int, fill: int) -> Tensor:
    grown = table.new_full((rows, columns), fill)
    grown[: table.shape[0], : table.shape[1]] = table
    return grown
