"""The kinds of records that trainers read, and what a record of each has to hold."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gym_reason.errors import UsageError
from gym_reason.registry import explain_unknown
from gym_reason.trainers.data.examples import read_messages, read_prompt

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of record."""

    name: str
    """What the table calls it."""
    marks: tuple[tuple[str, ...], ...]
    """Sets of columns, any of which tells it from the kinds that come later."""
    find_fault: Callable[[Row], str]
    """Returns what is wrong with a record, or an empty text."""
    trained: tuple[str, ...]
    """Columns with texts that are trained on: those that must have a token."""


def _check_prompt(row: Row) -> str:
    if "prompt" not in row:
        return "no column 'prompt'"
    try:
        read_prompt(row["prompt"])
    except ValueError as error:
        return f"prompt: {error}"
    return ""


def _check_texts(row: Row, *names: str) -> str:
    for name in names:
        if not isinstance(row.get(name), str):
            return f"no text in {name!r}" if name in row else f"no column {name!r}"
    return ""


def _check_numbers(row: Row, *names: str) -> str:
    for name in names:
        value = row.get(name)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            return f"no number in {name!r}" if name in row else f"no column {name!r}"
    return ""


def _check_demo(row: Row) -> str:
    if row.get("messages") is None:
        return _check_prompt(row) or _check_texts(row, "response")
    try:
        messages = read_messages(row["messages"])
    except ValueError as error:
        return str(error)
    if messages[-1].role != "assistant":
        return "the last message is not the assistant's"
    return ""


def _check_pair(row: Row) -> str:
    fault = _check_prompt(row) or _check_texts(row, "chosen", "rejected")
    if not fault and row["chosen"] == row["rejected"]:
        return "chosen is rejected"
    if not fault and row.get("margin") is not None:
        return _check_numbers(row, "margin")
    return fault


def _check_step_pair(row: Row) -> str:
    names = ("prefix", "chosen_step", "rejected_step")
    fault = _check_prompt(row) or _check_texts(row, *names)
    if not fault and row["chosen_step"] == row["rejected_step"]:
        return "the chosen step is the rejected one"
    return fault


def _check_scored(row: Row) -> str:
    fault = _check_prompt(row) or _check_texts(row, "response") or _check_numbers(row, "score")
    if not fault and not 0.0 <= row["score"] <= 1.0:
        return f"score = {row['score']:g}, expected 0 to 1"
    return fault


def _check_lists(row: Row, left: str, right: str) -> str:
    fault = _check_prompt(row)
    if fault:
        return fault
    first, second = row.get(left), row.get(right)
    if not isinstance(first, list) or not isinstance(second, list) or not first:
        return f"no lists in {left!r} and {right!r}"
    if len(first) != len(second):
        return f"{len(first)} {left} and {len(second)} {right}"
    if not all(isinstance(item, str) for item in first):
        return f"no texts in {left!r}"
    numbers = [item for item in second if isinstance(item, int | float) and math.isfinite(item)]
    return "" if len(numbers) == len(second) else f"no numbers in {right!r}"


def _check_task(row: Row) -> str:
    fault = _check_prompt(row)
    if not fault and row.get("reference") is None and row.get("tests") is None:
        return "no column 'reference' and no 'tests'"
    return fault


KINDS = {
    kind.name: kind
    for kind in (
        Kind("pair", (("chosen", "rejected"),), _check_pair, ("chosen", "rejected")),
        Kind(
            "step_pair",
            (("chosen_step", "rejected_step"),),
            _check_step_pair,
            ("chosen_step", "rejected_step"),
        ),
        Kind(
            "step_labelled",
            (("steps", "labels"),),
            lambda row: _check_lists(row, "steps", "labels"),
            ("steps",),
        ),
        Kind(
            "ranked",
            (("responses", "scores"),),
            lambda row: _check_lists(row, "responses", "scores"),
            ("responses",),
        ),
        Kind(
            "offline_group",
            (("responses", "rewards"),),
            lambda row: _check_lists(row, "responses", "rewards"),
            ("responses",),
        ),
        Kind("scored", (("response", "score"),), _check_scored, ("response",)),
        Kind("demo", (("messages",), ("response",)), _check_demo, ("response",)),
        Kind(
            "negative",
            (("rejected",),),
            lambda row: _check_prompt(row) or _check_texts(row, "rejected"),
            ("rejected",),
        ),
        Kind("task", (("prompt",),), _check_task, ()),
    )
}
"""Every kind by its name; a record is of the first whose columns it has."""


def kind_of(row: Row) -> Kind | None:
    """Return the kind of a record by its columns; None where it is of none."""
    for kind in KINDS.values():
        if any(all(row.get(mark) is not None for mark in marks) for marks in kind.marks):
            return kind
    return None


def find_kind(name: str) -> Kind:
    """Return a kind by its name. Raises UsageError for an unknown one."""
    if name not in KINDS:
        raise UsageError(*explain_unknown("kind of records", name, list(KINDS)))
    return KINDS[name]
