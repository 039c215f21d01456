"""How weights get from a trainer to vLLM on one machine: by name in one process, or by a file."""

import contextlib
import itertools
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import safetensors
from torch import Tensor

from gym_reason.agents.engines.vllm.weights import write_weights
from gym_reason.agents.tensor_files import explain_tensor_errors

SHARED_MEMORY = Path("/dev/shm")
"""Where Linux keeps files in memory."""
_numbers = itertools.count()
_offered: dict[str, Mapping[str, Tensor]] = {}
"""What is on offer to a vLLM of this process, by key."""


@contextlib.contextmanager
def lend_folder(given: Path | None) -> Iterator[Path]:
    """Give the folder that is given, or else one in memory while the block runs."""
    if given is not None:
        yield given
        return
    parent = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="gym-reason-", dir=parent) as made:
        yield Path(made)


@contextlib.contextmanager
def offer_weights(
    weights: Mapping[str, Tensor], folder: Path | None = None
) -> Iterator[dict[str, str]]:
    """Offer weights while the block runs, and give what tells vLLM where they are.

    In this process they are handed over as they are; with a folder, by a file in it, which a vLLM
    in another process can map. Raises RunError where the file cannot be written.
    """
    if folder is None:
        key = str(next(_numbers))
        _offered[key] = weights
        try:
            yield {"key": key}
        finally:
            del _offered[key]
        return
    path = folder / "weights.safetensors"
    with explain_tensor_errors(path):
        write_weights(weights, path)
    try:
        yield {"path": str(path)}
    finally:
        path.unlink(missing_ok=True)


def take_weights(key: str, path: str) -> Iterable[tuple[str, Tensor]]:
    """Yield names and tensors of what is on offer. Raises KeyError or OSError where nothing is."""
    if key:
        yield from _offered[key].items()
        return
    with safetensors.safe_open(path, framework="pt") as file:
        for name in file.keys():  # noqa: SIM118 - it is no mapping
            yield name, file.get_tensor(name)
