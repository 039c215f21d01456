"""The weights of a model: each one once, their size, what tells that they have changed."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

_INTEGERS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
"""Types of as many bytes."""


def each_once(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights without second names for the same one, such as a tied head.

    The first name stays, as in a folder that Transformers writes; other readers expect it there.
    """
    found: dict[tuple[int, torch.Size, tuple[int, ...]], str] = {}
    for name, weight in weights.items():
        found.setdefault((weight.data_ptr(), weight.shape, weight.stride()), name)
    return {name: weights[name] for name in found.values()}


def count_bytes(weights: Iterable[Tensor]) -> int:
    """Return the size of weights."""
    return sum(weight.numel() * weight.element_size() for weight in weights)


def count_positions(model: Any) -> int | None:
    """Return the most tokens that a model reads; None where its configuration does not say."""
    limit: int | None = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return limit


def fingerprint(model: torch.nn.Module) -> tuple[int, ...]:
    """Return what changes with every in-place update of a weight that torch is told of."""
    return tuple(weight._version for weight in model.parameters())


def sum_bits(weight: Tensor) -> Tensor:
    """Return the sum of a tensor's bits, in int64: another one where a single number is another.

    So it tells of changes that torch does not count, as those by a fused optimiser.
    """
    return weight.detach().contiguous().view(_INTEGERS[weight.element_size()]).sum()
