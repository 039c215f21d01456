"""Causal attention with its head norms and rotary embedding, forward and backward.

Axes: n rows of S tokens; U prefixes of P tokens, each the beginning of some rows, T = P + S; M =
U P + n S; H query heads, K key heads, G = H / K query heads of a key head, D width of a head.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from gym_reason.trainers.fused.norm import inverse_rms
from gym_reason.trainers.fused.products import Products
from gym_reason.trainers.fused.shape import DecoderShape
from gym_reason.trainers.fused.slices import RowSlice


@dataclass(frozen=True, slots=True)
class Positions:
    """What depends on the positions of a pass alone."""

    rotation_TD: Tensor
    """The unit complex numbers that rotate the pairs of a key head, `[T, D / 2]`."""
    scaled_rotation_TD: Tensor
    """The same times D^-0.5, for query heads: it scales the scores."""
    mask_GTT: Tensor
    """0 where a query may look and -inf elsewhere, `[G, T, T]`."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What the attention of a slice of rows needs to know."""

    shape: DecoderShape
    """Sizes of the model."""
    positions: Positions
    """Rotations and mask."""
    products: Products
    """Precision of the matrix products."""
    part: RowSlice
    """The rows and their prefixes."""
    start: int
    """P."""
    last: bool
    """Whether nobody reads the results of the prefixes."""

    @property
    def prefix_tokens(self) -> int:
        """U P."""
        return len(self.part.prefix_rows) * self.start


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
class LookSaved:
    """What the backward pass of `_look` needs."""

    query: Tensor
    """Rotated and scaled queries, `[rows K, G queries, D]`."""
    key: Tensor
    """Rotated keys, `[rows K, keys, D]`."""
    value: Tensor
    """Values, `[rows K, keys, D]`."""
    weights: Tensor
    """Softmax of the scores, `[rows K, G queries, keys]`."""


@dataclass(slots=True)
class PartSaved:
    """What the backward pass needs of the prefixes, or of the rows."""

    key_heads: HeadsSaved
    """Of the keys' norm."""
    query_heads: HeadsSaved | None = None
    """Of the queries' norm; None where nobody reads the results."""
    look: LookSaved | None = None
    """Of the attention; None where nobody reads the results."""


@dataclass(slots=True)
class AttentionSaved:
    """What the backward pass of `attend` needs."""

    prefixes: PartSaved | None
    """Of the prefixes; None where there are none."""
    rows: PartSaved
    """Of the rows."""


def attend(
    qkv_MHD: Tensor, norms: tuple[Tensor | None, Tensor | None], scene: Scene
) -> tuple[Tensor, AttentionSaved]:
    """Return the attention's result `[M, H D]`, or where nobody reads the prefixes `[n S, H D]`.

    `qkv_MHD` holds raw queries, keys and values, `[M, H + 2 K, D]`; `norms` the weights of the
    norms of queries and keys.
    """
    part, start = scene.part, scene.start
    rows_nSHD = qkv_MHD[scene.prefix_tokens :].view(len(part.rows), -1, *qkv_MHD.shape[1:])
    key, value, key_heads = _read_keys(rows_nSHD, norms[1], scene, start)
    results = []
    prefixes = None
    if start > 0:
        count = len(part.prefix_rows)
        raw_UPHD = qkv_MHD[: scene.prefix_tokens].view(count, start, *qkv_MHD.shape[1:])
        early_key, early_value, early_heads = _read_keys(raw_UPHD, norms[1], scene, 0)
        prefixes = PartSaved(early_heads)
        if not scene.last:
            query, prefixes.query_heads = _read_queries(raw_UPHD, norms[0], scene, 0)
            result, prefixes.look = _look(query, early_key, early_value, scene, 0)
            results.append(result)
        key = torch.cat((_spread(early_key, part), key), 2)
        value = torch.cat((_spread(early_value, part), value), 2)
    query, query_heads = _read_queries(rows_nSHD, norms[0], scene, start)
    result, look = _look(query, key, value, scene, start)
    results.append(result)
    flat = torch.cat(results) if len(results) > 1 else result
    return flat, AttentionSaved(prefixes, PartSaved(key_heads, query_heads, look))


def attend_backward(
    d_flat: Tensor,
    saved: AttentionSaved,
    norms: tuple[Tensor | None, Tensor | None],
    d_norms: tuple[Tensor | None, Tensor | None],
    scene: Scene,
) -> Tensor:
    """Return the gradient of the raw queries, keys and values, `[M, (H + 2 K) D]`.

    Adds the gradients of the norms' weights to `d_norms`. A prefix gets the gradients of its keys
    and values from itself and from every row that begins with it.
    """
    shape, part, start = scene.shape, scene.part, scene.start
    early = scene.prefix_tokens
    rows = saved.rows
    assert rows.look is not None
    tokens = part.count_tokens(start + rows.look.query.shape[1] // shape.queries_per_key, start)
    d_qkv = d_flat.new_empty(tokens, shape.heads + 2 * shape.kv_heads, shape.head_dim)
    own = d_flat if scene.last else d_flat[early:]
    d_query, d_key, d_value = _look_backward(own, rows.look, scene, len(part.rows))
    _write_raw(
        d_qkv[early:].view(len(part.rows), -1, *d_qkv.shape[1:]),
        (d_query, d_key[:, :, start:].contiguous(), d_value[:, :, start:]),
        rows,
        norms,
        d_norms,
        scene,
        start,
    )
    if saved.prefixes is not None:
        prefixes, count = saved.prefixes, len(part.prefix_rows)
        d_early_key = _gather(d_key[:, :, :start], part)
        d_early_value = _gather(d_value[:, :, :start], part)
        d_early_query = None
        if prefixes.look is not None:
            d_early_query, from_key, from_value = _look_backward(
                d_flat[:early], prefixes.look, scene, count
            )
            d_early_key += from_key
            d_early_value += from_value
        _write_raw(
            d_qkv[:early].view(count, start, *d_qkv.shape[1:]),
            (d_early_query, d_early_key, d_early_value),
            prefixes,
            norms,
            d_norms,
            scene,
            0,
        )
    return d_qkv.view(tokens, -1)


def _read_queries(
    raw: Tensor, weight_D: Tensor | None, scene: Scene, first: int
) -> tuple[Tensor, HeadsSaved]:
    """Return the rotated and scaled queries of tokens whose positions begin at `first`."""
    rotation = scene.positions.scaled_rotation_TD[first : first + raw.shape[1]]
    return rotate_heads(raw[:, :, : scene.shape.heads], weight_D, rotation, scene.shape.epsilon)


def _read_keys(
    raw: Tensor, weight_D: Tensor | None, scene: Scene, first: int
) -> tuple[Tensor, Tensor, HeadsSaved]:
    """Return the rotated keys and the values of tokens whose positions begin at `first`."""
    shape = scene.shape
    rotation = scene.positions.rotation_TD[first : first + raw.shape[1]]
    raw_key = raw[:, :, shape.heads : shape.heads + shape.kv_heads]
    key, heads = rotate_heads(raw_key, weight_D, rotation, shape.epsilon)
    return key, raw[:, :, shape.heads + shape.kv_heads :].transpose(1, 2), heads


def _spread(early: Tensor, part: RowSlice) -> Tensor:
    """Return for each row what belongs to its prefix, `[n, K, P, D]`."""
    return early if part.source_n is None else early[part.source_n]


def _gather(d_spread: Tensor, part: RowSlice) -> Tensor:
    """Return for each prefix the sum over its rows, contiguous: the gradient of `_spread`."""
    if part.source_n is None:
        return d_spread.clone(memory_format=torch.contiguous_format)
    total = d_spread.new_zeros(len(part.prefix_rows), *d_spread.shape[1:])
    return total.index_add_(0, part.source_n, d_spread)


def _look(
    query: Tensor, key: Tensor, value: Tensor, scene: Scene, first: int
) -> tuple[Tensor, LookSaved]:
    """Return the attention's result, tokens before heads and flat, `[rows queries, H D]`.

    Heads come before tokens in what it gets. The queries' positions begin at `first`.
    """
    shape = scene.shape
    rows, _, keys, width = key.shape
    count = query.shape[2]
    query = query.reshape(rows * shape.kv_heads, -1, width)
    key, value = (one.reshape(rows * shape.kv_heads, keys, width) for one in (key, value))
    mask = scene.positions.mask_GTT[:, first : first + count, :keys].flatten(0, 1)
    scores = scene.products.bmm(query, key.transpose(1, 2)).add_(mask)
    weights = torch.softmax(scores, -1, out=scores)
    result = scene.products.bmm(weights, value).view(rows, shape.heads, count, width)
    flat = result.transpose(1, 2).reshape(-1, shape.query_width)
    return flat, LookSaved(query, key, value, weights)


def _look_backward(
    d_flat: Tensor, saved: LookSaved, scene: Scene, rows: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of queries, keys and values, heads before tokens.

    With P the weights and R the gradient of the result: `dV = P^T R`, `dP = R V^T`,
    `dS = P * (dP - sum over keys of dP * P)`, `dQ = dS K`, `dK = dS^T Q`.
    """
    shape, products = scene.shape, scene.products
    keys = saved.key.shape[1]
    d_result = d_flat.view(rows, -1, shape.heads, shape.head_dim).transpose(1, 2)
    d_result = d_result.reshape(saved.query.shape)
    d_value = products.bmm(saved.weights.transpose(1, 2), d_result)
    d_weights = products.bmm(d_result, saved.value.transpose(1, 2))
    d_scores: Tensor = torch.ops.aten._softmax_backward_data(
        d_weights, saved.weights, -1, d_weights.dtype
    )
    d_query = products.bmm(d_scores, saved.key).view(rows, shape.heads, -1, shape.head_dim)
    d_key = products.bmm(d_scores.transpose(1, 2), saved.query)
    kv_shape = (rows, shape.kv_heads, keys, shape.head_dim)
    return d_query, d_key.view(kv_shape), d_value.view(kv_shape)


def _write_raw(
    d_raw: Tensor,
    gradients: tuple[Tensor | None, Tensor, Tensor],
    saved: PartSaved,
    norms: tuple[Tensor | None, Tensor | None],
    d_norms: tuple[Tensor | None, Tensor | None],
    scene: Scene,
    first: int,
) -> None:
    """Write the gradient of the raw queries, keys and values of some tokens."""
    shape, positions = scene.shape, scene.positions
    d_query, d_key, d_value = gradients
    end = first + d_raw.shape[1]
    d_raw_query, d_raw_key, d_raw_value = torch.split(
        d_raw, [shape.heads, shape.kv_heads, shape.kv_heads], dim=2
    )
    d_raw_value.copy_(d_value.transpose(1, 2))
    rotation = positions.rotation_TD[first:end]
    rotate_heads_backward(d_key, saved.key_heads, (norms[1], d_norms[1]), rotation, d_raw_key)
    if d_query is None or saved.query_heads is None:
        d_raw_query.zero_()
        return
    rotation = positions.scaled_rotation_TD[first:end]
    rotate_heads_backward(d_query, saved.query_heads, (norms[0], d_norms[0]), rotation, d_raw_query)
