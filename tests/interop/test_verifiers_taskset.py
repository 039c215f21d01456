"""Against the real package; skipped where it is not installed."""

import asyncio
import importlib

import pytest

from gym_reason.errors import UsageError
from gym_reason.interop.verifiers_taskset import make_verifiers_taskset

# Where Python looks for modules in the root of this repository, its folder has the name.
try:
    importlib.import_module("verifiers.v1")
except ImportError as error:
    pytest.skip(f"pip install 'gym-reason[verifiers]': {error}", allow_module_level=True)


def test_the_tasks_are_scored_by_our_reward() -> None:
    from gym_reason.envs.interop.verifiers_tasks import _score

    taskset = make_verifiers_taskset("gym_reason/Arithmetic-v0", 5, digits=1)
    rows = list(taskset)
    assert len({row.key for row in rows}) == 5
    for row in rows:
        left, right = (int(part) for part in row.data.prompt[:-1].split("+"))
        assert asyncio.run(_score(row, str(left + right))) == {"gym_reason": 1.0}
        assert asyncio.run(_score(row, str(left + right + 1))) == {"gym_reason": 0.0}
    assert [row.data.id for row in taskset.skip(1).take(2)] == [row.data.id for row in rows[1:3]]


def test_several_turns_are_refused() -> None:
    with pytest.raises(UsageError, match="openenv"):
        make_verifiers_taskset("gym_reason/Steps-v0", 2)
