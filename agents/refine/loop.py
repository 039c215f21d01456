"""Loops as agents: a short function over a policy, registered under the name of its paper."""

import contextlib
import dataclasses
import inspect
import weakref
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from gym_reason.agents.base import Action, Agent, Round
from gym_reason.agents.conversation import Conversation
from gym_reason.agents.policy import Policy, SamplingParams
from gym_reason.agents.refine.prompts import PromptBook, read_folder
from gym_reason.agents.refine.talk import LimitReached, Limits, Talk, Tool, join_heard
from gym_reason.agents.tools import make_tools
from gym_reason.errors import UsageError
from gym_reason.registry import agents, explain_unknown
from gym_reason.types import Message, Task, Verdict
from gym_reason.verifiers.arguments import bind_texts

Credit = Literal["all", "last", "improvement"]
"""Which tokens of a loop are trained on, and with what: see `LoopAgent`."""

FINAL = "So your answer is:"
"""What leads from the last words of a loop to its answer, in an episode that goes on."""


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
    oracle_when: tuple[str, str] | None = None
    """A setting and the value of it with which it does, where that depends on a setting."""
    check: Callable[[Mapping[str, Any]], None] | None = None
    """Raises UsageError for settings that it cannot run with; it is given all of them."""
    calls: int = 32
    """Most calls of the policy in a turn, where its settings name no other number."""

    def with_settings(self, settings: Mapping[str, Any]) -> "Loop":
        """Return the loop as it is with all its settings: an oracle or none."""
        if self.oracle_when is None or self.oracle:
            return self
        name, value = self.oracle_when
        return dataclasses.replace(self, oracle=settings.get(name) == value)


LOOPS: dict[str, Loop] = {}
"""Every loop, by name."""


def refine_loop(
    name: str,
    *,
    paper: str,
    grade: str,
    tools: tuple[str, ...] = (),
    oracle: bool = False,
    oracle_when: tuple[str, str] | None = None,
    check: Callable[[Mapping[str, Any]], None] | None = None,
    calls: int = 32,
) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., Awaitable[None]]]:
    """Return a decorator that registers a loop as the agent `name`.

    The function takes a `Talk` and keyword settings with defaults; it drafts, asks, uses tools and
    proposes answers. The first line of its docstring says what it does.
    """

    def add(run: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        summary = (inspect.getdoc(run) or "").partition("\n")[0]
        loop = Loop(name, run, summary, paper, grade, tools, oracle, oracle_when, check, calls)
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

    Tools are those of the environment (`make_tools`) and those that the settings name: `documents`
    is a folder of texts or a JSONL file, which the tool `search` looks through; `tools` names
    others with a plus sign between them. `critic:documents=wiki.jsonl` and
    `logic-lm:tools=solver` are agents with what they need; see `gym_reason.agents.tools`.
    `prompts` is a folder of files `ROLE.jinja` that stand in for the loop's own prompts.
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
        judge: Callable[[str], Verdict] | None = None,
    ) -> None:
        """Keep what an episode needs; `bind` gives it the tools of its environment."""
        self.loop = loop
        self._policy, self._params, self._prompts = policy, params, prompts
        self._limits, self._settings = limits, settings
        self._credit: Credit = credit
        self._tools, self._judge = dict(tools or {}), judge
        self._heard: weakref.WeakKeyDictionary[Conversation, tuple[str, int]]
        self._heard = weakref.WeakKeyDictionary()

    def bind(self, env: Any, task: Task) -> Agent:
        """Return the agent of one episode, with the tools that the environment gives for its task.

        Raises UsageError where a tool is missing that the loop cannot do without.
        """
        tools = {**env.unwrapped.make_tools(task), **self._tools}
        # A loop that is told which tool to use needs that one.
        chosen = self._settings.get("tool")
        for name in (chosen,) if chosen and self.loop.tools else self.loop.tools:
            if name not in tools:
                raise UsageError(
                    f"{self.loop.name} needs the tool {name!r}, not given by {env.unwrapped}",
                    "an environment that gives it, or the settings documents or tools",
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
            judge=partial(env.unwrapped.verifier.verify, task) if self.loop.oracle else None,
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
            self._hear(conversation),
            self._judge,
        )
        first = conversation.turn
        with contextlib.suppress(LimitReached):
            await self.loop.run(talk, **self._settings)
        talk.close()
        if self._credit == "last":
            conversation.uncredit(first, conversation.turn)
        answer = talk.answer or Round("")
        last = conversation.messages[-1]
        if last.role != "assistant" or last.content != answer.text:
            if last.role == "assistant":  # chat templates may refuse two of its messages in a row
                conversation.add_message(Message("user", FINAL))
            conversation.add_message(Message("assistant", answer.text))
        self._heard[conversation] = (talk.task, len(conversation.messages))
        improvement = self._credit == "improvement"
        return Action(answer.text, answer.completion, tuple(talk.rounds), improvement)

    def _hear(self, conversation: Conversation) -> str:
        """Return what the environment said in an episode, without what the loop itself asked."""
        before, known = self._heard.get(conversation, ("", 0))
        heard = join_heard(conversation.messages[known:])
        return f"{before}\n\n{heard}" if before and heard else before or heard


def make_loop_factory(loop: Loop) -> Callable[..., Agent]:
    """Return the factory that the registry holds for a loop."""

    def make(
        policy: Policy,
        params: SamplingParams,
        *,
        prompts: Mapping[str, str] | str | None = None,
        credit: Credit = "all",
        calls: int | None = None,
        tokens: int | None = None,
        tools: str = "",
        documents: str = "",
        tool_calls: int = 32,
        tool_seconds: float = 30.0,
        **settings: str,
    ) -> Agent:
        check_settings(loop, settings)
        read = read_settings(loop, settings)
        if credit not in ("all", "last", "improvement"):
            raise UsageError(*explain_unknown("credit", credit, ["all", "last", "improvement"]))
        return LoopAgent(
            loop.with_settings(read),
            policy,
            params,
            prompts=PromptBook(
                loop.name, read_folder(prompts) if isinstance(prompts, str) else prompts
            ),
            limits=Limits(loop.calls if calls is None else calls, tokens, tool_calls, tool_seconds),
            credit=credit,
            settings=read,
            tools=make_tools(tools, documents),
        )

    return make


def read_settings(loop: Loop, settings: Mapping[str, object]) -> dict[str, Any]:
    """Return all settings of a loop, those that are texts read as its annotations say.

    Raises UsageError for one that cannot be read, or that the loop cannot run with.
    """
    bound = bind_texts(loop.run, (None,), settings, f"the agent {loop.name!r}")
    bound.apply_defaults()
    _, *names = bound.arguments
    read = {name: bound.arguments[name] for name in names}
    if loop.check is not None:
        loop.check(read)
    return read


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
