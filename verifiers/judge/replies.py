"""Reading what a judge replied, strictly: a reply that is not exactly what was asked is none."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gym_reason.text import after_thinking
from gym_reason.verifiers.judge.settings import Criterion

_CODE_BLOCK = re.compile(r"```(?:json)?[ \t]*\n(.*)\n```", re.DOTALL | re.IGNORECASE)
_MOST_CHARS = 100_000


class BadReplyError(ValueError):
    """A reply that is no verdict.

    The message holds our words alone, never the reply's: the judge is told it in the next request.
    """


@dataclass(frozen=True, slots=True)
class PointwiseReply:
    """The scores of one reply."""

    scores: dict[str, float]
    """The score of each criterion, on its own scale."""
    reasoning: str
    """The judge's reasons."""


@dataclass(frozen=True, slots=True)
class PairwiseReply:
    """The choice of one reply."""

    winner: str
    """`A`, `B` or `tie`."""
    reasoning: str
    """The judge's reasons."""


def read_pointwise(text: str, criteria: Sequence[Criterion], check: str) -> PointwiseReply:
    """Return the scores in a reply. Raises BadReplyError."""
    values = _read_object(text, {"check", "reasoning", "scores"}, check)
    scores = values["scores"]
    names = [criterion.name for criterion in criteria]
    if not isinstance(scores, dict) or set(scores) != set(names):
        raise BadReplyError(f'"scores" must hold {", ".join(names)} and nothing else')
    for criterion in criteria:
        _check_score(scores[criterion.name], criterion)
    return PointwiseReply({name: float(scores[name]) for name in names}, values["reasoning"])


def read_pairwise(text: str, check: str) -> PairwiseReply:
    """Return the choice in a reply. Raises BadReplyError."""
    values = _read_object(text, {"check", "reasoning", "winner"}, check)
    if values["winner"] not in ("A", "B", "tie"):
        raise BadReplyError('"winner" must be "A", "B" or "tie"')
    return PairwiseReply(values["winner"], values["reasoning"])


def _check_score(score: object, criterion: Criterion) -> None:
    scale = f"a number from {criterion.low} to {criterion.high}"
    if isinstance(score, bool) or not isinstance(score, int | float):
        raise BadReplyError(f'"{criterion.name}" must be {scale}')
    if not criterion.low <= score <= criterion.high or not math.isfinite(score):
        raise BadReplyError(f'"{criterion.name}" is outside the scale: {scale}')


def _read_object(text: str, keys: set[str], check: str) -> dict[str, Any]:
    answer = after_thinking(text[:_MOST_CHARS])
    if answer is None:
        raise BadReplyError("the reply ended within its thinking")
    answer = answer.strip()
    block = _CODE_BLOCK.fullmatch(answer)
    try:
        values = json.loads(
            block[1] if block else answer,
            object_pairs_hook=_refuse_repeated_keys,
            parse_constant=_refuse_constant,
        )
    except BadReplyError:
        raise
    except (ValueError, RecursionError):
        raise BadReplyError("the reply must be one JSON object and nothing else") from None
    if not isinstance(values, dict) or set(values) != keys:
        raise BadReplyError(f"the object must hold the keys {', '.join(sorted(keys))} alone")
    if values["check"] != check:
        raise BadReplyError('"check" must repeat the code of this request')
    if not isinstance(values["reasoning"], str):
        raise BadReplyError('"reasoning" must be a string')
    return values


def _refuse_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise BadReplyError("a key stands twice in the object")
    return values


def _refuse_constant(name: str) -> float:
    raise BadReplyError("NaN and Infinity are no numbers of JSON")
