"""Trees of rollouts: every step or turn branches, and siblings are compared with each other.

`roll_out_tree` returns what the trainer's advantage `siblings` asks for: one group for each node
with children, its children as episodes of one action, whose reward is the mean of what was reached
below. Only a node's own tokens are trained on there; what led to it is read.

Source: Savage Conversation Forests, arXiv 2507.04099, whose doctor's turns branch.
"""

import asyncio
import contextlib
import dataclasses
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gym_reason.agents.conversation import ChatEncoder, Conversation
from gym_reason.agents.policy import Policy, SamplingParams
from gym_reason.agents.refine.loop import refine_loop
from gym_reason.agents.refine.prompts import PromptBook
from gym_reason.agents.refine.talk import LimitReached, Limits, Talk
from gym_reason.agents.search.branches import Branch, begin, best_index, extend, take
from gym_reason.agents.search.scorers import ORACLE, check_scorer, score_branches
from gym_reason.agents.search.settings import MOST_CALLS, check_least, read_separator
from gym_reason.types import (
    Completion,
    Group,
    Message,
    Outcome,
    StopReason,
    Task,
    Trajectory,
    Turn,
    Verdict,
    say_versions,
)
from gym_reason.verifiers.verdicts import unscorable

Score = Callable[[tuple[Message, ...]], Awaitable[Verdict]]
"""What a conversation has come to; its last message is the policy's."""
Reply = Callable[[tuple[Message, ...]], Awaitable[tuple[Message, ...]]]
"""What the world says to the policy's last message; nothing where the episode ends there."""


@dataclass(slots=True, eq=False)
class TreeNode:
    """A step or a turn of the policy, and what may follow it."""

    branch: Branch
    """Where its children go on from."""
    completion: Completion | None = None
    """What the policy said in it; None at the root."""
    messages: tuple[Message, ...] = ()
    """The conversation up to it."""
    children: list["TreeNode"] = field(default_factory=list)
    """What was drawn after it, all at once."""
    refused: bool = False
    """Whether it is no turn that the world takes."""
    verdict: Verdict | None = None
    """What it has come to; None but for leaves."""
    value: float | None = None
    """The reward of a leaf, the mean of the children of others; None where none could be scored."""

    def walk(self) -> Iterator["TreeNode"]:
        """Yield the nodes of the tree, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()

    def leaves(self) -> list["TreeNode"]:
        """Return the nodes that nothing follows; none where nothing was said."""
        return [node for node in self.walk() if node.completion and not node.children]


async def grow_tree(
    talk: Talk,
    branches: int,
    depth: int,
    *,
    separator: str = "\n",
    reply: Reply | None = None,
    refuse: Callable[[str], bool] | None = None,
) -> TreeNode:
    r"""Return the root of a tree in which each node has `branches` children, down to `depth`.

    Without `reply` the nodes of a path are the steps of one answer, and the last one says it to
    its end. With it they are messages. Where a limit is reached, the tree is smaller.

    Args:
        talk: The turn of the episode.
        branches: Children of a node.
        depth: Most nodes of a path.
        separator: What ends a step.
        reply: What the world says to a message.
        refuse: Whether a message is none that the world takes: its path ends there and scores 0.
    """
    root = TreeNode(begin(talk), messages=talk.messages)
    level = [root]
    with contextlib.suppress(LimitReached):
        for number in range(1, depth + 1):
            parents = [node for node in level if not node.branch.ended]
            if not parents:
                break
            ends = "" if reply is not None or number == depth else separator
            level = await _grow_level(talk, parents, branches, ends)
            if reply is not None:
                answers = reply if number < depth else _say_nothing
                await asyncio.gather(*(_hear_reply(node, answers, refuse) for node in level))
    return root


async def _say_nothing(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    del messages
    return ()


async def _grow_level(
    talk: Talk, parents: Sequence[TreeNode], branches: int, separator: str
) -> list[TreeNode]:
    """Draw the children of some nodes, each in a stream of its own."""
    forks = [
        (parent, dataclasses.replace(parent.branch, way=parent.branch.way.fork()))
        for parent in parents
        for _ in range(branches)
    ]
    drawn = await extend(talk, [fork for _, fork in forks], 1, separator)
    level: list[TreeNode] = []
    for (parent, before), grown in zip(forks, drawn, strict=True):
        for child in grown:
            versions = child.versions[len(before.versions) :]
            own = Completion(
                child.token_ids[len(before.token_ids) :],
                child.logprobs[len(before.logprobs) :],
                child.text[len(before.text) :],
                child.finish_reason if child.ended else "stop",
                min(versions, default=0),
                say_versions(versions),
            )
            said = Message("assistant", child.text)
            node = TreeNode(child, own, (*child.way.messages, said))
            parent.children.append(node)
            level.append(node)
    return level


async def _hear_reply(node: TreeNode, reply: Reply, refuse: Callable[[str], bool] | None) -> None:
    """Close the message of a node and let the world answer it."""
    said = node.messages[-1].content
    node.branch.way.end_message(said)
    node.refused = refuse is not None and refuse(said)
    heard = () if node.refused else await reply(node.messages)
    for message in heard:
        node.branch.way.add_message(message)
    node.branch = Branch(node.branch.way, ended=not heard)


async def judge_tree(root: TreeNode, score: Score) -> None:
    """Score the leaves, and give every node above them the mean of its children."""

    async def judge(leaf: TreeNode) -> None:
        if leaf.refused:
            leaf.verdict = Verdict(0.0, False, Outcome.INVALID)
        else:
            leaf.verdict = await score(leaf.messages)

    await asyncio.gather(*map(judge, root.leaves()))
    back_up(root)


def back_up(node: TreeNode) -> float | None:
    """Return the value of a node: a leaf's reward, or the mean of the children that have one."""
    if node.children:
        values = [value for child in node.children if (value := back_up(child)) is not None]
        node.value = sum(values) / len(values) if values else None
    elif node.verdict is not None and node.verdict.outcome is not Outcome.UNSCORABLE:
        node.value = node.verdict.reward
    return node.value


def sibling_groups(root: TreeNode, task: Task, seed: int) -> list[Group]:
    """Return the children of each node as a group, parents first.

    A tree of depth one is one ordinary group of samples; with one child each, every group holds one
    episode, which has nothing to be compared with.
    """
    return [
        Group(task, tuple(_make_trajectory(node, child, task, seed) for child in node.children))
        for node in root.walk()
        if node.children
    ]


def _make_trajectory(parent: TreeNode, node: TreeNode, task: Task, seed: int) -> Trajectory:
    assert node.completion is not None
    leaf = not node.children
    verdict = node.verdict
    if node.value is None and verdict is None:
        verdict = unscorable("nothing that follows could be scored")
    value = node.value or 0.0
    if verdict is not None and verdict.correct:
        stop = StopReason.SOLVED
    elif leaf and node.completion.finish_reason == "length":
        stop = StopReason.MAX_TOKENS
    else:
        stop = StopReason.INVALID_ACTION if node.refused else StopReason.ANSWERED
    turn = Turn(
        observation=parent.branch.way.messages[-1].content,
        action=node.completion.text,
        completion=node.completion,
        reward=value,
        verdict=verdict,
        terminated=leaf,
        truncated=False,
    )
    traces = tuple(
        dataclasses.replace(trace, turn_index=(0,) * len(trace.ids))
        for trace in node.branch.way.traces()
    )
    version = node.completion.policy_version
    return Trajectory(task, (turn,), traces, value, stop, seed, version)


async def roll_out_tree(
    policy: Policy,
    params: SamplingParams,
    encoder: ChatEncoder,
    task: Task,
    score: Score,
    seed: int,
    *,
    branches: int,
    depth: int,
    separator: str = "\n",
    reply: Reply | None = None,
    refuse: Callable[[str], bool] | None = None,
    limits: Limits | None = None,
) -> list[Group]:
    """Return the sibling groups of a tree of rollouts on one task; see `grow_tree`."""
    talk = Talk(
        Conversation(task.prompt, encoder),
        policy,
        params,
        seed,
        PromptBook("tree"),
        {},
        limits or Limits(calls=sum(branches**level for level in range(1, depth + 1))),
    )
    root = await grow_tree(talk, branches, depth, separator=separator, reply=reply, refuse=refuse)
    await judge_tree(root, score)
    return sibling_groups(root, task, seed)


def _check(settings: Mapping[str, Any]) -> None:
    check_least(settings, b=1, d=1)
    read_separator(settings["separator"])
    check_scorer(settings)


@refine_loop(
    "tree",
    paper="Savage Conversation Forests, arXiv 2507.04099",
    grade="C",
    oracle_when=("by", ORACLE),
    check=_check,
    calls=MOST_CALLS,
)
async def tree(
    talk: Talk, *, b: int = 2, d: int = 3, by: str = "likelihood", separator: str = "\\n"
) -> None:
    """Draw a tree of steps, `b` after each down to depth `d`, and give its best leaf.

    Every leaf is a whole answer. To train on trees, `roll_out_tree` returns the groups of siblings.
    Source: arXiv 2507.04099, with the steps of an answer for the turns of a doctor.
    """
    root = await grow_tree(talk, b, d, separator=read_separator(separator))
    leaves = [leaf.branch for leaf in root.leaves()]
    if leaves:
        take(talk, leaves[best_index(await score_branches(talk, by, leaves))])
