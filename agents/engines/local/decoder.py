"""What the scheduler asks of a model: take prompts in, advance every row by one token."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from gym_reason.agents.engines.local.slabs import KeyValueSlabs, Storage, round_up

SPAN_SCORES = 2**21
"""Most attention scores per head that one span of a prefill computes; bounds its memory."""


class Decoder(ABC):
    """Holds the state of N running rows, 0 to N - 1, and computes their next logits."""

    device: torch.device
    vocab_size: int
    bytes_per_token: int = 0
    """Memory of the keys and values of one token of one row, in all layers."""
    most_tokens: int = 0
    """Length that no row will exceed, as far as is known; memory does not grow above it."""

    @abstractmethod
    def refresh(self, *, force: bool = False) -> bool:
        """Follow the weights of the model; returns whether something had to be done."""

    @abstractmethod
    def admit(self, ids_BT: Tensor, lengths_B: Tensor, source_N: Tensor, first: int) -> Tensor:
        """Prefill B prompts, padded on the right, and make N rows of them from row `first` onwards.

        Returns logits_NV after each row's last prompt token; row `first + i` holds prompt
        `source_N[i]`.
        """

    @abstractmethod
    def decode(self, tokens_N: Tensor, positions_N: Tensor, shortest: int, longest: int) -> Tensor:
        """Feed one token per row at its position; returns logits_NV.

        `shortest` and `longest` are the smallest and the largest position plus 1.
        """

    @abstractmethod
    def move(self, source_N: Tensor, target_N: Tensor) -> None:
        """Copy the state of rows onto other rows."""

    @abstractmethod
    def clear(self) -> None:
        """Forget all rows and free their memory."""


class CachedDecoder(Decoder):
    """A decoder that keeps keys and values in slabs."""

    ahead: int = 0
    """Tokens that stand before every row's own, which positions and lengths here count too."""

    def __init__(self, layers: int) -> None:
        """Start without rows."""
        self._layers = layers
        self._storage = Storage()
        self._slabs = KeyValueSlabs(layers, 0, 0, self._storage)
        self._row_numbers = torch.empty(0, dtype=torch.int64)

    @abstractmethod
    def forward_span(
        self, ids_BC: Tensor, start: int, slabs: KeyValueSlabs, last_B: Tensor
    ) -> Tensor:
        """Run C tokens of each row at positions `start` onwards.

        Returns hidden_BH after the token `last_B` of each row, counted within the span.
        """

    @abstractmethod
    def forward_tokens(
        self, tokens_N: Tensor, positions_N: Tensor, shortest: int, longest: int
    ) -> Tensor:
        """Run one token per row, each at its own position; returns logits_NV."""

    @abstractmethod
    def project(self, hidden_BH: Tensor) -> Tensor:
        """Return the logits of final hidden states."""

    def admit(self, ids_BT: Tensor, lengths_B: Tensor, source_N: Tensor, first: int) -> Tensor:
        """Prefill in spans of bounded memory, then copy keys and values to the rows."""
        prompts, width = ids_BT.shape
        rows = first + source_N.shape[0]
        # Counts first: a GPU would have to be waited for to compare what it holds.
        alone = first == 0 and source_N.shape[0] == prompts
        alone = alone and torch.equal(source_N, self.row_numbers(prompts))
        if alone:
            # Every row is a prompt of its own and no others run: nothing needs to be copied.
            self._slabs.free()
            self._slabs = KeyValueSlabs(self._layers, 0, 0, self._storage)
            self._slabs.reserve(rows, width + 1, self._most())
            slabs = self._slabs
        else:
            slabs = KeyValueSlabs(self._layers, prompts, width, self._storage)
        hidden_BH = self._prefill(ids_BT, lengths_B, slabs)
        if not alone:
            self._slabs.reserve(rows, width + 1, self._most())
            self._slabs.copy_from(slabs, source_N, first, width)
            slabs.free()
            hidden_BH = hidden_BH[source_N]
        return self.project(hidden_BH)

    def _prefill(self, ids_BT: Tensor, lengths_B: Tensor, slabs: KeyValueSlabs) -> Tensor:
        """Return hidden_BH after the last token of each prompt."""
        prompts, width = ids_BT.shape
        span = max(16, SPAN_SCORES // (prompts * round_up(width)))
        hidden_BH: Tensor | None = None
        for start in range(0, width, span):
            ids_BC = ids_BT[:, start : start + span]
            last_B = lengths_B - 1 - start
            inside_B = (last_B >= 0) & (last_B < ids_BC.shape[1])
            new_BH = self.forward_span(ids_BC, start, slabs, last_B.clamp(0, ids_BC.shape[1] - 1))
            if hidden_BH is None:
                hidden_BH = new_BH
            else:
                hidden_BH = torch.where(inside_B.unsqueeze(1), new_BH, hidden_BH)
        assert hidden_BH is not None, "a prompt has at least one token"
        return hidden_BH

    def decode(self, tokens_N: Tensor, positions_N: Tensor, shortest: int, longest: int) -> Tensor:
        """Grow the slabs to the longest row, then run one token per row."""
        self._slabs.reserve(tokens_N.shape[0], longest, self._most())
        return self.forward_tokens(tokens_N, positions_N, shortest, longest)

    def move(self, source_N: Tensor, target_N: Tensor) -> None:
        """Copy keys and values."""
        self._slabs.move(source_N, target_N)

    def clear(self) -> None:
        """Free the slabs."""
        self._slabs.free()
        self._slabs = KeyValueSlabs(self._layers, 0, 0, self._storage)

    def _most(self) -> int:
        """Return the length that no row will exceed with what stands ahead of it, 0 if unknown."""
        return self.most_tokens + self.ahead if self.most_tokens else 0

    def row_numbers(self, count: int) -> Tensor:
        """Return 0 to count - 1 on the model's device, from a table."""
        if self._row_numbers.shape[0] < count or self._row_numbers.device != self.device:
            self._row_numbers = torch.arange(round_up(count), device=self.device)
        return self._row_numbers[:count]


def causal_mask(start: int, count: int, length: int, device: torch.device) -> Tensor:
    """Return mask_CL, True where a query at `start + c` must not look at position l."""
    positions_C = torch.arange(start, start + count, device=device)
    return torch.arange(length, device=device) > positions_C.unsqueeze(1)


def position_mask(positions_N: Tensor, length: int) -> Tensor:
    """Return mask_NL, True where the row's query must not look."""
    return torch.arange(length, device=positions_N.device) > positions_N.unsqueeze(1)
