"""The episodes of a step as bytes: Zstandard-compressed JSON lines, exact to the last bit."""

from pathlib import Path
from typing import Any

import zstandard

from gym_reason.errors import RunError
from gym_reason.records import dump_line, parse_line
from gym_reason.trainers.rl.collect import Collected, Sample
from gym_reason.trajectories import read_trajectory
from gym_reason.types import Group, Trajectory

NAME = "rollout"
"""What the file is called in a checkpoint, without `.pt`."""
Row = dict[str, Any]


def dump_episodes(collected: Collected) -> bytes:
    """Return the episodes of a step, each once, with what became of it."""
    kept = {id(sample.trajectory): number for number, sample in enumerate(collected.samples)}
    rows: list[Row] = []

    def add(trajectory: Trajectory, group: int | None) -> None:
        number = kept.pop(id(trajectory), None)
        sample = None if number is None else collected.samples[number]
        fate = None if sample is None else {
            "number": number,
            "group": sample.group,
            "reward": sample.reward,
            "expert": sample.expert,
        }  # fmt: skip
        rows.append({"played_in": group, "sample": fate, "episode": trajectory})

    for number, group in enumerate(collected.groups):
        for trajectory in group.trajectories:
            add(trajectory, number)
    for number in list(kept.values()):  # an expert's, which are in no group
        add(collected.samples[number].trajectory, None)
    return zstandard.ZstdCompressor(level=3).compress(b"".join(map(dump_line, rows)))


def load_episodes(content: bytes) -> Collected:
    """Return the episodes of a step. Raises DataError or RunError where the bytes are none."""
    groups: dict[int, list[Trajectory]] = {}
    samples: dict[int, Sample] = {}
    for row in _unpack(content):
        trajectory = read_trajectory(row["episode"])
        if row["played_in"] is not None:
            groups.setdefault(row["played_in"], []).append(trajectory)
        fate = row["sample"]
        if fate is not None:
            samples[fate["number"]] = Sample(
                trajectory, fate["group"], fate["reward"], fate["expert"]
            )
    return Collected(
        tuple(Group(played[0].task, tuple(played)) for _, played in sorted(groups.items())),
        tuple(sample for _, sample in sorted(samples.items())),
    )


def _unpack(content: bytes) -> list[Row]:
    try:
        lines = zstandard.ZstdDecompressor().decompress(content).split(b"\n")
    except zstandard.ZstdError as error:
        raise RunError(f"the episodes of a checkpoint cannot be read: {error}") from None
    path = Path(f"{NAME}.pt")
    return [parse_line(line, number, path) for number, line in enumerate(lines, 1) if line]
