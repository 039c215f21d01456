"""The actions of AndroidControl: JSON objects with pixels of the screenshot.

`type` clicks, types and presses enter; `input_text` only types. The data set ends where its
actions do, so models write `status` in AndroidWorld's words, or `terminate`.

Source: google-research, android_control/README.md.
"""

from collections.abc import Mapping

from gym_reason.envs.mobile.actions.reading import (
    DIRECTIONS,
    ActionError,
    Shown,
    check_fields,
    read_object,
    take_choice,
    take_point,
    take_text,
)
from gym_reason.envs.mobile.actions.types import Action, Claim, Touch
from gym_reason.envs.mobile.gestures import LongPress, OpenApp, Press, Tap, Wait

_FIELDS = ("x", "y", "text", "direction", "app_name", "goal_status")
_PLAIN: Mapping[str, Action] = {
    "navigate_home": Press("home"),
    "navigate_back": Press("back"),
    "keyboard_enter": Press("enter"),
    "wait": Wait(1),
    "terminate": Claim("complete"),
}
_STATUSES: Mapping[str, Action] = {
    "complete": Claim("complete"),
    "successful": Claim("complete"),
    "infeasible": Claim("infeasible"),
}


def parse_android_control(text: str, shown: Shown) -> Action:
    """Return the action that a text is. Raises ActionError."""
    fields = read_object(text)
    kind = fields.pop("action_type", None)
    check_fields(fields, _FIELDS, "an action")
    # The data set writes out the fields that an action does not have.
    fields = {name: value for name, value in fields.items() if value is not None}
    if isinstance(kind, str) and kind in _PLAIN:
        return _PLAIN[kind]
    match kind:
        case "click":
            return Tap(*take_point(fields, ("x", "y"), "px", shown, "click"))
        case "long_press":
            return LongPress(*take_point(fields, ("x", "y"), "px", shown, "long_press"))
        case "type":
            x, y = take_point(fields, ("x", "y"), "px", shown, "type")
            words = take_text(fields, "text", "type")
            return Touch("input_text", x=x, y=y, text=words, submit=True)
        case "input_text":
            return Touch("input_text", text=take_text(fields, "text", "input_text"))
        case "scroll":
            direction = take_choice(fields, "direction", DIRECTIONS, "scroll")
            return Touch("scroll", direction=direction)
        case "open_app":
            return OpenApp(take_text(fields, "app_name", "open_app"))
        case "status":
            return _STATUSES[take_choice(fields, "goal_status", tuple(_STATUSES), "status")]
    raise ActionError(f"no action_type {str(kind)[:40]!r} of AndroidControl")
