"""The protocol of the Lean REPL: JSON objects, each followed by a blank line, in both directions.

Source: github.com/leanprover-community/repl, README.md and the exchanges in its folder `test`.
Optional fields come and go between its versions; what is unknown here is passed over.
"""

import json
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

END = b"\n\n"
"""What ends a reply: no JSON text holds an empty line."""
SEVERITIES = ("trace", "info", "warning", "error")
"""What a message may be."""

_Json: TypeAlias = dict[str, object]
_T = TypeVar("_T")


class ProtocolError(ValueError):
    """A reply is none that the REPL gives."""


@dataclass(frozen=True, slots=True)
class Command:
    """Run declarations and other commands."""

    text: str
    """The commands."""
    env: int | None = None
    """The environment to run them in; None for a new one, where imports are possible."""


@dataclass(frozen=True, slots=True)
class Tactic:
    """Run one tactic."""

    text: str
    """The tactic."""
    state: int
    """The proof state to run it in; it stays as it was."""


Request: TypeAlias = Command | Tactic


@dataclass(frozen=True, slots=True)
class Message:
    """What Lean says about a text."""

    severity: str
    """One of `SEVERITIES`."""
    text: str
    """What it says."""
    line: int = 0
    """The line it is about, from 1; 0 where it names none."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A `sorry`."""

    goal: str
    """What it claims."""
    state: int | None = None
    """The proof state there."""


@dataclass(frozen=True, slots=True)
class CommandReply:
    """The answer to a command."""

    env: int
    """The environment after it."""
    messages: tuple[Message, ...] = ()
    """What Lean says."""
    holes: tuple[Hole, ...] = ()
    """Each `sorry`."""


@dataclass(frozen=True, slots=True)
class TacticReply:
    """The answer to a tactic."""

    state: int
    """The proof state after it."""
    goals: tuple[str, ...]
    """The open goals."""
    messages: tuple[Message, ...] = ()
    """What Lean says."""
    holes: tuple[Hole, ...] = ()
    """Each `sorry`."""
    status: str = ""
    """Whether the proof is complete, in words; versions before 2025 do not tell."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The answer to what cannot be done: a tactic fails, an environment is unknown."""

    text: str
    """Why."""


Reply: TypeAlias = CommandReply | TacticReply | Failure


def encode(request: Request) -> bytes:
    """Return a request as it is sent."""
    fields: _Json
    if isinstance(request, Command):
        fields = {"cmd": request.text}
        if request.env is not None:
            fields["env"] = request.env
    else:
        fields = {"tactic": request.text, "proofState": request.state}
    # Lean's reader of JSON knows no surrogate pairs, so that nothing may be escaped as one.
    return json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace") + END


def decode(content: bytes) -> Reply:
    """Return a reply.

    Raises:
        ProtocolError: For what is no JSON object, lacks a field or has one of another type.
    """
    try:
        row = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ProtocolError(f"{_show(content)} is no JSON") from None
    if not isinstance(row, dict):
        raise ProtocolError(f"{_show(content)} is no JSON object")
    if "goals" in row:
        return TacticReply(
            _number(row, "proofState"),
            tuple(_typed(goal, str, "a goal") for goal in _list(row, "goals")),
            _messages(row),
            _holes(row),
            _typed(row.get("proofStatus", ""), str, "proofStatus"),
        )
    if "env" in row:
        return CommandReply(_number(row, "env"), _messages(row), _holes(row))
    if "message" in row:
        return Failure(_text(row, "message"))
    raise ProtocolError(f"{_show(content)} has no env, no goals and no message")


def _messages(row: _Json) -> tuple[Message, ...]:
    return tuple(_message(part) for part in _objects(row, "messages"))


def _message(row: _Json) -> Message:
    severity = _text(row, "severity")
    if severity not in SEVERITIES:
        raise ProtocolError(f"the severity {severity!r:.40}")
    position = _typed(row.get("pos", {}), dict, "pos")
    line = _number(position, "line") if "line" in position else 0
    return Message(severity, _text(row, "data"), line)


def _holes(row: _Json) -> tuple[Hole, ...]:
    return tuple(
        Hole(
            _text(part, "goal"),
            None if part.get("proofState") is None else _number(part, "proofState"),
        )
        for part in _objects(row, "sorries")
    )


def _objects(row: _Json, name: str) -> list[_Json]:
    return [_typed(part, dict, f"a part of {name}") for part in _list(row, name)]


def _list(row: _Json, name: str) -> list[object]:
    return _typed(row.get(name, []), list, name)


def _text(row: _Json, name: str) -> str:
    return _typed(row.get(name), str, name)


def _number(row: _Json, name: str) -> int:
    number = row.get(name)
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise ProtocolError(f"{name} is {number!r:.40}, not a number from 0")
    return number


def _typed(value: object, kind: type[_T], name: str) -> _T:
    if not isinstance(value, kind):
        raise ProtocolError(f"{name} is {value!r:.40}, not a {kind.__name__}")
    return value


def _show(content: bytes) -> str:
    return repr(content[:60].decode("utf-8", "replace"))
