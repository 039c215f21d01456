"""What tells one artefact, and one set of inputs, from another: hashes of their content."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gym_reason.agents.models import resolve_model_folder
from gym_reason.errors import ModelError

_CHUNK_BYTES = 1 << 20


def hash_path(path: Path) -> str:
    """Return the hash of a file, or of the model that a folder holds; empty where there is neither.

    Of a run that is the model of its last checkpoint.
    """
    if path.is_file():
        return _hash_files({"": path})
    try:
        folder = resolve_model_folder(path)
    except ModelError:
        return ""
    return _hash_files({file.name: file for file in sorted(folder.iterdir()) if file.is_file()})


def hash_values(values: Mapping[str, Any]) -> str:
    """Return the hash of a mapping of JSON values."""
    text = json.dumps(values, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def hash_inputs(value: object) -> dict[str, str]:
    """Return the hash of each file and model that a text in a value names, by that text."""
    found = {}
    for text in sorted(set(_texts_in(value))):
        # A text that is no path may still be too long for one, or hold what no path can.
        try:
            digest = hash_path(Path(text)) if text and "\0" not in text else ""
        except OSError:
            digest = ""
        if digest:
            found[text] = digest
    return found


def _texts_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts_in(item)


def _hash_files(files: Mapping[str, Path]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name, path in files.items():
        digest.update(f"{name}:{path.stat().st_size}:".encode())
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()
