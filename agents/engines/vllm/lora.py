"""LoRA matrices for vLLM to add to weights that it has: what it knows, and how it is given them."""

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from gym_reason.agents.policy import AdapterWeights
from gym_reason.agents.tensor_files import explain_tensor_errors
from gym_reason.errors import RunError

LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""Ends of the names of layers that an adapter may change."""
ARCHITECTURES = (
    "GraniteForCausalLM",
    "LlamaForCausalLM",
    "MistralForCausalLM",
    "Qwen2ForCausalLM",
    "Qwen3ForCausalLM",
)
"""Models that have no other layers, and whose adapters vLLM 0.32 was seen to apply rightly."""
RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""Ranks that vLLM 0.32 can keep room for; one of less fits."""
SUFFIXES = (".lora_A.weight", ".lora_B.weight")


@dataclass(frozen=True, slots=True)
class LoraRoom:
    """What vLLM keeps ready for one adapter."""

    rank: int
    """Of the adapter, at most the last of `RANKS`."""
    layers: tuple[str, ...]
    """Ends of the names of the layers that it changes, all of them among `LAYERS`."""

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of vLLM's engine; layers without an adapter run as they are."""
        return {
            "enable_lora": True,
            "max_loras": 1,
            "max_lora_rank": next(rank for rank in RANKS if rank >= self.rank),
            "lora_target_modules": list(self.layers),
        }


@dataclass(frozen=True, slots=True)
class LoraMatrices:
    """The matrices of an adapter as they are sent."""

    rank: int
    """Of the products that are added."""
    alpha: float
    """These are scaled by alpha / rank."""
    tensors: Mapping[str, Tensor]
    """By their names in peft's format."""

    def config(self) -> dict[str, Any]:
        """Return what peft's file of an adapter says of it."""
        layers = {name.rsplit(".", 3)[1] for name in self.tensors}
        return {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "r": self.rank,
            "lora_alpha": self.alpha,
            "target_modules": sorted(layers),
            "bias": "none",
        }


def read_matrices(
    adapter: AdapterWeights, translate: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]
) -> LoraMatrices:
    """Return an adapter as it is now, its matrices in vLLM's form.

    Raises RunError where it is more than two matrices for each layer.
    """
    tensors: dict[str, Tensor] = {n: w.detach() for n, w in adapter.state().items()}
    other = next((name for name in tensors if not name.endswith(SUFFIXES)), None)
    if other is not None:
        raise RunError(
            f"an adapter with {other}", "lora_A and lora_B alone", "set vllm.adapter = 'merged'"
        )
    return LoraMatrices(adapter.rank, adapter.alpha, translate(tensors))


@contextlib.contextmanager
def offer_adapter(matrices: LoraMatrices, folder: Path) -> Iterator[None]:
    """Make a folder of an adapter, for as long as the block runs.

    Raises RunError where it cannot be written.
    """
    try:
        _write(matrices, folder)
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(matrices: LoraMatrices, folder: Path) -> None:
    """Write an adapter as peft does."""
    apart = {name: weight.contiguous() for name, weight in matrices.tensors.items()}
    weights = folder / "adapter_model.safetensors"
    with explain_tensor_errors(folder):
        folder.mkdir()
        content = json.dumps(matrices.config())
        (folder / "adapter_config.json").write_text(content, "utf-8")
        safetensors.torch.save_file(apart, str(weights), metadata={"format": "pt"})
