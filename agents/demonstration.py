"""An agent that plays known actions as if a policy had emitted them, to train on their tokens."""

from collections.abc import Sequence

from gym_reason.agents.base import Action
from gym_reason.agents.conversation import Conversation
from gym_reason.agents.policy import Tokenizer
from gym_reason.errors import ModelError
from gym_reason.types import Completion


class DemonstrationAgent:
    """Plays a list of actions as completions, each with an end-of-sequence token at its end."""

    def __init__(self, actions: Sequence[str], tokenizer: Tokenizer) -> None:
        """Keep the actions and what turns them into tokens.

        Raises ModelError for a tokenizer without an end-of-sequence token: the policy could never
        learn to stop.
        """
        end = getattr(tokenizer, "eos_token_id", None)
        if end is None:
            raise ModelError("the tokenizer has no end-of-sequence token", "one, to learn to stop")
        self._actions = list(actions)
        self._tokenizer = tokenizer
        self._end: int = end

    async def act(self, conversation: Conversation, seed: int) -> Action:
        """Return the next action and append its tokens to the conversation."""
        text = self._actions.pop(0)
        conversation.prompt_ids()
        ids = (*self._tokenizer.encode(text, add_special_tokens=False), self._end)
        completion = Completion(ids, (0.0,) * len(ids), text, "stop")
        conversation.add_completion(completion)
        return Action(text, completion)
