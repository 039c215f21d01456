"""Tools: a call in an action is answered before the environment sees anything of it."""

import inspect
from collections.abc import Callable, Mapping
from typing import TypeAlias

from gym_reason.calls import (
    CALL_CLOSE,
    CALL_OPEN,
    NO_CALLS_LEFT,
    CallError,
    cut_answer,
    read_call,
    split_tagged,
)
from gym_reason.envs.base import check_integer
from gym_reason.envs.wrappers.base import (
    Info,
    StepResult,
    TextEnv,
    TextWrapper,
    add_to_messages,
    join_texts,
    step_inner,
    text_length,
)
from gym_reason.errors import UsageError
from gym_reason.spaces import Utf8Text
from gym_reason.text import shorten
from gym_reason.types import Message

Tool: TypeAlias = Callable[..., object]

_PREAMBLE = (
    'To use a tool, write <tool_call>{"name": ..., "arguments": {...}}</tool_call>. '
    "Its answer comes next. An action with a call in it is not taken as an answer. Tools:"
)


class Tools(TextWrapper):
    """Answers the calls in an action, each a JSON object between `<tool_call>` tags.

    An action with calls is not shown to the environment: the answers are the next observation, and
    messages of the role `tool`; the reward is 0. Once an episode has used up its calls, an action
    goes on to the environment as it is, calls and all. A call that is malformed, names no tool or
    fails is answered by a line that begins with `error:`, and counts.

    A tool runs in this process: what it is given was written by a policy, and its author has to see
    to it that no argument does harm.
    """

    def __init__(
        self,
        env: TextEnv,
        tools: Mapping[str, Tool],
        *,
        max_calls: int = 8,
        max_characters: int = 2_000,
        explain: bool = True,
    ) -> None:
        """Wrap `env`.

        Args:
            env: The environment.
            tools: Functions by name; they take keyword arguments, as JSON has them, and return what
                is shown as text.
            max_calls: Calls that are answered in one episode.
            max_characters: Most characters of one answer; a longer one is cut, and says so.
            explain: Whether the prompt ends with a list of the tools and how to call one.

        Raises:
            UsageError: Without a tool, or for a number out of range.
        """
        super().__init__(
            env, tools=tools, max_calls=max_calls, max_characters=max_characters, explain=explain
        )
        if not tools:
            raise UsageError("no tool", "at least one function by name")
        self.tools = dict(tools)
        self.max_calls = check_integer("max_calls", max_calls, 1, 1_000)
        self.max_characters = check_integer("max_characters", max_characters, 16, 1_000_000)
        self.instructions = _describe(self.tools) if explain else ""
        answers = self.max_calls * (max_characters + len("\n\n")) + len(NO_CALLS_LEFT)
        most = len("\n\n") + max(len(self.instructions), answers)
        self.observation_space = Utf8Text(text_length(env.observation_space) + most)
        self._left = 0

    @property
    def calls_left(self) -> int:
        """How many calls the episode has left."""
        return self._left

    def begin(self, observation: str, info: Info, seed: int | None) -> tuple[str, Info]:
        """Start with all calls left."""
        self._left = self.max_calls
        messages = add_to_messages(info["messages"], self.instructions)
        return join_texts(observation, self.instructions), {**info, "messages": messages}

    def act(self, action: str) -> StepResult:
        """Answer the calls of an action, or hand it on."""
        known = self._left > 0 and action in self.env.action_space
        calls = split_tagged(action, CALL_OPEN, CALL_CLOSE)[0] if known else []
        if not calls:
            return step_inner(self.env, action)
        answers = [self._answer(call) for call in calls[: self._left]]
        if len(calls) > self._left:
            # One line for all the others, so that an observation stays bounded.
            answers.append(NO_CALLS_LEFT)
        self._left = max(0, self._left - len(calls))
        info = self.no_verdict(*(Message("tool", answer) for answer in answers))
        return join_texts(*answers), 0.0, False, False, info

    def _answer(self, call: str) -> str:
        try:
            asked = read_call(call, self.tools)
        except CallError as error:
            answer = f"error: {error}"
        else:
            answer = _call(asked.name, self.tools[asked.name], asked.arguments)
        return cut_answer(answer, self.max_characters)


def _call(name: str, tool: Tool, arguments: Mapping[str, object]) -> str:
    try:
        inspect.signature(tool).bind(**arguments)
    except TypeError as error:
        return f"error: {name} refused its arguments: {error}"
    try:
        return str(tool(**arguments))
    except Exception as error:  # It is anybody's code, on what a policy wrote.
        return f"error: {name} failed: {type(error).__name__}: {shorten(str(error), 200)}"


def _describe(tools: Mapping[str, Tool]) -> str:
    lines = [_PREAMBLE]
    for name, tool in tools.items():
        summary = (inspect.getdoc(tool) or "").split("\n")[0]
        names = ", ".join(inspect.signature(tool).parameters)
        lines.append(f"- {name}({names})" + (f": {summary}" if summary else ""))
    return "\n".join(lines)
