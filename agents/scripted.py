"""Agents without a model: they replay what they are given, to check and bound environments."""

from collections.abc import Iterator, Sequence

from gym_reason.agents.base import Action
from gym_reason.agents.conversation import Conversation
from gym_reason.types import Message


class ScriptedAgent:
    """Plays a list of actions, and repeats the last one when they run out."""

    def __init__(self, actions: Sequence[str]) -> None:
        """Keep the actions; an empty list plays the empty string."""
        self._actions: Iterator[str] = iter(actions)
        self._last = ""

    async def act(self, conversation: Conversation, seed: int) -> Action:
        """Return the next action of the script."""
        self._last = next(self._actions, self._last)
        conversation.add_message(Message("assistant", self._last))
        return Action(self._last)
