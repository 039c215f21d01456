"""Which models the fused pass can run."""

from typing import Any

import torch
from transformers import PreTrainedModel

SUPPORTED_CLASSES = frozenset({"Qwen3ForCausalLM", "Qwen2ForCausalLM", "LlamaForCausalLM"})
"""Llama-like decoders, with a norm of queries and keys or without it."""

PARAMETER_LIMIT = 100_000_000
"""Above this, matrix products take nearly all the time, and copies of weights much memory."""


def supports(model: torch.nn.Module) -> bool:
    """Return whether `fused_logits` can stand in for a model's own forward pass."""
    if not isinstance(model, PreTrainedModel) or type(model).__name__ not in SUPPORTED_CLASSES:
        return False
    parameters = list(model.parameters())
    device = parameters[0].device
    return (
        _plain_config(model)
        and _plain_modules(model)
        and device.type in ("cpu", "cuda")
        and all(p.device == device and p.dtype == torch.float32 for p in parameters)
        and sum(p.numel() for p in parameters) <= PARAMETER_LIMIT
    )


def _plain_config(model: PreTrainedModel) -> bool:
    config: Any = model.config
    dropout = model.training and getattr(config, "attention_dropout", 0.0) > 0.0
    sliding = "sliding_attention" in (getattr(config, "layer_types", None) or [])
    return (
        not dropout
        and not sliding
        and config.hidden_act in ("silu", "swish")
        and config.rope_parameters.get("rope_type", "default") == "default"
        and config.rope_parameters.get("partial_rotary_factor", 1.0) == 1.0
        and getattr(config, "pretraining_tp", 1) == 1
    )


def _plain_modules(model: PreTrainedModel) -> bool:
    """Return whether there are no adapters, quantised layers, hooks or checkpointing."""
    decoder: Any = model.get_decoder()  # type: ignore[no-untyped-call]
    checkpointed = any(getattr(m, "gradient_checkpointing", False) for m in model.modules())
    hooked = any(
        m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in model.modules()
    )
    return not checkpointed and not hooked and all(_plain_layer(layer) for layer in decoder.layers)


def _plain_layer(layer: Any) -> bool:
    """Return whether a block has plain linear layers, with biases only where `fold_block` reads."""
    attention, mlp = layer.self_attn, layer.mlp
    inputs = (attention.q_proj, attention.k_proj, attention.v_proj)
    others = (attention.o_proj, mlp.gate_proj, mlp.up_proj, mlp.down_proj)
    return (
        all(type(linear) is torch.nn.Linear for linear in inputs + others)
        and len({linear.bias is None for linear in inputs}) == 1
        and all(linear.bias is None for linear in others)
    )
