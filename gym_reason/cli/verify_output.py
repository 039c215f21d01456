"""Where the rows of `gym-reason verify` go, and how an interrupted run is taken up again."""

import contextlib
import fcntl
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import zstandard

from gym_reason.cli.output import open_target
from gym_reason.errors import RunError, UsageError
from gym_reason.records import explain_os_errors, open_atomic, write_atomic

_FLUSH_EVERY_S = 1.0
_SAMPLES = 64
_SAMPLE_BYTES = 65_536


class Sink(Protocol):
    """Takes lines."""

    def write(self, content: bytes, /) -> object:
        """Take one line."""


class Discard:
    """A sink for rows that nobody asked for."""

    def write(self, content: bytes, /) -> int:
        """Drop the line."""
        return len(content)


def row_line(row: dict[str, Any]) -> bytes:
    """Return a row as a line of JSON in UTF-8; half a surrogate pair stays as its escape."""
    try:
        return json.dumps(row, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(row).encode("ascii") + b"\n"


def describe_run(
    file: str, verifier: str, modules: list[str], columns: dict[str, str]
) -> dict[str, Any]:
    """Return what must be the same for a run to be taken up again.

    Of the file these are its size and a digest: of all its bytes up to 4 MB, of 64 evenly spaced
    pieces of a larger one.
    """
    path = Path(file)
    digest = hashlib.blake2b(digest_size=16)
    with explain_os_errors(path), path.open("rb") as content:
        size = os.fstat(content.fileno()).st_size
        for sample in range(_SAMPLES):
            content.seek(max(0, size - _SAMPLE_BYTES) * sample // (_SAMPLES - 1))
            digest.update(content.read(_SAMPLE_BYTES))
    return {
        "file": {"bytes": size, "digest": digest.hexdigest()},
        "verifier": verifier,
        "load": modules,
        "field": columns,
    }


@contextlib.contextmanager
def open_sink(path: Path | None, *, quiet: bool) -> Iterator[Sink]:
    """Open where the rows of a run that cannot be resumed go: whole to a file, or to a stream."""
    if path is None:
        if quiet:
            yield Discard()
        else:
            with _explain_full_output():
                yield sys.stdout.buffer
                sys.stdout.buffer.flush()
        return
    with open_target(path) as file:
        if path.suffix == ".zst":
            with zstandard.ZstdCompressor(level=3).stream_writer(file, closefd=False) as writer:
                yield writer
        else:
            yield file


class Unfinished:
    """The rows of a run that has not ended, in `NAME.partial` beside the file that they are for.

    `NAME.partial.json` says of which run they are. The rows are plain, also where the file's name
    ends in `.zst`: that is compressed at the end.
    """

    def __init__(self, out: Path, run: dict[str, Any], *, resume: bool) -> None:
        """Open the file and lock it.

        Raises:
            UsageError: There are rows of another run, or, unless `resume`, of this one; another
                process is writing them.
            RunError: The file cannot be written.
        """
        # Through a link to the file that it names: the link itself stays.
        self.target = out.resolve()
        self.path = self.target.with_name(f"{self.target.name}.partial")
        self._note = self.target.with_name(f"{self.target.name}.partial.json")
        self.is_new = True
        """Whether no rows were there."""
        with explain_os_errors(self.path):
            self._file: BinaryIO = self.path.open("a+b")
        try:
            self._lock()
            if os.fstat(self._file.fileno()).st_size:
                self._check(run, resume=resume)
                self._drop_torn_line()
                self.is_new = False
            else:
                write_atomic(self._note, json.dumps(run, indent=1) + "\n")
        except BaseException:
            self._file.close()
            raise
        self._flushed = time.monotonic()

    def read_rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows that are there. Raises UsageError where one is damaged."""
        self._file.seek(0)
        for number, line in enumerate(self._file, 1):
            try:
                row = json.loads(line)
                if not isinstance(row, dict) or "outcome" not in row:
                    raise ValueError
            except (ValueError, RecursionError):
                raise UsageError(
                    f"line {number} of {self.path} is damaged",
                    "rows that an interrupted run has written",
                    "delete the file to begin again",
                ) from None
            yield row

    def write(self, content: bytes, /) -> None:
        """Append one line; a second later at most it is in the file."""
        with explain_os_errors(self.path):
            self._file.write(content)
            now = time.monotonic()
            if now - self._flushed > _FLUSH_EVERY_S:
                self._file.flush()
                self._flushed = now

    def finish(self) -> None:
        """Put the rows in their place."""
        with explain_os_errors(self.path):
            self._file.flush()
            if self.target.suffix == ".zst":
                self._file.seek(0)
                with open_atomic(self.target) as packed:
                    zstandard.ZstdCompressor(level=3).copy_stream(self._file, packed)
                self.path.unlink()
            else:
                os.replace(self.path, self.target)
            self._note.unlink(missing_ok=True)
            self._file.close()

    def leave(self) -> bool:
        """Close the file as it is, and return whether there is anything in it to resume."""
        with contextlib.suppress(OSError):
            self._file.flush()
        kept = self.path.exists() and self.path.stat().st_size > 0
        if not kept:
            self.path.unlink(missing_ok=True)
            self._note.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._file.close()
        return kept

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A run that has just ended may have moved the file away after it was opened here.
            if os.fstat(self._file.fileno()).st_ino != self.path.stat().st_ino:
                raise BlockingIOError
        except OSError:
            raise UsageError(
                f"another run is writing {self.path}", "one run for one file", "name another --out"
            ) from None

    def _check(self, run: dict[str, Any], *, resume: bool) -> None:
        """Refuse rows that this run did not begin, or was not asked to go on with."""
        if not resume:
            raise UsageError(
                f"{self.path} holds rows of an interrupted run",
                "no unfinished output",
                "add --resume to go on from there, or delete the file to begin again",
            )
        try:
            begun = json.loads(self._note.read_bytes())
        except (OSError, ValueError):
            begun = None
        if not isinstance(begun, dict):
            raise UsageError(
                f"{self._note} does not say which run began {self.path}",
                "the note of an interrupted run",
                "delete both to begin again",
            )
        changed = [name for name in run if begun.get(name) != run[name]]
        if changed:
            raise UsageError(
                f"{self.path} was begun with another {' and '.join(changed)}",
                "the same file, verifier, --load and --field",
                "delete it to begin again",
            )

    def _drop_torn_line(self) -> None:
        """Cut the file behind its last line break."""
        end = self._file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - _SAMPLE_BYTES)
            self._file.seek(start)
            found = self._file.read(end - start).rfind(b"\n")
            if found >= 0:
                end = start + found + 1
                break
            end = start
        with explain_os_errors(self.path):
            self._file.truncate(end)


@contextlib.contextmanager
def _explain_full_output() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        # A reader such as `head` that has seen enough: no failure of this run.
        raise
    except OSError as error:
        raise RunError(f"cannot write the rows to standard output: {error.strerror}") from error
