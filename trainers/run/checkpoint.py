"""Checkpoints: a folder that appears whole or not at all, from which a run goes on bit for bit.

`checkpoints/step-000123/` holds `model/` (a plain Hugging Face directory), `adapter/` in peft's
format where there is one, a file for each further part of the stage (`optimiser.pt`, `critic.pt`,
...) and `state.json`; `checkpoints/last` is a link
to the newest. No state of a random generator is saved: every draw derives from the seed and the
step, and the global generators are seeded at each step.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch

from gym_reason.agents.tensor_files import explain_tensor_errors
from gym_reason.errors import RunError
from gym_reason.trainers.distributed.sharding import split_state
from gym_reason.trainers.model.adapters import Adapter
from gym_reason.trainers.model.files import ModelWriter
from gym_reason.types import Json

ADAPTER = "adapter"
"""Folder of the adapter in a checkpoint."""
BEFORE = ".partial-before-"
"""Begins the name of a checkpoint while another of the same step takes its place."""


class Part(Protocol):
    """What a checkpoint holds besides the model: optimisers, critics, reference weights."""

    def state_dict(self) -> Any:
        """Return its tensors and numbers."""
        ...

    def load_state_dict(self, state_dict: Any, /) -> Any:
        """Take them back."""
        ...


@dataclass(slots=True)
class Progress:
    """Where a run stands: everything that is not a tensor."""

    steps: dict[str, int] = field(default_factory=dict)
    """Finished steps of each stage, by its name."""
    updates: dict[str, int] = field(default_factory=dict)
    """Finished optimiser steps of each stage."""
    version: int = 0
    """Version of the weights: how often they were changed and sampled from."""
    tokens: int = 0
    """Tokens that the policy emitted and that demonstrations held."""
    seconds: float = 0.0
    """Time spent, in every process that worked on the run."""
    metrics_bytes: int = 0
    """Size of `metrics.jsonl` that this state covers."""
    accuracy: dict[str, float] = field(default_factory=dict)
    """Greedy accuracy on held-out problems: `before`, after each stage by its name, and `after`."""
    length: dict[str, float] = field(default_factory=dict)
    """Mean completion tokens of the same answers."""
    problems: int = 0
    """How many held-out problems there are."""
    recent_accuracy: list[float] = field(default_factory=list)
    """Sampled accuracy of the latest steps of RL, oldest first."""
    curriculum: dict[str, Json] | None = None
    """State of the curriculum."""
    controls: dict[str, float] = field(default_factory=dict)
    """Numbers that a controller moves from step to step, by name."""

    @property
    def step(self) -> int:
        """Steps of all stages, the number in the checkpoint's name."""
        return sum(self.steps.values())

    def done(self, stage: str) -> int:
        """Return the finished steps of a stage."""
        return self.steps.get(stage, 0)

    def count_step(self, stage: str, updates: int = 1) -> None:
        """Count a finished step of a stage and its optimiser steps."""
        self.steps[stage] = self.done(stage) + 1
        self.updates[stage] = self.updates.get(stage, 0) + updates


class CheckpointStore:
    """Writes, finds and prunes the checkpoints of a run."""

    def __init__(self, folder: Path, keep: int) -> None:
        """Use `folder`; the `keep` newest checkpoints (at least 2) stay, and every milestone."""
        self._folder = folder
        self._keep = max(keep, 2)

    def save(
        self,
        progress: Progress,
        model: ModelWriter,
        states: Mapping[str, Any],
        *,
        adapter: Adapter | None = None,
        milestone: bool = False,
    ) -> Path:
        """Save a checkpoint, make it the last one, and prune.

        Each of `states`, of the parts besides the model, becomes a file of its name. Raises
        RunError; the checkpoint before then stays the last one.
        """
        final = self._folder / f"step-{progress.step:06d}"
        partial = self._folder / f".partial-{final.name}"
        try:
            with explain_tensor_errors(final):
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir()
                model.write(partial / "model")
                if adapter is not None:
                    adapter.write(partial / ADAPTER)
                self._write_state(partial, progress, states, milestone=milestone)
                self._put_in_place(partial, final)
                self._point_last_at(final)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        self._prune()
        return final

    def recover(self) -> Path | None:
        """Put back what a crash in the middle of a save left aside; return the newest checkpoint.

        It is for the process that saves here, as it begins.
        """
        for before in self._folder.glob(f"{BEFORE}*"):
            final = self._folder / before.name.removeprefix(BEFORE)
            if not final.exists():
                os.replace(before, final)
        return self.last()

    def last(self) -> Path | None:
        """Return the newest whole checkpoint, or None."""
        found = self._all()
        return found[-1] if found else None

    def load_progress(self, checkpoint: Path) -> Progress:
        """Return where the run stood."""
        state = json.loads((checkpoint / "state.json").read_text("utf-8"))
        state.pop("milestone")
        return Progress(**state)

    def load_parts(self, checkpoint: Path, parts: Mapping[str, Part]) -> None:
        """Restore the parts of a stage. Raises RunError where the checkpoint lacks one."""
        for name, part in parts.items():
            path = checkpoint / f"{name}.pt"
            if not path.exists():
                raise RunError(f"{checkpoint} holds no {path.name}", "the parts of its recipe")
            saved = torch.load(path, weights_only=True, map_location="cpu")
            part.load_state_dict(split_state(part, saved))

    def _write_state(
        self,
        folder: Path,
        progress: Progress,
        states: Mapping[str, Any],
        *,
        milestone: bool,
    ) -> None:
        state = {name: getattr(progress, name) for name in Progress.__dataclass_fields__}
        (folder / "state.json").write_text(json.dumps(state | {"milestone": milestone}), "utf-8")
        for name, values in states.items():
            torch.save(values, folder / f"{name}.pt")

    def _put_in_place(self, partial: Path, final: Path) -> None:
        if final.exists():  # the same step again, with more known of it
            before = self._folder / f"{BEFORE}{final.name}"
            shutil.rmtree(before, ignore_errors=True)
            os.replace(final, before)
        os.replace(partial, final)

    def _point_last_at(self, checkpoint: Path) -> None:
        link = self._folder / ".last.tmp"
        link.unlink(missing_ok=True)
        link.symlink_to(checkpoint.name)
        os.replace(link, self._folder / "last")

    def _all(self) -> list[Path]:
        return sorted(
            path for path in self._folder.glob("step-*") if (path / "state.json").exists()
        )

    def _prune(self) -> None:
        for old in self._all()[: -self._keep]:
            if not json.loads((old / "state.json").read_text("utf-8"))["milestone"]:
                shutil.rmtree(old, ignore_errors=True)
        for leftover in self._folder.glob(".partial-*"):
            shutil.rmtree(leftover, ignore_errors=True)
