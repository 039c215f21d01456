"""JSON from a text that nobody vouches for: found, bounded, then read.

The text is scanned for size and nesting before it is parsed, so that neither the parser's stack
nor its memory is at stake. Stricter than Python's own reader: a key may stand only once in an
object, and NaN, infinities and numbers beyond a double's range are refused.
"""

import json
import math
import re
from dataclasses import dataclass

from gym_reason.types import Json

MAX_CHARS = 200_000
"""Longest JSON text that is read, unless another limit is asked for."""
MAX_DEPTH = 40
"""Deepest nesting that is read, unless another limit is asked for."""
DEEPEST = 200
"""No more can be asked for: the parser recurses."""
MAX_VALUES = 20_000
"""Most values that are read, unless another limit is asked for."""
MAX_NUMBER_CHARS = 300
"""A number written with more characters is refused."""

_FENCE_LINE = re.compile(r"^[ \t]{0,3}```[ \t]*+([^\n`]*+)$", re.MULTILINE)
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{},]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class JsonLimits:
    """What a JSON text may hold at most."""

    chars: int = MAX_CHARS
    """Characters."""
    depth: int = MAX_DEPTH
    """Arrays and objects inside one another."""
    values: int = MAX_VALUES
    """Values, keys not counted."""


class JsonTextError(ValueError):
    """A text is no JSON, or more than the limits allow. The message is one line."""


def find_json(text: str, *, alone: bool = False) -> str:
    """Return the JSON text in `text`, which is not checked to be JSON.

    Where there are code fences marked `json`, or not marked at all, it is what stands in them:
    several different ones are refused, since a choice among them would reward guessing. Else it
    is the whole text.

    Args:
        text: An answer, without thoughts.
        alone: Whether words around a fence are refused.

    Raises:
        JsonTextError: Several different blocks, one that is never closed, or words around it.
    """
    text = text.strip()
    # Inside JSON no fence can start a line: line breaks in strings are escaped.
    fences = list(_FENCE_LINE.finditer(text))
    blocks: list[tuple[int, int, str]] = []
    for opening, closing in zip(fences[::2], fences[1::2], strict=False):
        if opening[1].strip().lower() in ("", "json"):
            content = text[opening.end() : closing.start()].strip()
            blocks.append((opening.start(), closing.end(), content))
    if len(fences) % 2:
        raise JsonTextError("a code fence is never closed")
    if not blocks:
        return text
    if len({content for _, _, content in blocks}) > 1:
        raise JsonTextError(f"found {len(blocks)} different blocks of JSON, expected one")
    start, end, content = blocks[0]
    if alone and (text[:start].strip() or text[end:].strip()):
        raise JsonTextError("words stand around the JSON")
    return content


def read_json(text: str, limits: JsonLimits) -> Json:
    """Return the value that `text` is.

    Raises:
        JsonTextError: It is no JSON, or over the limits.
    """
    _check_limits(text, limits)
    try:
        value: Json = json.loads(
            text,
            object_pairs_hook=_read_object,
            parse_int=_read_int,
            parse_float=_read_float,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        raise JsonTextError(
            f"no JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    return value


def _check_limits(text: str, limits: JsonLimits) -> None:
    if len(text) > limits.chars:
        raise JsonTextError(f"{len(text)} characters of JSON, expected {limits.chars} at most")
    depth, values = 0, 1
    for token in _TOKEN.finditer(text):
        first = token[0][0]
        if first in "[{":
            depth += 1
            values += 1
            if depth > limits.depth:
                raise JsonTextError(f"JSON is nested deeper than {limits.depth}")
        elif first in "]}":
            depth -= 1
        elif first == ",":
            values += 1
        if values > limits.values:
            raise JsonTextError(f"more than {limits.values} values of JSON")


def _read_object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise JsonTextError("a key stands twice in one object")
    return found


def _read_int(text: str) -> int:
    if len(text) > MAX_NUMBER_CHARS:
        raise JsonTextError(f"a number of {len(text)} characters")
    return int(text)


def _read_float(text: str) -> float:
    value = float(text) if len(text) <= MAX_NUMBER_CHARS else math.inf
    if not math.isfinite(value):
        raise JsonTextError("a number beyond the range of a double")
    return value


def _refuse_constant(text: str) -> float:
    raise JsonTextError(f"{text} is no JSON")
