"""Reads the episodes that a run or an evaluation keeps, whatever state their files are in.

Both keep them as lines of JSON in `trajectories/`: `records.dump_line` of a `Trajectory`, after
`env`, `policy`, `agent` and `sample` where several of them share a file.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from gym_reason.errors import DataError
from gym_reason.records import read_lines

MOST_EPISODES = 10_000
"""Most episodes of a page."""
_HASH_DIGITS = 12

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode as it was read."""

    key: str
    """Hash of the file's name and the line: the same wherever the page is made."""
    source: str
    """Name of its file, without endings."""
    row: Row
    """The line."""


@dataclass(frozen=True, slots=True)
class EpisodeFiles:
    """The files with the episodes of a run."""

    paths: Sequence[Path]
    """In the order in which they came to be: measurements before, the steps, those after."""
    counts: Sequence[int]
    """Lines of each."""
    problems: Sequence[str]
    """What cannot be read, one sentence each."""

    @property
    def total(self) -> int:
        """How many lines there are."""
        return sum(self.counts)

    def stride(self, most: int) -> int:
        """Return that every how manieth line of each file is taken, for at most `most` in all."""
        stride = max(1, math.ceil(self.total / max(most, 1)))
        while sum(-(-count // stride) for count in self.counts) > most and stride < self.total:
            stride += 1
        return stride


def find_episodes(folder: Path) -> EpisodeFiles:
    """Return the files of episodes in a run's or an evaluation's folder."""
    found = [
        path
        for path in (folder / "trajectories").glob("*.jsonl*")
        if path.name.endswith((".jsonl", ".jsonl.zst")) and path.is_file()
    ]
    paths: list[Path] = []
    counts: list[int] = []
    problems: list[str] = []
    for path in sorted(found, key=_order):
        count = 0
        try:
            for _ in read_lines(path):
                count += 1
        except DataError as error:
            problems.append(f"{path.name}: {error}.")
        if count:
            paths.append(path)
            counts.append(count)
    return EpisodeFiles(tuple(paths), tuple(counts), tuple(problems))


def read_episodes(files: EpisodeFiles, most: int, problems: list[str]) -> Iterator[Episode]:
    """Yield episodes, in order; the same places of each file where there are too many of them.

    A line that holds no episode, such as one that a crash cut short, is left out and told in
    `problems`, one sentence a file.
    """
    stride = files.stride(most)
    for path in files.paths:
        source = path.name.removesuffix(".zst").removesuffix(".jsonl")
        broken = 0
        try:
            for place, (_, line) in enumerate(read_lines(path)):
                if place % stride:
                    continue
                row = _read_row(line)
                if row is None:
                    broken += 1
                    continue
                content = source.encode("utf-8", "surrogatepass") + b"\0" + line.strip()
                yield Episode(hashlib.sha256(content).hexdigest()[:_HASH_DIGITS], source, row)
        except DataError:
            pass  # told when the lines were counted; what came before the break is shown
        if broken:
            lines = "One line" if broken == 1 else f"{broken:,} lines"
            verb = "holds" if broken == 1 else "hold"
            problems.append(f"{lines} of {path.name} {verb} no episode and were left out.")


def _read_row(line: bytes) -> Row | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if isinstance(row, dict) and is_mapping(row.get("task")) and is_list(row.get("turns")):
        return row
    return None


def last_verdict(row: Row) -> Row | None:
    """Return the last verdict of an episode; None where it has none."""
    verdicts = [turn.get("verdict") for turn in mappings(row.get("turns"))]
    return next((verdict for verdict in reversed(verdicts) if is_mapping(verdict)), None)


def is_solved(row: Row) -> bool | None:
    """Return whether an episode solved its task; None where that could not be judged.

    The rule of `Trajectory.scorable`: our own faults count neither way.
    """
    verdict = last_verdict(row)
    unscorable = verdict is not None and verdict.get("outcome") == "unscorable"
    if unscorable or text_of(row.get("stop_reason")) in ("env_error", "timeout"):
        return None
    return verdict is not None and verdict.get("correct") is True


def name_outcome(row: Row) -> str:
    """Return how an episode was judged: the last verdict's outcome, or else why it ended."""
    stop = text_of(row.get("stop_reason"))
    verdict = last_verdict(row)
    if verdict is None or stop in ("env_error", "timeout"):
        return stop or "unknown"
    return text_of(verdict.get("outcome")) or "unknown"


def is_mapping(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Return whether a value of a JSON file is an object."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[Sequence[Any]]:
    """Return whether a value of a JSON file is an array."""
    return isinstance(value, list)


def mappings(value: object) -> list[Mapping[str, Any]]:
    """Return the objects of an array; none where it is no array."""
    return [one for one in value if is_mapping(one)] if is_list(value) else []


def text_of(value: object) -> str:
    """Return a text; empty for what is none."""
    return value if isinstance(value, str) else ""


def _order(path: Path) -> tuple[int, str]:
    """Return the place of a file: measurements before, steps of training, measurements after."""
    early = ("held-out-before", "held-out-cold_start")
    for place, name in enumerate(early):
        if path.name.startswith(f"{name}."):
            return place, path.name
    return (len(early) + 1 if path.name.startswith("held-out-after.") else len(early)), path.name
