"""A model as a Hugging Face directory, written again and again at the cost of its weights alone."""

import tempfile
from pathlib import Path

import safetensors.torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from gym_reason.agents.models import save_model

WEIGHTS = "model.safetensors"


class ModelWriter:
    """Writes one model at every checkpoint; what never changes is prepared once."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        """Prepare the configuration and the tokenizer's files."""
        self._model = model
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            save_model(model, tokenizer, folder)
            self._files = {
                path.name: path.read_bytes() for path in folder.iterdir() if _is_constant(path)
            }

    def write(self, folder: Path) -> None:
        """Write the directory with the current weights. Raises OSError or SafetensorError."""
        folder.mkdir()
        for name, content in self._files.items():
            (folder / name).write_bytes(content)
        safetensors.torch.save_model(self._model, str(folder / WEIGHTS), metadata={"format": "pt"})


def _is_constant(path: Path) -> bool:
    return path.suffix != ".safetensors" and not path.name.endswith(".index.json")
