"""Calls of tools in what a policy writes: where they stand, and what they ask for.

The wrapper that answers calls inside an environment reads them with this, and so does the agent
that answers them itself.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from gym_reason.text import shorten
from gym_reason.types import Json

CALL_OPEN = "<tool_call>"
CALL_CLOSE = "</tool_call>"

NO_CALLS_LEFT = "error: no calls are left in this episode"


class CallError(ValueError):
    """A call that cannot be answered; the message is what its author is told."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """What a policy asks of a tool."""

    name: str
    """Which tool."""
    arguments: Mapping[str, Json]
    """What it is given, by name."""


def split_tagged(text: str, opening: str, closing: str) -> tuple[list[str], str]:
    """Return what stands between the tags, and the text without it and them.

    An opening tag that is never closed is text like any other.
    """
    inside: list[str] = []
    outside: list[str] = []
    # A regular expression would look for the end anew from every tag that is never closed.
    while True:
        before, opened, after = text.partition(opening)
        content, closed, following = after.partition(closing)
        if not opened or not closed:
            return inside, "".join((*outside, text))
        outside.append(before)
        inside.append(content)
        text = following


def read_call(text: str, known: Collection[str]) -> ToolCall:
    """Return the call that a JSON object `{"name": ..., "arguments": {...}}` is.

    Args:
        text: The object as text.
        known: Names of the tools that there are.

    Raises:
        CallError: Where it is no such object, or names no tool.
    """
    return make_call(load_json(text), known)


def load_json(text: str) -> object:
    """Return the value that a text holds as JSON. Raises CallError."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CallError(f"the call is not JSON ({error})") from None


def make_call(given: object, known: Collection[str]) -> ToolCall:
    """Return the call that a value read from JSON is. Raises CallError."""
    name = given.get("name") if isinstance(given, dict) else None
    if not isinstance(name, str) or name not in known:
        found = shorten(repr(name), 60)
        raise CallError(f"there is no tool {found}; there are {', '.join(known)}")
    assert isinstance(given, dict)
    arguments = given.get("arguments", {})
    if not isinstance(arguments, dict):
        raise CallError(f"the arguments of {name} are no JSON object")
    return ToolCall(name, arguments)


def cut_answer(answer: str, limit: int, note: str = " [cut]") -> str:
    """Return what a tool said as valid Unicode of at most `limit` characters.

    What is cut ends with `note`.
    """
    # A tool is anybody's code, and no tokenizer takes a lone surrogate.
    text = answer.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= limit else text[: limit - len(note)] + note
