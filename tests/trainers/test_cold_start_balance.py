"""Demonstrations of every kind of task, where few are shown."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.errors import UsageError
from gym_reason.trainers.cold_start import deal_evenly
from gym_reason.types import Message, Task


def make_tasks(kinds: list[str]) -> list[Task]:
    return [
        Task(f"t{at}", (Message("user", "?"),), "", meta={"kind": kind})
        for at, kind in enumerate(kinds)
    ]


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=60), st.integers(1, 60))
def test_no_kind_comes_more_often_unless_another_has_run_out(kinds: list[str], count: int) -> None:
    tasks = make_tasks(kinds)
    dealt = deal_evenly([*tasks, *tasks], "kind", count)  # a task that was drawn twice counts once
    names = {task.id for task in dealt}
    assert len(dealt) == len(names) == min(count, len(tasks))
    have, got = Counter(kinds), Counter(str(task.meta["kind"]) for task in dealt)
    most = max(got.values())
    assert all(got[kind] >= min(most - 1, have[kind]) for kind in have)
    for kind in have:
        of_kind = [task.id for task in tasks if task.meta["kind"] == kind]
        assert names.issuperset(of_kind[: got[kind]])


def test_tasks_without_the_key_are_refused() -> None:
    with pytest.raises(UsageError, match=r"cold_start\.balance = 'colour'.*kind"):
        deal_evenly(make_tasks(["a"]), "colour", 1)
