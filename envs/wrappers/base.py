"""What the wrappers share: the order of calls, and how text joins what an agent is shown."""

import dataclasses
from typing import Any, TypeAlias

import gymnasium
from gymnasium.utils import RecordConstructorArgs

from gym_reason.errors import EnvError, UsageError
from gym_reason.spaces import Utf8Text
from gym_reason.types import Message

TextEnv: TypeAlias = gymnasium.Env[str, str]
Info: TypeAlias = dict[str, Any]
StepResult: TypeAlias = tuple[str, float, bool, bool, Info]


class TextWrapper(gymnasium.Wrapper[str, str, str, str], RecordConstructorArgs):
    """A wrapper of an environment of texts, which may end an episode earlier or later than that.

    A subclass gives `act`, and `begin` where it keeps anything of an episode. Whatever it does,
    every `info` has the `task_id`, `verdict` and `messages` of a ReasoningEnv.
    """

    def __init__(self, env: TextEnv, **arguments: object) -> None:
        """Wrap `env`; `arguments` are those of the subclass, for `env.spec`."""
        RecordConstructorArgs.__init__(self, _disable_deepcopy=True, **arguments)
        gymnasium.Wrapper.__init__(self, env)
        self._task_id: str = ""
        self._state = "new"

    def begin(self, observation: str, info: Info, seed: int | None) -> tuple[str, Info]:
        """Start an episode; return what the agent is shown of it."""
        del seed
        return observation, info

    def act(self, action: str) -> StepResult:
        """Take one action of an episode that is under way."""
        return step_inner(self.env, action)

    def check_action(self, action: object) -> None:
        """Raise UsageError where `action` is of a type that no action has."""
        if not isinstance(action, str):
            raise UsageError(f"an action of type {type(action).__name__}", "str")

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, Info]:
        """Start an episode. Raises what the wrapped environment raises."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._task_id = info["task_id"]
        self._state = "going"
        return self.begin(observation, info, seed)

    def step(self, action: str) -> StepResult:
        """Take one action.

        Raises:
            UsageError: For an action of a wrong type.
            EnvError: Before the first reset and after the end of an episode.
        """
        if self._state == "new":
            raise EnvError(f"{self} has no task yet", "reset() first")
        if self._state == "over":
            raise EnvError(
                f"the episode of task {self._task_id} is over", "reset() before another step()"
            )
        self.check_action(action)
        result = self.act(action)
        if result[2] or result[3]:
            self._state = "over"
        return result

    def no_verdict(self, *messages: Message) -> Info:
        """Return the info of a step that the wrapped environment has not seen."""
        return {"task_id": self._task_id, "verdict": None, "messages": messages}


def step_inner(env: TextEnv, action: str) -> StepResult:
    """Step an environment; its reward as a float."""
    observation, reward, terminated, truncated, info = env.step(action)
    return observation, float(reward), terminated, truncated, info


def text_length(space: gymnasium.Space[Any]) -> int:
    """Return the most characters of a text of `space`. Raises UsageError for another space."""
    if not isinstance(space, Utf8Text):
        raise UsageError(f"an environment with the space {space}", "one of texts, Utf8Text")
    return space.max_length


def join_texts(*texts: str) -> str:
    """Return the texts that are not empty, a blank line between them."""
    return "\n\n".join(text for text in texts if text)


def add_to_messages(messages: tuple[Message, ...], text: str) -> tuple[Message, ...]:
    """Return messages that say `text` too, in the last one where that is the user's."""
    if not text:
        return messages
    if messages and messages[-1].role == "user":
        last = messages[-1]
        joined = dataclasses.replace(last, content=join_texts(last.content, text))
        return (*messages[:-1], joined)
    return (*messages, Message("user", text))
