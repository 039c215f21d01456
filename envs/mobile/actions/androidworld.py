"""The actions of AndroidWorld, as its agents write them, with what it does for each.

Facts that differ from what the words suggest: `swipe` is the inverse of `scroll` and drags over the
whole screen, `left` from left to right; `scroll` with the index 0 scrolls the whole screen;
`input_text` clicks, types and presses enter; without a text it does nothing; `wait` takes a second.

Source: google-research/android_world, env/json_action.py and env/actuation.py.
"""

import json
from collections.abc import Mapping

from gym_reason.envs.mobile.actions.reading import (
    DIRECTIONS,
    MAX_NUMBER,
    ActionError,
    Fields,
    Shown,
    check_fields,
    check_text,
    read_object,
    to_number,
    to_points,
)
from gym_reason.envs.mobile.actions.types import Action, Claim, Say, Touch
from gym_reason.envs.mobile.gestures import Drag, LongPress, OpenApp, Press, Tap, TypeText, Wait
from gym_reason.envs.mobile.layout import HEIGHT, WIDTH

RULES = """\
Each action is one JSON object of AndroidWorld; an index is the number of an element of the screen.
{"action_type": "click", "index": 3}; "double_tap" and "long_press" likewise
{"action_type": "input_text", "text": "...", "index": 4, "clear_text": true}
{"action_type": "scroll", "direction": "down"}; {"action_type": "swipe", "direction": "up"}
{"action_type": "keyboard_enter"}; {"action_type": "navigate_back"}; \
{"action_type": "navigate_home"}
{"action_type": "open_app", "app_name": "notes"}; {"action_type": "wait"}
{"action_type": "answer", "text": "..."}
{"action_type": "status", "goal_status": "complete"} ends the episode, or "infeasible\""""

_FIELDS = (
    "index",
    "x",
    "y",
    "text",
    "direction",
    "goal_status",
    "app_name",
    "keycode",
    "clear_text",
)
_PLAIN: Mapping[str, Action] = {
    "keyboard_enter": Press("enter"),
    "navigate_home": Press("home"),
    "navigate_back": Press("back"),
    "wait": Wait(1),
    "unknown": Wait(0),
}
_TYPES = (*_PLAIN, "click", "double_tap", "long_press", "input_text", "scroll", "swipe")
_TYPES = (*_TYPES, "open_app", "answer", "status")
_ENDS = {
    "up": (WIDTH // 2, HEIGHT - 1, WIDTH // 2, 0),
    "down": (WIDTH // 2, 0, WIDTH // 2, HEIGHT - 1),
    "left": (0, HEIGHT // 2, WIDTH - 1, HEIGHT // 2),
    "right": (WIDTH - 1, HEIGHT // 2, 0, HEIGHT // 2),
}
"""Where a swipe begins and ends."""
_SCROLLS = {
    "up": (WIDTH // 2, HEIGHT // 2, WIDTH // 2, HEIGHT - 1),
    "down": (WIDTH // 2, HEIGHT // 2, WIDTH // 2, 0),
    "left": (WIDTH // 2, HEIGHT // 2, WIDTH - 1, HEIGHT // 2),
    "right": (WIDTH // 2, HEIGHT // 2, 0, HEIGHT // 2),
}
"""Where a scroll of the whole screen begins and ends."""


def parse_androidworld(text: str, shown: Shown) -> Action:
    """Return the action that a text is. Raises ActionError."""
    fields = read_object(text)
    kind = fields.pop("action_type", None)
    if not isinstance(kind, str) or kind not in _TYPES:
        raise ActionError(f"no action_type {str(kind)[:40]!r}; one of {', '.join(_TYPES)}")
    check_fields(fields, _FIELDS, "an action")
    fields = {name: value for name, value in fields.items() if value is not None}
    target = _read_target(fields, shown)
    direction = fields.get("direction")
    if direction and direction not in DIRECTIONS:
        raise ActionError(f"no direction {str(direction)[:40]!r}; one of {', '.join(DIRECTIONS)}")
    plain = _PLAIN.get(kind)
    if plain is not None:
        return plain
    if kind in ("scroll", "swipe"):
        return _read_move(kind, str(direction or ""), target)
    if kind in ("open_app", "answer", "status"):
        return _read_words(kind, fields)
    if kind == "input_text" and not fields.get("text"):
        return Wait(0)
    if target is None:
        raise ActionError(f"{kind} needs an index, or x and y")
    if kind == "input_text":
        clear = fields.get("clear_text") is True
        words = _text_of(fields, "text")
        return target._replace(kind="input_text", text=words, clear=clear, submit=True)
    if kind == "double_tap":
        return target._replace(kind="double_tap")
    return target._replace(kind="tap" if kind == "click" else "long_press")


def _read_target(fields: Mapping[str, object], shown: Shown) -> Touch | None:
    index, x, y = fields.get("index"), fields.get("x"), fields.get("y")
    if index is not None:
        if x is not None or y is not None:
            raise ActionError("either an index or x and y")
        return Touch("tap", element=_read_index(index))
    if x is None and y is None:
        return None
    across, down = to_number(x), to_number(y)
    if across is None or down is None:
        raise ActionError("x and y are two numbers")
    left, top = to_points(across, down, "px", shown)
    return Touch("tap", x=left, y=top)


def _read_index(index: object) -> int:
    if isinstance(index, str) and index.isascii() and index.isdigit() and len(index) < 10:
        return int(index)
    number = to_number(index)
    if number is None or not 0 <= number <= MAX_NUMBER:
        raise ActionError("an index is a whole number")
    return int(number)


def _read_move(kind: str, direction: str, target: Touch | None) -> Action:
    if not direction:
        raise ActionError(f"{kind} needs a direction")
    if kind == "swipe":
        return Drag(*_ENDS[direction])
    # As in AndroidWorld: the index 0 counts as none.
    if target is not None and target.element:
        return target._replace(kind="scroll", direction=direction)
    return Drag(*_SCROLLS[direction])


def _read_words(kind: str, fields: Mapping[str, object]) -> Action:
    if kind == "answer":
        return Say("answer", _text_of(fields, "text"))
    if kind == "open_app":
        app = _text_of(fields, "app_name")
        if not app:
            raise ActionError("open_app needs an app_name")
        return OpenApp(app)
    status = fields.get("goal_status")
    if status not in ("complete", "infeasible"):
        raise ActionError("status needs a goal_status, complete or infeasible")
    return Claim("complete" if status == "complete" else "infeasible")


def _text_of(fields: Mapping[str, object], name: str) -> str:
    """Return a field as text; like AndroidWorld a number counts as its digits."""
    value = fields.get(name, "")
    if isinstance(value, dict | list):
        raise ActionError(f"{name!r} is a text")
    return check_text(str(value))


def write_androidworld(action: Action, shown: Shown) -> str:
    """Return an action as text. Raises ActionError for one that AndroidWorld does not have."""
    return json.dumps(_write(action, shown), ensure_ascii=False)


def _write(action: Action, shown: Shown) -> Fields:
    for name, plain in _PLAIN.items():
        if action == plain and type(action) is type(plain):
            return {"action_type": name}
    match action:
        case Touch(kind="tap", element=int(index)):
            return {"action_type": "click", "index": index}
        case Touch(kind="long_press" | "double_tap" as kind, element=int(index)):
            return {"action_type": kind, "index": index}
        case Touch(kind="input_text", element=int(index), text=text, clear=clear) if text:
            # It presses enter as well, whether that is wanted or not.
            fields: Fields = {"action_type": "input_text", "index": index, "text": text}
            return {**fields, "clear_text": True} if clear else fields
        case Touch(kind="scroll", element=None, direction=direction):
            return {"action_type": "scroll", "direction": direction}
        case Tap(x, y):
            return {"action_type": "click", "x": x * shown.scale, "y": y * shown.scale}
        case LongPress(x, y):
            return {"action_type": "long_press", "x": x * shown.scale, "y": y * shown.scale}
        case OpenApp(app):
            return {"action_type": "open_app", "app_name": app}
        case Say("answer", text):
            return {"action_type": "answer", "text": text}
        case Claim(status, None):
            return {"action_type": "status", "goal_status": status}
        case Drag() | TypeText() | Press() | Wait() | Say() | Claim() | Touch():
            raise ActionError(f"AndroidWorld has no action for {action}")
