"""Logits of chosen tokens, made chunk by chunk: those of all tokens never exist at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import linear
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from gym_reason.trainers.model.batch import TokenBatch
from gym_reason.trainers.model.logprobs import CHUNK_NUMBERS, has_plain_head, hidden_and_head

ChunkFunction = Callable[..., tuple[torch.Tensor, ...]]
"""From some tokens' slices of tensors `[M, ...]` to values a token, `[M]` each."""


@dataclass(frozen=True, slots=True)
class TokenLogits:
    """What the logits of M tokens of a batch are made from."""

    states_MC: torch.Tensor
    """Last hidden states, or the logits themselves where there is no head to apply."""
    weight_VC: torch.Tensor | None
    """The head; None where `states_MC` holds logits."""
    bias_V: torch.Tensor | None
    """Its bias."""
    width: int
    """Entries of the vocabulary that are used; those beyond name no token."""

    def of(self, states_KC: torch.Tensor) -> torch.Tensor:
        """Return the logits of some of the states, float32, `[K, V]`."""
        if self.weight_VC is None:
            return states_KC[:, : self.width].float()
        bias_V = None if self.bias_V is None else self.bias_V[: self.width]
        return linear(states_KC, self.weight_VC[: self.width], bias_V).float()


def token_logits(
    model: PreTrainedModel, batch: TokenBatch, index_M: torch.Tensor, width: int
) -> TokenLogits:
    """Return what a model's logits before the chosen tokens are made from.

    Args:
        model: A causal language model; carries a gradient where gradients are enabled.
        batch: The rows of one forward pass.
        index_M: Places of tokens in `mask_NT[:, batch.start:]`, flattened.
        width: How much of the vocabulary is used.
    """
    inputs_NT = batch.ids_NL[:, :-1]
    if has_plain_head(model):
        hidden_NSC, weight_VC, bias_V = hidden_and_head(model, inputs_NT, batch.start)
        return TokenLogits(hidden_NSC.flatten(0, 1)[index_M], weight_VC, bias_V, width)
    output: Any = model(input_ids=inputs_NT, use_cache=False)
    return TokenLogits(output.logits[:, batch.start :].flatten(0, 1)[index_M], None, None, width)


def by_chunks(
    function: ChunkFunction, tensors: Sequence[torch.Tensor], width: int
) -> tuple[torch.Tensor, ...]:
    """Apply a function to all tokens, in chunks that are made again for their gradient.

    Args:
        function: Takes the slices of `tensors` that belong to a chunk.
        tensors: Each has one entry a token on its first axis.
        width: Numbers that the function makes of each token; decides the size of a chunk.
    """
    rows = max(CHUNK_NUMBERS // max(width, 1), 1)
    if len(tensors[0]) <= rows:
        return function(*tensors)
    parts = [
        checkpoint(function, *chunk, use_reentrant=False)
        for chunk in zip(*(torch.split(tensor, rows) for tensor in tensors), strict=True)
    ]
    return tuple(torch.cat(kind) for kind in zip(*parts, strict=True))
