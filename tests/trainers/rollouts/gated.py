"""An environment that a test can hold up, and the small runs on it."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from gym_reason import register
from gym_reason.envs.base import Transition
from gym_reason.envs.digits import Digits
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.recipe import Recipe, load_recipe
from tests.trainers.test_update import SMALL

ID = "test/Gated-v0"
EPISODES = 16
"""Episodes of a step."""
CLOCKED = {"seconds", "rollout_seconds", "tokens_per_s", "wait_seconds", "overlap_seconds"}
"""What a clock decides of the metrics."""


class Gated(Digits):
    """Calls a function before it judges an answer of the training split."""

    before: ClassVar[Callable[[int], None] | None] = None
    """Is told how many answers there were before."""
    answers: ClassVar[int] = 0
    lock: ClassVar[threading.Lock] = threading.Lock()

    def transition(self, action: str) -> Transition:
        """Judge an answer, in its own time."""
        if self.split == "train":
            with Gated.lock:
                count, Gated.answers = Gated.answers, Gated.answers + 1
            if Gated.before is not None:
                Gated.before(count)
        return super().transition(action)


def open_gate(before: Callable[[int], None] | None = None) -> None:
    """Count answers anew, and have `before` called with the number of those before each."""
    Gated.before, Gated.answers = before, 0


register(ID)(Gated)


def small(*overrides: str, name: str = "grpo") -> Recipe:
    """Return three steps of RL in half a second, in each of which the weights change."""
    always = ("rl.filter=keep_all", "rl.entropy={bonus=0.01}", f"env.id={ID}")
    return load_recipe(name, [*SMALL, *always, *overrides])


def steps_of(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of the metrics of RL."""
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text("utf-8").splitlines()]
    return [row for row in rows if row["stage"] == "rl"]


class Acting(SilentObserver):
    """Calls a function after each step."""

    def __init__(self, act: Callable[[int], None]) -> None:
        """Keep the function; it is told the step's number."""
        self._act = act

    def on_step(self, row: Any) -> None:
        """Act."""
        self._act(int(row["step"]))
