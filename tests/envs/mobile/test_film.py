"""Films of episodes: what is drawn and told, and that nothing of an agent becomes markup."""

import base64
import io
import json
import re

import numpy as np
import pytest

from gym_reason.envs.mobile.env import Mobile
from gym_reason.envs.mobile.episode import Scene
from gym_reason.seeding import derive_rng
from gym_reason.types import Message, Task
from gym_reason.verifiers.state import EMPTY_WORLD, write_reference
from gym_reason.verifiers.state.goals import Goal, Inserted, Want

image = pytest.importorskip("PIL.Image")

from gym_reason.envs.mobile.actions.dialects import DIALECTS  # noqa: E402
from gym_reason.envs.mobile.render.film import MAX_FRAMES, Film, make_film  # noqa: E402

WAIT = '{"action": "wait"}'
DONE = '{"action": "status", "status": "complete"}'


@pytest.fixture(scope="module")
def env() -> Mobile:
    return Mobile(templates="notes.create", twins=0.0)


@pytest.fixture(scope="module")
def task(env: Mobile) -> Task:
    return env.draw_task(derive_rng(0, "film"))


def shoot(env: Mobile, task: Task, *actions: str) -> Film:
    return make_film(task, Scene(EMPTY_WORLD), actions, DIALECTS["native"], env.verifier)


def test_an_oracle_is_shown_solving_the_task(env: Mobile, task: Task) -> None:
    actions = env.demonstrate(task)
    page = env.film(task, actions, "page").decode()
    assert page.count("<img ") == len(actions)
    assert ">Solved<" in page
    assert "return 1<" in page
    assert "Open notes" in page
    for data in re.findall(r"data:image/png;base64,([^\"]+)", page):
        with image.open(io.BytesIO(base64.b64decode(data))) as picture:
            assert picture.size == (240, 533)
    assert not re.search(r"(?:src|href)=\"(?!data:)", page)
    frames = json.loads(env.film(task, actions, "frames"))
    assert [one["number"] for one in frames] == list(range(1, len(actions) + 1))
    assert all(one["picture"] in page for one in frames)
    assert "open notes" in [one["done"] for one in frames]


def test_a_gif_has_a_picture_for_each_action(env: Mobile, task: Task) -> None:
    actions = env.demonstrate(task)
    with image.open(io.BytesIO(env.film(task, actions, "gif"))) as film:
        assert film.n_frames in range(len(actions) - 1, len(actions) + 1)


def test_the_same_episode_gives_the_same_film(env: Mobile, task: Task) -> None:
    actions = env.demonstrate(task)
    assert env.film(task, actions) == env.film(task, actions)


def test_filming_leaves_an_episode_as_it_is(env: Mobile, task: Task) -> None:
    env.reset(options={"task": task})
    env.step(env.demonstrate(task)[0])
    before = env.episode.device.dump(), env.episode.observe(), env.episode.obs_id
    env.film(task, [WAIT, DONE])
    assert (env.episode.device.dump(), env.episode.observe(), env.episode.obs_id) == before


def test_what_an_agent_writes_is_text(env: Mobile, task: Task) -> None:
    attack = '</code><script>alert(1)</script><img src=x onerror="alert(2)">\u202e'
    answer = json.dumps({"action": "answer", "text": attack})
    page = env.film(task, [attack, answer, DONE], "page").decode()
    assert "<script" not in page
    assert "onerror=&quot;" in page
    assert "\u202e" not in page
    assert "Not done: " in page
    assert ">Not solved<" in page


def marked(film: Film, number: int) -> int:
    """Return how many pixels of a screen are in the colour of marks."""
    pixels = np.asarray(film.frames[number].picture.convert("RGB")).reshape(-1, 3)
    return int(((pixels > (190, -1, 60)) & (pixels < (256, 90, 130))).all(axis=1).sum())


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ('{"action": "tap", "x": 180, "y": 600, "coord_space": "px"}', "tap at 180, 600"),
        ('{"action": "long_press", "x": 180, "y": 600, "coord_space": "px"}', "hold at 180, 600"),
        ('{"action": "swipe", "direction": "up"}', "drag up"),
        ('{"action": "swipe", "direction": "left"}', "drag to the left"),
    ],
)
def test_touches_and_drags_are_marked_and_told(
    env: Mobile, task: Task, action: str, words: str
) -> None:
    film = shoot(env, task, WAIT, action)
    assert [frame.done for frame in film.frames] == ["wait 1 s", words, "so far"]
    assert marked(film, 1) > marked(film, 0) + 40
    assert film.verdict is None


def test_claims_and_answers_are_told(env: Mobile, task: Task) -> None:
    answer = '{"action": "answer", "text": "42"}'
    film = shoot(env, task, answer, '{"action": "press_key", "key": "home"}', "what", DONE, WAIT)
    assert [frame.done for frame in film.frames] == [
        "answer \u201c42\u201d",
        "press home",
        "nothing that can be done",
        "say that it is complete",
    ]
    assert film.rewards == pytest.approx(-0.55)


def test_of_a_long_episode_the_ends_are_shown(env: Mobile, task: Task) -> None:
    film = shoot(env, task, *[WAIT] * 70)
    assert len(film.frames) <= MAX_FRAMES
    assert film.frames[0].number == 1
    assert film.frames[-2].number == 70
    assert film.left_out == 70 - len(film.frames) + 1
    page = env.film(task, [WAIT] * 70).decode()
    assert page.count("screens are left out") == 1


def test_an_episode_that_has_not_begun_has_its_first_screen(env: Mobile, task: Task) -> None:
    assert env.film(task, []).count(b"<img ") == 1


def test_a_task_of_ones_own_has_a_film(env: Mobile) -> None:
    goal = Goal((Inserted("notes.note", {"title": Want("Tea", "title")}),))
    prompt = (Message("user", "Write a note called Tea."),)
    own = Task("own", prompt, write_reference(goal, EMPTY_WORLD.at(1_700_000_000)))
    page = env.film(own, [DONE]).decode()
    assert "Write a note called Tea." in page
    assert ">Not solved<" in page
