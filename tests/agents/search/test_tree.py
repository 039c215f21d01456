"""Trees of rollouts: their shape, what is trained on, their values, and the trainer's siblings."""

import asyncio
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.agents.policy import SamplingParams
from gym_reason.agents.refine.talk import Limits
from gym_reason.agents.search import tree
from gym_reason.trainers.formulas.advantage import sibling_scores
from gym_reason.types import Group, Message, Outcome, StopReason, Verdict
from gym_reason.verifiers.verdicts import unscorable
from tests.agents.search.toys import TASK, ToyPolicy, emitted, play

DEPTH = 9


def counter() -> ToyPolicy:
    """Return a policy that says the number of its call, step after step."""
    return ToyPolicy(lambda prompt, call: "\n".join([str(call)] * (DEPTH - prompt.count("\n"))))


async def score_last_digit(messages: tuple[Message, ...]) -> Verdict:
    """Return a verdict that is right for an even last step."""
    even = messages[-1].content[-1] in "02468"
    return Verdict(float(even), even, Outcome.PASS if even else Outcome.FAIL)


def roll(branches: int, depth: int, policy: ToyPolicy | None = None, **options: Any) -> list[Group]:
    policy = policy or counter()
    options = {"score": score_last_digit, **options}
    score = options.pop("score")
    return asyncio.run(
        tree.roll_out_tree(
            policy,
            SamplingParams(max_tokens=64),
            policy.encoder,
            TASK,
            score,
            0,
            branches=branches,
            depth=depth,
            **options,
        )
    )


@pytest.mark.parametrize(("branches", "depth"), [(1, 1), (4, 1), (1, 3), (2, 3), (3, 2)])
def test_as_many_nodes_are_trained_as_the_tree_has(branches: int, depth: int) -> None:
    groups = roll(branches, depth)
    assert sum(len(group.trajectories) for group in groups) == sum(
        branches**level for level in range(1, depth + 1)
    )
    assert len(groups) == sum(branches**level for level in range(depth))
    assert all(len(group.trajectories) == branches for group in groups)


def test_depth_one_is_an_ordinary_group_of_samples() -> None:
    (group,) = roll(4, 1)
    policy = counter()
    prompt = tuple(policy.encoder.encode_prompt(TASK.prompt))
    for number, trajectory in enumerate(group.trajectories):
        (trace,) = trajectory.traces
        assert trace.ids[: len(prompt)] == prompt
        assert trace.action_mask == (False,) * len(prompt) + (True,) * (
            len(trace.ids) - len(prompt)
        )
        assert trajectory.turns[0].action == "\n".join([str(number)] * DEPTH)
        assert trajectory.ret == float(number % 2 == 0)
        assert trajectory.stop_reason is (
            StopReason.SOLVED if number % 2 == 0 else StopReason.ANSWERED
        )


def test_one_child_each_is_a_line() -> None:
    groups = roll(1, 3)
    assert [group.trajectories[0].turns[0].action for group in groups] == [
        "0\n",
        "1\n",
        "\n".join("2" * (DEPTH - 2)),
    ]
    assert [group.trajectories[0].ret for group in groups] == [1.0, 1.0, 1.0]


def test_a_node_trains_its_own_tokens_and_reads_the_others() -> None:
    policy = counter()
    groups = roll(2, 2, policy)
    for group in groups:
        for trajectory in group.trajectories:
            (trace,) = trajectory.traces
            own = emitted(trace, policy).removesuffix("<eos>")
            assert own == trajectory.turns[0].action
            assert set(trace.turn_index) == {0}
            whole = policy.encoder.decode(trace.ids)
            assert whole.startswith("<bos>12+30=")
            assert whole.removesuffix("<eos>").endswith(own)
            completion = trajectory.turns[0].completion
            assert completion is not None
            assert completion.token_ids == trace.ids[-len(completion.token_ids) :]
            assert trace.logprobs[-len(completion.token_ids) :] == completion.logprobs
    # The second level goes on from the first step of its own parent.
    below = [policy.encoder.decode(t.traces[0].ids) for t in groups[2].trajectories]
    assert all(text.startswith("<bos>12+30=1\n") for text in below)


def test_a_parent_is_worth_the_mean_of_its_children() -> None:
    groups = roll(3, 3)
    values = {id(t): t.ret for group in groups for t in group.trajectories}
    assert len(values) == 3 + 9 + 27
    first, *later = groups
    per_parent = [sum(t.ret for t in group.trajectories) / 3 for group in later]
    # Groups come parents first, each parent's whole family before the next one's.
    assert [t.ret for t in first.trajectories] == pytest.approx(
        [per_parent[0], per_parent[4], per_parent[8]]
    )
    assert per_parent[0] == pytest.approx(sum(per_parent[1:4]) / 3)


@given(rewards=st.lists(st.floats(0, 1), min_size=6, max_size=6))
def test_scores_of_siblings_average_one_half(rewards: list[float]) -> None:
    scores_N = sibling_scores(torch.tensor(rewards).double(), torch.tensor([0, 0, 0, 1, 1, 1]))
    assert float(scores_N.mean()) == pytest.approx(0.5)


def test_the_trainers_scores_of_a_trees_groups_average_one_half() -> None:
    groups = roll(2, 3)
    rewards = [t.ret for group in groups for t in group.trajectories]
    numbers = [number for number, group in enumerate(groups) for _ in group.trajectories]
    scores_N = sibling_scores(torch.tensor(rewards).double(), torch.tensor(numbers))
    assert float(scores_N.mean()) == pytest.approx(0.5)
    assert scores_N.std() > 0


def test_what_cannot_be_scored_is_in_no_mean() -> None:
    async def score(messages: tuple[Message, ...]) -> Verdict:
        last = int(messages[-1].content.rpartition("\n")[2])
        return unscorable("down") if last % 2 or last > 3 else Verdict(1.0, True, Outcome.PASS)

    groups = roll(2, 2, score=score)
    first = groups[0].trajectories
    assert [(t.ret, t.scorable) for t in first] == [(1.0, True), (0.0, False)]


def test_turns_branch_too_and_the_worlds_words_are_not_trained_on() -> None:
    async def reply(messages: tuple[Message, ...]) -> tuple[Message, ...]:
        return (Message("user", f"patient heard {messages[-1].content}!"),)

    def refuse(words: str) -> bool:
        return words == "q1"

    policy = ToyPolicy(lambda _, call: f"q{call}")
    groups = roll(2, 2, policy, reply=reply, refuse=refuse)
    assert [[t.turns[0].action for t in group.trajectories] for group in groups] == [
        ["q0", "q1"],
        ["q2", "q3"],
    ]
    assert groups[0].trajectories[1].stop_reason is StopReason.INVALID_ACTION
    assert groups[0].trajectories[1].ret == 0.0
    assert groups[1].trajectories[0].turns[0].observation == "patient heard q0!"
    (trace,) = groups[1].trajectories[0].traces
    assert emitted(trace, policy) == "q2<eos>"
    assert "patient heard q0!" in policy.encoder.decode(trace.ids)
    assert [t.ret for t in groups[0].trajectories] == [0.5, 0.0]


def test_a_limit_makes_a_smaller_tree() -> None:
    policy = counter()
    groups = roll(3, 2, policy, limits=Limits(calls=5))
    assert len(policy.prompts) == 5
    assert [len(group.trajectories) for group in groups] == [3, 2]
    assert roll(3, 2, limits=Limits(calls=0)) == []


def test_the_agent_gives_the_best_leaf_and_keeps_the_whole_tree() -> None:
    policy = ToyPolicy(lambda prompt, call: ("1\n42"[2 * prompt.count("\n") :], -1.0 / (1 + call)))
    trajectory = play("tree:b=2,d=2", policy)
    assert trajectory.turns[-1].action == "1\n42"
    assert len(policy.prompts) == 2 + 4
    assert trajectory.completion_tokens == 2 * len("1\n") + 4 * len("42.")
    assert play("tree:calls=0", counter()).turns[-1].action == ""
