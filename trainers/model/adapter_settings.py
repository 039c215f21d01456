"""Settings of an adapter: few weights that learn on top of many that stay."""

from dataclasses import dataclass
from typing import Literal

from gym_reason.trainers.settings import check_at_least

AdapterKind = Literal["none", "lora", "dora", "ia3", "prefix", "prompt"]
VIRTUAL_KINDS = ("prefix", "prompt")
"""Kinds that put virtual tokens before every sequence, and leave the layers alone."""


@dataclass(frozen=True, slots=True)
class AdapterSettings:
    """What learns in place of the model's own weights; needs the extra `peft`."""

    kind: AdapterKind = "none"
    """`none` trains all weights."""
    from_stage: str = ""
    """The stage that the adapter comes with; earlier ones train all weights. Empty: the first."""
    rank: int = 8
    """Rank of the update of a matrix, for `lora` and `dora`."""
    alpha: float = 16.0
    """The update is scaled by alpha / rank."""
    dropout: float = 0.0
    """On the inputs of `lora` and `dora`, in the stages that train with dropout."""
    target_modules: tuple[str, ...] = ()
    """Ends of the names of the layers that are adapted; empty for every linear layer but the head
    with `lora` and `dora`, and for what peft names for the architecture with `ia3`."""
    virtual_tokens: int = 8
    """How many, for `prefix` and `prompt`."""

    def __post_init__(self) -> None:
        """Refuse sizes that no adapter can have."""
        check_at_least(1, rank=self.rank, virtual_tokens=self.virtual_tokens)
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout = {self.dropout}; expected 0 or more, and less than 1")

    @property
    def virtual(self) -> bool:
        """Whether the adapter is virtual tokens."""
        return self.kind in VIRTUAL_KINDS
