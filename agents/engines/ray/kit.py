"""All of a model but its weights, as a worker is given it once."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from transformers import PreTrainedTokenizerBase as Tokenizer

from gym_reason.agents.models import choose_device, describe_in_files
from gym_reason.errors import ModelError


@dataclass(frozen=True, slots=True)
class ModelKit:
    """What another process needs to compute what this one does; picklable."""

    files: Mapping[str, bytes]
    """The configuration and the tokenizer, as a Hugging Face folder holds them."""
    device: str
    """`auto` takes the worker's GPU where it has one."""
    dtype: torch.dtype | None
    """Of matrix products; None for the weights' own."""
    matmul: str
    """Kernels of fp32 products: `highest` or `medium`, as this process has them."""
    threads: int
    """CPU threads of the worker."""
    cache_bytes: int | None
    """Most memory for keys and values."""

    def settle(self) -> None:
        """Set threads and kernels; the threads hold for the calling thread alone."""
        torch.set_num_threads(self.threads)
        torch.set_float32_matmul_precision(self.matmul)

    def build(self) -> tuple[Any, Tokenizer]:
        """Return the model with weights that mean nothing yet, and the tokenizer.

        Raises ModelError.
        """
        with tempfile.TemporaryDirectory(prefix="gym-reason-") as name:
            self.write(Path(name))
            try:
                tokenizer: Any = AutoTokenizer.from_pretrained(name, local_files_only=True)
                config: Any = AutoConfig.from_pretrained(name, local_files_only=True)
                generation: Any = None
                if "generation_config.json" in self.files:
                    generation = GenerationConfig.from_pretrained(name, local_files_only=True)
            except (OSError, ValueError, KeyError) as error:
                raise ModelError(f"the model's files do not load: {error}") from error
        device = choose_device(self.device)
        attention = "eager" if device.type == "cpu" else "sdpa"
        made: Any = AutoModelForCausalLM
        with torch.random.fork_rng(devices=[]):
            model = made.from_config(config, attn_implementation=attention, dtype=torch.float32)
        if generation is not None:
            model.generation_config = generation  # it may name further tokens that end
        return model.to(device).eval(), tokenizer

    def write(self, folder: Path) -> None:
        """Write the files into a folder."""
        for name, content in self.files.items():
            (folder / name).write_bytes(content)


def pack_kit(
    model: Any,
    tokenizer: Tokenizer,
    *,
    device: str,
    dtype: torch.dtype | None,
    threads: int,
    cache_bytes: int | None,
) -> ModelKit:
    """Return the kit of a model in this process."""
    with tempfile.TemporaryDirectory(prefix="gym-reason-") as name:
        files = describe_in_files(model, tokenizer, Path(name))
    matmul = torch.get_float32_matmul_precision()
    return ModelKit(files, device, dtype, matmul, threads, cache_bytes)
