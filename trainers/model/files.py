"""A model as a Hugging Face directory, written again and again at the cost of its weights alone."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from gym_reason.agents.models import describe_in_files
from gym_reason.agents.tensor_files import explain_tensor_errors
from gym_reason.records import explain_os_errors

WEIGHTS = "model.safetensors"


def each_once(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the weights without second names for the same one, such as a tied head.

    The first name stays, as in a folder that Transformers writes; other readers expect it there.
    """
    found: dict[tuple[int, torch.Size, tuple[int, ...]], str] = {}
    for name, weight in weights.items():
        found.setdefault((weight.data_ptr(), weight.shape, weight.stride()), name)
    return {name: weights[name].contiguous() for name in found.values()}


class ModelWriter:
    """Writes one model at every checkpoint; what never changes is prepared once."""

    def __init__(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, scratch: Path
    ) -> None:
        """Prepare the configuration and the tokenizer's files, by way of the folder `scratch`."""
        self._model = model
        with explain_os_errors(scratch), tempfile.TemporaryDirectory(dir=scratch) as name:
            self._files = describe_in_files(model, tokenizer, Path(name))

    def write(self, folder: Path) -> None:
        """Write the directory with the current weights. Raises OSError or SafetensorError."""
        folder.mkdir()
        for name, content in self._files.items():
            (folder / name).write_bytes(content)
        # One entry of metadata: more would stand in another order each time, and equal models
        # would be files of different bytes.
        weights = each_once(self._model.state_dict())
        safetensors.torch.save_file(weights, str(folder / WEIGHTS), metadata={"format": "pt"})

    def write_whole(self, folder: Path) -> None:
        """Write the directory so that it appears whole or not at all; one that is there goes.

        Raises RunError.
        """
        partial = folder.with_name(f".partial-{folder.name}")
        try:
            with explain_tensor_errors(folder):
                shutil.rmtree(partial, ignore_errors=True)
                self.write(partial)
                shutil.rmtree(folder, ignore_errors=True)
                os.replace(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
