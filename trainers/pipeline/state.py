"""What a pipeline knows of its stages: which fingerprint each was begun and finished with."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from gym_reason.errors import DataError
from gym_reason.records import to_json, write_atomic


@dataclass(frozen=True, slots=True)
class Finished:
    """A stage that has run to its end."""

    fingerprint: str
    """Of what it depended on."""
    artefact: str
    """Hash of what it made."""
    seconds: float
    """Time that it took, in every process that worked on it."""


@dataclass(slots=True)
class PipelineState:
    """The content of `state.json`."""

    path: Path
    """The file."""
    begun: dict[str, str] = field(default_factory=dict)
    """Fingerprint of each stage whose folder there is, finished or not."""
    finished: dict[str, Finished] = field(default_factory=dict)
    """Stages that have run to their end."""

    def save(self) -> None:
        """Write the file, whole. Raises RunError."""
        content = {"begun": self.begun, "finished": to_json(self.finished)}
        write_atomic(self.path, json.dumps(content, indent=1) + "\n")


def read_state(path: Path) -> PipelineState:
    """Return the state in a file; an empty one where there is none. Raises DataError."""
    if not path.exists():
        return PipelineState(path)
    try:
        content = json.loads(path.read_bytes())
        finished = {name: Finished(**row) for name, row in content["finished"].items()}
        return PipelineState(path, dict(content["begun"]), finished)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path} is no state of a pipeline: {error}",
            "what a pipeline wrote",
            "delete it to run every stage again",
        ) from None
