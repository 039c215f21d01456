"""The blocks of a decoder as one function of autograd, slice by slice of the batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from gym_reason.trainers.fused.block import BlockSaved, Plan, block_backward, block_forward
from gym_reason.trainers.fused.norm import add_norm_gradient, inverse_rms
from gym_reason.trainers.fused.weights import BlockWeights

SLICE_NUMBERS = 160_000
"""Numbers of the residual stream in a slice: temporary tensors then stay in the CPU's cache."""


@dataclass(slots=True)
class SliceSaved:
    """What the backward pass of a slice of rows needs."""

    blocks: list[BlockSaved]
    """Of each block."""
    inverse: Tensor
    """The factor of the last norm."""


class DecoderPass(torch.autograd.Function):
    """The blocks and the last norm, without its weight.

    In goes the residual stream `[N, T, hidden]`, out comes `[N, S, hidden]`. The queries, keys and
    values of the first block, `[N, T, (H + 2 K) D]`, may be given. The weights are the fields of a
    `BlockWeights` for each block.
    """

    @staticmethod
    def forward(
        ctx: Any, plan: Plan, stream_NTC: Tensor, qkv_NTC: Tensor | None, *flat: Tensor | None
    ) -> Tensor:
        """Run the blocks on slices of rows."""
        keep = any(ctx.needs_input_grad)
        rows, _, width = stream_NTC.shape
        unit_NSC = stream_NTC.new_empty(rows, plan.length - plan.start, width)
        blocks, slices = as_blocks(flat), []
        with torch.autocast(stream_NTC.device.type, enabled=False):
            for part in slice_rows(stream_NTC):
                stream = stream_NTC[part].flatten(0, 1).clone()
                saved = []
                for index, block in enumerate(blocks):
                    given = (
                        qkv_NTC[part].flatten(0, 1) if qkv_NTC is not None and index == 0 else None
                    )
                    start = plan.start if index == len(blocks) - 1 else 0
                    stream, block_saved = block_forward(stream, given, block, plan, start)
                    if keep:
                        saved.append(block_saved)
                    del block_saved
                inverse = inverse_rms(stream, plan.shape.epsilon)
                torch.mul(stream, inverse, out=unit_NSC[part].view(-1, width))
                slices.append(SliceSaved(saved, inverse))
        if keep:
            ctx.plan, ctx.slices, ctx.given = plan, slices, qkv_NTC is not None
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
        if ctx.slices is None:
            raise RuntimeError("the fused pass can go backward only once")
        slices, ctx.slices = ctx.slices, None
        rows, _, width = unit_NSC.shape
        d_stream_NTC = unit_NSC.new_empty(rows, plan.length, width)
        d_qkv_NTC = None
        if ctx.given:
            shape = plan.shape
            d_qkv_NTC = unit_NSC.new_empty(
                rows, plan.length, shape.query_width + 2 * shape.kv_width
            )
        d_flat = [None if tensor is None else torch.zeros_like(tensor) for tensor in flat]
        blocks, gradients = as_blocks(flat), as_blocks(d_flat)
        with torch.autocast(unit_NSC.device.type, enabled=False):
            for part, saved in zip(slice_rows(d_stream_NTC), slices, strict=True):
                unit = unit_NSC[part].flatten(0, 1)
                d_stream = torch.zeros_like(unit)
                d_unit = d_unit_NSC[part].flatten(0, 1).clone()
                add_norm_gradient(d_stream, d_unit, unit, saved.inverse)
                start, d_qkv = plan.start, None
                for block, gradient in zip(reversed(blocks), reversed(gradients), strict=True):
                    d_stream, d_qkv = block_backward(
                        d_stream, saved.blocks.pop(), block, gradient, plan, start
                    )
                    start = 0
                d_stream_NTC[part] = d_stream.view(-1, plan.length, width)
                if d_qkv_NTC is not None and d_qkv is not None:
                    d_qkv_NTC[part] = d_qkv.view(-1, plan.length, d_qkv.shape[1])
        return None, d_stream_NTC, d_qkv_NTC, *d_flat


def as_blocks(flat: Sequence[Tensor | None]) -> list[BlockWeights]:
    """Return tensors that follow each other as the weights of blocks."""
    width = len(BlockWeights._fields)
    return [BlockWeights(*flat[at : at + width]) for at in range(0, len(flat), width)]  # type: ignore[arg-type]


def slice_rows(stream_NTC: Tensor) -> list[slice]:
    """Return the slices of rows to work on one after the other; all rows at once off the CPU."""
    rows = stream_NTC.shape[0]
    count = 1
    if stream_NTC.device.type == "cpu":
        count = min(rows, max(1, round(stream_NTC.numel() / SLICE_NUMBERS)))
    return [slice(at * rows // count, (at + 1) * rows // count) for at in range(count)]
