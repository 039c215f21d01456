"""What the dialects share: JSON that is read strictly, and points of any scale."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple, NoReturn

from gym_reason.envs.mobile.layout import HEIGHT, WIDTH

SPACES = ("px", "norm1", "norm1000")
"""What coordinates count in: pixels of the screenshot, shares of the screen, thousandths of it."""
DIRECTIONS = ("up", "down", "left", "right")
MAX_NUMBER = 10**9
"""Beyond it a number is no coordinate, index or level."""


class ActionError(ValueError):
    """An action that cannot be read or done. It is data: what an agent wrote is never our fault."""


class Shown(NamedTuple):
    """What the author of an action saw."""

    scale: int = 1
    """Pixels of the screenshot to a point."""
    obs_id: int = 0
    """The number of the observation."""


Fields = dict[str, object]
"""The fields of a JSON object."""


def read_object(text: str) -> Fields:
    """Return the fields of the one JSON object that a text is. Raises ActionError."""
    try:
        value = json.loads(text, object_pairs_hook=_no_twins, parse_constant=_no_constant)
    except RecursionError:
        raise ActionError("the JSON is nested too deeply") from None
    except ActionError:
        raise
    except ValueError as error:
        raise ActionError(f"not one JSON object: {str(error)[:80]}") from None
    if not isinstance(value, dict):
        raise ActionError(f"a JSON {type(value).__name__}; expected one object")
    return value


def _no_twins(pairs: list[tuple[str, object]]) -> Fields:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ActionError("the JSON names a field twice")
    return fields


def _no_constant(name: str) -> NoReturn:
    raise ActionError(f"{name} is no number")


def check_fields(fields: Mapping[str, object], allowed: Iterable[str], what: str) -> None:
    """Raise ActionError where an action has a field that it should not have."""
    known = set(allowed)
    extra = [name for name in fields if name not in known]
    if extra:
        expected = ", ".join(sorted(known)) or "none"
        raise ActionError(f"{what} has no field {extra[0][:40]!r}; its fields: {expected}")


def take_text(fields: Mapping[str, object], name: str, what: str) -> str:
    """Return a field that must be a text. Raises ActionError."""
    value = fields.get(name)
    if not isinstance(value, str):
        raise ActionError(f"{what} needs {name!r}, a text")
    return check_text(value)


def check_text(text: str) -> str:
    """Return a text of valid Unicode. Raises ActionError."""
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise ActionError("a text with a lone surrogate") from None
    return text


def take_choice(
    fields: Mapping[str, object], name: str, choices: tuple[str, ...], what: str
) -> str:
    """Return a field that must be one of some words. Raises ActionError."""
    value = fields.get(name)
    if not isinstance(value, str) or value not in choices:
        raise ActionError(f"{what} needs {name!r}, one of {', '.join(choices)}")
    return value


def take_flag(fields: Mapping[str, object], name: str, what: str) -> bool:
    """Return a field that may be true or false, or left out for false. Raises ActionError."""
    value = fields.get(name, False)
    if not isinstance(value, bool):
        raise ActionError(f"{name!r} of {what} is true or false")
    return value


def take_integer(fields: Mapping[str, object], name: str, low: int, high: int, what: str) -> int:
    """Return a field that must be a whole number within bounds. Raises ActionError."""
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ActionError(f"{what} needs {name!r}, a whole number from {low} to {high}")
    return value


def take_point(
    fields: Mapping[str, object], names: tuple[str, str], space: str, shown: Shown, what: str
) -> tuple[int, int]:
    """Return two fields as a point of the screen. Raises ActionError."""
    numbers = [to_number(fields.get(name)) for name in names]
    x, y = numbers
    if x is None or y is None:
        raise ActionError(f"{what} needs {names[0]!r} and {names[1]!r}, two numbers")
    return to_points(x, y, space, shown)


def to_number(value: object) -> float | None:
    """Return a finite number that is not beyond all screens; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not -MAX_NUMBER <= value <= MAX_NUMBER or not math.isfinite(value):
        return None
    return float(value)


def to_points(x: float, y: float, space: str, shown: Shown) -> tuple[int, int]:
    """Return a place in points. Raises ActionError for one outside the screen."""
    if space == "px":
        wide, high = WIDTH * shown.scale, HEIGHT * shown.scale
    else:
        wide = high = 1000 if space == "norm1000" else 1
    # The far edge counts as inside, since 1 and 1000 are what models write for it.
    if not 0 <= x <= wide or not 0 <= y <= high:
        raise ActionError(f"the point {x:g}, {y:g} lies outside the screen of {wide} by {high}")
    return min(WIDTH - 1, int(x * WIDTH / wide)), min(HEIGHT - 1, int(y * HEIGHT / high))
