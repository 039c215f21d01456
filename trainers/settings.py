"""The settings of a run's parts, one dataclass for each table of a recipe."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

PEER_WAIT_S = 1800.0
"""Longest wait for the other processes of a run, unless a recipe says another."""


def check_at_least(low: int, **values: int) -> None:
    """Raise ValueError for a value below `low`."""
    for name, value in values.items():
        if value < low:
            raise ValueError(f"{name} = {value}; expected {low} or more")


def check_share(**values: float) -> None:
    """Raise ValueError for a value that is no share."""
    for name, value in values.items():
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{name} = {value}; expected a share from 0 to 1")


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which weights are trained, and how they are held."""

    path: str = ""
    """A Hugging Face directory, a checkpoint or a run; empty for a new embedded model."""
    size: str = "0.4m"
    """Preset of the embedded model."""
    alphabet: str = ""
    """Characters of the embedded tokenizer; empty for printable ASCII and the newline."""
    pieces: int = 0
    """Pieces of words that it has besides, learned from the environment's own demonstrations of the
    training split: longer tokens, and fewer of them. 0 for characters alone."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where it runs; `auto` takes a GPU where there is one."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Of matrix products; weights stay fp32. `auto` is bf16 on a GPU and fp32 on a CPU."""
    threads: int = 0
    """CPU threads; 0 chooses from the cores that are free. A run keeps what it began with."""
    cache_bytes: int = 0
    """Memory for keys and values while sampling; 0 takes a share of what is free. Kept likewise."""
    matmul: Literal["auto", "highest", "medium"] = "auto"
    """Kernels of fp32 products on a CPU; `auto` measures them. A run keeps what it began with."""
    gradient_checkpointing: bool = False
    """Whether training keeps only what enters each layer, and runs it again for its gradient."""
    peer_wait_s: float = PEER_WAIT_S
    """Most seconds that a process waits for the others, where several train: then the run ends."""

    def __post_init__(self) -> None:
        """Refuse a wait without an end."""
        if not 1.0 <= self.peer_wait_s <= 1e6:
            raise ValueError(f"peer_wait_s = {self.peer_wait_s}; expected 1 to 1000000 seconds")


@dataclass(frozen=True, slots=True)
class EnvSettings:
    """What is trained on."""

    id: str
    """A registered environment."""
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    """Its arguments."""
    split: str = "train"
    """The split that is trained on."""
    step_seconds: float = 600.0
    """Most seconds of one step of an environment that runs beside the others."""


@dataclass(frozen=True, slots=True)
class OptimiserSettings:
    """AdamW and its schedule: linear warm-up, then linear decay."""

    lr: float
    """Highest learning rate."""
    kind: Literal["adamw", "adamw8bit"] = "adamw"
    """`adamw8bit` keeps its two means in 8 bits; needs the package bitsandbytes."""
    warmup_steps: int = 0
    """Optimiser steps of warm-up."""
    final_share: float = 1.0
    """Learning rate at the end, as a share of the highest."""
    beta1: float = 0.9
    """Decay of the mean of the gradient."""
    beta2: float = 0.95
    """Decay of the mean of its square."""
    weight_decay: float = 0.0
    """Decoupled weight decay."""
    clip_norm: float = 1.0
    """Largest norm of the gradient."""


@dataclass(frozen=True, slots=True)
class ColdStartSettings:
    """Supervised training on demonstrations that the environment makes, before RL."""

    steps: int = 0
    """Optimiser steps; 0 leaves the stage out."""
    problems: int = 1000
    """How many problems are demonstrated."""
    balance: str = ""
    """Key in `meta` of the environment's tasks by whose values the problems are dealt evenly, where
    a few drawn by chance might leave a kind out; nothing takes them as they are drawn."""
    think_share: float = 1.0
    """Share of the demonstrations that show their reasoning; the others answer at once."""
    mend_share: float = 0.0
    """Share that shows how a loop mends: it is given the environment's wrong answer, hears what its
    tool says, and writes the right one, which alone is learned. For `self-edit`, `coderl`,
    `baldur`."""
    batch_rows: int = 64
    """Demonstrations in an optimiser step."""
    optimiser: OptimiserSettings = field(default_factory=lambda: OptimiserSettings(lr=1e-3))
    """Its own AdamW."""

    def __post_init__(self) -> None:
        """Refuse sizes that no step can have."""
        check_at_least(0, steps=self.steps)
        check_at_least(1, problems=self.problems, batch_rows=self.batch_rows)
        check_share(think_share=self.think_share, mend_share=self.mend_share)


@dataclass(frozen=True, slots=True)
class SamplingSettings:
    """How completions are drawn."""

    max_tokens: int = 256
    """Most tokens of a turn."""
    temperature: float = 1.0
    """Of rollouts. The trainer's log-probabilities are taken at the same temperature."""
    top_k: int = 0
    """0 keeps every token."""
    top_p: float = 1.0
    """1 keeps every token."""
    min_p: float = 0.0
    """0 keeps every token."""


@dataclass(frozen=True, slots=True)
class CurriculumSettings:
    """Difficulty levels, moved by the measured pass rate."""

    levels: tuple[Mapping[str, Any], ...] = ()
    """Arguments of the environment, easiest first; empty for none."""
    raise_at: float = 0.8
    """Pass rate at which the level goes up."""
    lower_at: float = 0.2
    """Pass rate at which it goes down."""
    window: int = 512
    """Episodes that the rate is measured over."""
    rehearse: float = 0.1
    """Share of tasks drawn from lower levels."""


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """What accuracy is measured on: greedy answers to problems that are never trained on."""

    problems: int = 512
    """How many."""
    split: str = "test"
    """The environment's split that they come from."""
    samples_shown: int = 8
    """How many of them are kept, before and after, for the report."""

    def __post_init__(self) -> None:
        """Refuse an evaluation of nothing."""
        check_at_least(1, problems=self.problems)
        check_at_least(0, samples_shown=self.samples_shown)


@dataclass(frozen=True, slots=True)
class CheckpointSettings:
    """How often a run is saved."""

    every_steps: int = 1
    """Steps between checkpoints, in both stages; a crash costs at most these."""
    keep: int = 2
    """Newest checkpoints that are kept, besides the last one of each stage."""
