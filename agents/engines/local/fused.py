"""The fast decoder for Qwen3, Qwen2 and Llama models: few, large products, nothing sliced."""

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel

from gym_reason.agents.engines.local.decoder import CachedDecoder, causal_mask, position_mask
from gym_reason.agents.engines.local.slabs import KeyValueSlabs, round_up
from gym_reason.agents.engines.local.weights import LayerWeights, WeightWatch, fuse_layer

CLASSES = ("Qwen3ForCausalLM", "Qwen2ForCausalLM", "LlamaForCausalLM")
TABULATED_VOCABULARY = 256
"""Largest vocabulary for which the first layer's projections are kept per token."""
ROPE_TYPES = ("default", "linear", "llama3")
"""Rotary embeddings whose angles depend on the position alone."""


class FusedDecoder(CachedDecoder):
    """Runs a Llama-like block from fused weights, with batched products for attention."""

    def __init__(self, model: PreTrainedModel) -> None:
        """Take the shapes from the model; its weights are read at the first `refresh`."""
        config: Any = model.config
        super().__init__(config.num_hidden_layers)
        self._body: Any = model.model
        self._head: Any = model.lm_head
        self.device = model.device
        self.vocab_size = self._head.weight.shape[0]
        self._heads = config.num_attention_heads
        self._kv_heads = config.num_key_value_heads
        self._head_dim = getattr(config, "head_dim", None) or config.hidden_size // self._heads
        self._epsilon = config.rms_norm_eps
        self._watch = WeightWatch(model)
        self._weights: list[LayerWeights] = []
        self._rotations = torch.empty(0)
        self._first_layer: tuple[Tensor, Tensor] | None = None

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
            # Adapters and quantised layers stand in the place of plain linear layers.
            and all(type(module) is nn.Linear for module in _projections(model))
        )

    def refresh(self, *, force: bool = False) -> bool:
        """Fuse the weights again if any parameter changed."""
        if not self._watch.changed() and not force:
            return False
        self.device = self._head.weight.device
        shape = (self._heads, self._kv_heads, self._head_dim)
        self._weights = [fuse_layer(layer, *shape) for layer in self._body.layers]
        self._first_layer = self._tabulate()
        return True

    def forward_span(
        self, ids_BC: Tensor, start: int, slabs: KeyValueSlabs, last_B: Tensor
    ) -> Tensor:
        """Run C tokens per row; padding is on the right, so a causal mask is enough."""
        batch, count = ids_BC.shape
        length, group = slabs.length, self._heads // self._kv_heads
        mask_CL = causal_mask(start, count, length, self.device)
        mask_CL = torch.zeros(mask_CL.shape, dtype=self._dtype, device=self.device).masked_fill_(
            mask_CL, -torch.inf
        )
        turns_CD = self._rotation(start + count)[start : start + count]
        turns = turns_CD.repeat(batch, 1).unsqueeze(1)
        flat_ids = ids_BC.reshape(-1)
        hidden = F.embedding(flat_ids, self._body.embed_tokens.weight)
        picked = torch.arange(batch, device=self.device) * count + last_B
        for index, weights in enumerate(self._weights):
            query, key, value = self._project_qkv(hidden, weights, turns, index, flat_ids)
            key_BHTD = key.view(batch, count, self._kv_heads, -1).transpose(1, 2)
            value_BHTD = value.view(batch, count, self._kv_heads, -1).transpose(1, 2)
            slabs.write_span(index, start, key_BHTD, value_BHTD)
            query = query.view(batch, count, self._kv_heads, group, -1).permute(0, 2, 3, 1, 4)
            query = query.reshape(batch * self._kv_heads, group * count, self._head_dim)
            keys, values = slabs.layer(index, batch)
            scores = torch.bmm(query, keys.reshape(-1, self._head_dim, length))
            scores.view(-1, group, count, length).add_(mask_CL)
            mixed = torch.bmm(scores.softmax(-1), values.reshape(-1, length, self._head_dim))
            mixed = mixed.view(batch, self._kv_heads, group, count, -1).permute(0, 3, 1, 2, 4)
            mixed = mixed.reshape(batch * count, -1)
            if index == len(self._weights) - 1:
                # Nothing after this reads any token but the last of each row.
                hidden, mixed = hidden[picked], mixed[picked]
            hidden = self._finish_layer(hidden, mixed, weights)
        return hidden

    def forward_tokens(self, tokens_N: Tensor, positions_N: Tensor, slabs: KeyValueSlabs) -> Tensor:
        """Run one token per row."""
        count, length = tokens_N.shape[0], slabs.length
        rows_N = self.row_numbers(count)
        mask_NL = position_mask(positions_N, length)
        mask_N1L = torch.zeros((count, 1, length), dtype=self._dtype, device=self.device)
        mask_N1L.masked_fill_(mask_NL.unsqueeze(1), -torch.inf)
        turns = self._rotation(length)[positions_N].unsqueeze(1)
        hidden = F.embedding(tokens_N, self._body.embed_tokens.weight)
        for index, weights in enumerate(self._weights):
            query, key, value = self._project_qkv(hidden, weights, turns, index, tokens_N)
            slabs.write_tokens(index, rows_N, positions_N, key, value)
            keys, values = slabs.layer(index, count)
            query = query.reshape(count * self._kv_heads, -1, self._head_dim)
            scores = torch.bmm(query, keys.view(-1, self._head_dim, length))
            scores.view(count, self._heads, length).add_(mask_N1L)
            mixed = torch.bmm(scores.softmax(-1), values.view(-1, length, self._head_dim))
            hidden = self._finish_layer(hidden, mixed.view(count, -1), weights)
        return self.project(hidden)

    def project(self, hidden_BH: Tensor) -> Tensor:
        """Apply the last norm and the output embedding."""
        return F.linear(self._norm(hidden_BH, self._body.norm.weight), self._head.weight)

    def _tabulate(self) -> tuple[Tensor, Tensor] | None:
        """Return what the first layer projects from each token of a small vocabulary.

        Before the rotation these depend on the token alone, so one look-up replaces a product and
        two norms.
        """
        embeddings: Tensor = self._body.embed_tokens.weight
        if embeddings.shape[0] > TABULATED_VOCABULARY:
            return None
        both, value = self._norm_qkv(embeddings, self._weights[0])
        return both.flatten(1).contiguous(), value.flatten(1).contiguous()

    @property
    def _dtype(self) -> torch.dtype:
        dtype = self._head.weight.dtype
        assert isinstance(dtype, torch.dtype)
        return dtype

    def _norm(self, hidden: Tensor, gain: Tensor) -> Tensor:
        return F.rms_norm(hidden, hidden.shape[-1:], gain, self._epsilon)

    def _project_qkv(
        self, hidden: Tensor, weights: LayerWeights, turns: Tensor, index: int, ids: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys (normed and rotated) and values, each (tokens, heads, width)."""
        if index == 0 and self._first_layer is not None:
            both, value = (F.embedding(ids, table) for table in self._first_layer)
            both, value = (part.view(part.shape[0], -1, self._head_dim) for part in (both, value))
        else:
            both, value = self._norm_qkv(hidden, weights)
        # Rotated in fp32 whatever the weights are: complex numbers come in no smaller type.
        planes = torch.view_as_complex(both.float().reshape(*both.shape[:2], -1, 2)) * turns
        rotated = torch.view_as_real(planes).flatten(-2).to(value.dtype)
        query, key = torch.split(rotated, [self._heads, self._kv_heads], dim=1)
        return query, key, value

    def _norm_qkv(self, hidden: Tensor, weights: LayerWeights) -> tuple[Tensor, Tensor]:
        """Return queries and keys together, normed, and values."""
        normed = self._norm(hidden, weights.input_gain)
        qkv = F.linear(normed, weights.qkv, weights.qkv_bias)
        qkv = qkv.view(qkv.shape[0], -1, self._head_dim)
        both, value = torch.split(qkv, [self._heads + self._kv_heads, self._kv_heads], dim=1)
        if weights.qk_gain is not None:
            both = F.rms_norm(both, both.shape[-1:], None, self._epsilon).mul_(weights.qk_gain)
        return both, value

    def _finish_layer(self, hidden: Tensor, mixed: Tensor, weights: LayerWeights) -> Tensor:
        """Project the attention's result, then add the feed-forward layer's."""
        hidden = hidden + F.linear(mixed, weights.output, weights.output_bias)
        normed = self._norm(hidden, weights.feed_forward_gain)
        gate, up = F.linear(normed, weights.gate_up).chunk(2, dim=-1)
        return hidden.add_(F.linear(F.silu(gate).mul_(up), weights.down))

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
