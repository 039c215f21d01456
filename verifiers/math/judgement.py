"""The result of a comparison."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a comparison found."""

    equal: bool
    """Whether the answer equals the reference."""
    reason: str = ""
    """Why not, where it could not be decided."""
