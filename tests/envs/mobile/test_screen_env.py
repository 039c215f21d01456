"""The environment with pixels, and its dm_env face."""

import asyncio
import json
from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from gym_reason.agents.scripted import ScriptedAgent
from gym_reason.envs.check import check
from gym_reason.envs.mobile.render.png import write_png
from gym_reason.envs.mobile.screen_env import SEEN, MobileScreen
from gym_reason.errors import ConfigError, UsageError
from gym_reason.records import dump_line
from gym_reason.registry import make
from gym_reason.rollout import EnvPool, EpisodeLimits, run_groups
from gym_reason.trajectories import read_trajectory

pytest.importorskip("PIL")

from gym_reason.envs.mobile.render.paint import read_png


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


def play_one(seen: str, dialect: str = "native") -> Any:
    """Return the episode of two actions that are no claim, and the environment after it."""
    made: list[MobileScreen] = []

    def make_env() -> Any:
        made.append(MobileScreen(seen=seen, dialect=dialect, max_turns=2))
        return made[0]

    task = MobileScreen(seen=seen, dialect=dialect).draw_task(np.random.default_rng(4))
    (group,) = asyncio.run(
        run_groups(EnvPool(make_env), lambda env, task: ScriptedAgent(["x", "y"]), [task], 1, [0],
                   None, EpisodeLimits())
    )  # fmt: skip
    return group.trajectories[0], made[0]


@pytest.mark.parametrize("seen", SEEN)
def test_messages_show_what_is_asked_for(seen: str) -> None:
    episode, env = play_one(seen)
    first, _, second, _ = episode.messages
    assert env.shows_images == (seen != "elements")
    for message in (first, second):
        assert len(message.images) == int(env.shows_images)
        assert ('app "Notes"' in message.content) == (seen in ("both", "elements"))
        assert "screen " in message.content
        for image in message.images:
            assert read_png(image).shape == (800, 360, 3)
    assert episode.turns[0].observation == first.content
    assert episode.turns[1].observation == second.content
    assert second.content.startswith("Not done: ")
    assert read_trajectory(json.loads(dump_line(episode))) == episode


def test_marks_are_painted_on_what_is_observed_and_can_be_named() -> None:
    plain, marked = MobileScreen(seen="screenshot"), MobileScreen(seen="marks")
    before, after = observe(plain)["screenshot"], observe(marked)["screenshot"]
    assert not np.array_equal(before, after)
    (message,) = marked.illustrate(marked.task.prompt)
    assert np.array_equal(read_png(message.images[0]), after)
    layout = marked.episode.observe()
    index = next(i for i, one in enumerate(layout.elements) if one.text == "Notes" and one.tap)
    marked.step(json.dumps({"action": "tap", "index": index, "obs_id": 0}))
    assert marked.episode.app() == "Notes"


def test_a_screen_without_words_is_a_message_of_its_own() -> None:
    episode, _ = play_one("screenshot", "ui_tars")
    assert "Task: " in episode.messages[0].content
    env = MobileScreen(seen="screenshot", dialect="ui_tars")
    observe(env)
    info = env.step("Action: wait()")[4]
    (message,) = env.illustrate(info["messages"])
    assert (message.role, message.content, len(message.images)) == ("user", "", 1)


def test_pictures_are_whole_pngs() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (7, 5, 3), dtype=np.uint8)
    assert np.array_equal(read_png(write_png(pixels)), pixels)
    with pytest.raises(UsageError, match="seen"):
        MobileScreen(seen="smell")


def test_training_on_images_is_refused_before_it_begins() -> None:
    from gym_reason.trainers.recipe import load_recipe
    from gym_reason.trainers.train import check_parts

    words = ["env.id=gym_reason/MobileScreen-v0", "model.size=0.1m", "cold_start.steps=0"]
    with pytest.raises(ConfigError, match="seen='elements'"):
        check_parts(load_recipe("grpo", [*words, "env.kwargs={}"]))
    check_parts(load_recipe("grpo", [*words, "env.kwargs={seen='elements'}"]))
