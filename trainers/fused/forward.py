"""The fused pass of a whole decoder, from token ids to logits."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from transformers import PreTrainedModel

from gym_reason.trainers.fused.attention import Positions, make_positions
from gym_reason.trainers.fused.block import BlockSaved, block_backward, block_forward
from gym_reason.trainers.fused.norm import add_norm_gradient, inverse_rms
from gym_reason.trainers.fused.products import Products
from gym_reason.trainers.fused.shape import DecoderShape
from gym_reason.trainers.fused.weights import BlockWeights, fold_block

SLICE_NUMBERS = 160_000
"""Numbers of the residual stream in a slice of rows."""


def fused_logits(model: PreTrainedModel, ids_NT: Tensor) -> Tensor:
    """Return the logits `[N, T, V]` of right-padded rows; autograd reaches the model's own parameters.

    `supports(model)` must hold. Under autocast matrix products run in its type, as in the model.
    """
    decoder: Any = model.get_decoder()
    shape = DecoderShape.of(model)
    blocks = [fold_block(block, shape.head_dim) for block in decoder.layers]
    plan = Plan(
        shape,
        make_positions(decoder.rotary_emb.inv_freq, shape, ids_NT.shape[1]),
        Products.current(ids_NT.device),
    )
    flat = [tensor for block in blocks for tensor in block]
    stream = torch.nn.functional.embedding(
        ids_NT, decoder.embed_tokens.weight, decoder.embed_tokens.padding_idx
    )
    unit: Tensor = DecoderPass.apply(plan, stream, *flat)
    head: Any = model.get_output_embeddings()
    return torch.nn.functional.linear(unit, head.weight * decoder.norm.weight, head.bias)


@dataclass(frozen=True, slots=True)
class Plan:
    """The constants of a pass."""

    shape: DecoderShape
    """Sizes of the model."""
    positions: Positions
    """Rotations and mask."""
    products: Products
    """Precision of the matrix products."""


@dataclass(slots=True)
class SliceSaved:
    """What the backward pass of a slice of rows needs."""

    blocks: list[BlockSaved]
    inverse: Tensor


def slice_rows(stream: Tensor):
    per = max(1, round(SLICE_NUMBERS / (stream.shape[1] * stream.shape[2])))
    if stream.device.type != "cpu":
        per = stream.shape[0]
    count = max(1, -(-stream.shape[0] // per))
    return [(i * stream.shape[0] // count, (i + 1) * stream.shape[0] // count) for i in range(count)]


def as_blocks(flat):
    width = len(BlockWeights._fields)
    return [BlockWeights(*flat[at : at + width]) for at in range(0, len(flat), width)]


class DecoderPass(torch.autograd.Function):
    """The blocks and the last norm, without its weight: `[N, T, hidden] -> [N, T, hidden]`."""

    @staticmethod
    def forward(ctx: Any, plan: Plan, stream_NTh: Tensor, *flat: Tensor | None) -> Tensor:
        """Run the blocks on slices of rows."""
        keep = any(ctx.needs_input_grad)
        length, hidden = stream_NTh.shape[1:]
        unit = torch.empty_like(stream_NTh)
        slices = []
        with torch.autocast(stream_NTh.device.type, enabled=False):
            blocks = as_blocks(flat)
            for first, last in slice_rows(stream_NTh):
                stream = stream_NTh[first:last].reshape(-1, hidden).clone()
                saved = []
                for block in blocks:
                    s = block_forward(stream, length, block, plan.shape, plan.positions, plan.products)
                    if keep:
                        saved.append(s)
                    del s
                inverse = inverse_rms(stream, plan.shape.epsilon)
                torch.mul(stream, inverse, out=unit[first:last].view(-1, hidden))
                if keep:
                    slices.append(SliceSaved(saved, inverse))
        if keep:
            ctx.plan, ctx.slices = plan, slices
            ctx.save_for_backward(unit, *flat)
        return unit

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_unit: Tensor):
        unit, *flat = ctx.saved_tensors
        plan = ctx.plan
        hidden = unit.shape[-1]
        d_stream_NTh = torch.zeros_like(unit)
        grads = [None if t is None else torch.zeros_like(t) for t in flat]
        with torch.autocast(unit.device.type, enabled=False):
            blocks, gblocks = as_blocks(flat), as_blocks(grads)
            for (first, last), saved in zip(slice_rows(unit), ctx.slices, strict=True):
                d_stream = d_stream_NTh[first:last].view(-1, hidden)
                add_norm_gradient(
                    d_stream,
                    d_unit[first:last].reshape(-1, hidden).clone(),
                    unit[first:last].view(-1, hidden),
                    saved.inverse,
                )
                while saved.blocks:
                    at = len(saved.blocks) - 1
                    block_backward(
                        d_stream, saved.blocks.pop(), blocks[at], gblocks[at],
                        plan.shape, plan.positions, plan.products,
                    )
        return None, d_stream_NTh, *grads
