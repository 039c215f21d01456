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
from tests.envs.mobile.dialect_cases import READ, REFUSED

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
    TEXTS.map(str.strip).filter(bool).map(lambda text: Say("answer", text)),
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
