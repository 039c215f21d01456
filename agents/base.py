"""The interface of an agent: it turns a conversation into the next action."""

from dataclasses import dataclass
from typing import Protocol

from gym_reason.agents.conversation import Conversation
from gym_reason.types import Completion


@dataclass(frozen=True, slots=True)
class Action:
    """What an agent does next."""

    text: str
    """The string given to `env.step`."""
    completion: Completion | None = None
    """The tokens behind it; None where no policy was asked."""


class Agent(Protocol):
    """Acts in one episode. A new turn is one call of `act`."""

    async def act(self, conversation: Conversation, seed: int) -> Action:
        """Return the next action, and append to `conversation` what was said to reach it.

        Args:
            conversation: The episode so far; its last message is the environment's.
            seed: Seed of every draw of this turn.
        """
        ...
