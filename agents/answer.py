"""The plainest agent: ask the policy once, and do what it says."""

import dataclasses

from gym_reason.agents.base import Action
from gym_reason.agents.conversation import Conversation
from gym_reason.agents.policy import Policy, SamplingParams


class AnswerAgent:
    """Asks the policy once a turn."""

    def __init__(self, policy: Policy, params: SamplingParams) -> None:
        """Keep the policy and how to sample from it; each turn puts its own seed into `params`."""
        self._policy = policy
        self._params = params

    async def act(self, conversation: Conversation, seed: int) -> Action:
        """Return the policy's next words as the action."""
        params = dataclasses.replace(self._params, seed=seed)
        completion = await self._policy.sample(conversation.prompt_ids(), params)
        conversation.add_completion(completion)
        return Action(completion.text, completion)
