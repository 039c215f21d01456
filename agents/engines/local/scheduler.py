"""Continuous batching: rows that end leave at once, and waiting requests take their places."""

import math
from collections import deque

import torch
from torch import Tensor

from gym_reason.agents.engines.local.budget import count_fitting
from gym_reason.agents.engines.local.decoder import Decoder
from gym_reason.agents.engines.local.detokenizer import Detokenizer
from gym_reason.agents.engines.local.requests import PrefillGroup, Request, group_by_prompt
from gym_reason.agents.engines.local.rows import RowTable
from gym_reason.agents.engines.local.sampling import draw
from gym_reason.errors import ModelError
from gym_reason.types import Completion, say_versions

PREFILL_TOKENS = {"cpu": 2048, "cuda": 16384}
"""Most prompt tokens of one prefill: what keeps a GPU busy, and a CPU's cache warm."""


class Scheduler:
    """Holds requests in order of arrival and runs up to `max_rows` of them at a time."""

    def __init__(
        self, decoder: Decoder, detokenizer: Detokenizer, max_rows: int, max_cache_bytes: int
    ) -> None:
        """Start without requests."""
        self.steps = 0
        """Steps so far: a sign of life."""
        self._version = 0
        self._decoder = decoder
        self._detokenizer = detokenizer
        self._max_rows = max_rows
        self._max_cache_bytes = max_cache_bytes
        self._waiting: deque[Request] = deque()
        self._rows = RowTable(decoder.vocab_size, decoder.device)

    @property
    def version(self) -> int:
        """Version of the weights; rows that run when it changes go on under the new one."""
        return self._version

    @version.setter
    def version(self, value: int) -> None:
        if value == self._version:
            return
        self._version = value
        for request, count in zip(self._rows.requests, self._rows.counts(), strict=True):
            request.versions.append((count, value))

    @property
    def busy(self) -> bool:
        """Whether any request waits or runs."""
        return bool(self._waiting) or self._rows.count > 0

    def submit(self, request: Request) -> None:
        """Queue a request."""
        self._waiting.append(request)

    def cancel(self, request: Request) -> None:
        """Drop a request wherever it is; one that has ended already is left alone."""
        if request in self._waiting:
            self._waiting.remove(request)
        elif request in self._rows.requests:
            with torch.inference_mode():
                self._remove([self._rows.requests.index(request)])

    def clear(self) -> list[Request]:
        """Drop every request and return them."""
        dropped = [*self._rows.requests, *self._waiting]
        self._waiting.clear()
        self._rows = RowTable(self._decoder.vocab_size, self._decoder.device)
        self._decoder.clear()
        return dropped

    @torch.inference_mode()
    def step(self) -> int:
        """Admit what fits and advance every row by one token; return how many requests ended."""
        self.steps += 1
        self._decoder.refresh()
        if self._decoder.device != self._rows.device and self._rows.count == 0:
            self._rows = RowTable(self._decoder.vocab_size, self._decoder.device)
        ended = self._admit()
        if self._rows.count:
            ended += self._advance()
        return ended

    def _admit(self) -> int:
        """Prefill waiting requests, once a sixteenth of the rows is free or all that wait fit in.

        A prefill has a fixed cost, so single free rows are not filled one by one.
        """
        if not self._waiting:
            return 0
        running = self._rows.requests
        free = self._max_rows - len(running)
        if running and free < min(len(self._waiting), max(1, self._max_rows // 16)):
            return 0
        limit_tokens = self._max_cache_bytes // max(1, self._decoder.bytes_per_token)
        count = count_fitting(running, self._waiting, limit_tokens, self._max_rows)
        if not count:
            return 0
        taken = [self._waiting.popleft() for _ in range(count)]
        self._decoder.most_tokens = max(len(r.prompt) + r.limit for r in (*running, *taken))
        groups = group_by_prompt(taken, PREFILL_TOKENS.get(self._decoder.device.type, 16384))
        return self._finish([row for group in groups for row in self._prefill(group)])

    def _prefill(self, group: PrefillGroup) -> list[int]:
        """Prefill a group and draw its first tokens; return the rows that end there."""
        device, first = self._decoder.device, self._rows.count
        width = len(group.prompts[-1])
        padded = [[*prompt, *[0] * (width - len(prompt))] for prompt in group.prompts]
        for request in group.requests:
            request.versions = [(0, self._version)]
        # Rows are booked first: should the model fail, the requests are among those that `clear`
        # returns.
        self._rows.append(group.requests)
        logits_NV = self._decoder.admit(
            torch.tensor(padded, device=device),
            torch.tensor([len(prompt) for prompt in group.prompts], device=device),
            torch.tensor(group.sources, device=device),
            first,
        )
        return self._emit(first, logits_NV)

    def _advance(self) -> int:
        """Feed every row its last token and draw the next."""
        rows = self._rows
        logits_NV = self._decoder.decode(
            rows.last_tokens(), rows.positions(), rows.shortest, rows.longest
        )
        return self._finish(self._emit(0, logits_NV))

    def _emit(self, first: int, logits_NV: Tensor) -> list[int]:
        """Draw a token for each row from `first` on; return the rows that end with it."""
        rows, stop = self._rows, self._rows.count
        params = rows.params(first, stop)
        uniform_N = None if params.all_greedy else rows.uniform(first, stop)
        tokens_N, logps_N = draw(logits_NV, params, uniform_N)
        return rows.record(first, stop, tokens_N, logps_N)

    def _finish(self, ended: list[int]) -> int:
        """Deliver the completions of ended rows and free the rows."""
        if not ended:
            return 0
        results = self._rows.read(ended)
        requests = [self._rows.requests[row] for row in ended]
        self._remove(ended)
        for request, (tokens, logps) in zip(requests, results, strict=True):
            if math.isfinite(math.fsum(logps)):
                request.deliver(self._complete(request, tokens, logps))
            else:
                request.fail(
                    ModelError("the model's logits are not finite", remedy="check its weights")
                )
        return len(ended)

    def _remove(self, ended: list[int]) -> None:
        moves = self._rows.remove(ended)
        if moves is not None:
            self._decoder.move(*moves)
        if not self._rows.count:
            self._decoder.clear()

    def _complete(self, request: Request, tokens: list[int], logps: list[float]) -> Completion:
        """Return the completion, its text without what ended it."""
        stopped = tokens[-1] in request.stop_ids
        shown = tokens[:-1] if stopped else tokens
        text = self._detokenizer.decode(shown)
        if request.search is not None:
            text = request.search.text()
            stopped = stopped or request.search.found
        versions = request.token_versions(len(tokens))
        return Completion(
            tuple(tokens),
            tuple(logps),
            text,
            "stop" if stopped else "length",
            min(versions),
            say_versions(versions),
        )
