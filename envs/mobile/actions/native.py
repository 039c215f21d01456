"""The native dialect: one JSON object an action, read strictly.

    {"action": "tap", "index": 3, "obs_id": 5}
    {"action": "tap", "x": 180, "y": 400, "coord_space": "px"}

An index counts in the observation `obs_id`, so that one of an older screen is refused. `swipe` goes
where the finger goes; `scroll` names where the content that comes into view lies.
"""

import json
from collections.abc import Callable, Mapping

from gym_reason.envs.mobile.actions.reading import (
    DIRECTIONS,
    MAX_NUMBER,
    SPACES,
    ActionError,
    Fields,
    Shown,
    check_fields,
    read_object,
    take_choice,
    take_flag,
    take_integer,
    take_point,
    take_text,
)
from gym_reason.envs.mobile.actions.types import Action, Claim, Say, Touch
from gym_reason.envs.mobile.gestures import (
    MAX_WAIT_S,
    Drag,
    LongPress,
    OpenApp,
    Press,
    Tap,
    TypeText,
    Wait,
)

KEYS = ("back", "home", "recents", "enter", "delete")
STATUSES = ("complete", "infeasible")

RULES = """\
Each action is one JSON object. An "index" is the number of an element in the latest screen, \
"obs_id" the number of that screen; instead of both, "x", "y" and "coord_space" ("px", "norm1" or \
"norm1000") name a point.
{"action": "tap", "index": 3, "obs_id": 0}; "long_press" likewise
{"action": "input_text", "text": "...", "index": 4, "obs_id": 0, "clear": true, "submit": false}
{"action": "scroll", "direction": "down"}; {"action": "swipe", "direction": "up"}
{"action": "drag", "x": 10, "y": 10, "x1": 90, "y1": 10, "coord_space": "px"}
{"action": "set_level", "index": 5, "obs_id": 0, "level": 80}
{"action": "press_key", "key": "enter"}; {"action": "navigate_back"}; {"action": "navigate_home"}; \
{"action": "recents"}
{"action": "open_app", "app": "notes"}; {"action": "wait", "seconds": 5}
{"action": "answer", "text": "..."}; {"action": "ask_user", "text": "..."}
{"action": "status", "status": "complete"} ends the episode; "infeasible" where it cannot be done"""

_PLACE = ("index", "obs_id", "x", "y", "coord_space")


def parse_native(text: str, shown: Shown) -> Action:
    """Return the action that a text is. Raises ActionError."""
    fields = read_object(text)
    name = fields.pop("action", None)
    read = _READERS.get(name) if isinstance(name, str) else None
    if read is None:
        raise ActionError(f"no action {str(name)[:40]!r}; one of {', '.join(_READERS)}")
    return read(fields, shown)


def _read_target(
    fields: Mapping[str, object], shown: Shown, what: str, needed: bool = True
) -> Touch:
    """Return a touch at the element or the point that is named, or nowhere where none needs be."""
    has_index = "index" in fields or "obs_id" in fields
    has_point = "x" in fields or "y" in fields or "coord_space" in fields
    if has_index and has_point:
        raise ActionError(f"{what} takes an index or a point, not both")
    if has_index:
        index = take_integer(fields, "index", 0, MAX_NUMBER, what)
        obs_id = take_integer(fields, "obs_id", 0, MAX_NUMBER, what)
        if obs_id != shown.obs_id:
            raise ActionError(f"obs_id {obs_id} is not the latest screen, {shown.obs_id}")
        return Touch("tap", element=index)
    if has_point:
        space = take_choice(fields, "coord_space", SPACES, what)
        x, y = take_point(fields, ("x", "y"), space, shown, what)
        return Touch("tap", x=x, y=y)
    if needed:
        raise ActionError(f"{what} needs an index and its obs_id, or a point and its coord_space")
    return Touch("tap")


def _tap(fields: Fields, shown: Shown) -> Action:
    check_fields(fields, _PLACE, "tap")
    return _read_target(fields, shown, "tap")


def _long_press(fields: Fields, shown: Shown) -> Action:
    check_fields(fields, _PLACE, "long_press")
    return _read_target(fields, shown, "long_press")._replace(kind="long_press")


def _swipe(fields: Fields, shown: Shown) -> Action:
    if "x1" in fields or "y1" in fields:
        return _drag(fields, shown, "swipe")
    check_fields(fields, (*_PLACE, "direction"), "swipe")
    direction = take_choice(fields, "direction", DIRECTIONS, "swipe")
    target = _read_target(fields, shown, "swipe", needed=False)
    return target._replace(kind="swipe", direction=direction)


def _drag(fields: Fields, shown: Shown, what: str = "drag") -> Action:
    check_fields(fields, (*_PLACE, "x1", "y1"), what)
    space = take_choice({"coord_space": "px", **fields}, "coord_space", SPACES, what)
    x1, y1 = take_point(fields, ("x1", "y1"), space, shown, what)
    start = {name: value for name, value in fields.items() if name not in ("x1", "y1")}
    if "index" in start:
        start.pop("coord_space", None)
    return _read_target(start, shown, what)._replace(kind="drag", x1=x1, y1=y1)


def _scroll(fields: Fields, shown: Shown) -> Action:
    check_fields(fields, (*_PLACE, "direction"), "scroll")
    direction = take_choice(fields, "direction", DIRECTIONS, "scroll")
    target = _read_target(fields, shown, "scroll", needed=False)
    return target._replace(kind="scroll", direction=direction)


def _set_level(fields: Fields, shown: Shown) -> Action:
    check_fields(fields, ("index", "obs_id", "level"), "set_level")
    level = take_integer(fields, "level", 0, 100, "set_level")
    return _read_target(fields, shown, "set_level")._replace(kind="set_level", level=level)


def _input_text(fields: Fields, shown: Shown) -> Action:
    check_fields(fields, (*_PLACE, "text", "clear", "submit"), "input_text")
    target = _read_target(fields, shown, "input_text", needed=False)
    return target._replace(
        kind="input_text",
        text=take_text(fields, "text", "input_text"),
        clear=take_flag(fields, "clear", "input_text"),
        submit=take_flag(fields, "submit", "input_text"),
    )


def _press_key(fields: Fields, shown: Shown) -> Action:
    check_fields(fields, ("key",), "press_key")
    return Press(take_choice(fields, "key", KEYS, "press_key"))


def _key(name: str, key: str) -> Callable[[Fields, Shown], Action]:
    def read(fields: Fields, shown: Shown) -> Action:
        check_fields(fields, (), name)
        return Press(key)

    return read


def _open_app(fields: Fields, shown: Shown) -> Action:
    check_fields(fields, ("app",), "open_app")
    return OpenApp(take_text(fields, "app", "open_app"))


def _wait(fields: Fields, shown: Shown) -> Action:
    check_fields(fields, ("seconds",), "wait")
    return Wait(take_integer({"seconds": 1, **fields}, "seconds", 1, MAX_WAIT_S, "wait"))


def _answer(fields: Fields, shown: Shown) -> Action:
    check_fields(fields, ("text",), "answer")
    return Say("answer", take_text(fields, "text", "answer"))


def _ask_user(fields: Fields, shown: Shown) -> Action:
    check_fields(fields, ("text",), "ask_user")
    return Say("ask_user", take_text(fields, "text", "ask_user"))


def _status(fields: Fields, shown: Shown) -> Action:
    check_fields(fields, ("status", "answer"), "status")
    status = take_choice(fields, "status", STATUSES, "status")
    answer = take_text(fields, "answer", "status") if "answer" in fields else None
    return Claim("complete" if status == "complete" else "infeasible", answer)


_READERS: Mapping[str, Callable[[Fields, Shown], Action]] = {
    "tap": _tap,
    "long_press": _long_press,
    "swipe": _swipe,
    "drag": _drag,
    "scroll": _scroll,
    "set_level": _set_level,
    "input_text": _input_text,
    "press_key": _press_key,
    "navigate_back": _key("navigate_back", "back"),
    "navigate_home": _key("navigate_home", "home"),
    "recents": _key("recents", "recents"),
    "open_app": _open_app,
    "wait": _wait,
    "answer": _answer,
    "ask_user": _ask_user,
    "status": _status,
}


def write_native(action: Action, shown: Shown) -> str:
    """Return an action as text. `parse_native` is the inverse."""
    return json.dumps(_write(action, shown), ensure_ascii=False)


def _write(action: Action, shown: Shown) -> Fields:
    match action:
        case Tap(x, y):
            return {"action": "tap", **_point(x, y, shown)}
        case LongPress(x, y):
            return {"action": "long_press", **_point(x, y, shown)}
        case Drag(x, y, x1, y1):
            end = {"x1": x1 * shown.scale, "y1": y1 * shown.scale}
            return {"action": "drag", **_point(x, y, shown), **end}
        case TypeText(text, clear):
            return {"action": "input_text", "text": text, "clear": clear}
        case Press(key):
            return {"action": "press_key", "key": key}
        case OpenApp(app):
            return {"action": "open_app", "app": app}
        case Wait(seconds):
            return {"action": "wait", "seconds": seconds}
        case Say(kind, text):
            return {"action": kind, "text": text}
        case Claim(status, answer):
            claim: Fields = {"action": "status", "status": status}
            return claim if answer is None else {**claim, "answer": answer}
        case Touch():
            return _write_touch(action, shown)


def _write_touch(touch: Touch, shown: Shown) -> Fields:
    fields: Fields = {"action": touch.kind}
    if touch.element is not None:
        fields |= {"index": touch.element, "obs_id": shown.obs_id}
    elif touch.x is not None and touch.y is not None:
        fields |= _point(touch.x, touch.y, shown)
    if touch.x1 is not None and touch.y1 is not None:
        fields |= {"x1": touch.x1 * shown.scale, "y1": touch.y1 * shown.scale}
    if touch.kind == "input_text":
        fields |= {"text": touch.text, "clear": touch.clear, "submit": touch.submit}
    if touch.direction:
        fields["direction"] = touch.direction
    if touch.level is not None:
        fields["level"] = touch.level
    return fields


def _point(x: int, y: int, shown: Shown) -> Fields:
    return {"x": x * shown.scale, "y": y * shown.scale, "coord_space": "px"}
