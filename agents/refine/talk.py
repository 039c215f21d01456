"""What a loop can do: ask the policy, in the conversation or aside, use a tool, answer."""

import asyncio
import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from gym_reason.agents.base import Round
from gym_reason.agents.conversation import Conversation
from gym_reason.agents.policy import Policy, SamplingParams
from gym_reason.agents.refine.prompts import PromptBook
from gym_reason.agents.threads import run_in_thread
from gym_reason.calls import cut_answer
from gym_reason.errors import UsageError
from gym_reason.seeding import derive_seed
from gym_reason.types import Completion, Message, Verdict

T = TypeVar("T")
Tool = Callable[[str], str]
"""From a text to a text; it never holds the reference. It may take long, and may fail."""

CUT = "\n[cut]"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one turn of a loop may use up."""

    calls: int = 32
    """Most calls of the policy."""
    tokens: int | None = None
    """Most tokens of all calls together; None for no limit but that of each call."""
    tool_calls: int = 32
    """Most uses of tools."""
    tool_seconds: float = 30.0
    """Most seconds of one use of a tool."""
    tool_characters: int = 2000
    """Most characters of what a tool says; more is cut, and says so."""


class LimitReached(Exception):
    """A loop has used up what it may: it ends with the answer that it has."""


class Talk:
    """One turn of an episode, as a loop sees it."""

    def __init__(
        self,
        conversation: Conversation,
        policy: Policy,
        params: SamplingParams,
        seed: int,
        prompts: PromptBook,
        tools: Mapping[str, Tool],
        limits: Limits,
        task: str | None = None,
        judge: Callable[[str], Verdict] | None = None,
    ) -> None:
        """Begin a turn: the conversation's last message is the environment's.

        `task` is what the environment said so far; None takes all that is not the policy's. `judge`
        knows the reference: only a loop that is flagged as an oracle is given it.
        """
        self._main, self._policy, self._params = conversation, policy, params
        self._opening = conversation.messages
        self._seed, self._prompts, self._limits = seed, prompts, limits
        self._tools = tools
        self.judge = judge
        """What the environment's verifier says of an answer; None for all but oracles."""
        self._calls = self._tokens = self._tool_calls = 0
        self._answer: Round | None = None
        self._completion: Completion | None = None
        self._heard = ""
        self._under_way = False
        self.rounds: list[Round] = []
        """The answers before the present one."""
        self.task = join_heard(conversation.messages) if task is None else task
        """What the environment said so far."""

    @property
    def answer(self) -> Round | None:
        """The answer that the loop has; None before the first."""
        return self._answer

    def has(self, tool: str) -> bool:
        """Return whether the environment or the agent's settings give a tool."""
        return tool in self._tools

    async def draft(self, *, trained: bool = True) -> str:
        """Return the policy's answer to the task, in the conversation."""
        self._go_on()
        return await self._sample(self._main, trained=trained)

    async def ask(self, role: str, *, trained: bool = True, **values: object) -> str:
        """Ask in the conversation, which the policy remembers: returns what it says.

        Args:
            role: The prompt's name: a template of the loop.
            trained: Whether its tokens are the policy's, to be trained on.
            values: What the template shows, besides `task`.
        """
        self._go_on()
        self._main.tell(self._prompts.render(role, self._with_task(values)))
        return await self._sample(self._main, trained=trained)

    async def ask_aside(
        self, role: str, *, trained: bool = True, stop: tuple[str, ...] = (), **values: object
    ) -> str:
        """Ask in a conversation of its own, where the policy knows nothing but the prompt.

        `stop` are texts that end what it says; see `ask` for the rest.
        """
        self._go_on()
        words = self._prompts.render(role, self._with_task(values))
        aside = self._main.open_aside((Message("user", words),))
        return await self._sample(aside, trained=trained, stop=stop)

    async def go_on_from(self, words: str, *, trained: bool = True) -> str:
        """Return an answer to the task that begins with the words given, as if it had said them.

        It is given in a conversation of its own; only what the policy adds may be trained on.
        """
        self._go_on()
        aside = self._main.open_aside(self._opening)
        aside.prompt_ids()
        aside.add_words(words)
        return await self._sample(aside, trained=trained, before=words)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation so far."""
        return self._main.messages

    @property
    def policy(self) -> Policy:
        """Whom the loop asks."""
        return self._policy

    @property
    def params(self) -> SamplingParams:
        """How it is asked."""
        return self._params

    @property
    def calls(self) -> int:
        """How often the policy was asked."""
        return self._calls

    @property
    def tokens(self) -> int:
        """How many tokens it said."""
        return self._tokens

    def fork(self) -> Conversation:
        """Return a conversation that goes on from here by itself: a way that a search follows."""
        self._go_on()
        return self._main.fork()

    async def go_on_in(
        self, ways: Sequence[Conversation], most: Sequence[int], stop: tuple[str, ...] = ()
    ) -> list[Completion]:
        """Let the policy go on in several conversations at once; its messages there stay open.

        Returns what it says in each, in order; in the first ones alone where the limits allow no
        more. As many are asked at a time as surely fit into what is left of the tokens: what is
        drawn does not depend on which of them ends first.

        Args:
            ways: Conversations of this episode, each once.
            most: Most tokens to be said in each, one or more.
            stop: Texts that end what it says.

        Raises:
            LimitReached: There is no room for even one.
        """
        said: list[Completion] = []
        while len(said) < len(ways):
            rooms = self._plan(most[len(said) :])
            if not rooms:
                break
            wave = ways[len(said) : len(said) + len(rooms)]
            said += await asyncio.gather(
                *(self._call(way, room, stop) for way, room in zip(wave, rooms, strict=True))
            )
        if ways and not said:
            raise LimitReached
        return said

    def take(self, way: Conversation, answer: str, behind: Completion) -> None:
        """Make what was said in a fork the present answer; the conversation goes on from there."""
        self._main.adopt(way)
        self._main.end_message(answer)
        self._completion = behind
        self.propose(answer, behind)

    async def compute(self, work: Callable[[], T]) -> T:
        """Return what takes long to compute, while other episodes go on.

        Raises LimitReached where it takes longer than a tool may.
        """
        try:
            return await run_in_thread(work, self._limits.tool_seconds)
        except TimeoutError:
            raise LimitReached from None

    @property
    def lowest_probability(self) -> float:
        """The probability of the least likely token of what the policy said last; 1 for none."""
        spoken = self._completion
        return math.exp(min(spoken.logprobs)) if spoken and spoken.logprobs else 1.0

    def choose(self, items: Sequence[str], name: str) -> str:
        """Return one of some texts, by the seed of the turn."""
        return items[derive_seed(self._seed, "choose", name) % len(items)]

    @property
    def spoken(self) -> Completion | None:
        """What the policy said last."""
        return self._completion

    def propose(self, answer: str, behind: Completion | None = None) -> None:
        """Make a text the present answer; the one before becomes a round of the trajectory.

        `behind` is what the policy said that it was read from; None for what it said last.
        """
        if self._answer is not None:
            self.rounds.append(dataclasses.replace(self._answer, heard=self._heard))
            if not self._under_way:
                self._main.end_turn()
        self._answer, self._heard = Round(answer, behind or self._completion), ""
        self._under_way = False

    def close(self) -> None:
        """End the turn: what led to no new answer belongs to the last one."""
        if self._under_way:
            self._main.rejoin_turn()
            self._under_way = False

    def hear(self, words: str) -> None:
        """Write down what was said to the present answer, for reports."""
        self._heard = words

    async def use(self, tool: str, text: str, *, whole: bool = False) -> str:
        """Return what a tool says; a line `error: ...` where it fails.

        What is long is cut, unless it is wanted `whole`. Other episodes go on meanwhile. Raises
        UsageError for a tool that there is not, and LimitReached where no uses are left.
        """
        if tool not in self._tools:
            known = ", ".join(sorted(self._tools)) or "none here"
            raise UsageError(f"the loop needs the tool {tool!r}", f"one of: {known}")
        if self._tool_calls >= self._limits.tool_calls:
            raise LimitReached
        self._tool_calls += 1
        try:
            use = partial(self._tools[tool], text)
            said = str(await run_in_thread(use, self._limits.tool_seconds))
        except TimeoutError:
            return f"error: {tool} took more than {self._limits.tool_seconds:g} seconds"
        except Exception as error:  # it is anybody's code, on what a policy wrote
            return cut_answer(f"error: {tool} failed: {type(error).__name__}: {error}", 300)
        return said if whole else cut_answer(said, self._limits.tool_characters, CUT)

    def _go_on(self) -> None:
        """Count what is said from here on to the next answer, where there is one already."""
        if self._answer is not None and not self._under_way:
            self._main.end_turn()
            self._under_way = True

    def _with_task(self, values: Mapping[str, object]) -> dict[str, object]:
        return {"task": self.task, **values}

    async def _sample(
        self,
        conversation: Conversation,
        *,
        trained: bool,
        stop: tuple[str, ...] = (),
        before: str = "",
    ) -> str:
        """Sample a message within what is left of the tokens; `before` stands in it already."""
        rooms = self._plan([self._params.max_tokens])
        if not rooms:
            raise LimitReached
        completion = await self._call(conversation, rooms[0], stop, trained=trained)
        text = before + completion.text
        conversation.end_message(text)
        self._completion = completion
        return text

    def _plan(self, most: Sequence[int]) -> list[int]:
        """Return the room of each call that can be made now, all at once: the first of those asked.

        Only the first may get less room than it asks for.
        """
        rooms: list[int] = []
        limit = self._limits.tokens
        left = math.inf if limit is None else limit - self._tokens
        for wanted in most[: max(self._limits.calls - self._calls, 0)]:
            if left <= 0 or (rooms and wanted > left):
                break
            rooms.append(int(min(wanted, left)))
            left -= rooms[-1]
        return rooms

    async def _call(
        self, conversation: Conversation, room: int, stop: tuple[str, ...], *, trained: bool = True
    ) -> Completion:
        """Ask the policy once, with a seed of its own."""
        seed = self._seed if self._calls == 0 else derive_seed(self._seed, "call", self._calls)
        stops = (*self._params.stop, *stop)
        params = dataclasses.replace(self._params, seed=seed, max_tokens=room, stop=stops)
        self._calls += 1
        completion = await self._policy.sample(conversation.prompt_ids(), params)
        self._tokens += len(completion.token_ids)
        conversation.add_piece(completion, trained=trained)
        return completion


def join_heard(messages: Sequence[Message]) -> str:
    """Return what somebody else than the policy said."""
    return "\n\n".join(message.content for message in messages if message.role != "assistant")
