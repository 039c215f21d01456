"""Screens are kept by what their pages read, and never shown where that has changed."""

import numpy as np
import pytest

from gym_reason.envs.mobile.apps import APPS
from gym_reason.envs.mobile.apps.notes import NOTE, Note
from gym_reason.envs.mobile.devices.sim import SimDevice
from gym_reason.envs.mobile.gestures import OpenApp, Tap, Wait
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.screen import Screens
from gym_reason.envs.mobile.system.tables import SETTING
from gym_reason.envs.mobile.watched import ALL, WatchedWorld
from gym_reason.verifiers.state.world import EMPTY_WORLD
from tests.envs.mobile.screens import draw_gesture, fill_world


def test_a_watched_world_notes_what_is_read() -> None:
    world = EMPTY_WORLD.insert(NOTE, Note(0, "Tea", "", "", False, 0)).at(60)
    watched = WatchedWorld(world)
    assert watched.rows(NOTE) is world.rows(NOTE)
    assert watched.find(SETTING, "wifi") is None
    assert set(watched.read) == {NOTE.name, SETTING.name}
    assert not watched.timed
    assert watched.now == 60
    assert watched.timed
    assert watched.last_id(NOTE) == 1
    assert watched.read[ALL] is world.tables
    assert watched == world


@pytest.mark.parametrize("seed", range(4))
def test_what_is_kept_is_what_would_be_laid_out_anew(seed: int) -> None:
    rng = np.random.default_rng(seed)
    device = SimDevice()
    device.load(fill_world(seed), Look(order=seed))
    for _ in range(300):
        device.act(draw_gesture(rng, device.observe()))
        assert device.observe() == Screens(APPS).show(device.phone, device.look)


def test_a_write_elsewhere_and_a_second_do_not_make_a_screen_anew() -> None:
    device = SimDevice()
    device.load(fill_world(), Look())
    device.act(OpenApp("notes"))
    screen = device.observe()
    world = device.phone.world
    setting = next(iter(world.rows(SETTING)))
    device.phone = device.phone.write(world.update(SETTING, setting, value="other"))
    assert device.observe() is screen
    device.phone = device.phone.write(world.insert(NOTE, Note(0, "New", "", "", False, 0)))
    assert device.observe() is not screen


def test_the_clock_goes_on_where_the_page_stays() -> None:
    device = SimDevice()
    device.load(fill_world(), Look())
    device.act(OpenApp("notes"))
    first = device.observe()
    device.act(Wait(60))
    later = device.observe()
    assert first.elements[0].text != later.elements[0].text
    assert first.elements[1:] == later.elements[1:]


def test_a_running_stopwatch_shows_each_second() -> None:
    device = SimDevice()
    device.load(fill_world(), Look())
    device.act(OpenApp("clock"))
    tab = next(one for one in device.observe().elements if one.text == "Stopwatch")
    device.act(Tap(tab.bounds[0] + 5, tab.bounds[1] + 5))
    start = next(one for one in device.observe().elements if one.text == "Start")
    device.act(Tap(start.bounds[0] + 5, start.bounds[1] + 5))
    seen = set()
    for _ in range(5):
        device.act(Wait(1))
        seen.add(tuple(one.text for one in device.observe().elements[1:]))
    assert len(seen) == 5
