"""Calls such as `click(point='<point>1 2</point>')`, read without evaluating anything."""

import re

from gym_reason.envs.mobile.actions.reading import ActionError, check_text

_NAME = re.compile(r"\s*([A-Za-z_][A-Za-z_0-9]{0,40})\s*\(", re.ASCII)
_ARGUMENT = re.compile(r"\s*([A-Za-z_][A-Za-z_0-9]{0,40})\s*=\s*(['\"])", re.ASCII)
_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", "'": "'", '"': '"'}


def read_call(text: str) -> tuple[str, dict[str, str]]:
    """Return the name and the arguments of a call whose arguments are named texts.

    The inverse of how models were taught to write them: quotes within are escaped, and a quote
    that is not is part of the text where no argument and no end of the call follows it.

    Raises:
        ActionError: For anything that is no such call.
    """
    head = _NAME.match(text)
    if head is None:
        raise ActionError("not a call such as click(point='<point>1 2</point>')")
    arguments: dict[str, str] = {}
    place = head.end()
    while True:
        place = _skip_spaces(text, place)
        if text[place : place + 1] == ")":
            if text[place + 1 :].strip():
                raise ActionError("there is something behind the call")
            return head[1].lower(), arguments
        if arguments:
            if text[place : place + 1] != ",":
                raise ActionError("a comma or a parenthesis is missing")
            place += 1
        start = _ARGUMENT.match(text, place)
        if start is None:
            raise ActionError("an argument is name='text'")
        value, place = _read_quoted(text, start.end(), start[2])
        if start[1] in arguments:
            raise ActionError(f"the argument {start[1]} comes twice")
        arguments[start[1]] = check_text(value)


def _skip_spaces(text: str, place: int) -> int:
    while place < len(text) and text[place].isspace():
        place += 1
    return place


def _read_quoted(text: str, place: int, quote: str) -> tuple[str, int]:
    """Return a text up to its closing quote, and the place behind that."""
    parts: list[str] = []
    while place < len(text):
        character = text[place]
        if character == "\\" and place + 1 < len(text):
            parts.append(_ESCAPES.get(text[place + 1], text[place : place + 2]))
            place += 2
            continue
        if character == quote and _closes(text, place + 1):
            return "".join(parts), place + 1
        parts.append(character)
        place += 1
    raise ActionError("a quote is not closed")


_END = re.compile(
    r"\s{0,20}(\)\s{0,20}\Z|,\s{0,20}[A-Za-z_][A-Za-z_0-9]{0,40}\s{0,20}=\s{0,20}['\"])", re.ASCII
)


def _closes(text: str, place: int) -> bool:
    return _END.match(text, place) is not None
