"""Monte Carlo tree search over the steps of a chain of thought, with a value for each step."""

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gym_reason.agents.refine.loop import refine_loop
from gym_reason.agents.refine.talk import LimitReached, Talk
from gym_reason.agents.search.branches import Branch, begin, extend, finish, take
from gym_reason.agents.search.scorers import ORACLE, check_scorer, score_branches
from gym_reason.agents.search.settings import MOST_CALLS, check_least, read_separator


@dataclass(slots=True, eq=False)
class Node:
    """A state of the search: the steps so far."""

    branch: Branch
    """What was said to reach it."""
    value: float = 0.0
    """What the value function says of it."""
    children: list["Node"] = field(default_factory=list)
    """The states one step further, all drawn at once; empty before that."""
    visits: int = 0
    """How many iterations went through it."""
    total: float = 0.0
    """Sum of the values that they reached."""

    @property
    def mean(self) -> float:
        """The mean of the values reached through it; its own value where none was."""
        return self.total / self.visits if self.visits else self.value

    def walk(self) -> Iterator["Node"]:
        """Yield the nodes of the tree, parents first."""
        waiting: list[Node] = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))


def _check(settings: Mapping[str, Any]) -> None:
    check_least(settings, iterations=1, b=1, w=0)
    read_separator(settings["separator"])
    check_scorer(settings)


@refine_loop(
    "mcts",
    paper="ReST-MCTS*, arXiv 2406.03816",
    grade="S",
    oracle_when=("by", ORACLE),
    check=_check,
    calls=MOST_CALLS,
)
async def mcts(
    talk: Talk,
    *,
    iterations: int = 16,
    b: int = 3,
    w: float = 1.0,
    by: str = "likelihood",
    gate: float = math.inf,
    separator: str = "\\n",
) -> None:
    """Search over steps: follow promising ones, draw their next ones, hand their values back.

    `b` are the children of a step, `w` the weight of exploration: 0 is greedy. One child is a plain
    chain of thought. The search ends early where an answer's value reaches `gate`. What is said in
    the end is the answer of the highest value.
    Source: Zhang et al. 2024, without its rollouts; the bound for trees is UCT.
    """
    root = Node(begin(talk))
    with contextlib.suppress(LimitReached):
        await search(
            talk, root, iterations, b=b, w=w, by=by, gate=gate, separator=read_separator(separator)
        )
    best = find_best(root).branch
    with contextlib.suppress(LimitReached):
        best = await finish(talk, best)
    if best.steps:
        take(talk, best)


async def search(
    talk: Talk,
    root: Node,
    iterations: int,
    *,
    b: int,
    w: float,
    by: str,
    separator: str,
    gate: float = math.inf,
) -> None:
    """Grow a tree: every iteration goes down once from the root and hands one value back up.

    Raises LimitReached where a step was to be drawn and could not be.
    """
    for _ in range(iterations):
        path = select_path(root, w)
        if not path[-1].branch.ended:
            await expand(talk, path[-1], b, by, separator)
            path.append(max(path[-1].children, key=lambda child: child.value))
        for node in path:
            node.visits += 1
            node.total += path[-1].value
        if path[-1].branch.ended and path[-1].value >= gate:
            return


def select_path(root: Node, w: float) -> list[Node]:
    """Return the way down to a node without children, by the highest bound; the first of equals.

    The bound of a child is `mean + w sqrt(ln N / max(1, n))`, with N visits of its parent and n of
    its own.
    Source: UCT, Kocsis and Szepesvari 2006; an unvisited child stands with its own value.
    """
    path = [root]
    while path[-1].children:
        parent = path[-1]
        spread = math.log(max(parent.visits, 1))
        path.append(
            max(
                parent.children,
                key=lambda child: child.mean + w * math.sqrt(spread / max(child.visits, 1)),
            )
        )
    return path


async def expand(talk: Talk, node: Node, b: int, by: str, separator: str) -> None:
    """Draw the steps that may follow a node, and give each its value.

    One that cannot be scored stands with the lowest of its siblings, or with its parent.
    """
    ((*grown,),) = await extend(talk, [node.branch], b, separator)
    scores = await score_branches(talk, by, grown)
    lowest = min(filter(math.isfinite, scores), default=node.value)
    node.children = [
        Node(child, score if math.isfinite(score) else lowest)
        for child, score in zip(grown, scores, strict=True)
    ]


def find_best(root: Node) -> Node:
    """Return the answer of the highest value, or the furthest thought where none has ended."""
    leaves = [node for node in root.walk() if not node.children]
    ended = [node for node in leaves if node.branch.ended]
    return max(ended or leaves, key=lambda node: node.value)
