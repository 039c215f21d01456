"""Trajectories survive being written and read, token by token."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.errors import DataError
from gym_reason.records import dump_line, to_json
from gym_reason.trajectories import read_trajectory, task_key
from gym_reason.types import (
    Completion,
    Message,
    Outcome,
    StopReason,
    Task,
    TokenTrace,
    Trajectory,
    Turn,
    Verdict,
)

texts = st.text(max_size=8)
numbers = st.floats(allow_nan=False)
tokens = st.lists(st.integers(0, 10**6), max_size=4).map(tuple)
messages = st.builds(
    Message,
    role=st.sampled_from(["system", "user", "assistant", "tool"]),
    content=texts,
    images=st.lists(st.binary(max_size=3), max_size=2).map(tuple),
)
tasks = st.builds(
    Task,
    id=texts,
    prompt=st.lists(messages, max_size=2).map(tuple),
    reference=texts,
    difficulty=numbers,
    meta=st.dictionaries(texts, st.one_of(st.none(), st.integers(), texts), max_size=2),
)
verdicts = st.builds(
    Verdict,
    reward=numbers,
    correct=st.booleans(),
    outcome=st.sampled_from(Outcome),
    parts=st.dictionaries(texts, numbers, max_size=2),
    feedback=texts,
    detail=texts,
    seconds=numbers,
)
completions = tokens.flatmap(
    lambda ids: st.builds(
        Completion,
        token_ids=st.just(ids),
        logprobs=st.lists(numbers, min_size=len(ids), max_size=len(ids)).map(tuple),
        text=texts,
        finish_reason=st.sampled_from(["stop", "length"]),
        policy_version=st.integers(0, 9),
    )
)
turns = st.builds(
    Turn,
    observation=texts,
    action=texts,
    completion=st.none() | completions,
    reward=numbers,
    verdict=st.none() | verdicts,
    terminated=st.booleans(),
    truncated=st.booleans(),
    info=st.just({}) | st.just({"round": True, "heard": "no"}),
)
traces = tokens.map(
    lambda ids: TokenTrace(
        ids, tuple(i % 2 > 0 for i in ids), tuple(-0.1 * i for i in ids), (0,) * len(ids)
    )
)
trajectories = st.builds(
    Trajectory,
    task=tasks,
    turns=st.lists(turns, max_size=2).map(tuple),
    traces=st.lists(traces, max_size=2).map(tuple),
    ret=numbers,
    stop_reason=st.sampled_from(StopReason),
    seed=st.integers(0, 2**63 - 1),
    policy_version=st.integers(0, 9),
    meta=st.dictionaries(texts, texts, max_size=1),
    messages=st.lists(messages, max_size=2).map(tuple),
    seconds=numbers,
)


@given(trajectories)
def test_a_trajectory_is_read_as_it_was_written(trajectory: Trajectory) -> None:
    found = read_trajectory(json.loads(dump_line(trajectory)))
    assert found == trajectory
    assert found.seconds == trajectory.seconds


TASK = Task("name", (Message("user", "6*7="),), "42", 1.0, {"a": 1, "b": [2]})
PLAIN = Trajectory(TASK, (), (), 0.0, StopReason.ANSWERED, 0)


def test_a_row_of_an_older_run_is_read() -> None:
    row = to_json(PLAIN)
    del row["messages"], row["seconds"]
    assert read_trajectory(row) == PLAIN


@pytest.mark.parametrize(
    "change",
    [
        {"task": None},
        {"turns": [{}]},
        {"stop_reason": "tired"},
        {"seed": "x"},
        {"task": {"id": 3, "prompt": [], "reference": "1"}},
        {"messages": [{"role": "user", "content": "x", "images": ["no hex"]}]},
        {"traces": [{"ids": [1, 2], "action_mask": [True], "logprobs": [], "turn_index": []}]},
    ],
)
def test_a_row_of_something_else_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(DataError, match="no trajectory"):
        read_trajectory(to_json(PLAIN) | change)


def test_a_tasks_key_is_its_content() -> None:
    key = task_key(TASK)
    same = Task("another name", TASK.prompt, "42", 9.0, {"b": [2], "a": 1})
    assert task_key(same) == key
    image = Message("user", "6*7=", (b"png",))
    others = [
        dataclasses.replace(TASK, reference="43"),
        dataclasses.replace(TASK, meta={"a": 2, "b": [2]}),
        dataclasses.replace(TASK, prompt=(Message("system", "6*7="),)),
        dataclasses.replace(TASK, prompt=(image,)),
        dataclasses.replace(TASK, prompt=(Message("user", "6*7=", (b"jpg",)),)),
        dataclasses.replace(TASK, prompt=(*TASK.prompt, Message("user", ""))),
    ]
    assert len({key, *map(task_key, others)}) == 7
