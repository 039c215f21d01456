"""The fields of records, read with care."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gym_reason.errors import DataError
from gym_reason.types import Json

_LEVELS = {
    "introductory": 1.0,
    "interview": 2.0,
    "competition": 3.0,
    "easy": 1.0,
    "medium": 2.0,
    "hard": 3.0,
}


@dataclass(frozen=True, slots=True)
class Record:
    """A problem as a collection holds it."""

    id: str
    """Its name there."""
    prompt: str
    """What is asked."""
    tests: dict[str, Json]
    """The hidden tests, in the form of the verifier `code`."""
    public: dict[str, Json] | None = None
    """The tests that may be shown, in the same form."""
    solution: str = ""
    """A known solution; empty where there is none."""
    starter: str = ""
    """Code that the program has to begin with, or to define."""
    difficulty: float = 0.0
    """Position on the collection's own scale."""


def read_text(row: Mapping[str, Any], name: str) -> str:
    """Return a text that is not blank. Raises DataError."""
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{name!r} is {_kind(value)}", "a text that is not blank")
    return value


def read_optional(row: Mapping[str, Any], *names: str) -> str:
    """Return the first of several columns that holds a text, or an empty text."""
    return next((row[name] for name in names if isinstance(row.get(name), str) and row[name]), "")


def read_id(row: Mapping[str, Any], *names: str, prefix: str = "") -> str:
    """Return the first of several columns that holds a name or a number. Raises DataError."""
    for name in names:
        value = row.get(name)
        if (isinstance(value, str) and value) or (
            isinstance(value, int) and not isinstance(value, bool)
        ):
            return f"{prefix}{value}"
    raise DataError(f"no {' and no '.join(map(repr, names))}", "a name or a number")


def read_json(row: Mapping[str, Any], name: str) -> Any:
    """Return what a column holds, as it is or as JSON in a text. Raises DataError."""
    value = row.get(name)
    if not isinstance(value, str):
        return value
    return parse_json(value, name)


def parse_json(text: str, name: str) -> Any:
    """Return what a text of JSON holds. Raises DataError."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise DataError(f"{name!r} is no JSON", "JSON") from None


def read_difficulty(row: Mapping[str, Any]) -> float:
    """Return the difficulty of a record, 0 where it names none that is known."""
    value = row.get("difficulty")
    if isinstance(value, str):
        return _LEVELS.get(value.lower(), 0.0)
    return float(value) if isinstance(value, int | float) else 0.0


def check_list(value: object, name: str, least: int = 1) -> list[Any]:
    """Return a list of at least `least` items. Raises DataError."""
    if not isinstance(value, list) or len(value) < least:
        raise DataError(f"{name!r} is {_kind(value)}", f"a list of {least} or more")
    return value


def _kind(value: object) -> str:
    if value is None:
        return "missing"
    if isinstance(value, str | list | dict) and not value:
        return "empty"
    return "blank" if isinstance(value, str) else f"of type {type(value).__name__}"
