"""One decoder block, forward and backward, on some rows of the batch.

Axes: M tokens of a slice, those of its prefixes first; L tokens whose output is wanted: all, or in
the last block those of the rows; F width of the feed-forward layer.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from gym_reason.trainers.fused.attention import (
    AttentionSaved,
    Positions,
    Scene,
    attend,
    attend_backward,
)
from gym_reason.trainers.fused.norm import add_norm_gradient, inverse_rms
from gym_reason.trainers.fused.products import Products
from gym_reason.trainers.fused.shape import DecoderShape
from gym_reason.trainers.fused.slices import RowSlice
from gym_reason.trainers.fused.weights import BlockWeights


@dataclass(frozen=True, slots=True)
class Plan:
    """The constants of a pass."""

    shape: DecoderShape
    """Sizes of the model."""
    positions: Positions
    """Rotations and mask."""
    products: Products
    """Precision of the matrix products."""
    length: int
    """Tokens of a row."""
    start: int
    """The first position whose output is wanted: the length of a prefix."""

    def scene(self, part: RowSlice, *, last: bool) -> Scene:
        """Return what the attention of a slice needs to know."""
        return Scene(self.shape, self.positions, self.products, part, self.start, last)


@dataclass(slots=True)
class NormSaved:
    """What the backward pass of a norm needs."""

    unit: Tensor
    """The stream after the norm, without its weight; `[M, hidden]`."""
    inverse: Tensor
    """The factor of the norm, `[M, 1]`."""


@dataclass(slots=True)
class FeedForwardSaved:
    """What the backward pass of a feed-forward layer needs."""

    norm: NormSaved
    """Of the norm before it."""
    gate_up: Tensor
    """Gate and up before the activation, `[L, 2 F]`."""
    silu: Tensor
    """`silu(gate)`, `[L, F]`."""
    product: Tensor
    """`silu(gate) * up`, `[L, F]`."""


@dataclass(slots=True)
class BlockSaved:
    """What the backward pass of a block needs."""

    norm: NormSaved | None
    """Of the norm before the attention; None where queries, keys and values were given."""
    attention: AttentionSaved
    """Of the attention."""
    result: Tensor
    """The attention's result, `[L, H D]`."""
    feed_forward: FeedForwardSaved
    """Of the feed-forward layer."""


def normalise(stream: Tensor, epsilon: float) -> NormSaved:
    """Return the stream divided by its root mean square, and the factor."""
    inverse = inverse_rms(stream, epsilon)
    return NormSaved(stream * inverse, inverse)


def block_forward(
    stream: Tensor,
    given_qkv: Tensor | None,
    weights: BlockWeights,
    plan: Plan,
    part: RowSlice,
    *,
    last: bool,
) -> tuple[Tensor, BlockSaved]:
    """Return the residual stream after a block, `[L, hidden]`.

    Args:
        stream: The residual stream `[M, hidden]`, overwritten.
        given_qkv: Queries, keys and values `[M, (H + 2 K) D]` where they are known already.
        weights: Of the block.
        plan: Of the pass.
        part: The slice of rows.
        last: Whether nobody reads the prefixes after this block.
    """
    norm, qkv = None, given_qkv
    if qkv is None:
        assert weights.qkv is not None
        norm = normalise(stream, plan.shape.epsilon)
        qkv = plan.products.mm(norm.unit, weights.qkv.t())
        if weights.bias is not None:
            qkv.add_(weights.bias)
    result, attention = attend(
        qkv.view(-1, plan.shape.heads + 2 * plan.shape.kv_heads, plan.shape.head_dim),
        (weights.query_norm, weights.key_norm),
        plan.scene(part, last=last),
    )
    if last:
        stream = stream[len(part.prefix_rows) * plan.start :]
    plan.products.add_mm(stream, result, weights.out.t())
    feed_forward = feed_forward_forward(stream, weights, plan)
    return stream, BlockSaved(norm, attention, result, feed_forward)


def feed_forward_forward(stream: Tensor, weights: BlockWeights, plan: Plan) -> FeedForwardSaved:
    """Add the feed-forward layer's output to the residual stream in place."""
    norm = normalise(stream, plan.shape.epsilon)
    gate_up = plan.products.mm(norm.unit, weights.gate_up.t())
    gate, up = gate_up.chunk(2, dim=1)
    silu = torch.nn.functional.silu(gate)
    product = silu * up
    plan.products.add_mm(stream, product, weights.down.t())
    return FeedForwardSaved(norm, gate_up, silu, product)


def feed_forward_backward(
    d_stream: Tensor,
    saved: FeedForwardSaved,
    weights: BlockWeights,
    gradients: BlockWeights,
    plan: Plan,
) -> None:
    """Turn the gradient of the layer's output into that of its input, in place.

    Adds the gradients of the weights to `gradients`.

    With `y = W_down (silu(g) * u)` and r the gradient of the product: `du = r * silu(g)`,
    `dg = r * u * silu'(g)`. A matrix `y = x W^T` has `dx = dy W` and `dW = dy^T x`.
    """
    products = plan.products
    products.add_mm(gradients.down, d_stream.t(), saved.product)
    d_product = products.mm(d_stream, weights.down)
    gate, up = saved.gate_up.chunk(2, dim=1)
    d_gate_up = torch.empty_like(saved.gate_up)
    d_gate, d_up = d_gate_up.chunk(2, dim=1)
    torch.mul(d_product, saved.silu, out=d_up)
    torch.ops.aten.silu_backward.grad_input(d_product.mul_(up), gate, grad_input=d_gate)
    products.add_mm(gradients.gate_up, d_gate_up.t(), saved.norm.unit)
    d_unit = products.mm(d_gate_up, weights.gate_up)
    add_norm_gradient(d_stream, d_unit, saved.norm.unit, saved.norm.inverse)


def block_backward(
    d_stream: Tensor,
    saved: BlockSaved,
    weights: BlockWeights,
    gradients: BlockWeights,
    plan: Plan,
    part: RowSlice,
    *,
    last: bool,
) -> tuple[Tensor, Tensor]:
    """Return the gradients of a block's input `[M, hidden]` and of its queries, keys and values.

    Overwrites `d_stream` `[L, hidden]` and adds the gradients of the weights to `gradients`. The
    gradient of given queries, keys and values is not carried on to the stream.
    """
    feed_forward_backward(d_stream, saved.feed_forward, weights, gradients, plan)
    plan.products.add_mm(gradients.out, d_stream.t(), saved.result)
    d_qkv = attend_backward(
        plan.products.mm(d_stream, weights.out),
        saved.attention,
        (weights.query_norm, weights.key_norm),
        (gradients.query_norm, gradients.key_norm),
        plan.scene(part, last=last),
    )
    if last:
        d_stream = pad(d_stream, (0, 0, len(part.prefix_rows) * plan.start, 0))
    if saved.norm is not None and weights.qkv is not None and gradients.qkv is not None:
        if gradients.bias is not None:
            gradients.bias.add_(d_qkv.sum(0))
        plan.products.add_mm(gradients.qkv, d_qkv.t(), saved.norm.unit)
        d_unit = plan.products.mm(d_qkv, weights.qkv)
        add_norm_gradient(d_stream, d_unit, saved.norm.unit, saved.norm.inverse)
    return d_stream, d_qkv
