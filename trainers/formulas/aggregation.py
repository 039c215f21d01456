"""How the losses of tokens become one number.

An aggregation returns one weight a token; the loss is the sum of weight times token loss. The
weights are computed over all rows of an optimiser step, so splitting it into micro-batches and
adding up their losses changes nothing.
"""

from collections.abc import Callable
from typing import TypeAlias

import torch

from gym_reason.registry import Registry

Aggregation: TypeAlias = Callable[[torch.Tensor, int], torch.Tensor]
"""`(mask_NT, max_tokens) -> weights_NT`; `max_tokens` is the constant that some modes divide by."""

aggregations: Registry[Aggregation] = Registry("aggregation")
"""Aggregations by name."""


@aggregations.register("token_mean")
def token_mean(mask_NT: torch.Tensor, max_tokens: int) -> torch.Tensor:
    """Weigh every token of the window alike. Source: DAPO, arXiv 2503.14476, equation 12."""
    return mask_NT / mask_NT.sum().clamp(min=1.0)


@aggregations.register("seq_mean_token_mean")
def seq_mean_token_mean(mask_NT: torch.Tensor, max_tokens: int) -> torch.Tensor:
    """Weigh every response alike, and its tokens alike.

    Source: GRPO, arXiv 2402.03300, equation 3.
    """
    lengths_N1 = mask_NT.sum(1, keepdim=True)
    return mask_NT / lengths_N1.clamp(min=1.0) / _responses(mask_NT)


@aggregations.register("seq_mean_token_sum")
def seq_mean_token_sum(mask_NT: torch.Tensor, max_tokens: int) -> torch.Tensor:
    """Sum the tokens of a response, and take the mean of the responses."""
    return mask_NT / _responses(mask_NT)


@aggregations.register("seq_mean_token_sum_norm")
def seq_mean_token_sum_norm(mask_NT: torch.Tensor, max_tokens: int) -> torch.Tensor:
    """Divide the sum of a response by a constant. Source: Dr.GRPO, arXiv 2503.20783, section 3."""
    return mask_NT / float(max_tokens) / _responses(mask_NT)


def _responses(mask_NT: torch.Tensor) -> torch.Tensor:
    return (mask_NT.sum(1) > 0).sum().clamp(min=1).to(mask_NT.dtype)
