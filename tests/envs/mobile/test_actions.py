"""Every dialect: fixtures, round trips, and texts of all kinds that raise nothing but one error."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gym_reason.envs.mobile.actions.dialects import DIALECTS
from gym_reason.envs.mobile.actions.reading import ActionError, Shown
from gym_reason.envs.mobile.actions.types import Action, Claim, Say, Touch
from gym_reason.envs.mobile.actions.ui_tars import resized
from gym_reason.envs.mobile.gestures import (
    Drag,
    LongPress,
    OpenApp,
    Press,
    Tap,
    TypeText,
    Wait,
)

BOX = "<|box_start|>({},{})<|box_end|>"

READ: list[tuple[str, str, Action]] = [
    ("native", '{"action": "tap", "index": 3, "obs_id": 7}', Touch("tap", element=3)),
    (
        "native",
        '{"action": "tap", "x": 540, "y": 1200, "coord_space": "px"}',
        Touch("tap", x=180, y=400),
    ),
    (
        "native",
        '{"action": "long_press", "x": 0.5, "y": 1, "coord_space": "norm1"}',
        Touch("long_press", x=180, y=799),
    ),
    (
        "native",
        '{"action": "tap", "x": 1000, "y": 0, "coord_space": "norm1000"}',
        Touch("tap", x=359, y=0),
    ),
    ("native", '{"action": "swipe", "direction": "up"}', Touch("swipe", direction="up")),
    (
        "native",
        '{"action": "swipe", "x": 0, "y": 0, "x1": 1, "y1": 1, "coord_space": "norm1"}',
        Touch("drag", x=0, y=0, x1=359, y1=799),
    ),
    (
        "native",
        '{"action": "drag", "index": 4, "obs_id": 7, "x1": 30, "y1": 60}',
        Touch("drag", element=4, x1=10, y1=20),
    ),
    (
        "native",
        '{"action": "set_level", "index": 4, "obs_id": 7, "level": 80}',
        Touch("set_level", element=4, level=80),
    ),
    (
        "native",
        '{"action": "input_text", "text": "a", "index": 4, "obs_id": 7, "submit": true}',
        Touch("input_text", element=4, text="a", submit=True),
    ),
    (
        "native",
        '{"action": "input_text", "text": "", "clear": true}',
        Touch("input_text", clear=True),
    ),
    ("native", '{"action": "press_key", "key": "enter"}', Press("enter")),
    ("native", '{"action": "navigate_back"}', Press("back")),
    ("native", '{"action": "navigate_home"}', Press("home")),
    ("native", '{"action": "recents"}', Press("recents")),
    ("native", '{"action": "open_app", "app": "Notes"}', OpenApp("Notes")),
    ("native", '{"action": "wait"}', Wait(1)),
    ("native", '{"action": "wait", "seconds": 90}', Wait(90)),
    ("native", '{"action": "answer", "text": "42"}', Say("answer", "42")),
    ("native", '{"action": "ask_user", "text": "who?"}', Say("ask_user", "who?")),
    ("native", '{"action": "status", "status": "infeasible"}', Claim("infeasible")),
    (
        "native",
        '{"action": "status", "status": "complete", "answer": "42"}',
        Claim("complete", "42"),
    ),
    ("brief", "tap 3", Touch("tap", element=3)),
    ("brief", "hold 3\n", Touch("long_press", element=3)),
    (
        "brief",
        r"type 4 some  text\n\\ more ",
        Touch("input_text", element=4, text="some  text\n\\ more ", clear=True),
    ),
    ("brief", "type 4", Touch("input_text", element=4, clear=True)),
    ("brief", "set 5 80", Touch("set_level", element=5, level=80)),
    ("brief", "scroll down", Touch("scroll", direction="down")),
    ("brief", "swipe left", Touch("swipe", direction="left")),
    ("brief", "drag 10 20 30 40", Drag(10, 20, 30, 40)),
    ("brief", "back", Press("back")),
    ("brief", "wait", Wait(1)),
    ("brief", "wait 5", Wait(5)),
    ("brief", "open my notes", OpenApp("my notes")),
    ("brief", "answer 42, 43", Say("answer", "42, 43")),
    ("brief", "ask who?", Say("ask_user", "who?")),
    ("brief", "done", Claim("complete")),
    ("brief", "impossible", Claim("infeasible")),
    ("androidworld", '{"action_type": "click", "index": 3}', Touch("tap", element=3)),
    ("androidworld", '{"action_type": "click", "index": "3"}', Touch("tap", element=3)),
    ("androidworld", '{"action_type": "click", "x": 540, "y": 1200}', Touch("tap", x=180, y=400)),
    ("androidworld", '{"action_type": "double_tap", "index": 3}', Touch("double_tap", element=3)),
    ("androidworld", '{"action_type": "long_press", "index": 3}', Touch("long_press", element=3)),
    (
        "androidworld",
        '{"action_type": "input_text", "text": "a", "index": 4}',
        Touch("input_text", element=4, text="a", submit=True),
    ),
    (
        "androidworld",
        '{"action_type": "input_text", "text": 7, "x": 3, "y": 3, "clear_text": true}',
        Touch("input_text", x=1, y=1, text="7", clear=True, submit=True),
    ),
    ("androidworld", '{"action_type": "input_text", "text": "", "index": 4}', Wait(0)),
    # The finger goes over the whole screen, from left to right for `left`.
    ("androidworld", '{"action_type": "swipe", "direction": "left"}', Drag(0, 400, 359, 400)),
    ("androidworld", '{"action_type": "swipe", "direction": "right"}', Drag(359, 400, 0, 400)),
    ("androidworld", '{"action_type": "swipe", "direction": "up"}', Drag(180, 799, 180, 0)),
    ("androidworld", '{"action_type": "scroll", "direction": "left"}', Drag(180, 400, 359, 400)),
    ("androidworld", '{"action_type": "scroll", "direction": "down"}', Drag(180, 400, 180, 0)),
    (
        "androidworld",
        '{"action_type": "scroll", "direction": "down", "index": 0}',
        Drag(180, 400, 180, 0),
    ),
    (
        "androidworld",
        '{"action_type": "scroll", "direction": "down", "index": 2}',
        Touch("scroll", element=2, direction="down"),
    ),
    ("androidworld", '{"action_type": "keyboard_enter"}', Press("enter")),
    ("androidworld", '{"action_type": "navigate_home", "x": null}', Press("home")),
    ("androidworld", '{"action_type": "open_app", "app_name": "Chrome"}', OpenApp("Chrome")),
    ("androidworld", '{"action_type": "wait"}', Wait(1)),
    ("androidworld", '{"action_type": "unknown"}', Wait(0)),
    ("androidworld", '{"action_type": "answer", "text": "4"}', Say("answer", "4")),
    ("androidworld", '{"action_type": "status", "goal_status": "complete"}', Claim("complete")),
    (
        "androidworld",
        '{"action_type": "status", "goal_status": "infeasible"}',
        Claim("infeasible"),
    ),
    ("ui_tars", f"Thought: so\nAction: click(start_box='{BOX.format(500, 500)}')", Tap(180, 400)),
    ("ui_tars", "click(start_box='(490,490,510,510)')", Tap(180, 400)),
    (
        "ui_tars",
        f"Action: long_press(start_box='{BOX.format(1000, 0)}', time='2')",
        LongPress(359, 0),
    ),
    ("ui_tars", "Action: type(content='it\\'s\\n')", Touch("input_text", text="it's", submit=True)),
    ("ui_tars", "Action: type(content='it's so')", Touch("input_text", text="it's so")),
    (
        "ui_tars",
        f"Action: scroll(start_box='{BOX.format(500, 500)}', direction='down')",
        Touch("scroll", x=180, y=400, direction="down"),
    ),
    ("ui_tars", "Action: scroll(direction='up')", Touch("scroll", direction="up")),
    (
        "ui_tars",
        f"Action: drag(start_box='{BOX.format(0, 0)}', end_box='{BOX.format(500, 500)}')",
        Drag(0, 0, 180, 400),
    ),
    ("ui_tars", "Action: open_app(app_name='Notes')", OpenApp("Notes")),
    ("ui_tars", "Action: press_back()", Press("back")),
    ("ui_tars", "Action: navigate_home()", Press("home")),
    ("ui_tars", "Action: WAIT()", Wait(1)),
    ("ui_tars", "Action: call_user()", Say("ask_user", "")),
    ("ui_tars", "Action: finished(content='42')", Claim("complete", "42")),
    ("ui_tars", "Action: FINISHED()", Claim("complete")),
    ("android_control", '{"action_type": "click", "x": 540, "y": 1200}', Tap(180, 400)),
    ("android_control", '{"action_type": "long_press", "x": 3, "y": 3}', LongPress(1, 1)),
    (
        "android_control",
        '{"action_type": "type", "x": 3, "y": 3, "text": "a"}',
        Touch("input_text", x=1, y=1, text="a", submit=True),
    ),
    (
        "android_control",
        '{"action_type": "input_text", "text": "a", "x": null, "app_name": null}',
        Touch("input_text", text="a"),
    ),
    (
        "android_control",
        '{"action_type": "scroll", "direction": "down"}',
        Touch("scroll", direction="down"),
    ),
    ("android_control", '{"action_type": "open_app", "app_name": "Notes"}', OpenApp("Notes")),
    ("android_control", '{"action_type": "navigate_back"}', Press("back")),
    ("android_control", '{"action_type": "wait"}', Wait(1)),
    (
        "android_control",
        '{"action_type": "status", "goal_status": "successful"}',
        Claim("complete"),
    ),
    (
        "aitw",
        'Action Plan: [] Action Decision: "action_type": "DUAL_POINT", "touch_point": '
        '"[0.25, 0.5]", "lift_point": "[0.26, 0.5]", "typed_text": ""',
        Tap(180, 200),
    ),
    (
        "aitw",
        '{"action_type": 4, "touch_point": [0.8, 0.5], "lift_point": [0.2, 0.5]}',
        Drag(180, 640, 180, 160),
    ),
    (
        "aitw",
        '"action_type": "TYPE", "touch_point": "[-1.0, -1.0]", "lift_point": "[-1.0, -1.0]", '
        '"typed_text": "new york"',
        Touch("input_text", text="new york"),
    ),
    ("aitw", '{"action_type": "press_back"}', Press("back")),
    ("aitw", '{"action_type": 7}', Press("enter")),
    ("aitw", '{"action_type": "STATUS_TASK_COMPLETE"}', Claim("complete")),
    ("aitw", '{"action_type": 11}', Claim("infeasible")),
    (
        "mobilegym",
        '<THINK>so</THINK>\n<ANSWER>{"action": "CLICK", "point": [500, 500]}</ANSWER>',
        Tap(180, 400),
    ),
    ("mobilegym", '{"action": "LONGPRESS", "point": [0, 1000]}', LongPress(0, 799)),
    (
        "mobilegym",
        '{"action": "DOUBLE_TAP", "point": [500, 500]}',
        Touch("double_tap", x=180, y=400),
    ),
    (
        "mobilegym",
        '{"action": "TYPE", "value": "a", "point": [500, 500], "clear": true}',
        Touch("input_text", x=180, y=400, text="a", clear=True),
    ),
    ("mobilegym", '{"action": "TYPE", "value": "a"}', Touch("input_text", text="a")),
    (
        "mobilegym",
        '{"action": "SWIPE", "point1": [500, 800], "point2": [500, 200]}',
        Drag(180, 640, 180, 160),
    ),
    ("mobilegym", '{"action": "RECENT"}', Press("recents")),
    ("mobilegym", '{"action": "WAIT", "value": 2.0}', Wait(2)),
    ("mobilegym", '{"action": "AWAKE", "value": "Notes"}', OpenApp("Notes")),
    ("mobilegym", '{"action": "ANSWER", "value": "4"}', Say("answer", "4")),
    ("mobilegym", '{"action": "COMPLETE", "return": "done"}', Claim("complete")),
    ("mobilegym", '{"action": "ABORT", "value": "no such app"}', Claim("infeasible")),
]

REFUSED = [
    ("native", ""),
    ("native", "tap 3"),
    ("native", '[{"action": "tap"}]'),
    ("native", '{"action": "tap", "index": 3}'),
    ("native", '{"action": "tap", "index": 3, "obs_id": 6}'),
    ("native", '{"action": "tap", "index": true, "obs_id": 7}'),
    ("native", '{"action": "tap", "index": 3.0, "obs_id": 7}'),
    ("native", '{"action": "tap", "index": 3, "obs_id": 7, "x": 1, "y": 1, "coord_space": "px"}'),
    ("native", '{"action": "tap", "x": 1, "y": 1}'),
    ("native", '{"action": "tap", "x": 1, "y": 1, "coord_space": "cm"}'),
    ("native", '{"action": "tap", "x": 1081, "y": 1, "coord_space": "px"}'),
    ("native", '{"action": "tap", "x": -1, "y": 1, "coord_space": "norm1000"}'),
    ("native", '{"action": "tap", "x": NaN, "y": 1, "coord_space": "px"}'),
    ("native", '{"action": "tap", "x": 1e999, "y": 1, "coord_space": "px"}'),
    ("native", '{"action": "tap", "action": "wait"}'),
    ("native", '{"action": "wait", "seconds": 0}'),
    ("native", '{"action": "wait", "seconds": 1e9}'),
    ("native", '{"action": "press_key", "key": "power"}'),
    ("native", '{"action": "navigate_back", "times": 2}'),
    ("native", '{"action": "status", "status": "done"}'),
    ("native", '{"action": "answer", "text": 42}'),
    ("native", '{"action": "answer", "text": "\\ud800"}'),
    ("native", '{"action": "wait"} {"action": "wait"}'),
    ("native", '{"action": ["tap"]}'),
    ("brief", ""),
    ("brief", "tap"),
    ("brief", "tap three"),
    ("brief", "tap -1"),
    ("brief", "tap 3 4"),
    ("brief", "tap \u0663"),
    ("brief", "back 2"),
    ("brief", "scroll"),
    ("brief", "scroll in"),
    ("brief", "set 5 101"),
    ("brief", "drag 0 0 999 0"),
    ("brief", "type x y"),
    ("brief", r"type 4 a\b"),
    ("brief", "type 4 a\ntap 3"),
    ("brief", "answer "),
    ("brief", "open"),
    ("androidworld", '{"action_type": "press"}'),
    ("androidworld", '{"action_type": "click"}'),
    ("androidworld", '{"action_type": "click", "index": 1, "x": 1, "y": 1}'),
    ("androidworld", '{"action_type": "click", "index": "first"}'),
    ("androidworld", '{"action_type": "click", "index": -1}'),
    ("androidworld", '{"action_type": "input_text", "text": "a"}'),
    ("androidworld", '{"action_type": "scroll"}'),
    ("androidworld", '{"action_type": "scroll", "direction": "in"}'),
    ("androidworld", '{"action_type": "open_app"}'),
    ("androidworld", '{"action_type": "status"}'),
    ("androidworld", '{"action_type": "wait", "seconds": 2}'),
    ("ui_tars", "Action: click()"),
    ("ui_tars", "Action: click(point='<point>1 2'"),
    ("ui_tars", "Action: click(point='<point>99999 2</point>')"),
    ("ui_tars", "Action: type(content='a"),
    ("ui_tars", "Action: type(content=__import__('os'))"),
    ("ui_tars", "Action: press_back() press_back()"),
    ("ui_tars", "Action: scroll(direction='in')"),
    ("ui_tars", "Action: click(start_box='(1,1)', start_box='(2,2)')"),
    ("ui_tars", "Action: hotkey(key='ctrl v')"),
    ("android_control", '{"action_type": "click", "x": 1}'),
    ("android_control", '{"action_type": "input_text"}'),
    ("android_control", '{"action_type": "double_tap", "x": 1, "y": 1}'),
    ("aitw", '"action_type": "DUAL_POINT"'),
    ("aitw", '{"action_type": "DUAL_POINT", "touch_point": [0.5], "lift_point": [0.5]}'),
    ("aitw", '{"action_type": "DUAL_POINT", "touch_point": "[1.2, 0]", "lift_point": "[0, 0]"}'),
    ("aitw", '{"action_type": 0}'),
    ("aitw", '{"action_type": true}'),
    ("mobilegym", "<ANSWER></ANSWER>"),
    ("mobilegym", '<ANSWER>{"action": "BACK"}</ANSWER><ANSWER>{"action": "HOME"}</ANSWER>'),
    ("mobilegym", '{"action": "CLICK", "point": [1001, 0]}'),
    ("mobilegym", '{"action": "CLICK", "point": "500 500"}'),
    ("mobilegym", '{"action": "FLY"}'),
]

SHOWN = Shown(scale=3, obs_id=7)


@pytest.mark.parametrize(("dialect", "text", "action"), READ)
def test_an_action_is_read(dialect: str, text: str, action: Action) -> None:
    read = DIALECTS[dialect].parse(text, SHOWN)
    assert read == action
    assert type(read) is type(action)


@pytest.mark.parametrize(("dialect", "text"), REFUSED)
def test_what_is_no_action_is_refused_with_a_message(dialect: str, text: str) -> None:
    with pytest.raises(ActionError) as caught:
        DIALECTS[dialect].parse(text, SHOWN)
    assert 5 < len(str(caught.value)) < 300


def test_every_dialect_has_fixtures_for_both() -> None:
    assert {dialect for dialect, *_ in READ} == {dialect for dialect, _ in REFUSED} == set(DIALECTS)


@pytest.mark.parametrize("scale", [1, 3])
def test_ui_tars_counts_in_the_pixels_of_its_processor(scale: int) -> None:
    wide, high = resized(360 * scale, 800 * scale)
    assert wide % 28 == high % 28 == 0
    text = f"Action: click(point='<point>{wide // 2} {high // 2}</point>')"
    read = DIALECTS["ui_tars"].parse(text, Shown(scale))
    assert isinstance(read, Tap)
    assert abs(read.x - 180) <= 1
    assert abs(read.y - 400) <= 1


TEXTS = st.text(max_size=40)
INDICES = st.integers(0, 999)
ACROSS, DOWN = st.integers(0, 359), st.integers(0, 799)
DIRECTIONS = st.sampled_from(["up", "down", "left", "right"])


def touches(kind: str, **fields: st.SearchStrategy[object]) -> st.SearchStrategy[Action]:
    """Draw touches of a kind with some fields, the others as they are by default."""
    return st.fixed_dictionaries({"kind": st.just(kind), **fields}).map(
        lambda drawn: Touch(**drawn)  # type: ignore[arg-type]
    )


ACTIONS: st.SearchStrategy[Action] = st.one_of(
    touches("tap", element=INDICES),
    touches("long_press", element=INDICES),
    touches("input_text", element=INDICES, text=TEXTS, clear=st.just(True)),
    touches("scroll", direction=DIRECTIONS),
    touches("swipe", direction=DIRECTIONS),
    touches("set_level", element=INDICES, level=st.integers(0, 100)),
    st.sampled_from(["back", "home", "recents", "enter", "delete"]).map(Press),
    st.sampled_from(["notes", "back", "Clock"]).map(OpenApp),
    st.integers(1, 86_400).map(Wait),
    TEXTS.map(str.strip).filter(None).map(lambda text: Say("answer", text)),
    st.sampled_from([Claim("complete"), Claim("infeasible")]),
)
POINTED: st.SearchStrategy[Action] = st.one_of(
    touches("tap", x=ACROSS, y=DOWN),
    touches("long_press", x=ACROSS, y=DOWN),
    touches("drag", x=ACROSS, y=DOWN, x1=ACROSS, y1=DOWN),
    touches("input_text", text=TEXTS, clear=st.booleans(), submit=st.booleans()),
    TEXTS.map(lambda text: Claim("complete", text)),
    TEXTS.map(lambda text: Say("ask_user", text)),
)
DRAGS: st.SearchStrategy[Action] = st.tuples(ACROSS, DOWN, ACROSS, DOWN).map(lambda one: Drag(*one))


@given(ACTIONS | POINTED, st.integers(1, 4))
def test_native_reads_what_it_writes(action: Action, scale: int) -> None:
    write = DIALECTS["native"].write
    assert write is not None
    shown = Shown(scale, 5)
    assert DIALECTS["native"].parse(write(action, shown), shown) == action


@given(ACTIONS | DRAGS)
def test_brief_reads_what_it_writes(action: Action) -> None:
    write = DIALECTS["brief"].write
    assert write is not None
    read = DIALECTS["brief"].parse(write(action, Shown()), Shown())
    assert read == action
    assert type(read) is type(action)


@given(ACTIONS)
def test_androidworld_reads_what_it_writes_or_says_that_it_cannot(action: Action) -> None:
    write = DIALECTS["androidworld"].write
    assert write is not None
    try:
        text = write(action, Shown())
    except ActionError:
        return
    read = DIALECTS["androidworld"].parse(text, Shown())
    if isinstance(action, Touch) and action.kind == "input_text":
        assert read == action._replace(submit=True)
    elif isinstance(action, Touch) and action.kind == "scroll":
        assert isinstance(read, Drag)
    else:
        assert read == action


@pytest.mark.parametrize("action", [TypeText("a"), Tap(1, 1), LongPress(2, 2), Drag(1, 2, 3, 4)])
def test_native_writes_gestures_too(action: Action) -> None:
    write = DIALECTS["native"].write
    assert write is not None
    read = DIALECTS["native"].parse(write(action, Shown()), Shown())
    assert isinstance(read, Touch)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
WORDS = sorted({word for _, text, _ in READ for word in text.replace('"', " ").split()})
FIELDS = [
    *("action", "action_type", "index", "obs_id", "x", "y", "x1", "y1", "coord_space", "text"),
    *("direction", "level", "touch_point", "lift_point", "typed_text", "point", "value", "status"),
]
KINDS = sorted(
    {
        str(fields.get("action", fields.get("action_type")))
        for _, text, _ in READ
        if text.startswith("{") and (fields := json.loads(text))
    }
)
NEARLY = st.fixed_dictionaries(
    {"action": st.sampled_from(KINDS), "action_type": st.sampled_from(KINDS)}
).flatmap(
    lambda kinds: st.dictionaries(st.sampled_from(FIELDS[2:]), JSON, max_size=4).map(
        lambda rest: {**kinds, **rest}
    )
)
HOSTILE = st.one_of(
    st.text(),
    JSON.map(json.dumps),
    NEARLY.map(json.dumps),
    NEARLY.map(lambda fields: json.dumps({k: v for k, v in fields.items() if k != "action"})),
    NEARLY.map(lambda fields: json.dumps({k: v for k, v in fields.items() if k != "action_type"})),
    st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join),
    st.lists(st.sampled_from([*WORDS, "(", ")", "'", '"', "\\", "\n", "=", ","])).map("".join),
)


@settings(max_examples=300)
@given(st.sampled_from(sorted(DIALECTS)), HOSTILE)
def test_no_text_raises_another_error(dialect: str, text: str) -> None:
    try:
        action = DIALECTS[dialect].parse(text, SHOWN)
    except ActionError:
        return
    assert isinstance(action, tuple)


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
@pytest.mark.parametrize(
    "text",
    [
        "{" * 100_000,
        "[" * 100_000,
        "9" * 10_000,
        '{"action": ' * 50_000,
        "click(" * 20_000,
        "click(a='" + "'" * 20_000,
        "Action: " * 20_000,
        "<ANSWER>" * 20_000,
        "\0",
        "\ud800",
    ],
)
def test_long_and_deep_texts_are_refused(dialect: str, text: str) -> None:
    with pytest.raises(ActionError):
        DIALECTS[dialect].parse(text, SHOWN)
