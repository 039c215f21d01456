"""The fused pass of a whole decoder, from token ids to hidden states and logits."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import embedding, linear, rms_norm
from transformers import PreTrainedModel

from gym_reason.trainers.fused.attention import make_positions
from gym_reason.trainers.fused.block import Plan
from gym_reason.trainers.fused.decoder import DecoderPass
from gym_reason.trainers.fused.memory import keep_freed_memory
from gym_reason.trainers.fused.products import Products
from gym_reason.trainers.fused.shape import DecoderShape
from gym_reason.trainers.fused.slices import RowSlice, slice_rows
from gym_reason.trainers.fused.weights import BlockWeights, fold_block


def fused_logits(model: PreTrainedModel, ids_NT: Tensor, start: int = 0) -> Tensor:
    """Return the logits of right-padded rows, `[N, S, V]`, S = T - start; see `fused_hidden`."""
    head: Any = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    return linear(fused_hidden(model, ids_NT, start), folded_head(model), head.bias)


def folded_head(model: PreTrainedModel) -> Tensor:
    """Return the output embeddings times the weight of the last norm, `[V, hidden]`."""
    decoder: Any = model.get_decoder()  # type: ignore[no-untyped-call]
    head: Any = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    return head.weight * decoder.norm.weight  # type: ignore[no-any-return]


def fused_hidden(model: PreTrainedModel, ids_NT: Tensor, start: int = 0) -> Tensor:
    """Return the last hidden states of right-padded rows, before the weight of the last norm.

    Autograd reaches the model's own parameters. `supports(model)` must hold. Under autocast, matrix
    products run in its type. The gradient can be taken once; a graph kept by `retain_graph` is
    refused the second time.

    Args:
        model: The model.
        ids_NT: Token ids, int64.
        start: The first position that is wanted. The earlier ones are computed once for all rows
            that have the same, and the last block skips them.

    Returns:
        `hidden_NSC`, S = T - start.
    """
    if ids_NT.device.type == "cpu":
        keep_freed_memory()
    decoder: Any = model.get_decoder()  # type: ignore[no-untyped-call]
    shape = DecoderShape.of(model)
    length = ids_NT.shape[1]
    slices = slice_rows(ids_NT, start, shape.hidden)
    plan = Plan(
        shape,
        make_positions(decoder.rotary_emb.inv_freq, shape, length),
        Products.current(ids_NT.device),
        length=length,
        start=start,
    )
    ids_M = torch.cat([part for one in slices for part in _slice_ids(ids_NT, one, start)])
    blocks = [fold_block(block, shape.head_dim) for block in decoder.layers]
    tokens = decoder.embed_tokens
    qkv_MC = None
    if tokens.weight.shape[0] < ids_M.numel() // 8:
        rows_VC = tokens.weight
        if tokens.padding_idx is not None:  # the module gives that row no gradient of its inputs
            every = torch.arange(len(rows_VC), device=ids_NT.device)
            rows_VC = embedding(every, rows_VC, tokens.padding_idx)
        qkv_MC = embedding(ids_M, first_projections(rows_VC, blocks[0], shape))
        blocks[0] = blocks[0]._replace(qkv=None, bias=None)
    stream_MC = embedding(ids_M, tokens.weight, tokens.padding_idx)
    flat = [tensor for block in blocks for tensor in block]
    hidden_NSC: Tensor = DecoderPass.apply(plan, slices, stream_MC, qkv_MC, *flat)  # type: ignore[no-untyped-call]
    return hidden_NSC


def _slice_ids(ids_NT: Tensor, part: RowSlice, start: int) -> tuple[Tensor, Tensor]:
    """Return the tokens of a slice as its pass has them: of each prefix, then of each row."""
    return (
        ids_NT[list(part.prefix_rows), :start].flatten(),
        ids_NT[list(part.rows), start:].flatten(),
    )


def first_projections(embeddings_VC: Tensor, block: BlockWeights, shape: DecoderShape) -> Tensor:
    """Return the first block's queries, keys and values of every token, before any rotation.

    They do not depend on the position, so a small vocabulary has few: `[V, (H + 2 K) D]`.
    """
    assert block.qkv is not None
    unit = rms_norm(embeddings_VC, (shape.hidden,), eps=shape.epsilon)
    return linear(unit, block.qkv, block.bias).to(embeddings_VC.dtype)
