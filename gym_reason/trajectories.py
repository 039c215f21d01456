"""Trajectories read back from the files of a run: token-exact, or refused."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from gym_reason.errors import DataError
from gym_reason.records import explain_os_errors, parse_line, read_lines, to_json
from gym_reason.seeding import content_id
from gym_reason.types import (
    Completion,
    Message,
    Outcome,
    StopReason,
    Task,
    TokenTrace,
    Trajectory,
    Turn,
    Verdict,
)

Row = Mapping[str, Any]
ImageReader: TypeAlias = Callable[[str], bytes]
"""Returns the image that a row names or holds."""


def task_key(task: Task) -> str:
    """Return a name for what a task is: equal for equal content, whatever its id and run."""
    parts: list[str] = []
    for message in task.prompt:
        images = (hashlib.blake2b(image, digest_size=16).hexdigest() for image in message.images)
        parts += [message.role, message.content, *images]
    meta = json.dumps(to_json(task.meta), sort_keys=True)
    return content_id(*parts, task.reference, meta)


def write_trajectory(trajectory: Trajectory, keep: Callable[[bytes], str]) -> dict[str, Any]:
    """Return the row of a file that holds a trajectory, with the names that `keep` gives images."""
    row: dict[str, Any] = to_json(trajectory)
    said = (*trajectory.task.prompt, *trajectory.messages)
    for message, written in zip(said, (*row["task"]["prompt"], *row["messages"]), strict=True):
        if message.images:
            written["images"] = [keep(image) for image in message.images]
    return row


def read_trajectory(row: Row, read_image: ImageReader = bytes.fromhex) -> Trajectory:
    """Return the trajectory that a row of a file holds; keys besides its fields are left alone.

    `read_image` is asked for each image of a message; by default they stand in the row.

    Raises DataError where the row is none.
    """
    try:
        return Trajectory(
            task=_read_task(row["task"], read_image),
            turns=tuple(map(_read_turn, row["turns"])),
            traces=tuple(map(_read_trace, row["traces"])),
            ret=float(row["ret"]),
            stop_reason=StopReason(row["stop_reason"]),
            seed=int(row["seed"]),
            policy_version=int(row.get("policy_version", 0)),
            meta=dict(row.get("meta", {})),
            messages=_read_messages(row.get("messages", ()), read_image),
            seconds=float(row.get("seconds", 0.0)),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"a row is no trajectory ({error!r})", "an episode of a run") from None


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a file of trajectories, `.jsonl` or `.jsonl.zst`.

    A last line that has no end is left out: a crash leaves one, and so does a run that goes on.
    Raises DataError for a line that is no JSON object.
    """
    for number, line in read_lines(path):
        if line.endswith(b"\n"):
            yield parse_line(line, number, path)


def drop_torn_line(path: Path) -> bool:
    """Cut off a last line that has no end, as a crash leaves one; return whether there was one."""
    if not path.exists():
        return False
    with explain_os_errors(path), path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        kept = _end_of_lines(file, end)
        file.truncate(kept)
    return kept < end


def _end_of_lines(file: Any, end: int) -> int:
    """Return where the last whole line of a file of `end` bytes ends."""
    block = 1 << 16
    for start in range((max(end - 1, 0) // block) * block, -1, -block):
        file.seek(start)
        found = file.read(min(block, end - start)).rfind(b"\n")
        if found >= 0:
            return start + int(found) + 1
    return 0


def _read_messages(rows: Iterable[Row], read_image: ImageReader) -> tuple[Message, ...]:
    return tuple(
        Message(row["role"], _text(row["content"]), tuple(map(read_image, row.get("images", ()))))
        for row in rows
    )


def _read_task(row: Row, read_image: ImageReader) -> Task:
    return Task(
        id=_text(row["id"]),
        prompt=_read_messages(row["prompt"], read_image),
        reference=_text(row["reference"]),
        difficulty=float(row.get("difficulty", 0.0)),
        meta=dict(row.get("meta", {})),
    )


def _read_turn(row: Row) -> Turn:
    completion, verdict = row["completion"], row["verdict"]
    return Turn(
        observation=_text(row["observation"]),
        action=_text(row["action"]),
        completion=None if completion is None else _read_completion(completion),
        reward=float(row["reward"]),
        verdict=None if verdict is None else _read_verdict(verdict),
        terminated=bool(row["terminated"]),
        truncated=bool(row["truncated"]),
        info=dict(row.get("info", {})),
    )


def _read_completion(row: Row) -> Completion:
    return Completion(
        token_ids=tuple(map(int, row["token_ids"])),
        logprobs=tuple(map(float, row["logprobs"])),
        text=_text(row["text"]),
        finish_reason=row["finish_reason"],
        policy_version=int(row.get("policy_version", 0)),
        versions=tuple(map(int, row.get("versions", ()))),
    )


def _read_verdict(row: Row) -> Verdict:
    return Verdict(
        reward=float(row["reward"]),
        correct=bool(row["correct"]),
        outcome=Outcome(row["outcome"]),
        parts={str(name): float(value) for name, value in row.get("parts", {}).items()},
        feedback=_text(row.get("feedback", "")),
        detail=_text(row.get("detail", "")),
        seconds=float(row.get("seconds", 0.0)),
    )


def _read_trace(row: Row) -> TokenTrace:
    trace = TokenTrace(
        ids=tuple(map(int, row["ids"])),
        action_mask=tuple(map(bool, row["action_mask"])),
        logprobs=tuple(map(float, row["logprobs"])),
        turn_index=tuple(map(int, row["turn_index"])),
        versions=tuple(map(int, row.get("versions", ()))),
    )
    streams = (trace.ids, trace.action_mask, trace.logprobs, trace.turn_index)
    lengths = {*map(len, streams), *([len(trace.versions)] if trace.versions else ())}
    if len(lengths) > 1:
        raise ValueError(f"streams of {sorted(lengths)} entries in one trace")
    return trace


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a {type(value).__name__} in place of a text")
    return value
