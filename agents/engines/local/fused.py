"""The fast decoder for Qwen3, Qwen2 and Llama models: few, large products, nothing sliced."""

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel

from gym_reason.agents.engines.local.decoder import CachedDecoder, causal_mask, position_mask
from gym_reason.agents.engines.local.slabs import KeyValueSlabs, round_up
from gym_reason.agents.engines.local.weights import LayerWeights, WeightWatch, fuse_layer
from gym_reason.agents.virtual_tokens import find_virtual_tokens

CLASSES = ("Qwen3ForCausalLM", "Qwen2ForCausalLM", "LlamaForCausalLM")
TABULATED_VOCABULARY = 256
"""Largest vocabulary for which the first layer's projections are kept per token."""
ROPE_TYPES = ("default", "linear", "llama3")
"""Rotary embeddings whose angles depend on the position alone."""


class FusedDecoder(CachedDecoder):
    """Runs a Llama-like block from fused weights, with batched products for attention."""

    def __init__(self, model: PreTrainedModel, dtype: torch.dtype | None = None) -> None:
        """Take the shapes from the model; its weights are read at the first `refresh`.

        `dtype` is the type of the matrices, of keys and of values; None for the weights' own.
        Norms, rotations, softmax and the distribution over tokens are computed in fp32.
        """
        config: Any = model.config
        super().__init__(config.num_hidden_layers)
        self._body: Any = model.model
        self._head: Any = model.lm_head
        self._asked_dtype = dtype
        self._dtype = dtype or self._head.weight.dtype
        self.device = model.device
        self.vocab_size = self._head.weight.shape[0]
        self._heads = config.num_attention_heads
        self._kv_heads = config.num_key_value_heads
        self._group = self._heads // self._kv_heads
        self._head_dim = getattr(config, "head_dim", None) or config.hidden_size // self._heads
        self._epsilon = config.rms_norm_eps
        self.bytes_per_token = 2 * self._layers * self._kv_heads * self._head_dim * 4
        self._watch = WeightWatch(model)
        self._weights: list[LayerWeights] = []
        self._rotations = torch.empty(0)
        self._embeddings = torch.empty(0)
        self._output = torch.empty(0)
        self._first_layer: Tensor | None = None
        self._mean = torch.empty(0)
        self._floor = torch.empty(0)

    @staticmethod
    def supports(model: PreTrainedModel) -> bool:
        """Return whether the model is one whose every part this class knows."""
        config: Any = model.config
        rope = getattr(config, "rope_parameters", None) or {}
        return (
            type(model).__name__ in CLASSES
            and config.hidden_act == "silu"
            and rope.get("rope_type", "default") in ROPE_TYPES
            and set(getattr(config, "layer_types", None) or ["full_attention"])
            == {"full_attention"}
            and not getattr(config, "mlp_bias", False)
            and find_virtual_tokens(model) is None
            # Adapters and quantised layers stand in the place of plain linear layers.
            and all(type(module) is nn.Linear for module in _projections(model))
        )

    @torch.inference_mode()
    def refresh(self, *, force: bool = False) -> bool:
        """Fuse the weights again if any parameter changed."""
        if not self._watch.changed() and not force:
            return False
        self.device = self._head.weight.device
        self._dtype = self._asked_dtype or self._head.weight.dtype
        self.bytes_per_token = 2 * self._layers * self._kv_heads * self._head_dim
        self.bytes_per_token *= self._dtype.itemsize
        shape = (self._heads, self._kv_heads, self._head_dim)
        self._weights = [fuse_layer(layer, *shape, self._dtype) for layer in self._body.layers]
        self._embeddings = self._body.embed_tokens.weight.detach().to(self._dtype)
        self._output = self._head.weight.detach().to(self._dtype).t()
        width = self._embeddings.shape[1]
        self._floor = torch.tensor((width * self._epsilon) ** 0.5, device=self.device)
        self._mean = torch.full((self._head_dim,), 1 / self._head_dim, device=self.device)
        self._first_layer = self._tabulate()
        return True

    def forward_span(
        self, ids_BC: Tensor, start: int, slabs: KeyValueSlabs, last_B: Tensor
    ) -> Tensor:
        """Run C tokens per row; padding is on the right, so a causal mask is enough."""
        batch, count = ids_BC.shape
        # Softmax is several times slower where the length is no multiple of a vector register's.
        length = round_up(start + count)
        mask_CL = self._additive(causal_mask(start, count, length, self.device))
        turns_CD = self._rotation(length)[start : start + count]
        turns = self._widen(turns_CD.repeat(batch, 1))
        flat_ids = ids_BC.reshape(-1)
        hidden = self._embeddings.index_select(0, flat_ids)
        for index, weights in enumerate(self._weights):
            parts = self._project_qkv(hidden, weights, turns, index, flat_ids)
            parts = parts.view(batch, count, self._kv_heads, -1, self._head_dim).transpose(1, 2)
            query, key, value = torch.split(parts, [self._group, 1, 1], dim=3)
            slabs.write_span(index, start, key.squeeze(3), value.squeeze(3))
            if index == len(self._weights) - 1:
                # Nothing after this reads any token but the last of each row.
                rows_B = self.row_numbers(batch)
                query = query[rows_B, :, last_B].unsqueeze(2)
                hidden = hidden[rows_B * count + last_B]
                mask_BL = mask_CL[last_B].view(batch, 1, 1, 1, length)
                mixed = self._attend_span(query, slabs, index, mask_BL)
            else:
                mixed = self._attend_span(query, slabs, index, mask_CL)
            hidden = self._finish_layer(hidden, mixed, weights)
        return hidden

    def forward_tokens(
        self, tokens_N: Tensor, positions_N: Tensor, shortest: int, longest: int
    ) -> Tensor:
        """Run one token per row."""
        count, slabs = tokens_N.shape[0], self._slabs
        length = slabs.reading_length(longest)
        place: Tensor | int
        if shortest == longest:
            # The common case: rows that started together. One slice to write and to mask.
            place, mask_N1L = longest - 1, None
            turns = self._widen(self._rotation(longest)[longest - 1 : longest])
        else:
            place = positions_N
            mask_N1L = self._additive(position_mask(positions_N, length)).unsqueeze(1)
            turns = self._widen(self._rotation(length)[positions_N])
        rows_N = self.row_numbers(count)
        hidden = self._embeddings.index_select(0, tokens_N)
        for index, weights in enumerate(self._weights):
            parts = self._project_qkv(hidden, weights, turns, index, tokens_N)
            heads = parts.view(count, self._kv_heads, -1, self._head_dim)
            slabs.write_tokens(index, rows_N, place, heads[:, :, -2], heads[:, :, -1])
            query = parts.view(count * self._kv_heads, -1, self._head_dim)[:, : self._group]
            keys, values = slabs.layer(index, count, length)
            scores = torch.bmm(query, keys.flatten(0, 1))
            if mask_N1L is not None:
                scores.view(count, self._heads, length).add_(mask_N1L)
            elif longest < length:
                scores[:, :, longest:] = -torch.inf
            mixed = torch.bmm(self._softmax(scores), values.flatten(0, 1))
            hidden = self._finish_layer(hidden, mixed.view(count, -1), weights)
        return self.project(hidden)

    def project(self, hidden_BH: Tensor) -> Tensor:
        """Apply the last norm and the output embedding."""
        # Not multiplied into the output embedding, which may be large and is used where it is.
        normed = self._norm(hidden_BH).mul_(self._body.norm.weight)
        return torch.mm(normed, self._output)

    def _tabulate(self) -> Tensor | None:
        """Return what the first layer projects from each token of a small vocabulary.

        Before the rotation these depend on the token alone, so one look-up replaces a product and
        two norms.
        """
        if self._embeddings.shape[0] > TABULATED_VOCABULARY:
            return None
        return self._norm_qkv(self._embeddings, self._weights[0])

    def _project_qkv(
        self, hidden: Tensor, weights: LayerWeights, turns: Tensor, index: int, ids: Tensor
    ) -> Tensor:
        """Return queries, keys (normed and rotated) and values in the order of `fuse_layer`."""
        if index == 0 and self._first_layer is not None:
            parts = self._first_layer.index_select(0, ids)
        else:
            parts = self._norm_qkv(hidden, weights)
        # In fp32 whatever the weights are: complex numbers come in no smaller type.
        planes = torch.view_as_complex(parts.view(parts.shape[0], self._kv_heads, -1, 2))
        planes.mul_(turns)
        return parts.to(self._dtype)

    def _norm_qkv(self, hidden: Tensor, weights: LayerWeights) -> Tensor:
        """Return queries and keys, normed, and values, in fp32."""
        normed = self._norm(hidden)
        if weights.qkv_bias is None:
            parts = torch.mm(normed, weights.qkv).float()
        else:
            parts = torch.addmm(weights.qkv_bias, normed, weights.qkv).float()
        if weights.gain is not None:
            # A product with a constant vector takes the means faster than a reduction of few
            # elements.
            vectors = parts.view(-1, self._head_dim)
            scale = torch.mv(vectors.square(), self._mean).add_(self._epsilon).rsqrt_()
            scale.view(-1, self._group + 2)[:, -1] = 1.0
            vectors.mul_(scale.unsqueeze(1))
            parts.mul_(weights.gain)
        return parts

    def _attend_span(self, query: Tensor, slabs: KeyValueSlabs, index: int, mask: Tensor) -> Tensor:
        """Return what queries (rows, key heads, tokens, group, width) attend to, flat by token."""
        batch, _, count = query.shape[:3]
        length = mask.shape[-1]
        query = query.transpose(2, 3).reshape(-1, self._group * count, self._head_dim)
        keys, values = slabs.layer(index, batch, length)
        scores = torch.bmm(query, keys.flatten(0, 1))
        scores.view(batch, self._kv_heads, self._group, count, length).add_(mask)
        mixed = torch.bmm(self._softmax(scores), values.flatten(0, 1))
        mixed = mixed.view(batch, self._kv_heads, self._group, count, -1)
        return mixed.permute(0, 3, 1, 2, 4).reshape(batch * count, -1)

    def _finish_layer(self, hidden: Tensor, mixed: Tensor, weights: LayerWeights) -> Tensor:
        """Add the attention's result, projected, to `hidden`, then the feed-forward layer's."""
        hidden.addmm_(mixed, weights.output)
        if weights.output_bias is not None:
            hidden.add_(weights.output_bias)
        gate, up = torch.mm(self._norm(hidden), weights.gate_up).chunk(2, dim=1)
        return hidden.addmm_(F.silu(gate).mul_(up), weights.down)

    def _norm(self, hidden: Tensor) -> Tensor:
        """Return the rows at a root mean square of 1; the gain is in the weights that follow."""
        if hidden.dtype != torch.float32:
            return F.rms_norm(hidden, hidden.shape[1:], None, self._epsilon)
        # Three small operations in the place of seven: rms_norm is not one kernel on the CPU.
        width = hidden.shape[1]
        length = torch.linalg.vector_norm(hidden, dim=1, keepdim=True)
        scale: Tensor = width**0.5 / torch.hypot(length, self._floor)
        return hidden * scale

    def _softmax(self, scores: Tensor) -> Tensor:
        """Return the softmax, computed in fp32."""
        if scores.dtype == torch.float32:
            return torch.softmax(scores, -1, out=scores)
        return torch.softmax(scores, -1, dtype=torch.float32).to(self._dtype)

    def _additive(self, forbidden: Tensor) -> Tensor:
        """Return -inf where forbidden and 0 elsewhere."""
        zeros = torch.zeros(forbidden.shape, dtype=self._dtype, device=self.device)
        return zeros.masked_fill_(forbidden, -torch.inf)

    def _widen(self, turns_ND: Tensor) -> Tensor:
        """Return the rotations of one key head's queries, key and value, which is not rotated."""
        count, planes = turns_ND.shape
        wide = torch.ones(
            (count, 1, self._group + 2, planes), dtype=turns_ND.dtype, device=turns_ND.device
        )
        wide[:, 0, :-1] = turns_ND.unsqueeze(1)
        return wide.flatten(2)

    def _rotation(self, length: int) -> Tensor:
        """Return a unit complex number per position and rotary plane, for `length` or more."""
        if self._rotations.shape[0] < length or self._rotations.device != self.device:
            positions = torch.arange(2 * round_up(length), device=self.device).unsqueeze(0)
            like = torch.empty(0, dtype=torch.float32, device=self.device)
            cosine, sine = self._body.rotary_emb(like, positions)
            half = cosine.shape[-1] // 2
            self._rotations = torch.complex(cosine[0, :, :half], sine[0, :, :half]).contiguous()
        return self._rotations


def _projections(model: PreTrainedModel) -> list[nn.Module]:
    """Return every module whose weight is read in place of calling it."""
    body: Any = model.model
    found: list[nn.Module] = [cast(nn.Module, model.lm_head)]
    for layer in body.layers:
        attention, mlp = layer.self_attn, layer.mlp
        found += [attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj]
        found += [mlp.gate_proj, mlp.up_proj, mlp.down_proj]
    return found
