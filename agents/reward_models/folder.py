"""What a folder with a classifier says of itself, read without torch."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from gym_reason.errors import ModelError, UsageError

Head: TypeAlias = Literal["sequence", "token"]

_ENDINGS: dict[str, Head] = {
    "ForSequenceClassification": "sequence",
    "ForTokenClassification": "token",
}
_INNER = ("", "model", "checkpoints/last/model", "checkpoints/last")


@dataclass(frozen=True, slots=True)
class FolderFacts:
    """What `config.json` tells."""

    folder: Path
    """Where the model lies."""
    head: Head
    """What the head scores: a sequence, or each token."""
    labels: int
    """Outputs of the head."""
    center: float | None
    """Mean score (`reward_center`) stored with the model; None where there is none."""


def inspect_folder(path: str | Path) -> FolderFacts:
    """Return what the configuration of a classifier tells.

    Args:
        path: A model folder, a checkpoint (it has `model/`), or a run (`checkpoints/last`).

    Raises:
        ModelError: The folder is not there, or holds no classifier with weights in safetensors.
    """
    folder = _find_model(Path(path))
    try:
        config: Any = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"cannot read {folder / 'config.json'}: {error}", "JSON") from None
    if not isinstance(config, dict):
        raise ModelError(f"{folder / 'config.json'} is no object", "a model's configuration")
    if not any(folder.glob("*.safetensors")):
        raise ModelError(
            f"no safetensors in {folder}",
            "model.safetensors",
            "convert other weights first: they can run code when they are read",
        )
    return FolderFacts(
        folder, _read_head(folder, config), _count_labels(config), _read_center(folder, config)
    )


def choose_label(facts: FolderFacts, label: int | None) -> int:
    """Return the output of the head that says "good".

    A head of one output has no choice; one of two says it with the second unless told otherwise.

    Raises:
        UsageError: There is no such output, or more than two and none was named.
    """
    expected = f"label from 0 to {facts.labels - 1}"
    if label is None:
        if facts.labels > 2:
            raise UsageError(f"a head of {facts.labels} labels", expected, "name the good one")
        return facts.labels - 1
    if isinstance(label, bool) or not isinstance(label, int) or not 0 <= label < facts.labels:
        raise UsageError(f"label = {label!r}", expected)
    return label


def _find_model(folder: Path) -> Path:
    if not folder.is_dir():
        raise ModelError(f"no folder {folder}", "a model, a checkpoint or a run")
    for inner in _INNER:
        if (folder / inner / "config.json").is_file():
            return folder / inner
    raise ModelError(
        f"no config.json in {folder}", "it there, in model/ or in checkpoints/last/model/"
    )


def _read_head(folder: Path, config: dict[str, Any]) -> Head:
    architectures = config.get("architectures")
    named = architectures if isinstance(architectures, list) else []
    for name in named:
        for ending, head in _ENDINGS.items():
            if isinstance(name, str) and name.endswith(ending):
                return head
    raise ModelError(
        f"{folder} holds {', '.join(map(str, named)) or 'a model of no named architecture'}",
        " or ".join(f"a ...{ending}" for ending in _ENDINGS),
        "a model without a trained head would score at random",
    )


def _count_labels(config: dict[str, Any]) -> int:
    labels = config.get("id2label")
    if isinstance(labels, dict) and labels:
        return len(labels)
    count = config.get("num_labels", 2)
    return count if isinstance(count, int) and count > 0 else 2


def _read_center(folder: Path, config: dict[str, Any]) -> float | None:
    center = config.get("reward_center")
    if center is None:
        return None
    if isinstance(center, bool) or not isinstance(center, int | float) or not math.isfinite(center):
        raise ModelError(f"reward_center = {center!r} in {folder / 'config.json'}", "a number")
    return float(center)
