"""The folder of an evaluation: what is kept in it, and how one that was stopped goes on."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import gym_reason
from gym_reason.errors import DataError, UsageError
from gym_reason.evaluate.results import Contestant, EpisodeResult, result_of, result_row
from gym_reason.images import FOLDER, ImageStore
from gym_reason.locks import FolderLock
from gym_reason.records import dump_line, explain_os_errors, open_atomic, to_json, write_atomic
from gym_reason.trajectories import (
    ImageReader,
    drop_torn_line,
    read_rows,
    read_trajectory,
    write_trajectory,
)
from gym_reason.types import Json, Trajectory

CONFIG, SUMMARY, RESULTS = "config.json", "summary.json", "results.jsonl"
EPISODES = Path("trajectories") / "episodes.jsonl"
FORM = 1
"""Number of the form of the folder, raised where an older reader would misread it."""

Slot = tuple[Contestant, str, int]
"""Who acted where, on a task of which content, and in which of its samples."""


@dataclass(frozen=True, slots=True)
class Episode:
    """A trajectory of an evaluation, with its place in it."""

    who: Contestant
    """Who acted where."""
    key: str
    """The task's content."""
    sample: int
    """Number of the episode among those of its task, from 0."""
    trajectory: Trajectory
    """All of it."""

    def to_row(self, keep: Callable[[bytes], str] = bytes.hex) -> dict[str, Any]:
        """Return the line of the file: its place, then the fields of the trajectory.

        `keep` returns the name that stands for an image; by default the line holds it.
        """
        who = self.who
        place = {"env": who.env, "policy": who.policy, "agent": who.agent}
        own = {"sample": self.sample, "key": self.key}
        return place | own | write_trajectory(self.trajectory, keep)

    @property
    def result(self) -> EpisodeResult:
        """What became of it."""
        return result_of(self.who, self.key, self.sample, self.trajectory)


def read_episode(row: Mapping[str, Any], read_image: ImageReader = bytes.fromhex) -> Episode:
    """Return the episode that a line of an evaluation's trajectories holds. Raises DataError."""
    try:
        who = Contestant(str(row["env"]), str(row["policy"]), str(row["agent"]))
        key, sample = str(row["key"]), int(row["sample"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"a row is no episode of an evaluation ({error!r})", "env, policy, agent, key, sample"
        ) from None
    return Episode(who, key, sample, read_trajectory(row, read_image))


class EvalFolder:
    """The folder of one evaluation, held by one process at a time."""

    def __init__(self, path: Path, settings: Mapping[str, Json]) -> None:
        """Name the folder.

        Args:
            path: Where; nothing is made or read before the `with` block.
            settings: All that episodes depend on: one that goes on must have the same.
        """
        self.path = path
        self.kept: dict[Slot, EpisodeResult] = {}
        """What became of the episodes that are there already."""
        self._settings: dict[str, Any] = json.loads(dump_line(settings))
        self._lock = FolderLock(path)
        self._file: BinaryIO | None = None
        self._images = ImageStore((path / EPISODES).parent / FOLDER)

    def __enter__(self) -> Self:
        """Make the folder and lock it. Raises RunError where another process holds it."""
        self._lock.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file and release the lock."""
        if self._file is not None:
            self._file.close()
        self._lock.__exit__(kind, error, trace)

    def open(self, *, resume: bool, retry_unscorable: bool, asked: Mapping[str, Json]) -> None:
        """Begin an evaluation, or go on with the one that is there.

        Args:
            resume: Whether to go on; without it the folder must hold no evaluation.
            retry_unscorable: Whether to forget the episodes that our side failed to judge.
            asked: What is asked for that no episode depends on, for people.

        Raises:
            UsageError: The folder is taken, or what is there was made with other settings.
            DataError: What is there cannot be read.
            RunError: It cannot be written.
        """
        file = self.path / EPISODES
        if (self.path / CONFIG).exists() or file.exists():
            if not resume:
                raise UsageError(
                    f"{self.path} holds an evaluation",
                    "a new folder",
                    "go on with --resume, or name another --out",
                )
            self._check_settings()
        with explain_os_errors(file):
            file.parent.mkdir(exist_ok=True)
        config = {"form": FORM, "gym_reason": gym_reason.__version__, "settings": self._settings}
        self._write_json(CONFIG, config | {"asked": asked})
        for derived in (RESULTS, SUMMARY):
            # They are of what was there before; without them nobody takes that for the whole.
            (self.path / derived).unlink(missing_ok=True)
        drop_torn_line(file)
        if file.exists():
            self.kept = {slot_of(result): result for result in read_results(file)}
            if retry_unscorable and any(r.correct is None for r in self.kept.values()):
                self._forget_unscorable(file)
        with explain_os_errors(file):
            self._file = file.open("ab", buffering=0)

    def append(self, episode: Episode) -> None:
        """Keep an episode. Raises RunError, for example where the disk is full."""
        assert self._file is not None
        line = memoryview(dump_line(episode.to_row(self._images.keep)))
        with explain_os_errors(self.path / EPISODES):
            while line:
                line = line[self._file.write(line) :]

    def finish(self, results: Iterable[EpisodeResult], summary: object) -> None:
        """Write what became of the episodes, and the figures. Raises RunError."""
        lines = b"".join(dump_line(result_row(result)) for result in results)
        write_atomic(self.path / RESULTS, lines)
        self._write_json(SUMMARY, summary)

    def keep_tokenizers(self, files: Sequence[tuple[str, Path]]) -> None:
        """Copy the tokenizer of each policy that has one: tokens are read with it years later."""
        named: dict[str, Json] = {}
        for number, (policy, source) in enumerate(files):
            name = f"tokenizers/{number}.json"
            with explain_os_errors(self.path / name):
                (self.path / name).parent.mkdir(exist_ok=True)
                content = source.read_bytes()
            write_atomic(self.path / name, content)
            named[policy] = name
        config = json.loads((self.path / CONFIG).read_text("utf-8"))
        self._write_json(CONFIG, config | {"tokenizers": named})

    def _check_settings(self) -> None:
        kept = read_config(self.path).get("settings", {})
        for name in dict.fromkeys((*self._settings, *kept)):
            before, now = kept.get(name), self._settings.get(name)
            if before != now:
                raise UsageError(
                    f"{self.path} holds episodes with {name} = {_shown(before)}",
                    f"{name} = {_shown(now)}",
                    "ask for the same, or name another folder",
                )

    def _forget_unscorable(self, file: Path) -> None:
        self.kept = {slot: one for slot, one in self.kept.items() if one.correct is not None}
        with open_atomic(file) as target:
            for row in read_rows(file):
                if slot_of(read_episode(row, _leave_out).result) in self.kept:
                    target.write(dump_line(row))

    def _write_json(self, name: str, value: object) -> None:
        text = json.dumps(to_json(value), indent=1, ensure_ascii=False) + "\n"
        write_atomic(self.path / name, text.encode("utf-8", "surrogatepass"))


def read_config(folder: Path) -> dict[str, Any]:
    """Return what an evaluation's folder says of it. Raises DataError."""
    path = folder / CONFIG
    try:
        config = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}", "an evaluation") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON ({error})", "an evaluation") from None
    if not isinstance(config, dict) or not isinstance(config.get("settings"), dict):
        raise DataError(f"{path} says nothing of settings", "an evaluation")
    if config.get("form") != FORM:
        raise DataError(
            f"{path} is of form {config.get('form')!r}", f"form {FORM}", "read it with that version"
        )
    return config


def read_results(file: Path) -> Iterator[EpisodeResult]:
    """Yield what became of each episode of a file of trajectories. Raises DataError."""
    for row in read_rows(file):
        yield read_episode(row, _leave_out).result


def slot_of(result: EpisodeResult) -> Slot:
    """Return the place of an episode in its evaluation."""
    return result.who, result.key, result.sample


def _leave_out(_: str) -> bytes:
    """Return nothing: no result depends on an image."""
    return b""


def _shown(value: object) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
