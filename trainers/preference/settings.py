"""The settings of preference training."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from gym_reason.trainers.formulas import preference_losses
from gym_reason.trainers.formulas.preference import PreferenceNumbers
from gym_reason.trainers.settings import OptimiserSettings, check_at_least

STAGE = "preference"
"""The stage's table in a recipe, and the word in metrics."""

Records: TypeAlias = Literal["pair", "ranked", "step_pair", "negative"]
"""Kinds of records: two responses; several with scores; two next steps; one that is not wanted."""

SHAPES = {"pair": "pair", "step_pair": "pair", "ranked": "list", "negative": "negative"}
"""What a loss makes of each kind of record."""


@dataclass(frozen=True, slots=True)
class PreferenceSettings:
    """Preference training: a loss, and rounds of records that a file holds or the policy makes.

    A round's reference is the policy as the round begins.
    """

    steps: int = 0
    """Optimiser steps of all rounds together; 0 leaves the stage out."""
    loss: str = "dpo"
    """Name in `formulas.preference_losses`."""
    numbers: PreferenceNumbers = field(default_factory=PreferenceNumbers)
    """The numbers of the loss."""
    records: Records = "pair"
    """What it is trained on."""
    path: str = ""
    """A file of such records; empty to make them of the policy's own answers."""
    rounds: int = 1
    """Rounds, with as many steps each."""
    data: Literal["fresh", "chunks"] = "fresh"
    """`fresh`: each round's policy makes its records. `chunks`: the records that there are at the
    start, split among the rounds."""
    tasks_per_round: int = 512
    """Problems that the policy answers for a round."""
    samples_per_task: int = 8
    """Answers to each."""
    records_per_task: int = 1
    """Most records of one problem; it gives one ranked list whatever this says."""
    self_samples: int = 4
    """D2O's K: the policy's own samples beside an unwanted response."""
    self_reference: str = ""
    """A model whose log-probabilities D2O takes off those of the samples; empty for the round's
    own."""
    step_boundary: Literal["auto", "commas", "markers", "paragraphs", "lines", "sentences"] = "auto"
    """What separates the steps of an answer; all but `commas` (and semicolons) as in
    `verifiers.steps`."""
    continuations: int = 4
    """Tries to go on rightly from the steps before a wrong one, where no other answer shows how."""
    batch_rows: int = 32
    """Records of an optimiser step."""
    micro_batch_tokens: int = 16384
    """Most tokens, padding included, in one forward pass; one record always fits."""
    log_records: int = 8
    """Records of a round whose tokens' rewards are kept, with `loss = "token_dpo"`."""
    optimiser: OptimiserSettings = field(default_factory=lambda: OptimiserSettings(lr=3e-5))
    """Its own AdamW."""

    def __post_init__(self) -> None:
        """Refuse a loss that cannot read the records, and sizes that no round can have."""
        for key in ("steps", "self_samples", "continuations", "log_records"):
            check_at_least(0, **{key: getattr(self, key)})
        for key in ("rounds", "tasks_per_round", "samples_per_task", "records_per_task"):
            check_at_least(1, **{key: getattr(self, key)})
        check_at_least(1, batch_rows=self.batch_rows, micro_batch_tokens=self.micro_batch_tokens)
        shape = preference_losses.get(self.loss).shape
        if shape not in (SHAPES[self.records], "list" if self.records == "pair" else ""):
            fitting = [kind for kind, made in SHAPES.items() if made == shape]
            raise ValueError(
                f"loss = {self.loss!r} on records = {self.records!r}; expected records of "
                f"{' or '.join(fitting)}"
            )
        if self.path and self.rounds > 1 and self.data == "fresh":
            raise ValueError(
                f"rounds = {self.rounds} of fresh data with a path; expected data = 'chunks'"
            )
        if 0 < self.steps < self.rounds:
            raise ValueError(f"steps = {self.steps} in rounds = {self.rounds}; expected as many")

    def round_of(self, step: int) -> int:
        """Return the round of a step, both counted from 0."""
        return min(((step + 1) * self.rounds - 1) // self.steps, self.rounds - 1)

    def first_step(self, number: int) -> int:
        """Return the first step of a round."""
        return number * self.steps // self.rounds
