"""Searches over steps: beams and Monte Carlo trees on a toy tree whose values are known."""

import asyncio
import itertools
import math
from typing import Any

import pytest

from gym_reason.agents.conversation import Conversation
from gym_reason.agents.policy import SamplingParams
from gym_reason.agents.refine.prompts import PromptBook
from gym_reason.agents.refine.talk import LimitReached, Limits, Talk
from gym_reason.agents.search.branches import begin
from gym_reason.agents.search.mcts import Node, find_best, search, select_path
from gym_reason.registry import register_verifier
from gym_reason.types import Outcome, Task, Verdict
from tests.agents.search.toys import TASK, ToyPolicy, emitted, play

DEPTH = 3
LEAVES = {
    "lll": 0.3,
    "llm": 0.4,
    "lmr": 1.0,
    "mrl": 0.7,
    "rrr": 0.9,
}
"""Worth of some ways down the tree; the others are worth nothing."""


def worth(steps: str) -> float:
    """Return what is best of all that may follow: a perfect value."""
    return max((value for way, value in LEAVES.items() if way.startswith(steps)), default=0.0)


def first_look(steps: str) -> float:
    """Return a value that misleads until the last step is seen."""
    return LEAVES.get(steps, 0.0) if len(steps) == DEPTH else 0.5 if steps[:1] == "r" else 0.1


class ValueOfSteps:
    """Reads a value off the steps of a text."""

    def __init__(self, name: str, value: Any) -> None:
        self.name, self._value = name, value

    def verify(self, task: Task, submission: str) -> Verdict:
        return Verdict(self._value(submission.replace("\n", "")), False, Outcome.FAIL)


register_verifier("toy-perfect")(lambda: ValueOfSteps("toy-perfect", worth))
register_verifier("toy-first-look")(lambda: ValueOfSteps("toy-first-look", first_look))


def walker() -> ToyPolicy:
    """Return a policy that takes each of three steps in turn, and ends after `DEPTH` of them."""

    def speak(prompt: str, call: int) -> str:
        taken = prompt.rpartition("=")[2].count("\n")
        return "\n".join(["lmr"[call % 3], *["l"] * (DEPTH - taken - 1)])

    return ToyPolicy(speak)


def talk_of(policy: ToyPolicy, limits: Limits | None = None) -> Talk:
    conversation = Conversation(TASK.prompt, policy.encoder)
    params = SamplingParams(max_tokens=32)
    limits = limits or Limits(calls=10_000)
    return Talk(conversation, policy, params, 0, PromptBook("mcts"), {}, limits)


def grow(iterations: int, *, b: int = 3, w: float = 1.0, by: str = "toy-perfect") -> Node:
    async def run() -> Node:
        talk = talk_of(walker())
        root = Node(begin(talk))
        await search(talk, root, iterations, b=b, w=w, by=by, separator="\n")
        return root

    return asyncio.run(run())


def test_a_perfect_value_finds_the_optimum() -> None:
    policy = walker()
    trajectory = play("mcts:iterations=8,b=3,by=toy-perfect", policy)
    assert trajectory.turns[-1].action == "l\nm\nr"
    assert play("beam:width=1,branches=3,by=toy-perfect", walker()).turns[-1].action == "l\nm\nr"


def test_exploring_overcomes_a_value_that_misleads() -> None:
    explored = grow(120, w=1.0, by="toy-first-look")
    assert find_best(explored).branch.text == "l\nm\nr"
    # Greed goes down where the first look is best, and stays.
    greedy = grow(120, w=0.0, by="toy-first-look")
    assert find_best(greedy).branch.text == "r\nr\nr"
    assert [child.visits for child in greedy.children] == [0, 0, 120]


@pytest.mark.parametrize("iterations", [1, 2, 7, 40])
def test_the_root_is_visited_once_an_iteration_and_nodes_as_often_as_their_children(
    iterations: int,
) -> None:
    root = grow(iterations, by="toy-first-look")
    assert root.visits == iterations
    for node in root.walk():
        below = sum(child.visits for child in node.children)
        # An iteration may have ended here, before there were children to go down to.
        ended_here = node.visits - below
        assert not node.children or ended_here in ((0,) if node is root else (0, 1))
        if node.children:
            handed_up = sum(child.total for child in node.children)
            assert node.total == pytest.approx(handed_up + ended_here * node.value)


def test_no_weight_is_greedy() -> None:
    root = grow(9, w=0.0)
    path = select_path(root, 0.0)
    assert [node.branch.text for node in path[1:]] == ["l\n", "l\nm\n", "l\nm\nr"]
    assert all(
        node.mean == max(child.mean for child in parent.children)
        for parent, node in itertools.pairwise(path)
    )


def test_one_child_is_a_plain_chain_of_thought_in_one_stream() -> None:
    def speak(prompt: str, _: int) -> str:
        steps = ["1+2=3", "so 3+0=3", "42"]
        return "\n".join(steps[prompt.count("\n") :])

    plain = play("answer", ToyPolicy(speak))
    for spec in (
        "mcts:b=1,iterations=2",
        "beam:width=1,branches=1,steps=9",
        "beam:width=1,steps=1",
    ):
        policy = ToyPolicy(speak)
        found = play(spec, policy)
        assert found.turns[-1].action == plain.turns[-1].action == "1+2=3\nso 3+0=3\n42"
        if "steps=1" not in spec:
            (trace,) = found.traces
            assert emitted(trace, policy) == "1+2=3\nso 3+0=3\n42<eos>"
            assert trace.ids == plain.traces[0].ids


def test_every_token_of_a_search_is_trained_on_once() -> None:
    policy = walker()
    trajectory = play("mcts:iterations=9,b=3,by=toy-first-look", policy)
    said = sum(len(emitted(trace, policy).replace("<eos>", ".")) for trace in trajectory.traces)
    assert trajectory.completion_tokens == said
    steps = "".join(emitted(trace, policy) for trace in trajectory.traces)
    # Each call draws one step: as many letters as calls.
    assert sum(steps.count(letter) for letter in "lmr") == len(policy.prompts)
    # Whoever is asked to go on sees the very tokens of the steps before.
    assert all(prompt.startswith("<bos>12+30=") for prompt in policy.prompts)
    assert trajectory.turns[-1].completion is not None


def test_a_search_that_runs_out_ends_with_the_best_so_far() -> None:
    policy = walker()
    trajectory = play("mcts:iterations=50,b=3,by=toy-perfect,calls=5", policy)
    assert len(policy.prompts) == 5
    assert trajectory.turns[-1].action.startswith("l\nm")
    policy = walker()
    trajectory = play("beam:width=2,branches=3,by=toy-perfect,tokens=13", policy)
    assert trajectory.completion_tokens <= 13
    assert trajectory.turns[-1].action.startswith("l\n")
    assert play("beam:calls=0", walker()).turns[-1].action == ""


def test_a_beam_keeps_the_best_and_draws_for_each_that_is_open() -> None:
    policy = walker()
    trajectory = play("beam:width=2,branches=3,by=toy-perfect", policy)
    assert trajectory.turns[-1].action == "l\nm\nr"
    # Three first steps, then three for each of the two that were kept.
    assert len(policy.prompts) == 3 + 6 + 6
    assert {prompt.rpartition("=")[2] for prompt in policy.prompts[3:9]} == {"l\n", "r\n"}


def test_an_answer_that_reaches_the_gate_ends_the_search() -> None:
    open_end, gated = walker(), walker()
    play("mcts:iterations=30,b=3,w=2,by=toy-perfect", open_end)
    play("mcts:iterations=30,b=3,w=2,by=toy-perfect,gate=1", gated)
    assert len(gated.prompts) < len(open_end.prompts)


def test_a_search_without_room_says_so() -> None:
    async def run() -> None:
        talk = talk_of(walker(), Limits(calls=0))
        await search(talk, Node(begin(talk)), 3, b=2, w=1.0, by="likelihood", separator="\n")

    with pytest.raises(LimitReached):
        asyncio.run(run())


def test_unvisited_children_stand_with_their_own_value() -> None:
    node = Node(begin(talk_of(walker())), value=0.25)
    assert node.mean == 0.25
    node.visits, node.total = 2, 1.0
    assert node.mean == 0.5
    assert math.isfinite(node.mean)
