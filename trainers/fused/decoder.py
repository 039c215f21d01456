"""The blocks of a decoder as one function of autograd, slice by slice of the batch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from gym_reason.trainers.fused.block import BlockSaved, Plan, block_backward, block_forward
from gym_reason.trainers.fused.norm import add_norm_gradient, inverse_rms
from gym_reason.trainers.fused.slices import RowSlice
from gym_reason.trainers.fused.weights import BlockWeights


@dataclass(slots=True)
class SliceSaved:
    """What the backward pass of a slice of rows needs."""

    blocks: list[BlockSaved]
    """Of each block."""
    inverse: Tensor
    """The factor of the last norm."""


class DecoderPass(torch.autograd.Function):
    """The blocks and the last norm, without its weight.

    In goes the residual stream of the slices, one after the other, `[M, hidden]`; in each, first
    the tokens of its prefixes, then those of its rows. Out comes `[N, S, hidden]`. The queries,
    keys and values of the first block, `[M, (H + 2 K) D]`, may be given. The weights are the
    fields of a `BlockWeights` for each block.
    """

    @staticmethod
    def forward(
        ctx: Any,
        plan: Plan,
        slices: Sequence[RowSlice],
        stream_MC: Tensor,
        qkv_MC: Tensor | None,
        *flat: Tensor | None,
    ) -> Tensor:
        """Run the blocks slice by slice."""
        keep = any(ctx.needs_input_grad)
        rows, width = sum(len(part.rows) for part in slices), stream_MC.shape[1]
        unit_NSC = stream_MC.new_empty(rows, plan.length - plan.start, width)
        blocks, kept = as_blocks(flat), []
        last = len(blocks) - 1
        with torch.autocast(stream_MC.device.type, enabled=False):
            for part, at in _places(slices, plan):
                stream = stream_MC[at].clone()
                saved = []
                for index, block in enumerate(blocks):
                    given = qkv_MC[at] if qkv_MC is not None and index == 0 else None
                    stream, block_saved = block_forward(
                        stream, given, block, plan, part, last=index == last
                    )
                    if keep:
                        saved.append(block_saved)
                    del block_saved
                inverse = inverse_rms(stream, plan.shape.epsilon)
                unit = (stream * inverse).view(len(part.rows), -1, width)
                unit_NSC[list(part.rows)] = unit
                kept.append(SliceSaved(saved, inverse))
        if keep:
            ctx.plan, ctx.slices, ctx.kept, ctx.given = plan, slices, kept, qkv_MC is not None
            ctx.save_for_backward(unit_NSC, *flat)
        return unit_NSC

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] - the decorator hides ctx
        ctx: Any, *d_outputs: Tensor
    ) -> tuple[Tensor | None, ...]:
        """Run the blocks backwards; each slice frees what it saved."""
        (d_unit_NSC,) = d_outputs
        unit_NSC, *flat = ctx.saved_tensors
        plan: Plan = ctx.plan
        if ctx.kept is None:
            raise RuntimeError("the fused pass can go backward only once")
        kept, ctx.kept = ctx.kept, None
        width, shape = unit_NSC.shape[2], plan.shape
        total = sum(part.count_tokens(plan.length, plan.start) for part in ctx.slices)
        d_stream_MC = unit_NSC.new_empty(total, width)
        d_qkv_MC = None
        if ctx.given:
            d_qkv_MC = unit_NSC.new_empty(total, shape.query_width + 2 * shape.kv_width)
        d_flat = [None if tensor is None else torch.zeros_like(tensor) for tensor in flat]
        blocks, gradients = as_blocks(flat), as_blocks(d_flat)
        with torch.autocast(unit_NSC.device.type, enabled=False):
            for (part, at), saved in zip(_places(ctx.slices, plan), kept, strict=True):
                unit = unit_NSC[list(part.rows)].flatten(0, 1)
                d_stream = torch.zeros_like(unit)
                d_unit = d_unit_NSC[list(part.rows)].flatten(0, 1)
                add_norm_gradient(d_stream, d_unit, unit, saved.inverse)
                last, d_qkv = True, None
                for block, gradient in zip(reversed(blocks), reversed(gradients), strict=True):
                    d_stream, d_qkv = block_backward(
                        d_stream, saved.blocks.pop(), block, gradient, plan, part, last=last
                    )
                    last = False
                d_stream_MC[at] = d_stream
                if d_qkv_MC is not None and d_qkv is not None:
                    d_qkv_MC[at] = d_qkv
        return None, None, d_stream_MC, d_qkv_MC, *d_flat


def _places(slices: Sequence[RowSlice], plan: Plan) -> Iterator[tuple[RowSlice, slice]]:
    """Yield each slice with the place of its tokens."""
    first = 0
    for part in slices:
        end = first + part.count_tokens(plan.length, plan.start)
        yield part, slice(first, end)
        first = end


def as_blocks(flat: Sequence[Tensor | None]) -> list[BlockWeights]:
    """Return tensors that follow each other as the weights of blocks."""
    width = len(BlockWeights._fields)
    return [BlockWeights(*flat[at : at + width]) for at in range(0, len(flat), width)]  # type: ignore[arg-type]
