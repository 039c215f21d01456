"""Causal attention with its head norms and rotary embedding, forward and backward.

Axes: n rows, T tokens, S = T less the first positions, whose results nobody reads, H query heads,
K key heads, G = H / K query heads of a key head, D width of a head.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from gym_reason.trainers.fused.norm import inverse_rms
from gym_reason.trainers.fused.products import Products
from gym_reason.trainers.fused.shape import DecoderShape


@dataclass(frozen=True, slots=True)
class Positions:
    """What depends on the positions of a pass alone."""

    rotation_TD: Tensor
    """The unit complex numbers that rotate the pairs of a key head, `[T, D / 2]`."""
    scaled_rotation_TD: Tensor
    """The same times D^-0.5, for query heads: it scales the scores."""
    mask_GTT: Tensor
    """0 where a query may look and -inf elsewhere, `[G, T, T]`."""

    def since(self, start: int) -> "Positions":
        """Return the same without the queries of the first `start` positions; keys stay."""
        if start == 0:
            return self
        return Positions(
            self.rotation_TD, self.scaled_rotation_TD[start:], self.mask_GTT[:, start:]
        )


def make_positions(inverse_frequencies: Tensor, shape: DecoderShape, length: int) -> Positions:
    """Return the rotations and the causal mask of `length` tokens.

    The angles are float32, as in transformers.
    """
    at = torch.arange(length, device=inverse_frequencies.device)
    angles = torch.outer(at.float(), inverse_frequencies.float())
    rotation = torch.complex(angles.cos(), angles.sin())
    blocked = torch.full((length, length), -torch.inf, device=at.device).triu_(1)
    return Positions(
        rotation,
        rotation * shape.head_dim**-0.5,
        blocked.repeat(shape.heads // shape.kv_heads, 1, 1),
    )


@dataclass(slots=True)
class HeadsSaved:
    """What the backward pass of `rotate_heads` needs."""

    unit: Tensor
    """The heads after their norm, without its weight; `[n, heads, T, D]`."""
    inverse: Tensor | None
    """The factor of the norm, `[n, heads, T, 1]`."""


def rotate_heads(
    raw_nTHD: Tensor, weight_D: Tensor | None, rotation: Tensor, epsilon: float
) -> tuple[Tensor, HeadsSaved]:
    """Return `rotate(weight * raw / rms(raw))`, heads before tokens, `[n, heads, T, D]`."""
    raw = raw_nTHD.transpose(1, 2)
    if weight_D is None:
        turned = raw.clone(memory_format=torch.contiguous_format)
        unit, inverse = turned, None
    else:
        inverse = inverse_rms(raw, epsilon)
        unit = torch.mul(raw, inverse, out=raw.new_empty(raw.shape))
        turned = unit * weight_D
    as_pairs(turned).mul_(rotation)
    return turned, HeadsSaved(unit, inverse)


def rotate_heads_backward(
    d_turned: Tensor,
    saved: HeadsSaved,
    weights_D: tuple[Tensor | None, Tensor | None],
    rotation: Tensor,
    d_raw_nTHD: Tensor,
) -> None:
    """Write the gradient of the raw heads; overwrites `d_turned`.

    `weights_D` are the norm's weight and its gradient so far, to which this pass adds.

    With `e` the gradient turned back (times the conjugate rotation) and `u = e * unit`:
    `d_weight = sum of u`, `d_raw = inverse * (e * weight - unit * mean(u * weight))`.
    """
    weight_D, d_weight_D = weights_D
    as_pairs(d_turned).mul_(rotation.conj())
    d_raw = d_raw_nTHD.transpose(1, 2)
    if weight_D is None or d_weight_D is None or saved.inverse is None:
        d_raw.copy_(d_turned)
        return
    product = (d_turned * saved.unit).view(-1, weight_D.shape[0])
    d_weight_D.add_(product.sum(0))
    mean = torch.mv(product, weight_D / weight_D.shape[0]).view(saved.inverse.shape)
    d_turned.mul_(weight_D).addcmul_(saved.unit, mean, value=-1.0)
    torch.mul(d_turned, saved.inverse, out=d_raw)


def as_pairs(heads: Tensor) -> Tensor:
    """Return the pairs of features of contiguous heads as complex numbers, a view."""
    return torch.view_as_complex(heads.view(*heads.shape[:-1], -1, 2))


@dataclass(slots=True)
class AttentionSaved:
    """What the backward pass of `attend` needs. B = n K."""

    query: Tensor
    """Rotated and scaled queries, `[B, G S, D]`."""
    key: Tensor
    """Rotated keys, `[B, T, D]`."""
    value: Tensor
    """Values, `[B, T, D]`."""
    weights: Tensor
    """Softmax of the scores, `[B, G S, T]`."""
    query_heads: HeadsSaved
    """Of the queries' norm."""
    key_heads: HeadsSaved
    """Of the keys' norm."""


def attend(
    qkv_nTHD: Tensor,
    norms: tuple[Tensor | None, Tensor | None],
    shape: DecoderShape,
    positions: Positions,
    products: Products,
) -> tuple[Tensor, AttentionSaved]:
    """Return the attention's result `[n S, H D]`.

    `qkv_nTHD` holds raw queries, keys and values, `[n, T, H + 2 K, D]`; `norms` the weights of the
    norms of queries and keys.
    """
    rows, length = qkv_nTHD.shape[:2]
    raw_query, raw_key, raw_value = torch.split(
        qkv_nTHD, [shape.heads, shape.kv_heads, shape.kv_heads], dim=2
    )
    start = length - positions.scaled_rotation_TD.shape[0]
    query, query_heads = rotate_heads(
        raw_query[:, start:], norms[0], positions.scaled_rotation_TD, shape.epsilon
    )
    key, key_heads = rotate_heads(raw_key, norms[1], positions.rotation_TD, shape.epsilon)
    query = query.view(rows * shape.kv_heads, -1, shape.head_dim)
    key = key.view(rows * shape.kv_heads, length, shape.head_dim)
    value = raw_value.transpose(1, 2).reshape(key.shape)
    scores = products.bmm(query, key.transpose(1, 2)).add_(positions.mask_GTT.flatten(0, 1))
    weights = torch.softmax(scores, -1, out=scores)
    result = products.bmm(weights, value).view(rows, shape.heads, length - start, shape.head_dim)
    flat = result.transpose(1, 2).reshape(-1, shape.query_width)
    return flat, AttentionSaved(query, key, value, weights, query_heads, key_heads)


def attend_backward(
    d_flat: Tensor,
    saved: AttentionSaved,
    norms: tuple[Tensor | None, Tensor | None],
    d_norms: tuple[Tensor | None, Tensor | None],
    shape: DecoderShape,
    positions: Positions,
    products: Products,
) -> Tensor:
    """Return the gradient of the raw queries, keys and values, `[n T, (H + 2 K) D]`.

    Adds the gradients of the norms' weights to `d_norms`.

    With P the weights and R the gradient of the result: `dV = P^T R`, `dP = R V^T`,
    `dS = P * (dP - sum over keys of dP * P)`, `dQ = dS K`, `dK = dS^T Q`.
    """
    length = saved.key.shape[1]
    heads, kv_heads = shape.heads, shape.kv_heads
    rows = saved.key.shape[0] // kv_heads
    kept = positions.scaled_rotation_TD.shape[0]
    start = length - kept
    d_result = d_flat.view(rows, kept, heads, -1).transpose(1, 2).reshape(saved.query.shape)
    d_qkv = d_flat.new_empty(rows, length, heads + 2 * kv_heads, shape.head_dim)
    d_raw_query, d_raw_key, d_raw_value = torch.split(d_qkv, [heads, kv_heads, kv_heads], dim=2)
    kv_shape = (rows, kv_heads, length, shape.head_dim)
    d_value = products.bmm(saved.weights.transpose(1, 2), d_result)
    d_raw_value.copy_(d_value.view(kv_shape).transpose(1, 2))
    d_weights = products.bmm(d_result, saved.value.transpose(1, 2))
    d_scores: Tensor = torch.ops.aten._softmax_backward_data(
        d_weights, saved.weights, -1, d_weights.dtype
    )
    d_query = products.bmm(d_scores, saved.key).view(rows, heads, kept, -1)
    d_key = products.bmm(d_scores.transpose(1, 2), saved.query).view(kv_shape)
    d_raw_query[:, :start] = 0.0
    rotate_heads_backward(
        d_query,
        saved.query_heads,
        (norms[0], d_norms[0]),
        positions.scaled_rotation_TD,
        d_raw_query[:, start:],
    )
    rotate_heads_backward(
        d_key, saved.key_heads, (norms[1], d_norms[1]), positions.rotation_TD, d_raw_key
    )
    return d_qkv.view(rows * length, -1)
