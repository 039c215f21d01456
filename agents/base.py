"""The interface of an agent: it turns a conversation into the next action."""

from dataclasses import dataclass
from typing import Protocol

from gym_reason.agents.conversation import Conversation
from gym_reason.types import Completion


@dataclass(frozen=True, slots=True)
class Round:
    """An answer that an agent had, before it went on to better it."""

    text: str
    """The answer, as it would have been given to `env.step`."""
    completion: Completion | None = None
    """The tokens that it was read from."""
    heard: str = ""
    """What was said to it: a critique, the output of a tool."""


@dataclass(frozen=True, slots=True)
class Action:
    """What an agent does next."""

    text: str
    """The string given to `env.step`."""
    completion: Completion | None = None
    """The tokens behind it; None where no policy was asked."""
    rounds: tuple[Round, ...] = ()
    """The answers before this one, oldest first. Each counts as a turn of the trajectory."""
    improvement: bool = False
    """Whether each answer earns what it is better than the one before; else the last earns all."""


class Agent(Protocol):
    """Acts in one episode. A new turn is one call of `act`."""

    async def act(self, conversation: Conversation, seed: int) -> Action:
        """Return the next action, and append to `conversation` what was said to reach it.

        Args:
            conversation: The episode so far; its last message is the environment's.
            seed: Seed of every draw of this turn.
        """
        ...
