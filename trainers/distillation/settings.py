"""The settings of the distillation stage."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from gym_reason.trainers.formulas.distillation import DivergenceSettings, score_losses
from gym_reason.trainers.settings import OptimiserSettings, check_at_least

Objective: TypeAlias = Literal["text", "soft_targets", "gkd", "dckd", "adpa", "uft", "una"]
"""What a student may be trained for."""


@dataclass(frozen=True, slots=True)
class DistillationDataSettings:
    """Where prompts and responses come from."""

    path: str = ""
    """A file of rows, pairs or scored rows, as the objective needs; empty samples them."""
    source: Literal["teacher", "environment"] = "teacher"
    """Who gives right answers where no file does: the teacher, or the demonstrations."""
    tasks: int = 1000
    """Problems that are drawn."""
    samples_per_task: int = 1
    """Answers to each, of the teacher or of the student as the objective needs."""
    temperature: float = 1.0
    """At which the teacher answers."""
    max_repeats: int = 20
    """A response that repeats some 20-gram more often is dropped."""
    min_score: float = 0.9
    """A response that the verifier gives less is dropped from what is imitated."""

    def __post_init__(self) -> None:
        """Refuse counts that no data can have."""
        check_at_least(1, tasks=self.tasks, samples_per_task=self.samples_per_task)
        check_at_least(1, max_repeats=self.max_repeats)
        if self.temperature < 0.0:
            raise ValueError(f"temperature = {self.temperature}; expected 0 or more")


@dataclass(frozen=True, slots=True)
class AdvantageDistillationSettings:
    """The numbers of ADPA."""

    beta: float = 0.1
    """Scales the teachers' log-ratio to an advantage."""
    gamma: float = 1.5
    """Weight of the advantage term; the paper finds over-optimisation beyond 3."""


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """The numbers of UFT and UNA."""

    loss: str = "mse"
    """Name in `formulas.score_losses`, or `pairwise` for UNA on pairs, which is DPO."""
    beta: float = 0.01
    """Scales the student's log-ratio to a reward."""
    offset: float = 0.0
    """Added to that reward."""

    def __post_init__(self) -> None:
        """Refuse an unknown loss."""
        if self.loss != "pairwise":
            score_losses.get(self.loss)
        if self.beta <= 0.0:
            raise ValueError(f"beta = {self.beta}; expected a number above 0")


@dataclass(frozen=True, slots=True)
class DistillSettings:
    """The distillation stage."""

    steps: int = 0
    """Optimiser steps; 0 leaves the stage out."""
    objective: Objective = "gkd"
    """What the student is trained for."""
    data: DistillationDataSettings = field(default_factory=DistillationDataSettings)
    """Where prompts and responses come from."""
    batch_rows: int = 64
    """Rows of an optimiser step; pairs, where the objective takes pairs."""
    student_share: float = 0.5
    """Of `gkd`: probability with which a step's responses are sampled from the student."""
    divergence: DivergenceSettings = field(default_factory=DivergenceSettings)
    """How far the student is from the teacher; `soft_targets` and `dckd` choose it themselves."""
    alpha: float = 0.5
    """Of `soft_targets`: share of the cross-entropy. Of `dckd`: weight of the divergence."""
    top_k: int = 0
    """Tokens of the teacher that are compared, besides the tail of all others; 0 compares all."""
    advantage: AdvantageDistillationSettings = field(default_factory=AdvantageDistillationSettings)
    """Numbers of `adpa`."""
    scores: ScoreSettings = field(default_factory=ScoreSettings)
    """Numbers of `uft` and `una`."""
    micro_batch_tokens: int = 16384
    """Most tokens, padding included, in one forward pass."""
    optimiser: OptimiserSettings = field(default_factory=lambda: OptimiserSettings(lr=3e-4))
    """Its own AdamW."""

    def __post_init__(self) -> None:
        """Refuse numbers that no step can have."""
        check_at_least(0, steps=self.steps, top_k=self.top_k)
        check_at_least(1, batch_rows=self.batch_rows, micro_batch_tokens=self.micro_batch_tokens)
        for name in ("student_share", "alpha"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} = {value}; expected 0 to 1")
        if self.scores.loss == "pairwise" and self.objective == "uft":
            raise ValueError("scores.loss = 'pairwise' with uft; expected mse or bce, or una")
