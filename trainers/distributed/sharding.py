"""Weights split among processes (FSDP2), and whole ones beside them to sample from and to save.

Each layer's weights are gathered for its pass and dropped again, as PyTorch's `fully_shard` does
it; gradients and the optimiser's state are split likewise. The forward pass is the model's own: the
fused one reads weights that here are never whole.
"""

import copy
from typing import Any

import torch
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers import PreTrainedModel

from gym_reason.errors import ModelError


class ShardedModel:
    """A model that learns with split weights, and the same with whole ones."""

    def __init__(self, plain: PreTrainedModel, mesh: Any) -> None:
        """Split a model's weights over a mesh; `plain` keeps its own, which stop learning."""
        self.plain = plain
        """Whole weights, those of the last `merge`."""
        self.model = split_copy(plain, mesh)
        """What learns."""
        plain.requires_grad_(False)

    @torch.no_grad()
    def merge(self) -> None:
        """Gather the weights that were learned; all processes take part.

        One that is as it was is not written: an engine takes that for a change.
        """
        whole = dict(self.plain.named_parameters())
        for name, weight in self.model.named_parameters():
            gathered = weight.full_tensor()  # type: ignore[attr-defined]
            if not torch.equal(whole[name], gathered):
                whole[name].copy_(gathered)


def split_copy(model: PreTrainedModel, mesh: Any) -> PreTrainedModel:
    """Return a copy of a model with its weights split over a mesh; they are not copied whole.

    Raises ModelError where it has no layers to split by.
    """
    from torch.distributed.fsdp import fully_shard

    shared: dict[int, Any] = {id(weight): weight for weight in model.parameters()}
    split: Any = copy.deepcopy(model, shared)
    layers = getattr(split.get_decoder(), "layers", None)
    if layers is None:
        raise ModelError(
            f"{type(model).__name__} has no list of layers",
            "a decoder with `layers` to split by",
            "train without FSDP",
        )
    # Always split again after a pass, the outermost part too: what is whole meanwhile is no weight
    # that an optimiser could be given, and after a pass without a gradient it would stay whole.
    for part in (*layers, split):
        fully_shard(part, mesh=mesh, reshard_after_forward=True)
    result: PreTrainedModel = split
    return result


def gather_state(state: Any, *, keep: bool) -> Any:
    """Return a part's state with whole tensors in place of split ones; all processes take part.

    With `keep` they lie in the CPU's memory; without, None stands for them.
    """
    if isinstance(state, DTensor):
        whole = state.full_tensor()
        return whole.cpu() if keep else None
    if isinstance(state, dict):
        return {key: gather_state(value, keep=keep) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(gather_state(value, keep=keep) for value in state)
    return state


def split_state(part: Any, state: Any) -> Any:
    """Return a saved state as a part holds it: an optimiser of split weights splits its tensors."""
    if not isinstance(part, torch.optim.Optimizer):
        return state
    weights = [weight for group in part.param_groups for weight in group["params"]]
    held: dict[Any, dict[str, Any]] = {}
    for number, values in state["state"].items():
        weight = weights[number]
        held[number] = {
            name: _split_like(value, weight) if _is_like(value, weight) else value
            for name, value in values.items()
        }
    return {**state, "state": held}


def _is_like(value: Any, weight: torch.Tensor) -> bool:
    is_tensor = isinstance(value, torch.Tensor)
    return isinstance(weight, DTensor) and is_tensor and value.shape == weight.shape


def _split_like(value: torch.Tensor, weight: Any) -> torch.Tensor:
    mesh = weight.device_mesh
    split: torch.Tensor = distribute_tensor(value.to(mesh.device_type), mesh, weight.placements)
    return split
