"""What every action of `gym-reason data` checks before, shows meanwhile and says at the end."""

import argparse
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gym_reason.cli import print_json
from gym_reason.cli.output import Progress, check_target, open_target
from gym_reason.errors import RunError, UsageError

if TYPE_CHECKING:
    from gym_reason.trainers.data.drops import DropLog

_COUNTS = (
    *("batch_rows", "cap", "clusters", "count", "each", "epochs", "fit_runs", "max_per_task"),
    *("max_tokens", "max_words", "patience", "prompts", "sample", "samples", "size"),
    *("subset_rows", "tasks", "overlap_words"),
)
_SHARES = ("eval_share", "keep", "rouge", "similar", "top_p")


def check_arguments(args: argparse.Namespace) -> None:
    """Refuse what cannot be, before a file is read or a model loaded. Raises UsageError."""
    from gym_reason.trainers.data.files import check_output_format

    for name in ("out", "eval_out", "report"):
        path: Path | None = getattr(args, name, None)
        if path is not None:
            check_target(str(path))
            check_output_format(path)
            if not path.resolve().parent.is_dir():
                raise UsageError(f"no folder {path.parent} for {path.name}", "a folder that exists")
    for name in _COUNTS:
        value = getattr(args, name, None)
        if value is not None and value < 1:
            raise UsageError(f"--{name.replace('_', '-')} {value}", "1 or more")
    for name in _SHARES:
        value = getattr(args, name, None)
        if value is not None and not 0.0 < value <= 1.0:
            raise UsageError(f"--{name.replace('_', '-')} {value}", "above 0 and at most 1")
    rates = {"lr": getattr(args, "lr", 1.0), "temperature": getattr(args, "temperature", 1.0)}
    for name, value in rates.items():
        if not 0.0 <= value < math.inf:
            raise UsageError(f"--{name} {value}", "0 or more")


class Bar(Progress):
    """How much of the work is done, once it takes long."""

    def __init__(self, label: str, *, quiet: bool) -> None:
        """Begin; `label` says of what."""
        super().__init__(quiet=quiet)
        self._label = label
        self._bar: Any = None
        self._task: Any = None

    def show(self, done: int, total: int | None = None) -> None:
        """Show that so much is done, of so much where that is known."""
        if not self.due:
            return
        if self._bar is None:
            from rich import progress as rich_progress
            from rich.console import Console

            self._bar = self.stack.enter_context(
                rich_progress.Progress(
                    rich_progress.TextColumn("{task.description}"),
                    rich_progress.BarColumn(),
                    rich_progress.MofNCompleteColumn(),
                    rich_progress.TimeRemainingColumn(),
                    console=Console(stderr=True),
                    transient=True,
                    auto_refresh=False,
                )
            )
            self._task = self._bar.add_task(self._label, total=total)
        self._bar.update(self._task, completed=done, total=total, refresh=True)


class Outcome:
    """What an action found, and where it goes."""

    def __init__(self, args: argparse.Namespace, log: "DropLog") -> None:
        """Begin to count the time."""
        self.args = args
        self.log = log
        self.found: dict[str, Any] = {}
        """What else there is to say, for JSON and for people."""
        self.other_rows = 0
        """Rows that were neither kept nor dropped."""
        self._start = time.monotonic()

    def write_report(self) -> None:
        """Write the list of what was dropped, where it was asked for. Raises RunError."""
        if self.args.report is not None:
            write_rows(self.args.report, [drop.to_json() for drop in self.log.drops])

    def finish(self, rows: Sequence[Mapping[str, Any]]) -> int:
        """Write the rows and the report, and say what was found.

        Raises RunError where nothing was kept: the output is then not written, the report is.
        """
        self.write_report()
        dropped = self.log.counts
        if not rows:
            if not dropped:
                raise RunError("there was no row to keep", "at least one")
            reason, count = next(iter(dropped.items()))
            raise RunError(
                f"none of {len(self.log.drops)} rows was kept ({reason}: {count})",
                "at least one",
                f"see {self.args.report or 'what --report FILE.jsonl lists'}",
            )
        write_rows(self.args.out, rows)
        self.say(len(rows))
        return 0

    def say(self, kept: int) -> None:
        """Print what was found, as a table or as one JSON object."""
        args, dropped = self.args, self.log.counts
        read = kept + len(self.log.drops) + self.other_rows
        seconds = round(time.monotonic() - self._start, 3)
        out = None if args.out is None else str(args.out)
        report = None if args.report is None else str(args.report)
        if args.json:
            print_json(
                {"action": args.action, "read": read, "kept": kept, "dropped": dropped}
                | self.found
                | {"out": out, "report": report, "seconds": seconds}
            )
            return
        rows = [("rows", str(read)), ("kept", str(kept))]
        rows += [(f"dropped: {reason}", str(count)) for reason, count in dropped.items()]
        rows += [(name.replace("_", " "), _show(value)) for name, value in self.found.items()]
        width = max(len(name) for name, _ in rows)
        for name, value in rows:
            print(f"{name:<{width}}  {value}")
        places = [f"kept rows in {out}"] if out else []
        places += [f"dropped rows in {report}"] if report else []
        print("; ".join([f"{seconds:.1f} s", *places]))


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a file of rows, whole or not at all. Raises RunError and DataError."""
    from gym_reason.trainers.data.files import dump_rows

    with open_target(path) as file:
        dump_rows(file, path.name, rows)


def _show(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name or '(none)'} {_show(item)}" for name, item in value.items()) or "-"
    if isinstance(value, list | tuple):
        return ", ".join(map(_show, value)) or "-"
    return "-" if value is None else str(value)
