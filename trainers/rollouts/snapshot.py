"""Weights of one version, apart from the model in training."""

import copy
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from gym_reason.agents.policy import AdapterWeights

Weights: TypeAlias = tuple[Tensor, ...]
"""The weights of a model, in the order of its parameters, and behind them the matrices of its
adapter, where it has one that an engine can apply; nobody writes into them."""


class Snapshot:
    """A copy of a model that updates do not touch. Weights are swapped in whole, never written.

    Weights that are one tensor in the model, such as tied embeddings, are one in the copy.
    """

    def __init__(self, model: PreTrainedModel, adapter: AdapterWeights | None = None) -> None:
        """Copy a model as it is, and what its adapter learned; the copy needs no gradients."""
        copies = {id(weight): nn.Parameter(weight.detach().clone(), False)
                  for weight in model.parameters()}  # fmt: skip
        self.model: PreTrainedModel = copy.deepcopy(model, dict(copies))
        self.model.train(False)
        self.adapter = None if adapter is None else HeldAdapter(adapter)
        """The adapter of the same version."""

    def load(self, weights: Sequence[Tensor]) -> None:
        """Go on with other weights, which are used as they are."""
        parameters = list(self.model.parameters())
        matrices = weights[len(parameters) :]
        for parameter, weight in zip(parameters, weights[: len(parameters)], strict=True):
            parameter.data = weight
        if self.adapter is not None:
            self.adapter.load(matrices)


class HeldAdapter:
    """An adapter whose matrices are those of one version; see `AdapterWeights`."""

    def __init__(self, adapter: AdapterWeights) -> None:
        """Copy the matrices; the weights that stay are the adapter's own tensors.

        They are looked up here, once: while the adapter merges, others are in their place.
        """
        self.rank, self.alpha = adapter.rank, adapter.alpha
        self._base_weights = adapter.base_weights()
        self._state = {name: matrix.detach().clone() for name, matrix in adapter.state().items()}

    def base_weights(self) -> Mapping[str, Tensor]:
        """Return the weights that stay, under every name of theirs."""
        return self._base_weights

    def state(self) -> Mapping[str, Tensor]:
        """Return the matrices by their names in peft's format."""
        return self._state

    def load(self, matrices: Sequence[Tensor]) -> None:
        """Go on with other matrices, which are used as they are."""
        self._state = dict(zip(self._state, matrices, strict=True))


@torch.no_grad()
def capture(model: nn.Module, adapter: AdapterWeights | None = None) -> Weights:
    """Return a copy of a model's weights as they are now, and of its adapter's matrices."""
    matrices = () if adapter is None else adapter.state().values()
    return tuple(weight.detach().clone() for weight in (*model.parameters(), *matrices))
