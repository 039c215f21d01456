"""The episodes of each step of RL, as the loop asks for them."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gym_reason.trainers.rl.collect import Collected, collect
from gym_reason.trainers.session import Session
from gym_reason.types import Json

STAGE = "rl"


@dataclass(frozen=True, slots=True)
class Played:
    """The episodes of a step, and what playing them took."""

    collected: Collected
    """The episodes."""
    seconds: float
    """How long they were played."""
    level: int | None = None
    """The curriculum's level after them; None without one."""
    figures: Mapping[str, Json] = field(default_factory=dict)
    """What else the metrics of the step are to say."""


class EpisodeSource(Protocol):
    """Plays the episodes of the steps, one after the other."""

    def take(self, step: int) -> Played:
        """Return the episodes of a step, which is the one that is done next.

        Where that fails, a checkpoint of what is done so far has been saved. Raises RunError.
        """
        ...

    def pass_on_weights(self) -> Mapping[str, Json]:
        """Take note that the model's weights changed; return figures of that."""
        ...

    def close(self) -> None:
        """End, and leave the engine with the weights in training."""
        ...


class PlayedInTurn:
    """Plays a step's episodes when they are asked for, with the weights as they are."""

    def __init__(self, session: Session) -> None:
        """Play for a session."""
        self._session = session

    def take(self, step: int) -> Played:
        """Play the episodes of a step. Raises RunError."""
        session, engine = self._session, self._session.learner.engine
        started = time.monotonic()
        session.seed_generators(STAGE, step)
        before = session.read_curriculum()
        try:
            with session.watched(f"the playing of the episodes of step {step + 1}"):
                collected = collect(session, step)
        except Exception:
            # Of a step that is not done, nothing is kept.
            if session.curriculum is not None and before is not None:
                session.curriculum.load_state(before)
            if session.world.fails_together:
                session.keep()
            raise
        engine.rest()
        curriculum = session.curriculum
        level = None if curriculum is None else curriculum.level
        return Played(collected, time.monotonic() - started, level)

    def pass_on_weights(self) -> Mapping[str, Json]:
        """Have the engine read the weights."""
        engine = self._session.learner.engine
        engine.update_weights()
        self._session.progress.version = engine.version
        return self._session.engine_figures()

    def close(self) -> None:
        """Do nothing: the engine has always had the weights in training."""
