"""The decoder for models with virtual tokens: their keys and values come first in every row."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad
from transformers import PreTrainedModel

from gym_reason.agents.engines.local.generic import GenericDecoder
from gym_reason.agents.engines.local.slabs import KeyValueSlabs
from gym_reason.agents.virtual_tokens import find_virtual_tokens


class VirtualTokenDecoder(GenericDecoder):
    """Calls the model itself, behind V virtual tokens that stand at the positions 0 to V - 1."""

    def __init__(self, model: PreTrainedModel, dtype: torch.dtype | None = None) -> None:
        """Wrap a model with virtual tokens."""
        super().__init__(model, dtype)
        found = find_virtual_tokens(model)
        assert found is not None, "`supports` was asked"
        self._virtual = found
        self._body: Any = model.get_decoder()  # type: ignore[no-untyped-call]
        self._keys_values: list[tuple[Tensor, Tensor]] = []
        self.ahead = found.count

    @staticmethod
    def supports(model: PreTrainedModel) -> bool:
        """Return whether there are virtual tokens, and every layer sees all of them."""
        return find_virtual_tokens(model) is not None and GenericDecoder.sees_all(model)

    def admit(self, ids_BT: Tensor, lengths_B: Tensor, source_N: Tensor, first: int) -> Tensor:
        """Prefill prompts with places for the virtual tokens in front."""
        return super().admit(pad(ids_BT, (self.ahead, 0)), lengths_B + self.ahead, source_N, first)

    def decode(self, tokens_N: Tensor, positions_N: Tensor, shortest: int, longest: int) -> Tensor:
        """Run one token per row, behind the virtual ones."""
        ahead = self.ahead
        return super().decode(tokens_N, positions_N + ahead, shortest + ahead, longest + ahead)

    def forward_span(
        self, ids_BC: Tensor, start: int, slabs: KeyValueSlabs, last_B: Tensor
    ) -> Tensor:
        """Write the virtual tokens of the span, then run its own."""
        batch, count = ids_BC.shape
        virtual = min(max(self.ahead - start, 0), count)
        if start == 0:
            with self._context:
                self._keys_values = self._virtual.keys_values(self._body)
        if virtual:
            rows, span = (batch, -1, -1, -1), slice(start, start + virtual)
            for index, (keys, values) in enumerate(self._keys_values):
                new = (keys[:, :, span].expand(rows), values[:, :, span].expand(rows))
                slabs.write_span(index, start, *new)
        if virtual == count:  # no prompt ends here: nobody reads these
            return torch.zeros(batch, self.vocab_size, device=self.device)
        last_B = (last_B - virtual).clamp_min(0)
        with self._virtual.aside():
            return super().forward_span(ids_BC[:, virtual:], start + virtual, slabs, last_B)

    def forward_tokens(
        self, tokens_N: Tensor, positions_N: Tensor, shortest: int, longest: int
    ) -> Tensor:
        """Run the model on one token per row."""
        with self._virtual.aside():
            return super().forward_tokens(tokens_N, positions_N, shortest, longest)
