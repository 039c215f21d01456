"""The device on a browser: it does what the embedded one does, and leaves nothing behind."""

import io
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gym_reason.envs.mobile.devices.browser import Browser, find_chromium
from gym_reason.envs.mobile.devices.chromium import ChromiumDevice
from gym_reason.envs.mobile.devices.sim import SimDevice
from gym_reason.envs.mobile.gestures import (
    Drag,
    Gesture,
    LongPress,
    OpenApp,
    Press,
    Tap,
    TypeText,
    Wait,
)
from gym_reason.envs.mobile.look import Look, draw_look
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.errors import EnvError, GymReasonError, RunError
from gym_reason.seeding import derive_rng
from tests.envs.mobile.screens import draw_gesture, fill_world


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser that the tests share; they are skipped where there is none, but not in CI."""
    try:
        started = Browser()
    except RunError as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI is set, and Chromium does not work: {error}")
        pytest.skip(str(error))
    yield started
    started.close()


@pytest.fixture(scope="module")
def device(browser: Browser) -> Iterator[ChromiumDevice]:
    made = ChromiumDevice(browser=browser)
    yield made
    made.close()


def compare(device: ChromiumDevice, seed: int, actions: int = 12) -> list[Gesture]:
    """Do the same things on both devices and compare every state; return what was done."""
    rng = derive_rng(seed, "chromium")
    look, world = draw_look(rng), fill_world(seed % 4)
    sim, done = SimDevice(), list[Gesture]()
    sim.load(world, look)
    device.load(world, look)
    for _ in range(actions):
        gesture = draw_gesture(rng, sim.observe())
        done.append(gesture)
        sim.act(gesture)
        device.act(gesture)
        assert device.phone == sim.phone, f"seed {seed}, after {done}"
        assert device.dump().to_json() == sim.dump().to_json()
        assert device.observe() == sim.observe()
        assert device.screen() == sim.screen()
    return done


def test_random_actions_lead_to_the_same_states(device: ChromiumDevice) -> None:
    done = [gesture for seed in range(10) for gesture in compare(device, seed)]
    kinds = {type(gesture) for gesture in done}
    assert kinds >= {Tap, LongPress, Drag, OpenApp, Press, Wait, TypeText}


@pytest.mark.slow
def test_many_random_actions_lead_to_the_same_states(device: ChromiumDevice) -> None:
    for seed in range(10, 150):  # 150 with those of the test above
        compare(device, seed)


def test_a_finger_does_what_a_mouse_does(browser: Browser) -> None:
    device = ChromiumDevice(touch=True, browser=browser)
    for seed in range(1000, 1006):
        compare(device, seed)
    device.close()


def test_the_browser_has_every_element_where_the_layout_has_it(device: ChromiumDevice) -> None:
    device.load(fill_world(), Look())
    rng = derive_rng(3, "bounds")
    for _ in range(60):
        screen = device.observe()
        found = {number: box for number, *box in device.read_bounds() if number >= 0}
        bounds = {number: list(one.bounds) for number, one in enumerate(screen.elements)}
        assert found == bounds
        device.act(draw_gesture(rng, screen))


def test_what_is_on_the_screen_can_be_read_in_the_page(device: ChromiumDevice) -> None:
    device.load(fill_world(), Look())
    for app in ("notes", "contacts", "settings", "tasks"):
        device.act(OpenApp(app))
        shown = device.read_text()
        for element in device.observe().elements:
            if element.kind in ("item", "title", "switch", "button", "heading"):
                assert element.text in shown
                assert element.detail in shown


def test_a_state_that_is_set_is_shown(device: ChromiumDevice) -> None:
    device.load(fill_world(), Look())
    device.phone = device.phone.open("notes")
    assert "Notes" in device.read_text().splitlines()
    device.phone = device.phone.open("settings")
    target = next(one for one in device.observe().elements if one.text == "Display")
    device.act(Tap(target.bounds[0] + 40, target.bounds[1] + 20))
    assert any(one.text == "Brightness" for one in device.observe().elements)


def test_the_element_that_the_browser_finds_decides(device: ChromiumDevice) -> None:
    device.load(fill_world(), Look())
    hand = Hand(device, Look())
    hand.open("notes")
    target = next(one for one in device.observe().elements if one.kind == "fab")
    # The page alone is changed: what lies under the finger there is another element.
    device._evaluate(
        "(() => { const fab = document.querySelector('.fab'); fab.style.top = '300px'; })()"
    )
    left, _, right, _ = target.bounds
    device.act(Tap((left + right) // 2, 320))
    assert device.phone.route.dialog == "new"


def test_texts_are_shown_and_not_run(device: ChromiumDevice) -> None:
    device.load(fill_world(), Look())
    hand = Hand(device, Look())
    hand.open("notes")
    hand.tap("Add")
    hand.tap("New note")
    evil = "</textarea><script>window.ran=1</script><img src=x onerror='window.ran=1'>\"&amp;"
    hand.type("Title", evil)
    hand.type("Text", evil)
    hand.tap("Save")
    assert evil in device.read_text()
    assert device._evaluate("window.ran === undefined") is True
    assert any(evil in json.dumps(row) or evil in row for row in _notes(device))


def _notes(device: ChromiumDevice) -> list[tuple[object, ...]]:
    return [tuple(row) for row in device.dump().tables["notes.note"].values()]


def test_a_photograph_is_a_png_of_the_screen(device: ChromiumDevice) -> None:
    image = pytest.importorskip("PIL.Image", reason="needs pillow")
    device.load(fill_world(), Look("dark"))
    device.act(OpenApp("notes"))
    with image.open(io.BytesIO(device.photograph())) as picture:
        assert picture.size == (360, 800)
        dark = np.asarray(picture.convert("RGB"))
    with image.open(io.BytesIO(device.photograph(2))) as picture:
        assert picture.size == (720, 1600)
    device.load(fill_world(), Look("light"))
    device.act(OpenApp("notes"))
    with image.open(io.BytesIO(device.photograph())) as picture:
        light = np.asarray(picture.convert("RGB"))
    assert dark.mean() < 80 < 180 < light.mean()
    assert len(np.unique(dark.reshape(-1, 3), axis=0)) > 50


def test_nothing_is_left_of_a_browser_that_was_closed() -> None:
    device = _own()
    running, folder = device._browser.process_id, device._browser.folder
    assert _processes(folder)
    device.close()
    device.close()
    _expect_gone(running, folder)
    with pytest.raises(EnvError, match="make a new device"):
        device.act(Tap(5, 5))


def test_a_browser_that_was_killed_is_told_in_one_line() -> None:
    device = _own()
    running, folder = device._browser.process_id, device._browser.folder
    os.kill(running, signal.SIGKILL)
    with pytest.raises(RunError, match="the browser has ended") as error:
        device.act(Tap(5, 5))
    assert "\n" not in str(error.value)
    device.close()
    _expect_gone(running, folder)


def test_a_browser_that_stops_answering_is_not_waited_for() -> None:
    device = _own(limit_s=3)
    folder = device._browser.folder
    stopped = _processes(folder)
    for one in stopped:
        os.kill(one, signal.SIGSTOP)
    with pytest.raises(RunError, match=r"no answer to .* within 3 s"):
        device.act(Tap(5, 5))
    device.close()
    _expect_gone(stopped[0], folder)


def test_a_browser_that_is_absent_or_none_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="install-system-deps"):
        find_chromium("no-such-browser")
    script = tmp_path / "browser"
    script.write_text("#!/bin/sh\necho broken on purpose >&2\nexit 3\n")
    script.chmod(0o755)
    with pytest.raises(RunError, match="did not start: broken on purpose") as error:
        Browser(str(script))
    assert "\n" not in str(error.value)


def _own(limit_s: float = 30) -> ChromiumDevice:
    try:
        return ChromiumDevice(limit_s=limit_s)
    except GymReasonError as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI is set, and Chromium does not work: {error}")
        pytest.skip(str(error))


def _processes(folder: str) -> list[int]:
    """Return the processes that were started with a profile."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if folder.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return sorted(found)


def _expect_gone(process: int, folder: str) -> None:
    deadline = time.monotonic() + 20
    while _processes(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _processes(folder)
    assert not Path(folder).exists()
    assert not Path(f"/proc/{process}").exists()
