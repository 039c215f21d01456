"""An agent that lets the policy call tools, and hands on to the environment what is no call."""

import dataclasses
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from gym_reason.agents.base import Action, Agent
from gym_reason.agents.conversation import Conversation
from gym_reason.agents.mcp_tools import McpServer
from gym_reason.agents.policy import Policy, SamplingParams
from gym_reason.agents.tool_calls import (
    Asked,
    Form,
    OfferedTool,
    answer_call,
    explain_tools,
    find_calls,
    offer_text_tool,
)
from gym_reason.agents.tools import make_tools
from gym_reason.calls import NO_CALLS_LEFT
from gym_reason.errors import UsageError
from gym_reason.registry import register_agent
from gym_reason.seeding import derive_seed
from gym_reason.types import Message, Task

LEAST_CHARACTERS = 64


@dataclasses.dataclass(frozen=True, slots=True)
class ToolLimits:
    """What the calls of one episode may use up."""

    calls: int = 8
    """Calls that are answered in an episode."""
    seconds: float = 30.0
    """Most seconds of one call."""
    characters: int = 2_000
    """Most characters of one answer; a longer one is cut, and says so."""

    def __post_init__(self) -> None:
        """Refuse limits under which no call can be answered."""
        if self.calls < 1 or not self.seconds > 0 or self.characters < LEAST_CHARACTERS:
            raise UsageError(
                f"limits of {self.calls} calls, {self.seconds:g} seconds and {self.characters} "
                "characters",
                f"at least 1 call, more than 0 seconds and {LEAST_CHARACTERS} characters",
            )


class ToolAgent:
    """Asks the policy, answers the calls in what it says, until it says something without one.

    The answers are messages of the role `tool` in the same token stream, and nothing of them is
    trained on. Once the calls of an episode are used up, an action goes to the environment as it
    is. A call that cannot be answered is answered by a line `error: ...`, and counts.
    """

    def __init__(
        self,
        policy: Policy,
        params: SamplingParams,
        tools: Sequence[OfferedTool],
        *,
        form: Form = "any",
        limits: ToolLimits | None = None,
        explain: bool = True,
    ) -> None:
        """Keep the policy and what it may call.

        Args:
            policy: Whom it asks.
            params: How to sample.
            tools: Those of the agent itself; `bind` adds those of an environment.
            form: How calls are written.
            limits: What the calls of an episode may use up.
            explain: Whether the prompt ends with how tools are called and which there are.
        """
        self._policy, self._params = policy, params
        self._tools = {tool.name: tool for tool in tools}
        self._form: Form = form
        self._explain = explain
        self._limits = limits or ToolLimits()
        self._left: weakref.WeakKeyDictionary[Conversation, int] = weakref.WeakKeyDictionary()

    def bind(self, env: Any, task: Task) -> Agent:
        """Return the agent of one episode, with the tools that the environment gives for its task.

        Raises UsageError where there is no tool at all.
        """
        given: Mapping[str, Any] = env.unwrapped.make_tools(task)
        offered = [offer_text_tool(name, tool) for name, tool in given.items()]
        tools = {**{tool.name: tool for tool in offered}, **self._tools}
        if not tools:
            raise UsageError(
                f"the agent 'tools' has none, and {env.unwrapped} gives none",
                "the settings tools, documents or mcp",
                "for example tools:tools=python+calculator",
            )
        return ToolAgent(
            self._policy,
            self._params,
            list(tools.values()),
            form=self._form,
            limits=self._limits,
            explain=self._explain,
        )

    async def act(self, conversation: Conversation, seed: int) -> Action:
        """Return the first thing that the policy says without a call, as the action."""
        if conversation not in self._left:
            self._left[conversation] = self._limits.calls
            if self._explain and self._tools:
                conversation.tell(explain_tools(list(self._tools.values()), self._form))
        asked_before = 0
        while True:
            own = derive_seed(seed, "call", asked_before) if asked_before else seed
            params = dataclasses.replace(self._params, seed=own)
            completion = await self._policy.sample(conversation.prompt_ids(), params)
            conversation.add_completion(completion)
            asked_before += 1
            calls = self._find_calls(conversation, completion.text)
            if not calls:
                return Action(completion.text, completion)
            await self._answer(conversation, calls)

    def _find_calls(self, conversation: Conversation, text: str) -> list[Asked]:
        if self._left[conversation] <= 0:
            return []
        return find_calls(text, self._tools, self._form)

    async def _answer(self, conversation: Conversation, calls: Sequence[Asked]) -> None:
        """Answer calls in order; those that are too many with one line together."""
        left, limits = self._left[conversation], self._limits
        self._left[conversation] = max(0, left - len(calls))
        for asked in calls[:left]:
            answer = await answer_call(asked, self._tools, limits.seconds, limits.characters)
            conversation.add_message(Message("tool", answer))
        if len(calls) > left:
            conversation.add_message(Message("tool", NO_CALLS_LEFT))


@register_agent("tools")
def make_tool_agent(
    policy: Policy,
    params: SamplingParams,
    *,
    tools: str = "",
    documents: str = "",
    mcp: str = "",
    form: Form = "any",
    calls: int = 8,
    tool_seconds: float = 30.0,
    characters: int = 2_000,
    explain: bool = True,
) -> Agent:
    """Let the policy call tools; what it says without a call is the action.

    `tools` names some with a plus sign between them (`python+calculator+solver`), `documents` is
    what the tool `search` looks through, and `mcp` the command of an MCP server whose tools are
    offered too. The environment's own tools are there as well.

    Raises:
        UsageError: For a name that no tool has, or limits under which nothing can be answered.
        RunError: Where this machine lacks what a tool needs, or a server does not start.
    """
    limits = ToolLimits(calls, tool_seconds, characters)
    offered = [offer_text_tool(name, tool) for name, tool in make_tools(tools, documents).items()]
    if mcp:
        offered += McpServer(mcp).start()
    return ToolAgent(policy, params, offered, form=form, limits=limits, explain=explain)
