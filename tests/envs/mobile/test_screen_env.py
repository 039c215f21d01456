"""The environment with pixels, and its dm_env face."""

from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from gym_reason.envs.check import check
from gym_reason.envs.mobile.screen_env import MobileScreen
from gym_reason.errors import UsageError
from gym_reason.registry import make

pytest.importorskip("PIL")


def observe(env: MobileScreen, seed: int = 0) -> Any:
    """Return the first observation of an episode."""
    return env.reset(seed=seed)[0]


def test_it_passes_the_checkers() -> None:
    check_env(MobileScreen(), skip_render_check=True)
    report = check("gym_reason/MobileScreen-v0")
    assert {one.name: one.detail for one in report.checks if not one.ok} == {}


def test_an_observation_has_the_goal_the_text_the_pixels_and_the_time() -> None:
    env = MobileScreen()
    first = observe(env)
    assert first in env.observation_space
    assert first["goal"] == env.task.meta["asked"]
    assert 'app "Notes"' in first["elements"]
    assert first["screenshot"].shape == (800, 360, 3)
    action = '{"action": "tap", "x": 90, "y": 120, "coord_space": "px"}'
    second: Any = env.step(action)[0]
    assert second["clock"] == first["clock"] + 1
    assert not np.array_equal(first["screenshot"], second["screenshot"])
    refused: Any = env.step("tap here")[0]
    assert refused["elements"].startswith("Not done: ")
    assert np.array_equal(refused["screenshot"], second["screenshot"])


def test_pixels_are_those_of_the_screenshot() -> None:
    action = '{{"action": "tap", "x": {}, "y": {}, "coord_space": "px"}}'
    opened = []
    for scale in (1, 3):
        env = MobileScreen(scale=scale)
        assert observe(env)["screenshot"].shape == (800 * scale, 360 * scale, 3)
        app = next(one for one in env.episode.observe().elements if one.kind == "app")
        left, top, right, bottom = app.bounds
        shown: Any = env.step(
            action.format((left + right) // 2 * scale, (top + bottom) // 2 * scale)
        )[0]
        opened.append(shown["elements"])
    assert opened[0] == opened[1]
    assert "page" in opened[0]
    for scale in (0, 5):
        with pytest.raises(UsageError):
            MobileScreen(scale=scale)


def test_the_same_seed_gives_the_same_pixels() -> None:
    first, second = observe(MobileScreen(look="random"), 5), observe(MobileScreen(look="random"), 5)
    assert first["goal"] == second["goal"]
    assert np.array_equal(first["screenshot"], second["screenshot"])


def test_it_is_made_by_its_id() -> None:
    env = make("gym_reason/MobileScreen-v0", dialect="mobilegym", scale=1)
    env.reset(seed=0)
    _, reward, terminated, _, _ = env.step('{"action": "AWAKE", "value": "Notes"}')
    assert (reward, terminated) == (0.0, False)
    assert env.step('{"action": "ABORT", "value": "no"}')[2]
    env.close()
