"""The result of a comparison."""

from dataclasses import dataclass
from enum import Enum


class Obstacle(Enum):
    """What kept a comparison from an end that it would have had at another time."""

    TIME = "out of time"
    FAILURE = "the symbolic comparison failed"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a comparison found."""

    equal: bool
    """Whether the answer equals the reference."""
    reason: str = ""
    """Why not, where it could not be decided."""
    obstacle: Obstacle | None = None
    """Why another run might find something else; None where none would."""
