"""A model's weights by the names that its folder has for them, and as a file."""

from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
from torch import Tensor, nn


def named_weights(model: nn.Module) -> dict[str, Tensor]:
    """Return the weights under every name that they have.

    An embedding that is the head too is there twice: vLLM leaves the head as it was where only
    the embedding comes.
    """
    return {name: weight.detach() for name, weight in model.state_dict().items()}


def write_weights(weights: Mapping[str, Tensor], path: Path) -> None:
    """Write weights to one file that appears whole. Raises OSError or SafetensorError."""
    seen: set[int] = set()
    apart: dict[str, Tensor] = {}
    for name, weight in weights.items():
        shared = weight.data_ptr() in seen
        seen.add(weight.data_ptr())
        # The format holds no tensor twice.
        apart[name] = weight.clone() if shared else weight.contiguous()
    partial = path.with_name(f".partial-{path.name}")
    safetensors.torch.save_file(apart, str(partial), metadata={"format": "pt"})
    partial.replace(path)
