"""Weights rearranged for decoding, and the watch that keeps them from going stale."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook


@dataclass(frozen=True, slots=True)
class LayerWeights:
    """One decoder block, its matrices transposed: inputs by outputs.

    `qkv`, `gate_up` and `gain` are copies; the rest are views of the model's own weights, or
    copies where the decoder computes in another type.
    """

    qkv: Tensor
    """Query, key and value projections; see `fuse_layer`. The norm's gain is multiplied in."""
    qkv_bias: Tensor | None
    """Their biases, in the same order."""
    gain: Tensor | None
    """Gains of the query and key norms in fp32, 1 for values, in the order of `qkv`'s outputs."""
    output: Tensor
    """Projection of the attention's result."""
    output_bias: Tensor | None
    """Its bias."""
    gate_up: Tensor
    """Gate and up projections side by side. The norm's gain is multiplied in."""
    down: Tensor
    """Down projection."""


_optimiser_steps = 0


def _note_step(*_: object) -> None:
    """Count a step of any optimiser: the fused ones write without raising a parameter's version."""
    global _optimiser_steps
    _optimiser_steps += 1


register_optimizer_step_post_hook(_note_step)


class WeightWatch:
    """Tells whether any parameter of a model may have changed since the last look.

    Sees the steps of every torch optimiser, where any parameter has a gradient to be stepped by,
    in-place updates (`load_state_dict`, `copy_`), replaced tensors and moves. It cannot see writes
    through `parameter.data`, which torch hides: after those, refresh the engine.
    """

    def __init__(self, model: nn.Module) -> None:
        """Watch every parameter of a model; the first look reports a change."""
        # The modules' own dictionaries, not the parameters: a parameter may be replaced by another.
        self._places: list[tuple[Mapping[str, nn.Parameter | None], str]] = [
            (module._parameters, name) for module in model.modules() for name in module._parameters
        ]
        self._seen: list[tuple[int, int]] = []

    def changed(self) -> bool:
        """Return whether something changed, and remember the present state."""
        parameters = [owner.get(name) for owner, name in self._places]
        present = [_state(parameter) for parameter in parameters]
        if any(parameter is not None and parameter.requires_grad for parameter in parameters):
            present.append((_optimiser_steps, 0))
        changed = present != self._seen
        self._seen = present
        return changed


def _state(parameter: nn.Parameter | None) -> tuple[int, int]:
    """Return the counter of in-place writes (none in inference tensors) and the address."""
    if parameter is None:
        return 0, 0
    return 0 if parameter.is_inference() else parameter._version, parameter.data_ptr()


def pair_order(head_dim: int, device: torch.device) -> Tensor:
    """Return the order that puts the two coordinates of each rotary plane beside each other.

    The models keep plane j in coordinates j and j + head_dim / 2. Side by side, a rotation is one
    complex product. Queries and keys are reordered alike, so that their products stay the same.
    """
    return torch.arange(head_dim, device=device).view(2, -1).t().reshape(-1)


def fuse_layer(
    layer: Any, heads: int, kv_heads: int, head_dim: int, dtype: torch.dtype
) -> LayerWeights:
    """Return the weights of a Llama-like block.

    The outputs of `qkv` are ordered by key head: its queries, its key, its value. Queries and keys
    are put in `pair_order`, and queries are scaled by head_dim ** -0.5: in the query norm's gain
    where there is one, in the projection elsewhere.
    """
    attention, mlp = layer.self_attn, layer.mlp
    group = heads // kv_heads
    order = pair_order(head_dim, attention.q_proj.weight.device)
    scale = head_dim**-0.5
    normed = hasattr(attention, "q_norm")

    def split(tensor: Tensor, each: int) -> Tensor:
        return tensor.view(kv_heads, each, head_dim, -1)

    def stack(name: str) -> Tensor:
        query = split(getattr(attention.q_proj, name), group)[:, :, order]
        key = split(getattr(attention.k_proj, name), 1)[:, :, order]
        value = split(getattr(attention.v_proj, name), 1)
        return torch.cat((query if normed else query * scale, key, value), dim=1).flatten(0, 2)

    gain = None
    if normed:
        query_gain = (attention.q_norm.weight[order] * scale).expand(group, -1)
        key_gain = attention.k_norm.weight[order].unsqueeze(0)
        gain = torch.cat((query_gain, key_gain, torch.ones_like(key_gain)))
        gain = gain.repeat(kv_heads, 1).flatten().float()
    bias, output_bias = attention.q_proj.bias, attention.o_proj.bias
    gate_up = torch.cat((mlp.gate_proj.weight, mlp.up_proj.weight))
    return LayerWeights(
        (stack("weight") * layer.input_layernorm.weight).to(dtype).t(),
        None if bias is None else stack("bias").squeeze(1).to(dtype),
        gain,
        attention.o_proj.weight.to(dtype).t(),
        None if output_bias is None else output_bias.to(dtype),
        (gate_up * layer.post_attention_layernorm.weight).to(dtype).t(),
        mlp.down_proj.weight.to(dtype).t(),
    )
