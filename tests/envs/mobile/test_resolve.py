"""From actions to gestures: elements, points, scrolls, levels, apps."""

import pytest

from gym_reason.envs.mobile.actions.reading import ActionError
from gym_reason.envs.mobile.actions.resolve import ALIASES, find_app, find_point, resolve
from gym_reason.envs.mobile.actions.types import Claim, Say, Touch
from gym_reason.envs.mobile.apps import APPS
from gym_reason.envs.mobile.apps.notes import NOTE, Note
from gym_reason.envs.mobile.devices.sim import SimDevice
from gym_reason.envs.mobile.gestures import (
    Drag,
    LongPress,
    OpenApp,
    Press,
    Tap,
    TypeText,
    Wait,
    find_element,
)
from gym_reason.envs.mobile.layout import Layout
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.system.tables import SETTING
from tests.envs.mobile.screens import fill_world


def show(*apps: str) -> SimDevice:
    """Return a device full of data, with an app open."""
    device = SimDevice()
    device.load(fill_world(), Look())
    for app in apps:
        device.act(OpenApp(app))
    return device


def number_of(screen: Layout, text: str, kind: str = "") -> int:
    """Return the number of the element of a text."""
    return next(
        number
        for number, one in enumerate(screen.elements)
        if one.text == text and kind in ("", one.kind)
    )


def do(device: SimDevice, action: Touch) -> None:
    """Do an action on the screen as it is."""
    for gesture in resolve(action, device.observe()):
        device.act(gesture)


def test_an_element_is_touched_where_nothing_covers_it() -> None:
    for app in APPS:
        screen = show(app).observe()
        for element in screen.elements[screen.modal :]:
            if element.tap is not None and element.kind != "key":
                assert find_element(screen, *find_point(screen, element)) is element, app


def test_an_element_or_a_key_that_is_not_there_is_an_error() -> None:
    screen = show("notes").observe()
    for index in (-1, len(screen.elements), 10**9):
        with pytest.raises(ActionError, match="no element"):
            resolve(Touch("tap", element=index), screen)
    with pytest.raises(ActionError, match="no key"):
        resolve(Press("power"), screen)
    for kind in ("tap", "long_press", "double_tap", "drag"):
        with pytest.raises(ActionError):
            resolve(Touch(kind), screen)
    with pytest.raises(ActionError, match="where it ends"):
        resolve(Touch("drag", x=1, y=1), screen)
    with pytest.raises(ActionError, match="slider"):
        resolve(Touch("set_level", element=1, level=5), screen)


def test_what_is_said_takes_no_gesture_and_gestures_stay_what_they_are() -> None:
    screen = show().observe()
    assert resolve(Say("answer", "4"), screen) == ()
    assert resolve(Claim("complete"), screen) == ()
    for gesture in (Tap(1, 2), LongPress(1, 2), Drag(1, 2, 3, 4), TypeText("a"), Wait(3)):
        assert resolve(gesture, screen) == (gesture,)
    assert resolve(Touch("double_tap", x=5, y=6), screen) == (Tap(5, 6), Tap(5, 6))


def test_a_field_is_touched_before_it_is_written_in_and_only_once() -> None:
    device = show("notes")
    screen = device.observe()
    do(device, Touch("tap", element=number_of(screen, "Add", "fab")))
    do(device, Touch("tap", element=number_of(device.observe(), "New note")))
    index = number_of(device.observe(), "Title", "field")
    write = Touch("input_text", element=index, text="Tea")
    assert [type(one) for one in resolve(write, device.observe())] == [Tap, TypeText]
    do(device, write)
    index = number_of(device.observe(), "Title", "field")
    again = Touch("input_text", element=index, text=" time", submit=True)
    assert resolve(again, device.observe()) == (TypeText(" time"), Press("enter"))
    do(device, again)
    screen = device.observe()
    field = screen.elements[number_of(screen, "Title", "field")]
    assert (field.detail, field.focused) == ("Tea time", False)


def test_scrolling_down_and_up_goes_there_and_back() -> None:
    device = SimDevice()
    world = fill_world()
    for number in range(30):
        world = world.insert(NOTE, Note(0, f"Note {number}", "", "", False, 0))
    device.load(world, Look())
    device.act(OpenApp("notes"))
    while device.observe().scroll < device.observe().max_scroll:
        before = device.observe().scroll
        do(device, Touch("scroll", direction="down"))
        assert device.observe().scroll > before
    assert device.observe().max_scroll > 0
    for _ in range(5):
        do(device, Touch("scroll", direction="up"))
    assert device.observe().scroll == 0
    do(device, Touch("swipe", direction="up"))
    assert device.observe().scroll > 0


def test_scrolling_never_moves_a_slider() -> None:
    device = show("settings")
    do(device, Touch("tap", element=number_of(device.observe(), "Sound")))
    screen = device.observe()
    assert any(one.kind == "slider" for one in screen.elements)
    before = device.dump().rows(SETTING)
    for direction in ("down", "up", "down"):
        do(device, Touch("scroll", direction=direction))
    assert device.dump().rows(SETTING) == before


@pytest.mark.parametrize("level", [0, 1, 33, 50, 77, 99, 100])
def test_a_slider_is_set_to_the_level_that_is_asked_for(level: int) -> None:
    device = show("settings")
    do(device, Touch("tap", element=number_of(device.observe(), "Display")))
    index = next(n for n, one in enumerate(device.observe().elements) if one.kind == "slider")
    do(device, Touch("set_level", element=index, level=level))
    assert device.observe().elements[index].value == level


def test_apps_go_by_their_names_labels_and_what_others_call_them() -> None:
    for app in APPS.values():
        assert find_app(app.name, APPS) == app.name
        assert find_app(f" {app.label.upper()} ", APPS) == app.name
        assert find_app(Look(locale="zh").say(app.label), APPS) == app.name
    for alias, name in ALIASES.items():
        assert find_app(alias.title(), APPS) == name
    for unknown in ("", "  ", "notes2", "Mail", "\u0130"):
        with pytest.raises(ActionError, match="no app"):
            find_app(unknown, APPS)
    assert resolve(OpenApp("Markor"), show().observe()) == (OpenApp("notes"),)
