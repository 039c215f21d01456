"""The rows of a `VerifierPool` between the caller's iterator and the verdicts that were taken."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from gym_reason.types import Task, Verdict

Item: TypeAlias = tuple[Task, str] | Verdict
"""A task with a submission, or a ready verdict, which keeps its place in the order."""


@dataclass(slots=True, eq=False)
class Row:
    """One submission on its way through the pool."""

    index: int
    """Place in the caller's order."""
    task: Task
    """The problem."""
    submission: str
    """The text to judge."""
    deaths: int = 0
    """How many workers died while they held it."""


class RowStream:
    """The rows between the caller's iterator and the verdicts that it has taken."""

    def __init__(self, items: Iterator[Item], window: int) -> None:
        """Stand between `items` and the verdicts on them, at most `window` items apart."""
        self.items = items
        self.window = window
        self.read = 0
        self.given = 0
        self.exhausted = False
        self.waiting: deque[Row] = deque()
        self.ready: dict[int, Verdict] = {}

    @property
    def finished(self) -> bool:
        """Whether every item has been read and its verdict taken."""
        return self.exhausted and self.given == self.read

    def has_rows(self, count: int) -> bool:
        """Whether at least `count` rows wait, reading further where the window allows it."""
        while (
            len(self.waiting) < count
            and not self.exhausted
            and self.read - self.given < self.window
        ):
            item = next(self.items, None)
            if item is None:
                self.exhausted = True
            elif isinstance(item, Verdict):
                self.ready[self.read] = item
                self.read += 1
            else:
                self.waiting.append(Row(self.read, *item))
                self.read += 1
        return len(self.waiting) >= count

    def take_rows(self, count: int, chars: int) -> list[Row]:
        """Return up to `count` rows; the last one may go past `chars` characters in all."""
        rows: list[Row] = []
        while len(rows) < count and chars > 0 and self.has_rows(1):
            rows.append(self.waiting.popleft())
            chars -= len(rows[-1].submission)
        return rows

    def give_back(self, rows: Iterable[Row]) -> None:
        """Put rows that were taken, and not settled, in front of those that wait."""
        self.waiting.extendleft(reversed(list(rows)))

    def settle(self, row: Row, verdict: Verdict) -> None:
        """Note the verdict on a row."""
        self.ready[row.index] = verdict

    def take_ready(self) -> Iterator[Verdict]:
        """Yield the verdicts whose turn has come."""
        while self.given in self.ready:
            verdict = self.ready.pop(self.given)
            self.given += 1
            yield verdict
