"""`gym-reason verify VERIFIER FILE.jsonl`: judge a file of submissions."""

import argparse
import contextlib
import itertools
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gym_reason.cli import add_common_arguments, default_workers, print_json
from gym_reason.cli.output import Progress, check_target
from gym_reason.cli.rows import read_fields
from gym_reason.cli.verify_output import Sink, Unfinished, describe_run, open_sink, row_line
from gym_reason.cli.verify_rows import FIELDS, SourceRow, open_source, read_items
from gym_reason.errors import UsageError
from gym_reason.text import shorten
from gym_reason.types import Outcome, Verdict
from gym_reason.verifiers.pool import VerifierPool

_DESCRIPTION = """
Judge each row of a file of JSON lines and write the rows back, in their order, with the verdict's
fields: reward, correct, outcome, parts, feedback, detail, seconds. A column of the row that has one
of these names is replaced; every other column is kept. A row is {"id", "submission", "reference",
"meta"}; all but the submission may be missing. The reference may be any JSON value: what is no text
reaches the verifier as its JSON text. A row without a reference that has a column "tests" is judged
by that. The verifier sees "meta" and every column that is none of the four, such as "language". A
line that is broken, or lacks its submission or a column that --field names, gets the outcome
"invalid" and its line number in "line". The exit code is 1 where every row was unscorable.
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
        help="write the rows here once all are judged (.zst is compressed); standard output by "
        "default, and nowhere with --json",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on where an interrupted run with the same --out stopped; its rows wait in "
        "FILE.jsonl.partial, uncompressed also for .zst; without them every row is judged",
    )
    parser.add_argument("--workers", type=int, default=None, metavar="N", help="processes")
    parser.add_argument(
        "--timeout",
        type=float,
        default=None,
        metavar="S",
        help="seconds for one row (default 5, or more where the verifier's own limits are higher)",
    )
    parser.add_argument(
        "--cache",
        metavar="FILE",
        help="keep verdicts in this file (SQLite) and take known ones from it, where the verifier "
        "says that it is deterministic; several runs may share it",
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
    columns = read_fields(args.field, FIELDS, "submission=answer")
    source = open_source(args.file)
    workers = args.workers if args.workers is not None else default_workers()
    start = time.monotonic()
    summary = _Summary()
    with VerifierPool(
        args.verifier, workers, args.timeout, modules=args.load, cache=args.cache
    ) as pool:
        progress = _Bar(quiet=args.json, size=_file_size(args.file))
        with _open_output(args, columns) as sink, progress:
            if isinstance(sink, Unfinished):
                for judged in sink.read_rows():
                    summary.add_row(judged)
                skipped = itertools.islice(source, summary.rows)
                progress.skip(summary.rows, sum(len(line) for _, line in skipped))
            rows: deque[SourceRow] = deque()
            for verdict in pool.verify_many(read_items(source, columns, rows)):
                row = rows.popleft()
                sink.write(row_line({**row.values, **verdict.to_json()}))
                summary.add(verdict)
                progress.show(summary, row.size)
    seconds = time.monotonic() - start
    if args.json:
        print_json(summary.to_json(seconds, args.out))
    else:
        print(summary.to_text(seconds, args.out), file=sys.stdout if args.out else sys.stderr)
    return 1 if summary.rows and summary.unscorable == summary.rows else 0


@contextlib.contextmanager
def _open_output(args: argparse.Namespace, columns: dict[str, str]) -> Iterator[Sink]:
    """Open where the rows go; what an interrupted run has written stays, where it can go on."""
    out = None if args.out is None else check_target(args.out)
    if args.resume and out is None:
        raise UsageError("--resume without --out", "--out with the file to go on with")
    if out is None or (out.exists() and not out.is_file()) or not Path(args.file).is_file():
        if args.resume:
            raise UsageError(
                "--resume with a stream", "a file to read and --out with a file to write"
            )
        with open_sink(out, quiet=args.json) as sink:
            yield sink
        return
    begun = describe_run(args.file, args.verifier, args.load, columns)
    unfinished = Unfinished(out, begun, resume=args.resume)
    if args.resume and unfinished.is_new:
        print(f"gym-reason: no rows in {unfinished.path}: judging all of them", file=sys.stderr)
    try:
        yield unfinished
        unfinished.finish()
    except BaseException:
        if unfinished.leave():
            print(
                f"gym-reason: the rows judged so far are in {unfinished.path}; "
                "the same command with --resume goes on from there",
                file=sys.stderr,
            )
        raise


class _Summary:
    """Counts of what came out."""

    def __init__(self) -> None:
        self.rows = 0
        self.correct = 0
        self.outcomes: Counter[str] = Counter()
        self._first_unscorable = ""

    @property
    def unscorable(self) -> int:
        """How many rows nobody can be blamed or praised for."""
        return self.outcomes[Outcome.UNSCORABLE.value]

    def add(self, verdict: Verdict) -> None:
        self._count(verdict.outcome.value, verdict.correct, verdict.detail)

    def add_row(self, row: dict[str, Any]) -> None:
        """Count a row that was judged before."""
        self._count(str(row["outcome"]), bool(row.get("correct")), str(row.get("detail", "")))

    def _count(self, outcome: str, correct: bool, detail: str) -> None:
        self.rows += 1
        self.correct += correct
        self.outcomes[outcome] += 1
        if outcome == Outcome.UNSCORABLE.value and not self._first_unscorable:
            self._first_unscorable = shorten(detail, 200) or "no reason given"

    def to_json(self, seconds: float, out: str | None) -> dict[str, object]:
        return {
            "rows": self.rows,
            "correct": self.correct,
            "unscorable": self.unscorable,
            "outcomes": self._sorted_outcomes(),
            "seconds": round(seconds, 3),
            "out": out,
        }

    def to_text(self, seconds: float, out: str | None) -> str:
        counts = ", ".join(f"{name} {count}" for name, count in self._sorted_outcomes().items())
        lines = [f"{self.rows} rows, {self.correct} correct" + (f" ({counts})" if counts else "")]
        if self.unscorable:
            lines.append(
                f"{self.unscorable} of them unscorable, which count as neither right nor wrong; "
                f"the first: {self._first_unscorable}"
            )
        lines.append(f"{seconds:.1f} s, {self.rows / max(seconds, 1e-9):.0f} rows per second")
        return "\n".join([*lines, f"written to {out}"] if out else lines)

    def _sorted_outcomes(self) -> dict[str, int]:
        return {
            outcome.value: self.outcomes[outcome.value]
            for outcome in Outcome
            if self.outcomes[outcome.value]
        }


class _Bar(Progress):
    """How much of the file is judged."""

    def __init__(self, *, quiet: bool, size: int | None) -> None:
        super().__init__(quiet=quiet)
        self._size = size
        self._done = 0
        self._rows_before = 0
        self._bar: Any = None
        self._task: Any = None

    def skip(self, rows: int, size: int) -> None:
        """Leave out rows of the file that were judged before, and count their bytes as done."""
        self._rows_before = rows
        self._done = size

    def show(self, summary: _Summary, size: int) -> None:
        """Show what `summary` has counted, after another `size` bytes of the file."""
        self._done += size
        if not self.due:
            return
        if self._bar is None:
            self._bar = self._open_bar()
        rate = (summary.rows - self._rows_before) / (time.monotonic() - self.start)
        text = f"{summary.rows} rows, {summary.correct} correct, {rate:.0f} rows per second"
        self._bar.update(self._task, completed=self._done, description=text, refresh=True)

    def _open_bar(self) -> Any:
        from rich import progress as rich_progress
        from rich.console import Console

        columns = (
            rich_progress.TextColumn("{task.description}"),
            rich_progress.BarColumn(),
            rich_progress.TimeRemainingColumn(),
        )
        bar = self.stack.enter_context(
            rich_progress.Progress(
                *columns, console=Console(stderr=True), transient=True, auto_refresh=False
            )
        )
        self._task = bar.add_task("", total=self._size)
        return bar


def _file_size(file: str) -> int | None:
    """Return the bytes of all lines of the file; None where that is not known."""
    path = Path(file)
    return path.stat().st_size if path.is_file() and path.suffix != ".zst" else None
