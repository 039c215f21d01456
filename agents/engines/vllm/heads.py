"""Wider attention heads for small models, which compute the same.

vLLM on a CPU has attention for heads of 32 and more; the embedded models have heads of 16. Zeros in
the new places change no product. What depends on the width is made up for: rotary frequencies by
the base, the mean of the norms and the scale of the scores by the gain of the query norm.
"""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from gym_reason.errors import ModelError

CPU_WIDTHS = (32, 64, 80, 96, 112, 128, 160, 192, 224, 256, 512)
"""Widths that vLLM 0.32 has on a CPU."""
PROJECTIONS = ("q_proj", "k_proj", "v_proj")


def choose_width(config: Any, device: str) -> int:
    """Return the width of heads that vLLM is to run a model with.

    Raises ModelError where it has none for the model's.
    """
    own = head_width(config)
    if device != "cpu" or own in CPU_WIDTHS:
        return own
    wider = next((width for width in CPU_WIDTHS if width > own), None)
    if config.model_type == "qwen3" and wider is not None and own % 2 == 0:
        return wider
    raise ModelError(
        f"a {config.model_type} model with heads of {own} for vLLM on a CPU",
        f"heads of {', '.join(map(str, CPU_WIDTHS))}",
        "use engine = local",
    )


def head_width(config: Any) -> int:
    """Return the width of a model's attention heads."""
    shape = config.get_text_config()
    return int(getattr(shape, "head_dim", None) or shape.hidden_size // shape.num_attention_heads)


def widen_config(config: Any, width: int) -> Any:
    """Return the configuration of a Qwen3 model with heads of another width."""
    own = head_width(config)
    if width == own:
        return config
    wide = copy.deepcopy(config)
    wide.head_dim = width
    # The i-th frequency is base ** (-2 i / width).
    wide.rope_parameters = dict(config.rope_parameters)
    base = float(config.rope_parameters["rope_theta"])
    wide.rope_parameters["rope_theta"] = base ** (width / own)
    return wide


def widen_weights(weights: Mapping[str, Tensor], own: int, width: int) -> dict[str, Tensor]:
    """Return the weights of a Qwen3 model for heads of another width."""
    if width == own:
        return dict(weights)
    wide: dict[str, Tensor] = {}
    for name, weight in weights.items():
        part = name.rpartition(".")[0].rpartition(".")[2]
        if part in PROJECTIONS:
            weight = _spread(weight, own, width)
        elif part == "o_proj" and weight.dim() == 2:
            weight = _spread(weight.t(), own, width).t().contiguous()
        elif part in ("q_norm", "k_norm"):
            weight = _spread(weight, own, width)
            if part == "q_norm":
                weight = weight * (own / width) ** 0.5
        wide[name] = weight
    return wide


def widen_matrices(tensors: Mapping[str, Tensor], own: int, width: int) -> dict[str, Tensor]:
    """Return the matrices of a LoRA adapter of a Qwen3 model for heads of another width.

    What is added to a weight gets its zeros where the weight does: B in the rows of a projection,
    A in the columns of the layer that reads all heads.
    """
    if width == own:
        return dict(tensors)
    wide: dict[str, Tensor] = {}
    for name, weight in tensors.items():
        layer, matrix = name.split(".")[-3:-1]
        if layer in PROJECTIONS and matrix == "lora_B":
            weight = _spread(weight, own, width)
        elif layer == "o_proj" and matrix == "lora_A":
            weight = _spread(weight.t(), own, width).t().contiguous()
        wide[name] = weight
    return wide


def _spread(weight: Tensor, own: int, width: int) -> Tensor:
    """Return rows of heads with zeros behind each half, the two that rotary embeddings pair."""
    halves = weight.reshape(-1, 2, own // 2, *weight.shape[1:])
    shape = (*halves.shape[:2], width // 2, *halves.shape[3:])
    wide = torch.zeros(shape, dtype=weight.dtype, device=weight.device)
    wide[:, :, : own // 2] = halves
    return wide.flatten(0, 2)
