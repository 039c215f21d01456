"""Gradient checkpointing: layers keep what enters them, and run again for their gradient."""

from typing import Any

import torch
from transformers import PreTrainedModel

from gym_reason.errors import ModelError


def recompute_layers(model: PreTrainedModel) -> None:
    """Make a model keep only what enters each layer, whether or not it is in training mode.

    Raises ModelError for a model that cannot.
    """
    if not model.supports_gradient_checkpointing:
        raise ModelError(
            f"{type(model).__name__} has no gradient checkpointing",
            "model.gradient_checkpointing = false",
        )
    # Since 5.24 Transformers has another word for it.
    later = getattr(model, "activation_checkpointing_enable", None)
    (later or model.gradient_checkpointing_enable)({"use_reentrant": False})
    # Only the reentrant kind needs inputs with a gradient.
    model.disable_input_require_grads()  # type: ignore[no-untyped-call]
    decoder: Any = model.get_decoder()  # type: ignore[no-untyped-call]
    decoder.register_forward_pre_hook(_choose)


def _choose(decoder: Any, args: object) -> None:
    """Checkpoint where there will be a gradient: RL trains without dropout, in evaluation mode.

    Layers ask their own mode; their parts, which hold any dropout, keep the decoder's.
    """
    for layer in decoder.layers:
        layer.training = decoder.training or torch.is_grad_enabled()
