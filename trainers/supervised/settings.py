"""The settings of supervised fine-tuning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from gym_reason.registry import environments
from gym_reason.trainers.settings import OptimiserSettings, check_at_least, check_share


@dataclass(frozen=True, slots=True)
class SftSource:
    """Where demonstrations come from: a file, or an environment that makes and verifies them."""

    path: str = ""
    """A .jsonl, .jsonl.zst, .csv or .parquet file; empty for an environment."""
    env: str = ""
    """A registered environment; where `path` is empty too, the one of the recipe."""
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the environment."""
    split: str = "train"
    """The environment's split that is demonstrated."""
    problems: int = 1000
    """How many of its problems are demonstrated."""
    think_share: float = 1.0
    """Share of its demonstrations that show their reasoning; the others answer at once."""
    weight: float = 1.0
    """What multiplies its number of rows where shares are worked out."""

    def __post_init__(self) -> None:
        """Refuse a source of two kinds, and numbers that make none."""
        if self.path and (self.env or self.kwargs):
            raise ValueError(f"path = {self.path!r} with env or kwargs; expected one or the other")
        if self.env:
            environments.get(self.env)
        if "split" in self.kwargs:
            raise ValueError("kwargs has a split; expected it in split")
        if self.weight <= 0.0:
            raise ValueError(f"weight = {self.weight}; expected more than 0")
        check_at_least(1, problems=self.problems)
        check_share(think_share=self.think_share)

    @property
    def name(self) -> str:
        """What messages call it."""
        if self.path:
            return self.path
        named = ", ".join(f"{key}={value}" for key, value in self.kwargs.items())
        return (self.env or "the recipe's environment") + (f" ({named})" if named else "")


def check_held_out(sources: Sequence[SftSource], env: str, split: str) -> None:
    """Raise ValueError for a source that demonstrates the problems of `split` of `env`."""
    for number, source in enumerate(sources):
        if not source.path and source.env in ("", env) and source.split in ("all", split):
            raise ValueError(
                f"sft.sources[{number}].split = {source.split!r} holds the problems of "
                f"evaluation.split = {split!r}; expected two splits that share none"
            )


@dataclass(frozen=True, slots=True)
class SftSettings:
    """Supervised fine-tuning on demonstrations of one source or several."""

    steps: int = 0
    """Optimiser steps; 0 leaves the stage out."""
    sources: tuple[SftSource, ...] = (SftSource(),)
    """Where the demonstrations come from."""
    batch_rows: int = 64
    """Demonstrations in an optimiser step."""
    max_tokens: int = 2048
    """Longest row, and longest sequence of packed ones; longer rows are dropped and counted."""
    train_on: Literal["completion", "all"] = "completion"
    """Whether what the assistant says is learned, or every token."""
    packing: bool = False
    """Whether several rows share a sequence; no token sees a row beside its own."""
    temperature: float = 1.0
    """1 mixes sources in proportion to their rows; the higher, the more alike their shares."""
    cap: int = 0
    """Rows of a source that count for its share at most; 0 for all."""
    micro_batch_tokens: int = 16384
    """Most tokens, padding included, in one forward pass."""
    optimiser: OptimiserSettings = field(default_factory=lambda: OptimiserSettings(lr=1e-3))
    """Its own AdamW."""

    def __post_init__(self) -> None:
        """Refuse sizes that no step can have."""
        check_at_least(0, steps=self.steps, cap=self.cap)
        check_at_least(1, batch_rows=self.batch_rows, micro_batch_tokens=self.micro_batch_tokens)
        check_at_least(2, max_tokens=self.max_tokens)
        if not self.sources:
            raise ValueError("sources is empty; expected one source or more")
        if self.temperature < 1.0:
            raise ValueError(f"temperature = {self.temperature}; expected 1 or more")
