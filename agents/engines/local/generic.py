"""Decoders for any causal language model of transformers: with a cache of ours, or without one."""

import contextlib
from typing import Any

import torch
from torch import Tensor
from transformers import Cache, PreTrainedModel
from transformers.cache_utils import CacheLayerMixin

from gym_reason.agents.engines.local.decoder import (
    CachedDecoder,
    Decoder,
    causal_mask,
    position_mask,
)
from gym_reason.agents.engines.local.slabs import KeyValueSlabs, round_up
from gym_reason.agents.virtual_tokens import cache_argument, find_virtual_tokens

WINDOWS = ("sliding_window", "window_size", "attention_window", "attention_chunk_size")
"""Settings that limit how far back a layer looks, in models that list no kinds of layers."""


class SlabLayer(CacheLayerMixin):
    """One layer of a transformers cache over slabs, each row at its own position."""

    def __init__(
        self,
        index: int,
        slabs: KeyValueSlabs,
        start: int,
        length: int,
        position_N: Tensor | None,
    ) -> None:
        """Write at `position_N`, one token per row; without it, at `start` in every row.

        `length` tokens are read.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self._index = index
        self._slabs = slabs
        self._start = start
        self._length = length
        self._position_N = position_N
        self.is_initialized = True

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Do nothing: the slabs make room at the first write."""

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Write the new keys and values; return what the mask covers."""
        count = key_states.shape[0]
        if self._position_N is None:
            self._slabs.write_span(self._index, self._start, key_states, value_states)
        else:
            row_N = torch.arange(count, device=key_states.device)
            new = (key_states.squeeze(2), value_states.squeeze(2))
            self._slabs.write_tokens(self._index, row_N, self._position_N, *new)
        keys, values = self._slabs.layer(self._index, count, self._length)
        return keys.transpose(2, 3), values

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Return how many tokens are read, and no offset."""
        return self._length, 0

    def get_seq_length(self) -> int:
        """Return how many tokens came before this call; of no use where rows differ, and then 1."""
        return self._start if self._position_N is None else 1

    def get_max_length(self) -> int:
        """Return -1: slabs grow."""
        return -1


class GenericDecoder(CachedDecoder):
    """Calls the model itself, with slabs in the place of its cache."""

    def __init__(self, model: PreTrainedModel, dtype: torch.dtype | None = None) -> None:
        """Wrap a model; its weights are used where they are, under autocast to `dtype`."""
        config: Any = model.config.get_text_config()
        super().__init__(config.num_hidden_layers)
        self._model: Any = model
        self._cache_argument = cache_argument(model)
        self._context = _Inference(model, dtype)
        self.device = model.device
        self.vocab_size = int(config.vocab_size)
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        width = getattr(config, "head_dim", None) or (
            config.hidden_size // config.num_attention_heads
        )
        # Under autocast keys may still be kept in the weights' own type, so the larger one counts.
        self.bytes_per_token = 2 * self._layers * heads * width * model.dtype.itemsize

    @staticmethod
    def supports(model: PreTrainedModel) -> bool:
        """Return whether every layer sees every earlier token, and nothing else."""
        return find_virtual_tokens(model) is None and GenericDecoder.sees_all(model)

    @staticmethod
    def sees_all(model: PreTrainedModel) -> bool:
        """Return whether every layer sees every earlier token, as far as its settings tell."""
        config: Any = model.config.get_text_config()
        kinds = getattr(config, "layer_types", None)
        if kinds is not None:
            return set(kinds) == {"full_attention"}
        return not any(getattr(config, name, None) for name in WINDOWS)

    def refresh(self, *, force: bool = False) -> bool:
        """Do nothing but follow the model to another device."""
        self.device = self._model.device
        return False

    def forward_span(
        self, ids_BC: Tensor, start: int, slabs: KeyValueSlabs, last_B: Tensor
    ) -> Tensor:
        """Run the model; what stands for the hidden state here are the logits."""
        batch, count = ids_BC.shape
        mask_CL = causal_mask(start, count, start + count, self.device)
        mask = self._additive(mask_CL).expand(batch, 1, -1, -1)
        positions = torch.arange(start, start + count, device=self.device).expand(batch, -1)
        layers = [
            SlabLayer(index, slabs, start, start + count, None) for index in range(self._layers)
        ]
        logits_BCV = self._run(ids_BC, mask, positions, layers)
        return logits_BCV[self.row_numbers(batch), last_B]

    def forward_tokens(
        self, tokens_N: Tensor, positions_N: Tensor, shortest: int, longest: int
    ) -> Tensor:
        """Run the model on one token per row."""
        length = round_up(longest)
        mask = self._additive(position_mask(positions_N, length)).view(-1, 1, 1, length)
        layers = [
            SlabLayer(index, self._slabs, 0, length, positions_N) for index in range(self._layers)
        ]
        return self._run(tokens_N.unsqueeze(1), mask, positions_N.unsqueeze(1), layers)[:, -1]

    def project(self, hidden_BH: Tensor) -> Tensor:
        """Return the logits that `forward_span` gave."""
        return hidden_BH

    def _run(
        self, ids_BC: Tensor, mask: Tensor, positions_BC: Tensor, layers: list[SlabLayer]
    ) -> Tensor:
        whole: list[Any] = list(layers)
        with self._context:
            result = self._model(
                input_ids=ids_BC,
                attention_mask=mask,
                position_ids=positions_BC,
                use_cache=True,
                **{self._cache_argument: Cache(layers=whole)},
            )
        logits: Tensor = result.logits
        return logits

    def _additive(self, forbidden: Tensor) -> Tensor:
        """Return 0 where allowed and the lowest number elsewhere, in the model's type."""
        dtype: torch.dtype = self._model.dtype
        zeros = torch.zeros(forbidden.shape, dtype=dtype, device=self.device)
        return zeros.masked_fill_(forbidden, torch.finfo(dtype).min)


class RecomputeDecoder(Decoder):
    """Runs the whole sequence again for each token: slow, and right for every causal model."""

    def __init__(self, model: PreTrainedModel, dtype: torch.dtype | None = None) -> None:
        """Wrap a model; its weights are used where they are, under autocast to `dtype`."""
        self._model: Any = model
        self._context = _Inference(model, dtype)
        self.device = model.device
        self.vocab_size = int(model.config.get_text_config().vocab_size)
        self._ids = torch.zeros(0, 0, dtype=torch.int64, device=self.device)

    def refresh(self, *, force: bool = False) -> bool:
        """Do nothing but follow the model to another device."""
        self.device = self._model.device
        return False

    def admit(self, ids_BT: Tensor, lengths_B: Tensor, source_N: Tensor, first: int) -> Tensor:
        """Remember the prompts and run them."""
        count, width = source_N.shape[0], ids_BT.shape[1]
        self._reserve(first + count, width)
        self._ids[first : first + count, :width] = ids_BT[source_N]
        return self._logits(ids_BT, lengths_B - 1)[source_N]

    def decode(self, tokens_N: Tensor, positions_N: Tensor, shortest: int, longest: int) -> Tensor:
        """Append the tokens and run every row from its start."""
        count = tokens_N.shape[0]
        self._reserve(count, longest)
        self._ids[torch.arange(count, device=self.device), positions_N] = tokens_N
        return self._logits(self._ids[:count, :longest], positions_N)

    def move(self, source_N: Tensor, target_N: Tensor) -> None:
        """Copy token rows."""
        self._ids[target_N] = self._ids[source_N]

    def clear(self) -> None:
        """Forget every row."""
        self._ids = torch.zeros(0, 0, dtype=torch.int64, device=self.device)

    def _logits(self, ids_NT: Tensor, last_N: Tensor) -> Tensor:
        # Padding stands on the right, where a causal model cannot see it: no mask is needed.
        with self._context:
            result = self._model(input_ids=ids_NT, use_cache=False)
        logits: Tensor = result.logits
        return logits[torch.arange(ids_NT.shape[0], device=self.device), last_N]

    def _reserve(self, rows: int, width: int) -> None:
        if self._ids.shape[0] >= rows and self._ids.shape[1] >= width:
            return
        rows, width = max(self._ids.shape[0], rows), max(self._ids.shape[1], round_up(width))
        grown = torch.zeros(rows, width, dtype=torch.int64, device=self.device)
        grown[: self._ids.shape[0], : self._ids.shape[1]] = self._ids
        self._ids = grown


class _Inference:
    """For one call, switches dropout off where a trainer left it on, and autocast on."""

    def __init__(self, model: Any, dtype: torch.dtype | None) -> None:
        self._model = model
        self._dtype = dtype
        self._training = False
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> None:
        self._training = bool(self._model.training)
        if self._training:
            self._model.eval()
        if self._dtype is not None:
            # A fresh one each time: its cache of cast weights must not outlive the weights.
            autocast = torch.autocast(self._model.device.type, self._dtype)
            self._stack.enter_context(autocast)

    def __exit__(self, *exception: object) -> None:
        self._stack.close()
        if self._training:
            self._model.train()
