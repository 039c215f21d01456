"""What a search ranks its branches by: the policy's own certainty, a reward model, or an oracle.

A scorer is named in the setting `by`:

- `likelihood`: the mean log-probability of the branch's tokens;
- `certainty`: self-certainty, how far the policy's distributions are from uniform; where the engine
  cannot tell, the mean log-probability stands in for it, and a warning says so;
- `tests`, `prover` or `equations`: whether that tool of the environment finds no fault, and the
  mean log-probability among equals: what loops that mend by a tool are fairly compared with;
- `verifier`: the verifier of the environment, which knows the reference: an oracle;
- any registered verifier that needs no reference, such as `reward_model:PATH` or
  `process_reward_model:PATH`: it is shown the conversation and what the branch says.
"""

import asyncio
import logging
import math
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

from gym_reason.agents.policy import CertainPolicy
from gym_reason.agents.refine.talk import LimitReached, Talk
from gym_reason.agents.search.branches import Branch
from gym_reason.errors import UsageError
from gym_reason.types import Message, Outcome, Task, Verdict
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.builtin import make_verifier
from gym_reason.verifiers.capabilities import prepare

logger = logging.getLogger(__name__)

LIKELIHOOD, CERTAINTY, ORACLE = "likelihood", "certainty", "verifier"
TOOLS = ("tests", "prover", "equations")
"""Tools of environments that say nothing where they find no fault."""


async def score_branches(talk: Talk, by: str, branches: Sequence[Branch]) -> list[float]:
    """Return the score of each branch, in order: higher is better.

    Minus infinity stands for what cannot be scored: all of them, where a verifier takes too long.

    Raises:
        UsageError: The oracle is asked for where no environment is bound, or a tool that this one
            does not give.
    """
    if by == LIKELIHOOD:
        return [branch.likelihood for branch in branches]
    if by == CERTAINTY:
        return measure_certainty(talk, branches)
    if by in TOOLS:
        return [await _score_by_tool(talk, by, branch) for branch in branches]
    if by == ORACLE:
        if talk.judge is None:
            raise UsageError("a search by the verifier without an environment", "bind(env, task)")
        return await _score_texts(talk, partial(_judge_all, talk.judge), branches)
    verifier = find_verifier(by)
    # It never sees the task itself, which holds the reference.
    task = Task("search", talk.messages, "")
    async with _turn_at(verifier):
        return await _score_texts(talk, partial(_verify_all, verifier, task), branches)


def measure_certainty(talk: Talk, branches: Sequence[Branch]) -> list[float]:
    """Return the self-certainty of each branch: the mean divergence of its tokens from uniform.

    Only an engine that sees whole distributions can tell; the mean log-probability stands in where
    the policy is none.
    Source: self-certainty, arXiv 2502.18581.
    """
    policy = talk.policy
    found = [
        policy.measure_certainty(*branch.way.open_message())
        if isinstance(policy, CertainPolicy)
        else None
        for branch in branches
    ]
    known = [value for value in found if value is not None]
    if len(known) == len(branches):
        return known
    _warn_of_stand_in(type(policy).__name__)
    return [branch.likelihood for branch in branches]


async def _score_by_tool(talk: Talk, tool: str, branch: Branch) -> float:
    """Return 1 to 2 where a tool finds no fault with what a branch says, and 0 to 1 otherwise."""
    passed = not await talk.use(tool, branch.text)
    return passed + math.exp(branch.likelihood)


def check_scorer(settings: Mapping[str, Any]) -> None:
    """Raise UsageError or UnknownNameError where the setting `by` names no scorer."""
    if settings["by"] not in (LIKELIHOOD, CERTAINTY, ORACLE, *TOOLS):
        find_verifier(settings["by"])


@lru_cache(maxsize=8)
def find_verifier(spec: str) -> Verifier:
    """Return the verifier that ranks branches, loaded.

    Raises UsageError for one that is lost without a reference, ModelError where it cannot load.
    """
    verifier = make_verifier(spec)
    prepare(verifier)
    probe = Task("probe", (Message("user", "1+1="),), "")
    if verifier.verify(probe, "2").outcome is Outcome.UNSCORABLE:
        raise UsageError(
            f"the scorer {spec!r} cannot judge without a reference",
            "one that needs none, such as reward_model:PATH, or likelihood or certainty",
            "by=verifier asks the environment's own, as an oracle",
        )
    return verifier


@lru_cache(maxsize=8)
def _warn_of_stand_in(policy: str) -> None:
    logger.warning(
        "%s does not give whole distributions: the mean log-probability stands in for "
        "self-certainty",
        policy,
    )


_turns: weakref.WeakKeyDictionary[Any, dict[int, asyncio.Lock]] = weakref.WeakKeyDictionary()


def _turn_at(verifier: Verifier) -> asyncio.Lock:
    """Return the lock of a verifier: a model scores one search at a time.

    Without it the limit on time would count the wait for all the others.
    """
    locks = _turns.setdefault(asyncio.get_running_loop(), {})
    return locks.setdefault(id(verifier), asyncio.Lock())


async def _score_texts(
    talk: Talk, judge: Callable[[Sequence[str]], list[Verdict]], branches: Sequence[Branch]
) -> list[float]:
    texts = [branch.text for branch in branches]
    try:
        verdicts = await talk.compute(partial(judge, texts))
    except LimitReached:
        logger.warning("a search goes without its scorer, which took too long")
        return [-float("inf")] * len(texts)
    return [
        -float("inf") if verdict.outcome is Outcome.UNSCORABLE else verdict.reward
        for verdict in verdicts
    ]


def _judge_all(judge: Callable[[str], Verdict], texts: Sequence[str]) -> list[Verdict]:
    return [judge(text) for text in texts]


def _verify_all(verifier: Any, task: Task, texts: Sequence[str]) -> list[Verdict]:
    verify_group = getattr(verifier, "verify_group", None)
    if verify_group is not None:
        return list(verify_group(task, texts))
    return [verifier.verify(task, text) for text in texts]
