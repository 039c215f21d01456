"""One decoder block, forward and backward, on some rows of the batch.

Axes: M = rows x tokens, F width of the feed-forward layer.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from gym_reason.trainers.fused.attention import AttentionSaved, Positions, attend, attend_backward
from gym_reason.trainers.fused.norm import add_norm_gradient, inverse_rms
from gym_reason.trainers.fused.products import Products
from gym_reason.trainers.fused.shape import DecoderShape
from gym_reason.trainers.fused.weights import BlockWeights


@dataclass(slots=True)
class BlockSaved:
    """What the backward pass of a block needs."""

    unit: tuple[Tensor, Tensor]
    """The stream after each of the two norms, without its weight; `[M, hidden]`."""
    inverse: tuple[Tensor, Tensor]
    """The factors of the two norms, `[M, 1]`."""
    attention: AttentionSaved
    """Of the attention."""
    result: Tensor
    """The attention's result, `[M, H D]`."""
    gate_up: Tensor
    """Gate and up before the activation, `[M, 2 F]`."""
    silu: Tensor
    """`silu(gate)`, `[M, F]`."""
    product: Tensor
    """`silu(gate) * up`, `[M, F]`."""


def block_forward(
    stream: Tensor,
    length: int,
    weights: BlockWeights,
    shape: DecoderShape,
    positions: Positions,
    products: Products,
) -> BlockSaved:
    """Add a block's output to the residual stream `[M, hidden]` in place."""
    first_inverse = inverse_rms(stream, shape.epsilon)
    first_unit = stream * first_inverse
    qkv = products.mm(first_unit, weights.qkv.t())
    if weights.bias is not None:
        qkv.add_(weights.bias)
    result, attention = attend(
        qkv.view(stream.shape[0] // length, length, -1, shape.head_dim),
        weights.query_norm,
        weights.key_norm,
        shape,
        positions,
        products,
    )
    products.add_mm(stream, result, weights.out.t())
    second_inverse = inverse_rms(stream, shape.epsilon)
    second_unit = stream * second_inverse
    gate_up = products.mm(second_unit, weights.gate_up.t())
    gate, up = gate_up.chunk(2, dim=1)
    silu = torch.nn.functional.silu(gate)
    product = silu * up
    products.add_mm(stream, product, weights.down.t())
    return BlockSaved(
        (first_unit, second_unit),
        (first_inverse, second_inverse),
        attention,
        result,
        gate_up,
        silu,
        product,
    )


def block_backward(
    d_stream: Tensor,
    saved: BlockSaved,
    weights: BlockWeights,
    gradients: BlockWeights,
    shape: DecoderShape,
    positions: Positions,
    products: Products,
) -> None:
    """Turn the gradient of a block's output into that of its input, in place; adds those of its weights.

    Feed-forward, with `y = W_down (silu(g) * u)` and `r` the gradient of the product:
    `du = r * silu(g)`, `dg = r * u * silu'(g)`. A matrix `y = x W^T` has `dx = dy W` and `dW = dy^T x`.
    """
    products.add_mm(gradients.down, d_stream.t(), saved.product)
    d_product = products.mm(d_stream, weights.down)
    gate, up = saved.gate_up.chunk(2, dim=1)
    d_gate_up = torch.empty_like(saved.gate_up)
    d_gate, d_up = d_gate_up.chunk(2, dim=1)
    torch.mul(d_product, saved.silu, out=d_up)
    torch.ops.aten.silu_backward.grad_input(d_product.mul_(up), gate, grad_input=d_gate)
    products.add_mm(gradients.gate_up, d_gate_up.t(), saved.unit[1])
    d_unit = products.mm(d_gate_up, weights.gate_up)
    add_norm_gradient(d_stream, d_unit, saved.unit[1], saved.inverse[1])

    products.add_mm(gradients.out, d_stream.t(), saved.result)
    d_qkv = attend_backward(
        products.mm(d_stream, weights.out),
        saved.attention,
        (weights.query_norm, weights.key_norm),
        (gradients.query_norm, gradients.key_norm),
        shape,
        positions,
        products,
    )
    if gradients.bias is not None:
        gradients.bias.add_(d_qkv.sum(0))
    products.add_mm(gradients.qkv, d_qkv.t(), saved.unit[0])
    d_unit = products.mm(d_qkv, weights.qkv)
    add_norm_gradient(d_stream, d_unit, saved.unit[0], saved.inverse[0])
