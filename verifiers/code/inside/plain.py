"""Plain data on its way between a program and its tests: JSON with tags for what JSON lacks.

What arrives is only ever of the exact built-in types below, whatever the sender made of them, so
that no comparison in the tests can run a program's code:

None, bool, int, float, complex, str, bytes, list, tuple, set, frozenset, dict, range, Fraction,
Decimal, deque, and the views of a dict.
"""

import json
import math
import socket
import struct
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

MAX_DEPTH = 100
"""Containers within containers."""
MAX_FRAME_BYTES = 16 << 20
"""One call, or one answer."""
_SAFE_INT = 1 << 53
_LENGTH = struct.Struct(">I")
_VIEWS: dict[str, Any] = {
    "e": deque,
    "dk": type({}.keys()),
    "dv": type({}.values()),
    "di": type({}.items()),
}
"""Types that are sent as their items, by their tags."""


class NotPlainError(ValueError):
    """A value is not plain data, or is too deep or too large."""


class UnknownTypeError(NotPlainError):
    """A value is of a type that is not plain."""

    def __init__(self, type_name: str) -> None:
        """Name the type."""
        super().__init__(f"a value of type {type_name}")
        self.type_name = type_name


class ClosedError(EOFError):
    """The other side is gone."""


def encode(value: object, depth: int = 0) -> Any:
    """Return `value` as JSON values. Raises NotPlainError.

    A value of a class that is derived from one of the plain ones is sent as that one.
    """
    if value is None or value is True or value is False:
        return value
    if depth > MAX_DEPTH:
        raise NotPlainError(f"more than {MAX_DEPTH} containers within each other")
    if isinstance(value, int):
        number = int.__add__(value, 0)
        return number if -_SAFE_INT < number < _SAFE_INT else {"i": hex(number)}
    if isinstance(value, float):
        real = float.__pos__(value)  # A sum with zero would lose the sign of a zero.
        return real if math.isfinite(real) else {"f": repr(real)}
    if isinstance(value, str):
        return str.__str__(value)
    return _encode_container(value, depth + 1)


def _encode_container(value: object, depth: int) -> Any:
    if isinstance(value, list):
        return [encode(item, depth) for item in list.__iter__(value)]
    if isinstance(value, tuple):
        return {"t": [encode(item, depth) for item in tuple.__iter__(value)]}
    if isinstance(value, dict):
        return {"d": [[encode(k, depth), encode(v, depth)] for k, v in dict.items(value)]}
    if isinstance(value, set):
        return {"s": [encode(item, depth) for item in set.__iter__(value)]}
    if isinstance(value, frozenset):
        return {"z": [encode(item, depth) for item in frozenset.__iter__(value)]}
    if isinstance(value, (bytes, bytearray)):
        return {"b": bytes(value).hex()}
    if isinstance(value, complex):
        return {"c": [encode(value.real, depth), encode(value.imag, depth)]}
    if isinstance(value, range):
        return {"r": [encode(part, depth) for part in (value.start, value.stop, value.step)]}
    if isinstance(value, Fraction):
        return {"q": [encode(value.numerator, depth), encode(value.denominator, depth)]}
    if isinstance(value, Decimal):
        return {"m": str(value)}
    for tag, view in _VIEWS.items():
        if isinstance(value, view):
            items: Any = value
            return {tag: [encode(item, depth) for item in items]}
    if type(value).__module__ == "numpy":
        # Arrays are sent as lists, numbers as Python's.
        return encode(value.tolist(), depth)  # type: ignore[attr-defined]
    raise UnknownTypeError(type(value).__name__)


def decode(value: Any, depth: int = 0) -> Any:
    """Return what `encode` was given. Raises NotPlainError for anything that it does not write."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if depth > MAX_DEPTH + 1:
        raise NotPlainError(f"more than {MAX_DEPTH} containers within each other")
    if isinstance(value, list):
        return [decode(item, depth + 1) for item in value]
    if not isinstance(value, dict) or len(value) != 1:
        raise NotPlainError("a broken message")
    ((tag, content),) = value.items()
    try:
        return _DECODERS[tag](content, depth + 1)
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise NotPlainError(f"a broken message: {type(error).__name__}") from None


def _items(content: Any, depth: int) -> list[Any]:
    if not isinstance(content, list):
        raise NotPlainError("a broken message")
    return [decode(item, depth) for item in content]


def _pair(content: Any, depth: int) -> tuple[Any, Any]:
    first, second = _items(content, depth)
    return first, second


def _pairs(content: Any, depth: int) -> list[tuple[Any, Any]]:
    found = _items(content, depth)
    if not all(isinstance(one, tuple) and len(one) == 2 for one in found):
        raise NotPlainError("a broken message")
    return found


_DECODERS: dict[str, Callable[[Any, int], Any]] = {
    "i": lambda content, depth: int(content, 16),
    "f": lambda content, depth: {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[content],
    "t": lambda content, depth: tuple(_items(content, depth)),
    "d": lambda content, depth: dict(_pair(item, depth) for item in content),
    "s": lambda content, depth: set(_items(content, depth)),
    "z": lambda content, depth: frozenset(_items(content, depth)),
    "b": lambda content, depth: bytes.fromhex(content),
    "c": lambda content, depth: complex(*_pair(content, depth)),
    "r": lambda content, depth: range(*_items(content, depth)),
    "q": lambda content, depth: Fraction(*_pair(content, depth)),
    "m": lambda content, depth: Decimal(content),
    "e": lambda content, depth: deque(_items(content, depth)),
    "dk": lambda content, depth: dict.fromkeys(_items(content, depth)).keys(),
    "dv": lambda content, depth: dict(enumerate(_items(content, depth))).values(),
    "di": lambda content, depth: dict(_pairs(content, depth)).items(),
}


def send(link: socket.socket, message: Any) -> None:
    """Send one JSON value. Raises NotPlainError where it is too large, ClosedError."""
    content = json.dumps(message).encode("ascii")
    if len(content) > MAX_FRAME_BYTES:
        raise NotPlainError(f"{len(content)} bytes of data; at most {MAX_FRAME_BYTES} are taken")
    try:
        link.sendall(_LENGTH.pack(len(content)) + content)
    except OSError:
        raise ClosedError from None


def receive(link: socket.socket) -> Any:
    """Return the next JSON value. Raises NotPlainError where it is none, ClosedError."""
    (length,) = _LENGTH.unpack(_read(link, _LENGTH.size))
    if length > MAX_FRAME_BYTES:
        raise NotPlainError(f"{length} bytes of data; at most {MAX_FRAME_BYTES} are taken")
    content = _read(link, length)
    try:
        return json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise NotPlainError("a broken message") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _read(link: socket.socket, length: int) -> bytes:
    parts = []
    while length:
        try:
            part = link.recv(min(length, 1 << 20))
        except OSError:
            raise ClosedError from None
        if not part:
            raise ClosedError
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
