"""A model as a Hugging Face directory, written again and again at the cost of its weights alone."""

import tempfile
from pathlib import Path

import safetensors.torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

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
            folder = Path(name)
            model.config.architectures = [type(model).__name__]
            model.config.save_pretrained(str(folder))
            if model.generation_config is not None:
                model.generation_config.save_pretrained(str(folder))
            tokenizer.save_pretrained(str(folder))
            self._files = {path.name: path.read_bytes() for path in folder.iterdir()}

    def write(self, folder: Path) -> None:
        """Write the directory with the current weights. Raises OSError or SafetensorError."""
        folder.mkdir()
        for name, content in self._files.items():
            (folder / name).write_bytes(content)
        safetensors.torch.save_model(self._model, str(folder / WEIGHTS), metadata={"format": "pt"})
