"""A model as a Hugging Face directory, written again and again at the cost of its weights alone."""

import os
import shutil
import tempfile
from pathlib import Path

import safetensors.torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from gym_reason.agents.models import describe_in_files
from gym_reason.agents.tensor_files import explain_tensor_errors
from gym_reason.agents.weights import each_once
from gym_reason.records import explain_os_errors

WEIGHTS = "model.safetensors"


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
        kept = each_once(self._model.state_dict())
        weights = {name: weight.contiguous() for name, weight in kept.items()}
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
