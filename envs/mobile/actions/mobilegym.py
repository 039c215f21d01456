"""What MobileGym's general agents write: thoughts and an answer that is a JSON object.

    <THINK>...</THINK><ANSWER>{"action": "CLICK", "point": [500, 500]}</ANSWER>

Points are thousandths of the screen. `TYPE` types behind what is there, unless it says `clear`.

Source: MobileGym, bench_env/agent/generic_v2.py and bench_env/env/base.py.
"""

import re
from collections.abc import Mapping

from gym_reason.envs.mobile.actions.reading import (
    ActionError,
    Fields,
    Shown,
    check_fields,
    check_text,
    read_object,
    take_flag,
    to_number,
    to_points,
)
from gym_reason.envs.mobile.actions.types import Action, Claim, Say, Touch
from gym_reason.envs.mobile.gestures import (
    MAX_WAIT_S,
    Drag,
    LongPress,
    OpenApp,
    Press,
    Tap,
    Wait,
)

_TAG = re.compile(r"<(/?)answer>", re.IGNORECASE)
_NAMES = {
    "TAP": "CLICK",
    "DOUBLETAP": "DOUBLE_TAP",
    "LONGPRESS": "LONG_PRESS",
    "SLIDE": "SWIPE",
    "LAUNCH": "AWAKE",
    "FINISH": "COMPLETE",
}
_PLAIN: Mapping[str, Action] = {
    "BACK": Press("back"),
    "HOME": Press("home"),
    "RECENT": Press("recents"),
    "ENTER": Press("enter"),
    "COMPLETE": Claim("complete"),
    "ABORT": Claim("infeasible"),
    "NOOP": Wait(0),
}
_FIELDS = frozenset(
    (
        *("point", "point1", "point2", "start", "end", "value", "text", "clear"),
        *("app", "duration", "return", "message", "reason", "explain"),
    )
)


def parse_mobilegym(text: str, shown: Shown) -> Action:
    """Return the action that a text is. Raises ActionError."""
    tags = list(_TAG.finditer(text))
    if tags:
        if [tag[1] for tag in tags] != ["", "/"]:
            raise ActionError("one <ANSWER>...</ANSWER> alone")
        text = text[tags[0].end() : tags[1].start()]
    fields = read_object(text)
    name = str(fields.pop("action", None) or "").strip().upper()
    name = _NAMES.get(name, name)
    check_fields(fields, _FIELDS, "an action")
    if name in _PLAIN:
        return _PLAIN[name]
    match name:
        case "CLICK":
            return Tap(*_point(fields, ("point",), shown))
        case "DOUBLE_TAP":
            x, y = _point(fields, ("point",), shown)
            return Touch("double_tap", x=x, y=y)
        case "LONG_PRESS":
            return LongPress(*_point(fields, ("point",), shown))
        case "SWIPE" | "DRAG":
            start = _point(fields, ("point1", "start"), shown)
            return Drag(*start, *_point(fields, ("point2", "end"), shown))
        case "TYPE":
            return _type(fields, shown)
        case "WAIT":
            return Wait(_seconds(fields))
        case "AWAKE":
            return OpenApp(_value(fields, "AWAKE", ("value", "app")))
        case "ANSWER":
            return Say("answer", _value(fields, "ANSWER", ("value", "text")))
        case "INFO":
            return Say("ask_user", _value(fields, "INFO", ("value",)))
    raise ActionError(f"no action {name[:40]!r} of MobileGym")


def _type(fields: Fields, shown: Shown) -> Action:
    words = _value(fields, "TYPE", ("value", "text"))
    touch = Touch("input_text", text=words, clear=take_flag(fields, "clear", "TYPE"))
    if fields.get("point") is None:
        return touch
    x, y = _point(fields, ("point",), shown)
    return touch._replace(x=x, y=y)


def _value(fields: Fields, what: str, names: tuple[str, ...]) -> str:
    value = next((fields[name] for name in names if name in fields), None)
    if not isinstance(value, str):
        raise ActionError(f"{what} needs {names[0]!r}, a text")
    return check_text(value)


def _seconds(fields: Fields) -> int:
    seconds = to_number(fields.get("value", fields.get("duration", 1)))
    if seconds is None or not 0 <= seconds <= MAX_WAIT_S:
        raise ActionError(f"WAIT takes at most {MAX_WAIT_S} seconds")
    return max(1, round(seconds))


def _point(fields: Fields, names: tuple[str, ...], shown: Shown) -> tuple[int, int]:
    value = next((fields[name] for name in names if name in fields), None)
    if isinstance(value, list) and len(value) == 2:
        x, y = to_number(value[0]), to_number(value[1])
        if x is not None and y is not None:
            return to_points(x, y, "norm1000", shown)
    raise ActionError(f"{names[0]!r} is [x, y], in thousandths of the screen")
