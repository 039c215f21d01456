"""Weights of one version, apart from the model in training."""

import copy
from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

Weights: TypeAlias = tuple[Tensor, ...]
"""The weights of a model, in the order of its parameters; nobody writes into them."""


class Snapshot:
    """A copy of a model that updates do not touch. Weights are swapped in whole, never written.

    Weights that are one tensor in the model, such as tied embeddings, are one in the copy.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        """Copy a model as it is; the copy needs no gradients."""
        copies = {id(weight): nn.Parameter(weight.detach().clone(), False)
                  for weight in model.parameters()}  # fmt: skip
        self.model: PreTrainedModel = copy.deepcopy(model, dict(copies))
        self.model.train(False)

    def load(self, weights: Sequence[Tensor]) -> None:
        """Go on with other weights, which are used as they are."""
        for parameter, weight in zip(self.model.parameters(), weights, strict=True):
            parameter.data = weight


@torch.no_grad()
def capture(model: nn.Module) -> Weights:
    """Return a copy of a model's weights as they are now."""
    return tuple(weight.detach().clone() for weight in model.parameters())
