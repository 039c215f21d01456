"""Loops as agents: a short function over a policy, registered under the name of its paper."""

import contextlib
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gym_reason.agents.base import Action, Agent
from gym_reason.agents.conversation import Conversation
from gym_reason.agents.policy import Policy, SamplingParams
from gym_reason.agents.refine.prompts import PromptBook
from gym_reason.agents.refine.talk import LimitReached, Limits, Talk, Tool
from gym_reason.errors import UsageError
from gym_reason.registry import agents, explain_unknown
from gym_reason.types import Message, Task

Credit = Literal["all", "last", "improvement"]
"""Which tokens of a loop are trained on, and with what: see `LoopAgent`."""


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop and where it comes from."""

    name: str
    """Its name."""
    run: Callable[..., Awaitable[None]]
    """Takes a `Talk` and the loop's settings as keywords."""
    summary: str
    """What it does, in one line."""
    paper: str
    """Where it was described."""
    grade: str
    """How well what is here is known to be what the paper did: C code read, P paper read, R its
    repository's page, S summary, G general knowledge."""
    tools: tuple[str, ...] = ()
    """Tools that it cannot do without."""
    oracle: bool = False
    """Whether it hears the reference: never for fair comparison, and every report says so."""


LOOPS: dict[str, Loop] = {}
"""Every loop, by name."""


def refine_loop(
    name: str,
    *,
    paper: str,
    grade: str,
    tools: tuple[str, ...] = (),
    oracle: bool = False,
) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., Awaitable[None]]]:
    """Return a decorator that registers a loop as the agent `name`.

    The function takes a `Talk` and keyword settings with defaults; it drafts, asks, uses tools and
    proposes answers. The first line of its docstring says what it does.
    """

    def add(run: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        summary = (inspect.getdoc(run) or "").partition("\n")[0]
        loop = Loop(name, run, summary, paper, grade, tools, oracle)
        LOOPS[name] = loop
        agents.add(name, make_loop_factory(loop))
        return run

    return add


class LoopAgent:
    """Runs a loop once a turn of the environment.

    With the credit `all`, every token that the policy emitted in the loop is trained on with the
    episode's reward; with `last`, only those since the answer before the last; with `improvement`,
    each answer earns what it is better than the one before, by the verifier, which the loop never
    hears.
    """

    def __init__(
        self,
        loop: Loop,
        policy: Policy,
        params: SamplingParams,
        *,
        prompts: PromptBook,
        limits: Limits,
        credit: Credit,
        settings: Mapping[str, Any],
        tools: Mapping[str, Tool] | None = None,
    ) -> None:
        """Keep what an episode needs; `bind` gives it the tools of its environment."""
        self.loop = loop
        self._policy, self._params, self._prompts = policy, params, prompts
        self._limits, self._credit, self._settings = limits, credit, settings
        self._tools = dict(tools or {})

    def bind(self, env: Any, task: Task) -> Agent:
        """Return the agent of one episode, with the tools that the environment gives for its task.

        Raises UsageError where a tool is missing that the loop cannot do without.
        """
        tools = {**env.unwrapped.make_tools(task), **self._tools}
        for name in self.loop.tools:
            if name not in tools:
                raise UsageError(
                    f"{self.loop.name} needs the tool {name!r}, not given by {env.unwrapped}",
                    "an environment that gives it",
                    f"see gym-reason agents show {self.loop.name}",
                )
        return LoopAgent(
            self.loop,
            self._policy,
            self._params,
            prompts=self._prompts,
            limits=self._limits,
            credit=self._credit,
            settings=self._settings,
            tools=tools,
        )

    async def act(self, conversation: Conversation, seed: int) -> Action:
        """Run the loop and return its last answer; an empty one where it came to none."""
        talk = Talk(
            conversation,
            self._policy,
            self._params,
            seed,
            self._prompts,
            self._tools,
            self._limits,
        )
        first = conversation.turn
        with contextlib.suppress(LimitReached):
            await self.loop.run(talk, **self._settings)
        talk.close()
        if self._credit == "last":
            conversation.uncredit(first, conversation.turn)
        answer = talk.answer
        if answer is None:
            return Action("")
        last = conversation.messages[-1]
        if last.role != "assistant" or last.content != answer.text:
            conversation.add_message(Message("assistant", answer.text))
        improvement = self._credit == "improvement"
        return Action(answer.text, answer.completion, tuple(talk.rounds), improvement)


def make_loop_factory(loop: Loop) -> Callable[..., Agent]:
    """Return the factory that the registry holds for a loop."""

    def make(
        policy: Policy,
        params: SamplingParams,
        *,
        prompts: Mapping[str, str] | None = None,
        credit: Credit = "all",
        calls: int = 32,
        tokens: int | None = None,
        tool_calls: int = 32,
        tool_seconds: float = 30.0,
        **settings: Any,
    ) -> Agent:
        check_settings(loop, settings)
        if credit not in ("all", "last", "improvement"):
            raise UsageError(*explain_unknown("credit", credit, ["all", "last", "improvement"]))
        return LoopAgent(
            loop,
            policy,
            params,
            prompts=PromptBook(loop.name, prompts),
            limits=Limits(calls, tokens, tool_calls, tool_seconds),
            credit=credit,
            settings=settings,
        )

    return make


def check_settings(loop: Loop, settings: Mapping[str, Any]) -> None:
    """Raise UsageError for a setting that a loop does not have."""
    known = [
        name
        for name, parameter in inspect.signature(loop.run).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    for name in settings:
        if name not in known:
            raise UsageError(*explain_unknown(f"setting of {loop.name}", name, known))
