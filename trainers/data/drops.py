"""What a method dropped, and why."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Drop:
    """One row that did not get through."""

    where: str
    """`line 7`, `row 7`, or what it came from where it was in no file."""
    reason: str
    """Why, in a few words that many rows share."""
    detail: str
    """What is particular to this row."""
    row: Mapping[str, Any]
    """The row, as far as it could be read."""

    def to_json(self) -> dict[str, Any]:
        """Return the line of a report."""
        return {
            "where": self.where,
            "reason": self.reason,
            "detail": self.detail,
            "row": dict(self.row),
        }


class DropLog:
    """Collects what was dropped."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.drops: list[Drop] = []

    def add(
        self, where: str, reason: str, row: Mapping[str, Any] | None = None, detail: str = ""
    ) -> None:
        """Note one row."""
        self.drops.append(Drop(where, reason, detail, row or {}))

    @property
    def counts(self) -> dict[str, int]:
        """How many rows went for each reason, the most frequent first."""
        return dict(Counter(drop.reason for drop in self.drops).most_common())
