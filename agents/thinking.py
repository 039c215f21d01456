"""How long a policy thinks: thoughts opened or skipped for it, lengthened, cut short, and votes.

A thought stands between `<think>` and `</think>`. Words that are put into the policy's mouth are
read, never trained on.
"""

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gym_reason.agents.refine.loop import refine_loop
from gym_reason.agents.refine.talk import LimitReached, Talk
from gym_reason.agents.search.branches import Branch, begin, take
from gym_reason.agents.search.scorers import ORACLE
from gym_reason.agents.search.settings import MOST_CALLS, check_least
from gym_reason.agents.search.vote import MAJORITY, check_vote, elect
from gym_reason.errors import UsageError
from gym_reason.text import THINK_CLOSE, THINK_OPEN
from gym_reason.types import Completion

Mode = Literal["plain", "think", "no-think"]
"""Whether the policy begins by itself, with an opened thought, or with one that is over."""
Share = Literal["tokens", "latency"]
"""What a budget is for: all samples together, or each of those that are drawn side by side."""

NO_THINKING = f"{THINK_OPEN}\nOkay, I think I have finished thinking.\n{THINK_CLOSE}\n\n"
"""A thought that is over. Source: NoThinking, arXiv 2504.09858."""
PREFILLS: Mapping[Mode, str] = {
    "plain": "",
    "think": f"{THINK_OPEN}\n",
    "no-think": NO_THINKING,
}


@dataclass(frozen=True, slots=True)
class Rules:
    """How long a thought is, and what is said for the policy."""

    mode: Mode
    """How its answer begins."""
    room: int
    """Most tokens of thought and answer together."""
    least: int
    """Tokens under which a thought is not let end."""
    most: int
    """Tokens at which a thought is ended."""
    waits: int
    """How often an end is not let happen."""
    wait: str
    """What stands in place of an end that comes too early."""
    closing: str
    """What ends a thought that is cut, and asks for the answer."""

    @property
    def watched(self) -> bool:
        """Whether the length of the thought matters at all."""
        return self.least > 0 or self.most < self.room


@dataclass(slots=True)
class Thought:
    """One sample under way."""

    branch: Branch
    """What was said so far."""
    opened: bool
    """Whether it began inside a thought."""
    waited: int = 0
    """How many ends did not happen."""
    closing: str = ""
    """What is to be said before its answer."""


def _check(settings: Mapping[str, Any]) -> None:
    check_vote(settings)
    check_least(settings, min_tokens=0, max_tokens=0, waits=0, answer_tokens=1, budget=0)
    least, most = settings["min_tokens"], settings["max_tokens"]
    if most and least > most:
        raise UsageError(f"min_tokens = {least} with max_tokens = {most}", "no more than that")
    if settings["mode"] == "no-think" and (least or most):
        raise UsageError("a budget of thought for mode=no-think", "mode=think or mode=plain")
    if settings["budget"] and settings["budget"] < settings["n"]:
        raise UsageError(f"budget = {settings['budget']}", f"{settings['n']} tokens or more")


@refine_loop(
    "thinking",
    paper="NoThinking, arXiv 2504.09858; budget forcing, arXiv 2501.19393",
    grade="S",
    oracle_when=("by", ORACLE),
    check=_check,
    calls=MOST_CALLS,
)
async def thinking(
    talk: Talk,
    *,
    mode: Mode = "plain",
    min_tokens: int = 0,
    max_tokens: int = 0,
    waits: int = 2,
    wait: str = "Wait",
    close: str = f"\\n{THINK_CLOSE}\\n\\n",
    ask: str = "",
    answer_tokens: int = 32,
    n: int = 1,
    budget: int = 0,
    share: Share = "tokens",
    by: str = MAJORITY,
    p: float | None = None,
) -> None:
    r"""Think for as long as told, or not at all, and give the answer that N samples vote for.

    A thought that ends before `min_tokens` goes on with the word `wait`, at most `waits` times. One
    that reaches `max_tokens` is ended with `close` and `ask`: the early answer. 0 is no limit. What
    is left for the answer is at least `answer_tokens`. With a `budget`, `share=tokens` gives each
    of the samples its part and `share=latency` the whole to each. The vote is that of the agent
    `vote`.
    Source: Ma et al. 2025 (the prefill); Muennighoff et al. 2025 (budget forcing).
    """
    room = talk.params.max_tokens
    if budget:
        room = min(room, budget // n if share == "tokens" else budget)
    most = room
    if min_tokens or max_tokens:
        most = min(max_tokens or room, max(room - answer_tokens, 1))
    closing = (close + ask).replace("\\n", "\n")
    rules = Rules(mode, room, min_tokens, most, waits, wait.replace("\\n", "\n"), closing)
    answers = await think(talk, rules, n)
    winner = 0 if len(answers) == 1 else await elect(talk, answers, by, p)
    take(talk, answers[winner])


async def think(talk: Talk, rules: Rules, count: int) -> list[Branch]:
    """Return samples, drawn side by side; fewer where a limit is reached.

    Raises LimitReached where there is room for none.
    """
    thoughts = [_open(begin(talk), rules.mode) for _ in range(count)]
    with contextlib.suppress(LimitReached):
        if rules.watched:
            await _watch(talk, rules, thoughts)
        await _answer(talk, rules, thoughts)
    spoken = [thought.branch for thought in thoughts if thought.branch.steps]
    if not spoken:
        raise LimitReached
    return spoken


def _open(branch: Branch, mode: Mode) -> Thought:
    """Begin a sample with the words of its mode."""
    words = PREFILLS[mode]
    prompt = branch.way.decode(branch.way.prompt_ids()[-16:])
    opened = prompt.rstrip().endswith(THINK_OPEN)
    if opened:
        words = words.removeprefix(f"{THINK_OPEN}\n")  # the chat template opened it already
    return Thought(_put_words(branch, words), opened or mode == "think")


def _put_words(branch: Branch, words: str) -> Branch:
    if not words:
        return branch
    branch.way.add_words(words)
    return dataclasses.replace(branch, text=branch.text + words)


async def _watch(talk: Talk, rules: Rules, thoughts: Sequence[Thought]) -> None:
    """Let the thoughts come to an end that the rules allow. Raises LimitReached."""
    waiting = list(thoughts)
    while waiting:
        ways = [thought.branch.way for thought in waiting]
        most = [rules.most - len(thought.branch.token_ids) for thought in waiting]
        said = await talk.go_on_in(ways, most, (THINK_CLOSE,))
        waiting = [
            thought
            for thought, completion in zip(waiting, said, strict=False)
            if _goes_on(thought, completion, rules)
        ]


def _goes_on(thought: Thought, completion: Completion, rules: Rules) -> bool:
    """Take note of what was thought; return whether the thought must go on."""
    way = thought.branch.way
    closed = completion.finish_reason == "stop" and THINK_CLOSE in way.decode(completion.token_ids)
    thinks = thought.opened or THINK_OPEN in thought.branch.text + completion.text
    thought.branch = _extend(thought.branch, completion, completion.text)
    if completion.finish_reason == "length":
        thought.closing = rules.closing
        return False
    if not closed and not thinks:
        thought.branch = dataclasses.replace(thought.branch, ended=True)  # an answer straight away
        return False
    used = len(thought.branch.token_ids)
    if used < rules.least and thought.waited < rules.waits and used < rules.most:
        thought.waited += 1
        thought.branch = _put_words(_retract_end(thought.branch, completion), rules.wait)
        return True
    if closed:
        before = thought.branch.text.removesuffix(completion.text)
        text = before + way.decode(completion.token_ids)
        thought.branch = dataclasses.replace(thought.branch, text=text)
    else:
        thought.branch = _retract_end(thought.branch, completion)
        thought.closing = rules.closing
    return False


def _retract_end(branch: Branch, completion: Completion) -> Branch:
    """Return a branch without the tokens that ended it: a closing tag, a stop token."""
    kept = len(completion.token_ids)
    text = completion.text
    while kept and len(branch.way.decode(completion.token_ids[:kept])) > len(completion.text):
        kept -= 1
    if kept < len(completion.token_ids):
        branch.way.retract(len(completion.token_ids) - kept)
        text = branch.way.decode(completion.token_ids[:kept])
    before = branch.text.removesuffix(completion.text)
    return dataclasses.replace(branch, text=before + text)


async def _answer(talk: Talk, rules: Rules, thoughts: Sequence[Thought]) -> None:
    """Let the samples answer that have not, within what is left of their room."""
    waiting = [
        thought
        for thought in thoughts
        if not thought.branch.ended and len(thought.branch.token_ids) < rules.room
    ]
    for thought in waiting:
        thought.branch = _put_words(thought.branch, thought.closing)
    ways = [thought.branch.way for thought in waiting]
    most = [rules.room - len(thought.branch.token_ids) for thought in waiting]
    for thought, completion in zip(waiting, await talk.go_on_in(ways, most), strict=False):
        grown = _extend(thought.branch, completion, completion.text)
        thought.branch = dataclasses.replace(grown, ended=True)


def _extend(branch: Branch, completion: Completion, text: str) -> Branch:
    return dataclasses.replace(
        branch,
        text=branch.text + text,
        token_ids=branch.token_ids + completion.token_ids,
        logprobs=branch.logprobs + completion.logprobs,
        steps=branch.steps + 1,
        finish_reason=completion.finish_reason,
        versions=branch.versions + completion.token_versions,
    )
