"""What UI-TARS writes on phones: a thought, and a call.

    Thought: I tap the button to save.
    Action: click(point='<point>180 400</point>')

Version 1.0 counts in thousandths of the screen (`start_box='<|box_start|>(500,500)<|box_end|>'`),
version 1.5 in pixels of the picture as its processor resizes it (`<point>`). A `scroll` names the
side on which more is to be shown. `finished` both answers and claims that the task is done.

Source: bytedance/UI-TARS, prompts and action parser.
"""

import math
import re
from collections.abc import Mapping

from gym_reason.envs.mobile.actions.calls import read_call
from gym_reason.envs.mobile.actions.reading import (
    DIRECTIONS,
    ActionError,
    Shown,
    to_points,
)
from gym_reason.envs.mobile.actions.types import Action, Claim, Say, Touch
from gym_reason.envs.mobile.gestures import Drag, LongPress, OpenApp, Press, Tap, Wait
from gym_reason.envs.mobile.layout import HEIGHT, WIDTH

_NUMBER = r"([0-9]{1,6}(?:\.[0-9]{1,6})?)"
_POINT = re.compile(rf"\s*<point>\s*{_NUMBER}[\s,]+{_NUMBER}\s*</point>\s*", re.ASCII)
_BOX = re.compile(
    rf"\s*(?:<\|box_start\|>)?\s*[(\[]\s*{_NUMBER}\s*,\s*{_NUMBER}"
    rf"(?:\s*,\s*{_NUMBER}\s*,\s*{_NUMBER})?\s*[)\]]\s*(?:<\|box_end\|>)?\s*",
    re.ASCII,
)
_SIDE = 28
"""The processor makes both sides of a picture multiples of it."""
_LEAST_PIXELS, _MOST_PIXELS = 100 * _SIDE**2, 16_384 * _SIDE**2

_PLAIN: Mapping[str, Action] = {
    "press_home": Press("home"),
    "navigate_home": Press("home"),
    "press_back": Press("back"),
    "navigate_back": Press("back"),
    "press_enter": Press("enter"),
    "wait": Wait(1),
    "call_user": Say("ask_user", ""),
}


def parse_ui_tars(text: str, shown: Shown) -> Action:
    """Return the action that a text is. Raises ActionError."""
    marker = text.rfind("Action:")
    name, arguments = read_call(text[marker + len("Action:") :] if marker >= 0 else text)
    if name == "call_user" and "content" in arguments:
        return Say("ask_user", arguments["content"])
    plain = _PLAIN.get(name)
    if plain is not None:
        return plain
    match name:
        case "click" | "left_single":
            return Tap(*_place(arguments, ("point", "start_box"), shown))
        case "long_press":
            return LongPress(*_place(arguments, ("point", "start_box"), shown))
        case "type":
            return _type(arguments)
        case "scroll":
            return _scroll(arguments, shown)
        case "drag":
            start = _place(arguments, ("start_point", "start_box"), shown)
            return Drag(*start, *_place(arguments, ("end_point", "end_box"), shown))
        case "open_app":
            return OpenApp(_argument(arguments, "app_name", name))
        case "finished":
            return Claim("complete", arguments.get("content") or None)
    raise ActionError(f"no action {name!r} of UI-TARS")


def _argument(arguments: Mapping[str, str], name: str, what: str) -> str:
    if not arguments.get(name):
        raise ActionError(f"{what} needs {name}")
    return arguments[name]


def _type(arguments: Mapping[str, str]) -> Action:
    """Return what types a text; a new line at its end submits it."""
    content = _argument(arguments, "content", "type")
    words = content.removesuffix("\n")
    return Touch("input_text", text=words, submit=words != content)


def _scroll(arguments: Mapping[str, str], shown: Shown) -> Action:
    if "end_box" in arguments:
        start = _place(arguments, ("start_box",), shown)
        return Drag(*start, *_place(arguments, ("end_box",), shown))
    direction = arguments.get("direction", "").strip().lower()
    if direction not in DIRECTIONS:
        raise ActionError(f"scroll needs a direction, one of {', '.join(DIRECTIONS)}")
    if "point" not in arguments and "start_box" not in arguments:
        return Touch("scroll", direction=direction)
    x, y = _place(arguments, ("point", "start_box"), shown)
    return Touch("scroll", x=x, y=y, direction=direction)


def _place(arguments: Mapping[str, str], names: tuple[str, ...], shown: Shown) -> tuple[int, int]:
    """Return the point of the first argument that is there."""
    for name in names:
        words = arguments.get(name)
        if words is None:
            continue
        point = _POINT.fullmatch(words)
        if point is not None:
            wide, high = resized(WIDTH * shown.scale, HEIGHT * shown.scale)
            return to_points(float(point[1]) / wide, float(point[2]) / high, "norm1", shown)
        box = _BOX.fullmatch(words)
        if box is None:
            raise ActionError(f"{name} is no point")
        x, y = float(box[1]), float(box[2])
        if box[3] is not None:
            x, y = (x + float(box[3])) / 2, (y + float(box[4])) / 2
        return to_points(x, y, "norm1000", shown)
    raise ActionError(f"{names[0]} is missing")


def resized(width: int, height: int) -> tuple[int, int]:
    """Return the size that a picture is brought to before the model sees it, in pixels.

    Source: the processor of Qwen2.5-VL.
    """
    wide = max(_SIDE, round(width / _SIDE) * _SIDE)
    high = max(_SIDE, round(height / _SIDE) * _SIDE)
    if wide * high > _MOST_PIXELS:
        share = math.sqrt(width * height / _MOST_PIXELS)
        return (
            math.floor(width / share / _SIDE) * _SIDE,
            math.floor(height / share / _SIDE) * _SIDE,
        )
    if wide * high < _LEAST_PIXELS:
        share = math.sqrt(_LEAST_PIXELS / (width * height))
        return math.ceil(width * share / _SIDE) * _SIDE, math.ceil(height * share / _SIDE) * _SIDE
    return wide, high
