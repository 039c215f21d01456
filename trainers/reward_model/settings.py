"""The settings of a reward model's training."""

from dataclasses import dataclass, field

from gym_reason.trainers.formulas.reward_model import reward_losses
from gym_reason.trainers.settings import OptimiserSettings, check_at_least
from gym_reason.verifiers.steps import Boundary


@dataclass(frozen=True, slots=True)
class RewardModelSettings:
    """Training a copy of the policy to score answers, or the steps of answers."""

    steps: int = 0
    """Optimiser steps; 0 leaves the stage out."""
    loss: str = "bradley_terry"
    """Name in `formulas.reward_losses`; it decides what a row of data is."""
    path: str = ""
    """A file of rows; empty to sample answers of the policy and have the verifier judge them."""
    problems: int = 256
    """Problems whose answers are sampled."""
    samples_per_problem: int = 8
    """Answers of a problem."""
    demonstrated: bool = False
    """Whether a problem without a right answer gets the environment's demonstration as one."""
    pairs_per_problem: int = 4
    """Most pairs of a problem's right and wrong answers."""
    held_out_share: float = 0.2
    """Share of the prompts that are never trained on."""
    evaluate_every: int = 20
    """Steps between measurements on them; the last step has one anyway."""
    labels: int = 2
    """Labels that `classification` tells apart; every other loss has one output."""
    margin: float = 0.0
    """Gap asked for between the answers of a pair that names none."""
    centring: float = 0.01
    """Weight of the squared sum of a pair's scores, which keeps the scores around 0."""
    boundary: Boundary = "auto"
    """What separates the steps of an answer, with `process`."""
    separator: str = "\n"
    """What follows each step, and is where it is scored."""
    batch_rows: int = 64
    """Examples of an optimiser step: pairs, lists, answers or solutions."""
    max_tokens: int = 2048
    """Longest answer with its prompt; examples with a longer one are dropped and counted."""
    micro_batch_tokens: int = 16384
    """Most tokens, padding included, in one forward pass."""
    optimiser: OptimiserSettings = field(default_factory=lambda: OptimiserSettings(lr=3e-4))
    """Its own AdamW."""

    def __post_init__(self) -> None:
        """Refuse an unknown loss, and sizes that no step can have."""
        reward_losses.get(self.loss)
        check_at_least(0, steps=self.steps)
        for key in ("problems", "pairs_per_problem", "batch_rows", "micro_batch_tokens"):
            check_at_least(1, **{key: getattr(self, key)})
        check_at_least(1, evaluate_every=self.evaluate_every)
        check_at_least(2, labels=self.labels, samples_per_problem=self.samples_per_problem)
        if not 0.0 <= self.held_out_share < 1.0:
            raise ValueError(f"held_out_share = {self.held_out_share}; expected 0 or more, under 1")
        if self.centring < 0.0 or self.margin < 0.0:
            raise ValueError(
                f"centring = {self.centring}, margin = {self.margin}; expected 0 or more"
            )
        if not self.separator:
            raise ValueError("separator is empty; expected the text that follows each step")
