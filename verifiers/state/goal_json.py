"""Goals as JSON: what a task's reference holds."""

from collections.abc import Callable, Mapping
from typing import Any

from gym_reason.errors import DataError
from gym_reason.types import Json
from gym_reason.verifiers.state.goals import (
    Allowed,
    Answer,
    Deleted,
    Expectation,
    Goal,
    Holds,
    Inserted,
    Logged,
    Shown,
    Updated,
    Want,
    Wants,
)
from gym_reason.verifiers.state.readings import READINGS

_KINDS: Mapping[str, type[Expectation]] = {
    "inserted": Inserted,
    "deleted": Deleted,
    "updated": Updated,
    "holds": Holds,
    "logged": Logged,
    "shown": Shown,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def write_goal(goal: Goal) -> dict[str, Json]:
    """Return a goal as JSON values. `read_goal` is the inverse."""
    answer = goal.answer
    asked: Json = None
    if answer is not None:
        asked = {"items": list(answer.items), "reading": answer.reading}
    return {
        "expectations": [_write(one) for one in goal.expectations],
        "allowed": [
            {"table": one.table, "fields": list(one.fields), "keys": list(one.keys)}
            for one in goal.allowed
        ],
        "answer": asked,
        "feasible": goal.feasible,
    }


def read_goal(value: object) -> Goal:
    """Return the goal of `write_goal`. Raises DataError for anything that is none."""
    try:
        return _read(value)
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise DataError(f"a goal that cannot be read: {error!r}", "the JSON of a goal") from error


def _write(one: Expectation) -> dict[str, Json]:
    fields: dict[str, Json] = {"is": _NAMES[type(one)]}
    for name in type(one).__slots__:
        value = getattr(one, name)
        fields[name] = (
            {field: [want.value, want.reading] for field, want in value.items()}
            if name == "wants"
            else list(value)
            if isinstance(value, tuple)
            else value
        )
    return fields


def _read(value: Any) -> Goal:
    answer = value.get("answer")
    return Goal(
        expectations=tuple(map(_read_expectation, value.get("expectations", []))),
        allowed=tuple(
            Allowed(str(one["table"]), tuple(one.get("fields", ())), tuple(one.get("keys", ())))
            for one in value.get("allowed", [])
        ),
        answer=None
        if answer is None
        else Answer(tuple(map(str, answer["items"])), _known(answer.get("reading", "title"))),
        feasible=bool(value.get("feasible", True)),
    )


def _read_expectation(value: Any) -> Expectation:
    fields = dict(value)
    kind: Callable[..., Expectation] = _KINDS[fields.pop("is")]
    if "wants" in fields:
        fields["wants"] = _read_wants(fields["wants"])
    if "keys" in fields:
        fields["keys"] = tuple(fields["keys"])
    return kind(**fields)


def _read_wants(value: Any) -> Wants:
    return {str(name): Want(found, _known(reading)) for name, (found, reading) in value.items()}


def _known(reading: Any) -> str:
    if reading not in READINGS:
        raise ValueError(f"no reading {reading!r}")
    return str(reading)
