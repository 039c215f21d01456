"""The dm_env face passes dm_env's own tests of conformance."""

from typing import Any

import numpy as np
import pytest

pytest.importorskip("dm_env")
pytest.importorskip("PIL")

import dm_env
from absl.testing import absltest
from dm_env import test_utils

from gym_reason.envs.mobile.dm import MobileDmEnv
from gym_reason.envs.mobile.screen_env import MobileScreen

DONE = '{"action": "status", "status": "complete"}'


class TestConformance(test_utils.EnvironmentTestMixin, absltest.TestCase):  # type: ignore[misc]
    """What dm_env asks of every environment."""

    def make_object_under_test(self, **unused_kwargs: Any) -> MobileDmEnv:
        """Return an environment."""
        return MobileDmEnv(MobileScreen(max_turns=4))

    def make_action_sequence(self) -> Any:
        """Yield actions over several episodes: some are cut off, some are ended."""
        for _ in range(4):
            yield np.array('{"action": "wait"}', dtype=object)
            yield np.array(DONE, dtype=object)
            yield from [np.array("", dtype=object)] * 6


def test_an_end_has_no_discount_and_a_cut_has_one() -> None:
    env = MobileDmEnv(MobileScreen(max_turns=2), seed=3)
    first = env.reset()
    assert first.step_type is dm_env.StepType.FIRST
    ended = env.step(DONE)
    assert (ended.last(), ended.discount) == (True, 0.0)
    assert env.step(DONE).first()
    env.step("wait")
    cut = env.step("wait")
    assert (cut.last(), cut.discount) == (True, 1.0)
    env.close()


def test_a_seed_gives_the_same_episodes() -> None:
    first, second = MobileDmEnv(seed=4), MobileDmEnv(seed=4)
    for _ in range(3):
        assert first.reset().observation["goal"] == second.reset().observation["goal"]
    assert MobileDmEnv(seed=5).reset().observation["goal"] != first.reset().observation["goal"]
