"""`gym-reason verify VERIFIER FILE.jsonl`: judge a file of submissions."""

import argparse
import contextlib
import json
import os
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import zstandard

from gym_reason.cli import add_common_arguments, print_json
from gym_reason.errors import DataError, RunError, UsageError
from gym_reason.records import dump_line, explain_os_errors, open_atomic, read_lines
from gym_reason.registry import explain_unknown
from gym_reason.text import shorten
from gym_reason.types import Outcome, Task, Verdict
from gym_reason.verifiers.pool import VerifierPool

FIELDS = ("id", "submission", "reference", "meta")
_PROGRESS_AFTER_S = 2.0
_PROGRESS_EVERY_S = 0.2
_DESCRIPTION = """
Judge each row of a file of JSON lines and write the rows back, in their order, with the verdict's
fields: reward, correct, outcome, parts, feedback, detail, seconds. A column of the row that has one
of these names is replaced; every other column is kept. A row is {"id", "submission", "reference",
"meta"}; all but the submission may be missing. A line that is broken, or lacks its submission or a
column that --field names, gets the outcome "invalid" and its line number in "line".
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command to the parser of the whole command."""
    parser = subparsers.add_parser(
        "verify", help="judge a file of submissions", description=_DESCRIPTION
    )
    parser.add_argument("verifier", metavar="VERIFIER", help="for example math, math:strict, exact")
    parser.add_argument(
        "file", metavar="FILE.jsonl", help="rows to judge, plain or .zst; - reads standard input"
    )
    parser.add_argument(
        "--out",
        metavar="FILE.jsonl",
        help="write the rows here, whole or not at all (.zst is compressed); standard output by "
        "default, and nowhere with --json",
    )
    parser.add_argument("--workers", type=int, default=None, metavar="N", help="processes")
    parser.add_argument(
        "--timeout", type=float, default=5.0, metavar="S", help="seconds for one row (default 5)"
    )
    parser.add_argument(
        "--field",
        action="append",
        default=[],
        metavar="NAME=COLUMN",
        help=f"read NAME ({', '.join(FIELDS)}) from COLUMN; may be repeated",
    )
    add_common_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Judge the file. Raises GymReasonError."""
    columns = _read_fields(args.field)
    source = _open_source(args.file)
    workers = args.workers if args.workers is not None else _default_workers()
    start = time.monotonic()
    summary = _Summary()
    with VerifierPool(args.verifier, workers, args.timeout, modules=args.load) as pool:
        rows: deque[dict[str, Any]] = deque()
        verdicts = pool.verify_many(_read_items(source, columns, rows))
        with _open_sink(args.out, quiet=args.json) as sink, _Progress(args.json) as progress:
            for verdict in verdicts:
                sink.write(dump_line({**rows.popleft(), **verdict.to_json()}))
                summary.add(verdict)
                progress.show(summary)
    seconds = time.monotonic() - start
    if args.json:
        print_json(summary.to_json(seconds, args.out))
    else:
        print(summary.to_text(seconds, args.out), file=sys.stdout if args.out else sys.stderr)
    return 0


class _Summary:
    """Counts of what came out."""

    def __init__(self) -> None:
        self.rows = 0
        self.correct = 0
        self.outcomes: Counter[str] = Counter()

    def add(self, verdict: Verdict) -> None:
        self.rows += 1
        self.correct += verdict.correct
        self.outcomes[verdict.outcome.value] += 1

    def to_json(self, seconds: float, out: str | None) -> dict[str, object]:
        return {
            "rows": self.rows,
            "correct": self.correct,
            "outcomes": self._sorted_outcomes(),
            "seconds": round(seconds, 3),
            "out": out,
        }

    def to_text(self, seconds: float, out: str | None) -> str:
        counts = ", ".join(f"{name} {count}" for name, count in self._sorted_outcomes().items())
        lines = [
            f"{self.rows} rows, {self.correct} correct" + (f" ({counts})" if counts else ""),
            f"{seconds:.1f} s, {self.rows / max(seconds, 1e-9):.0f} rows per second",
        ]
        return "\n".join([*lines, f"written to {out}"] if out else lines)

    def _sorted_outcomes(self) -> dict[str, int]:
        return {
            outcome.value: self.outcomes[outcome.value]
            for outcome in Outcome
            if self.outcomes[outcome.value]
        }


class _Progress:
    """A line on standard error once a run takes long, where that is a terminal."""

    def __init__(self, quiet: bool) -> None:
        self._enabled = not quiet and sys.stderr.isatty()
        self._start = self._last = time.monotonic()
        self._stack = contextlib.ExitStack()
        self._status: Any = None

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def show(self, summary: _Summary) -> None:
        if not self._enabled:
            return
        now = time.monotonic()
        if now - self._start < _PROGRESS_AFTER_S or now - self._last < _PROGRESS_EVERY_S:
            return
        self._last = now
        rate = summary.rows / (now - self._start)
        text = f"{summary.rows} rows, {summary.correct} correct, {rate:.0f} rows per second"
        if self._status is None:
            from rich.console import Console

            self._status = self._stack.enter_context(Console(stderr=True).status(text))
        self._status.update(text)


def _default_workers() -> int:
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(4, available or 1))


def _read_fields(arguments: list[str]) -> dict[str, str]:
    """Return the column of each field that was named."""
    columns: dict[str, str] = {}
    for argument in arguments:
        name, equals, column = argument.partition("=")
        if not equals or not column:
            raise UsageError(f"--field {argument}", "NAME=COLUMN", "for example submission=answer")
        if name not in FIELDS:
            raise UsageError(*explain_unknown("field", name, list(FIELDS)))
        columns[name] = column
    return columns


def _open_source(name: str) -> Iterator[tuple[int, bytes]]:
    """Return the numbered lines of the file; what cannot be read at all says so now."""
    if name == "-":
        return ((n, line) for n, line in enumerate(sys.stdin.buffer, 1) if line.strip())
    path = Path(name)
    if not path.exists():
        raise DataError(f"no file {name}", "a file of JSON lines")
    if path.is_dir():
        raise DataError(f"{name} is a folder", "a file of JSON lines")
    return read_lines(path)


def _read_items(
    source: Iterator[tuple[int, bytes]], columns: Mapping[str, str], rows: deque[dict[str, Any]]
) -> Iterator[tuple[Task, str] | Verdict]:
    """Yield what the pool takes for each line, and put the row that it came from into `rows`."""
    for number, line in source:
        row: dict[str, Any] = {}
        try:
            parsed = json.loads(line)
            if not isinstance(parsed, dict):
                raise ValueError(f"a JSON {type(parsed).__name__}, expected an object")
            row = parsed
            item: tuple[Task, str] | Verdict = _read_row(row, number, columns)
        # Nesting beyond Python's stack is one more way for a line to be broken.
        except (ValueError, RecursionError) as error:
            row = {**row, "line": number}
            item = _invalid(f"line {number}: {shorten(str(error), 200)}")
        rows.append(row)
        yield item


def _read_row(row: dict[str, Any], number: int, columns: Mapping[str, str]) -> tuple[Task, str]:
    """Return the task and the submission of a row. Raises ValueError where it lacks something."""
    for column in columns.values():
        if column not in row:
            raise ValueError(f"no column {column!r}")
    column = columns.get("submission", "submission")
    if column not in row:
        raise ValueError(f"no column {column!r}, expected the submission there")
    meta = row.get(columns.get("meta", "meta"))
    task = Task(
        id=str(row.get(columns.get("id", "id"), number)),
        prompt=(),
        reference=_to_text(row.get(columns.get("reference", "reference"), ""), "reference"),
        meta=meta if isinstance(meta, dict) else {},
    )
    return task, _to_text(row[column], "submission")


def _to_text(value: object, name: str) -> str:
    """Return a column as text; a number stands for its digits."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return json.dumps(value)
    raise ValueError(f"the {name} is of type {type(value).__name__}, expected text")


def _invalid(detail: str) -> Verdict:
    return Verdict(reward=0.0, correct=False, outcome=Outcome.INVALID, detail=detail)


class _Discard:
    """A sink for rows that nobody asked for."""

    def write(self, content: bytes) -> int:
        return len(content)


@contextlib.contextmanager
def _open_sink(out: str | None, *, quiet: bool) -> "Iterator[BinaryIO | _Discard | Any]":
    """Open where the rows go."""
    if out is None:
        if quiet:
            yield _Discard()
        else:
            with _explain_full_output():
                yield sys.stdout.buffer
                sys.stdout.buffer.flush()
        return
    path = Path(out)
    if path.is_dir():
        raise UsageError(f"--out {out} is a folder", "a file")
    with _open_target(path) as file:
        if path.suffix == ".zst":
            with zstandard.ZstdCompressor(level=3).stream_writer(file, closefd=False) as writer:
                yield writer
        else:
            yield file


@contextlib.contextmanager
def _explain_full_output() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        # A reader such as `head` that has seen enough: no failure of this run.
        raise
    except OSError as error:
        raise RunError(f"cannot write the rows to standard output: {error.strerror}") from error


@contextlib.contextmanager
def _open_target(path: Path) -> Iterator[BinaryIO]:
    if path.exists() and not path.is_file():
        # A device or a pipe is written to, never replaced by a file.
        with explain_os_errors(path), path.open("wb") as file:
            yield file
    else:
        # Through a link to the file that it names: the link itself stays.
        with open_atomic(path.resolve()) as file:
            yield file
