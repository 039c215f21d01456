"""Rows of files that teach a reward model, read into what its loss compares."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from gym_reason.trainers.data.examples import read_prompt
from gym_reason.trainers.data.files import is_valid_text
from gym_reason.types import Message

Target: TypeAlias = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TextExample:
    """What a loss looks at together, as text."""

    prompt: tuple[Message, ...]
    """What was asked."""
    texts: tuple[str, ...]
    """The answers to it or, of a process reward model, the steps of one."""
    targets: tuple[Target | None, ...]
    """What each should be scored; None for a step that nobody judged."""
    margin: float = 0.0
    """The gap that is asked for between the answers of a pair."""


Row: TypeAlias = Mapping[str, Any]
RowReader: TypeAlias = Callable[[Row, int, float], TextExample]
"""`(row, labels, margin) -> example`. Raises ValueError for a row that cannot be read."""


def read_pair(row: Row, labels: int, margin: float) -> TextExample:
    """Return a pair: `chosen` and `rejected`, or two `responses` and a `preference`.

    `preference` is the chance that the first is the better one, 1 for `chosen` where it is absent.
    """
    if row.get("responses") is not None:
        first, second = _read_texts(row, "responses", exactly=2)
        chance = _read_number(row, "preference", 0.0, 1.0)
    else:
        first, second = _read_text(row, "chosen"), _read_text(row, "rejected")
        has_chance = row.get("preference") is not None
        chance = _read_number(row, "preference", 0.0, 1.0) if has_chance else 1.0
    if first == second:
        raise ValueError("both answers of the pair are the same")
    if row.get("margin") is not None:
        margin = _read_number(row, "margin", 0.0)
    return TextExample(_read_prompt(row), (first, second), ((chance,), (1.0 - chance,)), margin)


def read_ranked(row: Row, labels: int, margin: float) -> TextExample:
    """Return a list: `responses` and their `scores`, of which at least two differ."""
    texts, scores = _read_texts(row, "responses"), _read_numbers(row, "scores")
    if len(scores) != len(texts):
        raise ValueError(f"{len(scores)} scores for {len(texts)} responses")
    if len(set(scores)) < 2:
        raise ValueError("all scores are the same: there is nothing to rank")
    return TextExample(_read_prompt(row), texts, tuple((score,) for score in scores))


def read_scored(row: Row, labels: int, margin: float) -> TextExample:
    """Return an answer: `response` and its `score`, any number."""
    score = _read_number(row, "score")
    return TextExample(_read_prompt(row), (_read_text(row, "response"),), ((score,),))


def read_outcome(row: Row, labels: int, margin: float) -> TextExample:
    """Return an answer: `response` and its `label`, the chance from 0 to 1 that it is right."""
    label = _read_chance(row.get("label"))
    return TextExample(_read_prompt(row), (_read_text(row, "response"),), ((label,),))


def read_labelled(row: Row, labels: int, margin: float) -> TextExample:
    """Return an answer: `response` and its `label`, a number from 0 or a distribution over all."""
    label = row.get("label")
    if isinstance(label, list):
        target = _read_numbers(row, "label")
        if len(target) != labels or min(target) < 0.0 or abs(math.fsum(target) - 1.0) > 1e-4:
            raise ValueError(f"label is no distribution over {labels} labels")
    elif isinstance(label, int) and 0 <= label < labels:
        target = tuple(float(index == label) for index in range(labels))
    else:
        raise ValueError(f"label is {label!r:.40}, no number from 0 to {labels - 1}")
    return TextExample(_read_prompt(row), (_read_text(row, "response"),), (target,))


def read_steps(row: Row, labels: int, margin: float) -> TextExample:
    """Return a solution: `steps` and their `labels`, chances from 0 to 1, or null for unjudged."""
    texts, found = _read_texts(row, "steps"), row.get("labels")
    if not isinstance(found, list) or len(found) != len(texts):
        raise ValueError(f"labels is no list of {len(texts)}, one for each step")
    targets = tuple(None if label is None else (_read_chance(label),) for label in found)
    if not any(targets):
        raise ValueError("no step has a label")
    return TextExample(_read_prompt(row), texts, targets)


READERS: Mapping[str, RowReader] = {
    "bradley_terry": read_pair,
    "ranked": read_ranked,
    "regression": read_scored,
    "outcome": read_outcome,
    "classification": read_labelled,
    "process": read_steps,
}
"""The rows of each loss; those of any other loss are pairs."""


def _read_prompt(row: Row) -> tuple[Message, ...]:
    if "prompt" not in row:
        raise ValueError("there is no prompt")
    prompt = read_prompt(row["prompt"])
    if not all(is_valid_text(message.content) for message in prompt):
        raise ValueError("the prompt is not valid Unicode")
    return prompt


def _read_text(row: Row, name: str) -> str:
    return _check_text(row.get(name), name)


def _check_text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} is {'empty' if isinstance(value, str) else 'no text'}")
    if not is_valid_text(value):
        raise ValueError(f"{name} is not valid Unicode")
    return value


def _read_texts(row: Row, name: str, *, exactly: int = 0) -> tuple[str, ...]:
    value = row.get(name)
    if not isinstance(value, list) or not value:
        raise ValueError(f"{name} is no list of texts")
    if exactly and len(value) != exactly:
        raise ValueError(f"{name} holds {len(value)} texts, not {exactly}")
    return tuple(_check_text(text, f"one of {name}") for text in value)


def _read_numbers(row: Row, name: str) -> tuple[float, ...]:
    value = row.get(name)
    if not isinstance(value, list):
        raise ValueError(f"{name} is no list of numbers")
    return tuple(_check_number(item, f"one of {name}") for item in value)


def _read_number(row: Row, name: str, low: float = -math.inf, high: float = math.inf) -> float:
    return _check_number(row.get(name), name, low, high)


def _check_number(
    value: object, name: str, low: float = -math.inf, high: float = math.inf
) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} is {value!r:.40}, no number")
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}, not from {low:g} to {high:g}")
    return float(value)


def _read_chance(value: object) -> float:
    if isinstance(value, bool):
        return float(value)
    return _check_number(value, "a label", 0.0, 1.0)
