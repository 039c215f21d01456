"""Who is told what happens in a run."""

from collections.abc import Mapping
from typing import Protocol

from gym_reason.types import Json


class Observer(Protocol):
    """Is told what happens in a run. The command's live display is one."""

    def on_stage(self, name: str, total: int, done: int) -> None:
        """A stage of `total` steps begins, or goes on after `done` of them."""
        ...

    def on_step(self, row: Mapping[str, Json]) -> None:
        """A step ended; `row` is its line of `metrics.jsonl`."""
        ...

    def on_message(self, text: str) -> None:
        """Something that a person should read."""
        ...


class SilentObserver:
    """Shows nothing."""

    def on_stage(self, name: str, total: int, done: int) -> None:
        """Show nothing."""

    def on_step(self, row: Mapping[str, Json]) -> None:
        """Show nothing."""

    def on_message(self, text: str) -> None:
        """Show nothing."""
