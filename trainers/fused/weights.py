"""The parameters of a decoder as its fused pass reads them.

They are made by ordinary differentiable operations, so autograd carries the gradients back to the
model's own parameters. These operations are as large as the weights, not as the activations.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor


class BlockWeights(NamedTuple):
    """The weights of one decoder block, matrices as `[outputs, inputs]`; or their gradients."""

    qkv: Tensor | None
    """Queries, keys and values, the first norm's weight folded in, `[(H + 2 KV) D, hidden]`.

    None where the block is given its queries, keys and values."""
    out: Tensor
    """Output projection of the attention, `[hidden, H D]`."""
    gate_up: Tensor
    """Gate and up, the second norm's weight folded in, `[2 F, hidden]`."""
    down: Tensor
    """Down projection, `[hidden, F]`."""
    bias: Tensor | None
    """Bias of queries, keys and values, `[(H + 2 KV) D]`."""
    query_norm: Tensor | None
    """Weight of the norm of a query head, `[D]`."""
    key_norm: Tensor | None
    """Weight of the norm of a key head, `[D]`."""


def pair_order(head_dim: int, device: torch.device) -> Tensor:
    """Return the order of a head's features that puts the two of each rotary pair side by side.

    Pair j is features j and j + head_dim / 2. Side by side they are a complex number, and their
    rotation is one product. Queries and keys are reordered alike, so their products stay the same.
    """
    return torch.arange(head_dim, device=device).view(2, -1).t().reshape(-1)


def fold_block(block: Any, head_dim: int) -> BlockWeights:
    """Return the weights of a Llama-like block; differentiable in its parameters.

    A norm's weight g is folded into the matrix that reads the norm: `W (g * x) = (W * g) x`.
    """
    attention, mlp = block.self_attn, block.mlp
    order = pair_order(head_dim, attention.q_proj.weight.device)

    def reorder(tensor: Tensor) -> Tensor:
        heads = tensor.view(-1, head_dim, *tensor.shape[1:])
        return heads[:, order].view(tensor.shape)

    projections = (attention.q_proj, attention.k_proj, attention.v_proj)
    query, key, value = (projection.weight for projection in projections)
    bias = None
    if attention.q_proj.bias is not None:
        query_bias, key_bias, value_bias = (projection.bias for projection in projections)
        bias = torch.cat((reorder(query_bias), reorder(key_bias), value_bias))
    normed = hasattr(attention, "q_norm")
    return BlockWeights(
        qkv=torch.cat((reorder(query), reorder(key), value)) * block.input_layernorm.weight,
        out=attention.o_proj.weight,
        gate_up=torch.cat((mlp.gate_proj.weight, mlp.up_proj.weight))
        * block.post_attention_layernorm.weight,
        down=mlp.down_proj.weight,
        bias=bias,
        query_norm=attention.q_norm.weight[order] if normed else None,
        key_norm=attention.k_norm.weight[order] if normed else None,
    )
