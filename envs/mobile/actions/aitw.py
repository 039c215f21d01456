"""The actions of Android in the Wild, as Auto-UI and others write them.

    "action_type": "DUAL_POINT", "touch_point": "[0.52, 0.5]", "lift_point": "[0.52, 0.5]",
    "typed_text": ""

Points are `[y, x]`, as shares of the screen. A gesture whose two points lie close is a tap. `TYPE`
only types. Kinds may be given by their numbers.

Source: google-research, android_in_the_wild/action_type.py and action_matching.py.
"""

import math
import re
from collections.abc import Mapping

from gym_reason.envs.mobile.actions.reading import (
    ActionError,
    Fields,
    Shown,
    check_fields,
    read_object,
    take_text,
    to_number,
    to_points,
)
from gym_reason.envs.mobile.actions.types import Action, Claim, Touch
from gym_reason.envs.mobile.gestures import Drag, Press, Tap

TAP_DISTANCE = 0.04
"""Two points at most so far apart are a tap, in shares of the screen."""

_KINDS = {
    3: "TYPE",
    4: "DUAL_POINT",
    5: "PRESS_BACK",
    6: "PRESS_HOME",
    7: "PRESS_ENTER",
    10: "STATUS_TASK_COMPLETE",
    11: "STATUS_TASK_IMPOSSIBLE",
}
_PLAIN: Mapping[str, Action] = {
    "PRESS_BACK": Press("back"),
    "PRESS_HOME": Press("home"),
    "PRESS_ENTER": Press("enter"),
    "STATUS_TASK_COMPLETE": Claim("complete"),
    "STATUS_TASK_IMPOSSIBLE": Claim("infeasible"),
}
_FIELDS = ("touch_point", "lift_point", "typed_text")
_POINT = re.compile(r"\s*\[\s*(-?[0-9.]{1,12})\s*,\s*(-?[0-9.]{1,12})\s*\]\s*", re.ASCII)


def parse_aitw(text: str, shown: Shown) -> Action:
    """Return the action that a text is. Raises ActionError."""
    body = text.rpartition("Action Decision:")[2].strip()
    fields = read_object(body if body.startswith("{") else "{" + body + "}")
    kind = fields.pop("action_type", None)
    if isinstance(kind, int) and not isinstance(kind, bool):
        kind = _KINDS.get(kind)
    check_fields(fields, _FIELDS, "an action")
    if isinstance(kind, str):
        kind = kind.upper()
        if kind in _PLAIN:
            return _PLAIN[kind]
    if kind == "TYPE":
        return Touch("input_text", text=take_text(fields, "typed_text", "TYPE"))
    if kind != "DUAL_POINT":
        raise ActionError(f"no action_type {str(kind)[:40]!r} of Android in the Wild")
    y0, x0 = _read_point(fields, "touch_point")
    y1, x1 = _read_point(fields, "lift_point")
    start = to_points(x0, y0, "norm1", shown)
    end = to_points(x1, y1, "norm1", shown)
    return Tap(*start) if math.dist((x0, y0), (x1, y1)) <= TAP_DISTANCE else Drag(*start, *end)


def _read_point(fields: Fields, name: str) -> tuple[float, float]:
    value = fields.get(name)
    if isinstance(value, str):
        found = _POINT.fullmatch(value)
        try:
            value = [float(found[1]), float(found[2])] if found else None
        except ValueError:
            value = None
    if isinstance(value, list) and len(value) == 2:
        y, x = to_number(value[0]), to_number(value[1])
        if y is not None and x is not None:
            return y, x
    raise ActionError(f"{name} is [y, x]")
