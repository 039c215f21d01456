"""Episodes that the main process plays ahead, as the other processes of the run get them.

While the main one waits for its thread it says so four times a second, so that all of them hear of
a stop or a failure at the same place, and no episode is too long for those that wait.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from gym_reason.errors import RunError
from gym_reason.trainers.distributed.world import describe_error
from gym_reason.trainers.rollouts.episodes import Played
from gym_reason.trainers.run.stop import Stopped
from gym_reason.trainers.session import Session
from gym_reason.types import Json

WAIT = "the episodes that rank 0 plays ahead"


class News(Enum):
    """How it stands with the episodes that are waited for."""

    NOT_YET = "not yet"
    PLAYED = "played"
    FAILED = "failed"


def tell(session: Session, news: News, line: str = "") -> None:
    """Tell the other processes how it stands; `line` says what failed. Raises RunError."""
    session.world.decide(lambda: (news, line), WAIT)


def tell_failure(session: Session, error: Exception) -> None:
    """Tell the other processes what ends the run. Raises RunError where they are lost."""
    tell(session, News.FAILED, describe_error(error))


def hand_out(session: Session, played: Played) -> Played:
    """Give the episodes of a step to the other processes, with the curriculum; return them."""
    tell(session, News.PLAYED)
    session.world.decide(lambda: (played, session.read_curriculum()), "the episodes of a step")
    return played


class PlayedByMain:
    """Gets what the main process plays ahead, in a process that only trains."""

    def __init__(self, session: Session) -> None:
        """Wait for nothing yet."""
        self._session = session
        session.learner.merge()

    def take(self, step: int) -> Played:
        """Return the episodes of a step. Raises RunError, and Stopped after a signal."""
        session, world = self._session, self._session.world
        while (said := world.decide(_known_to_main, WAIT))[0] is not News.PLAYED:
            if said[0] is News.FAILED:
                session.keep()
                raise RunError(f"rank 0: {said[1]}")
            try:
                session.stop_if_asked()
            except Stopped:
                session.keep()
                raise
        played, curriculum = world.decide(_known_to_main, "the episodes of a step")
        if session.curriculum is not None and curriculum is not None:
            session.curriculum.load_state(curriculum)
        taken: Played = played
        return taken

    def pass_on_weights(self) -> Mapping[str, Json]:
        """Count the new weights."""
        self._session.progress.version += 1
        self._session.learner.merge()
        return {}

    def close(self) -> None:
        """Go on as one that played in turn would."""
        self._session.learner.engine.version = self._session.progress.version


def _known_to_main() -> Any:
    """Stand for what the main process decides; it is asked there alone, with words of its own."""
    raise AssertionError("another process than the main one was asked")
