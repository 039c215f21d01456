"""The plainest agent: ask the policy once, and do what it says."""

import dataclasses

from gym_reason.agents.base import Action
from gym_reason.agents.conversation import Conversation
from gym_reason.agents.policy import Policy, SamplingParams
from gym_reason.types import Message


class AnswerAgent:
    """Asks the policy once a turn."""

    def __init__(
        self, policy: Policy, params: SamplingParams, *, history: int | None = None
    ) -> None:
        """Keep the policy and how to sample from it.

        Args:
            policy: Whom to ask.
            params: How to sample; each turn puts its own seed into them.
            history: How many of the latest observations the policy is shown, besides the task and
                all that it said itself; None for all of them. Each turn is a token stream of its
                own then.
        """
        self._policy = policy
        self._params = params
        self._history = history

    async def act(self, conversation: Conversation, seed: int) -> Action:
        """Return the policy's next words as the action."""
        params = dataclasses.replace(self._params, seed=seed)
        if self._history is None:
            completion = await self._policy.sample(conversation.prompt_ids(), params)
            conversation.add_completion(completion)
            return Action(completion.text, completion)
        shown = keep_latest(conversation.messages, self._history)
        aside = conversation.open_aside(shown)
        completion = await self._policy.sample(aside.prompt_ids(), params)
        aside.add_completion(completion)
        conversation.add_message(Message("assistant", completion.text))
        return Action(completion.text, completion)


def keep_latest(messages: tuple[Message, ...], history: int) -> tuple[Message, ...]:
    """Return messages without the observations between the task and the `history` latest ones.

    The task is what stands before the first answer. An observation that is left out leaves its
    message, with three dots: chat templates may refuse two answers in a row.
    """
    spoken = [index for index, message in enumerate(messages) if message.role == "assistant"]
    if not spoken:
        return messages
    heard = [i for i in range(spoken[0], len(messages)) if messages[i].role != "assistant"]
    left_out = set(heard[: max(len(heard) - history, 0)])
    return tuple(
        dataclasses.replace(message, content="...", images=()) if index in left_out else message
        for index, message in enumerate(messages)
    )
