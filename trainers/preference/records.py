"""Preference records from a file, and how records become token streams."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gym_reason.errors import DataError
from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.data.examples import read_messages, read_prompt
from gym_reason.trainers.data.files import read_table
from gym_reason.trainers.data.kinds import find_kind
from gym_reason.trainers.model.learner import Learner
from gym_reason.trainers.preference.examples import Example, make_trace
from gym_reason.trainers.preference.settings import Records
from gym_reason.types import Message

EQUAL = "chosen is rejected"
TIED = "equal scores"
TOO_LONG = "longer than the model"

_ANSWERS = ("chosen", "rejected")


def read_records(path: Path, kind: Records, learner: Learner, log: DropLog) -> list[Example]:
    """Return the records of a file; what teaches nothing goes into `log`.

    Raises DataError, with the file and the line, where a record is broken.
    """
    examples = []
    for line in read_table(path):
        row = _as_texts(line.row)
        fault = line.problem or find_kind(kind).find_fault(row)
        if fault in (EQUAL, "the chosen step is the rejected one"):
            log.add(line.where, EQUAL)
            continue
        if fault:
            raise DataError(f"{line.where} of {path}: {fault}", f"a record of the kind {kind}")
        example = encode_record(row, kind, learner)
        reason = find_reason(example, kind, learner.max_positions)
        if reason:
            log.add(line.where, reason)
        else:
            examples.append(example)
    return examples


def encode_record(row: Mapping[str, Any], kind: Records, learner: Learner) -> Example:
    """Return a record as token streams; a whole response ends with the end-of-sequence token."""
    context = learner.encoder.encode_prompt(read_prompt(row["prompt"]))
    if kind == "pair":
        return _example(learner, context, [row["chosen"], row["rejected"]], [_margin(row), 0.0])
    if kind == "step_pair":
        prefix = _encode(learner, row["prefix"], end=False)
        steps = [row["chosen_step"], row["rejected_step"]]
        end = bool(row.get("last", False))
        return _example(learner, (*context, *prefix), steps, [1.0, 0.0], end=end)
    if kind == "negative":
        return _example(learner, context, [row["rejected"]], [float(bool(row.get("retain")))])
    best_first = sorted(
        dict(zip(row["responses"], row["scores"], strict=True)).items(), key=lambda item: -item[1]
    )
    texts, scores = zip(*best_first, strict=True)
    return _example(learner, context, list(texts), [float(score) for score in scores])


def find_reason(example: Example, kind: Records, limit: int | None) -> str:
    """Return why an example is not trained on, or an empty text."""
    if limit is not None and any(len(trace.ids) > limit for trace in example.traces):
        return TOO_LONG
    streams = [trace.ids for trace in example.traces]
    if kind in ("pair", "step_pair") and streams[0] == streams[1]:
        return EQUAL
    if kind == "ranked" and len(set(example.scores)) == 1 and len(streams) > 1:
        return TIED
    return ""


def _example(
    learner: Learner,
    context: Sequence[int],
    texts: Sequence[str],
    scores: Sequence[float],
    *,
    end: bool = True,
) -> Example:
    traces = tuple(make_trace(context, _encode(learner, text, end=end)) for text in texts)
    return Example(traces, tuple(scores))


def _encode(learner: Learner, text: str, *, end: bool) -> tuple[int, ...]:
    ids = tuple(learner.tokenizer.encode(text, add_special_tokens=False))
    stop = learner.tokenizer.eos_token_id
    return (*ids, stop) if end and isinstance(stop, int) else ids


def _margin(row: Mapping[str, Any]) -> float:
    margin = row.get("margin")
    return 1.0 if margin is None else float(margin)


def _as_texts(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a row whose answers are texts, where they were messages: the last one counts."""
    found = dict(row)
    for name in _ANSWERS:
        if isinstance(found.get(name), list):
            found[name] = _last(found[name])
    if isinstance(found.get("responses"), list):
        found["responses"] = [_last(item) for item in found["responses"]]
    return found


def _last(value: object) -> object:
    """Return the text of the last message, or the value itself where there are none."""
    try:
        return read_messages(value)[-1].content if isinstance(value, list) else value
    except ValueError:
        return value


def prompt_columns(prompt: Sequence[Message]) -> list[dict[str, str]]:
    """Return a prompt as a record holds it."""
    return [{"role": message.role, "content": message.content} for message in prompt]
