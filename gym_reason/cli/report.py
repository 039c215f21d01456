"""`gym-reason report`: one page about one run, or several compared."""

import argparse
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gym_reason.cli as cli
from gym_reason.records import to_json
from gym_reason.report import build_report, read_run
from gym_reason.report.story import outline


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "report",
        help="write a page about one run, or several compared",
        description="Write one HTML file about the runs, without scripts or anything remote.",
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a run folder")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="the page; RUN/report.html for one run and ./report.html for several by default",
    )
    parser.add_argument("--open", action="store_true", help="show the page in a browser")
    cli.add_common_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Write the page and print where it lies."""
    runs: Sequence[Path] = args.runs
    out = args.out or (runs[0] if len(runs) == 1 else Path()) / "report.html"
    path = build_report(runs, out)
    if args.json:
        cli.print_json({"report": str(path), "runs": [_facts(run) for run in runs]})
    else:
        print(path)
        for folder in runs:
            for problem in read_run(folder).problems:
                print(f"  {folder}: {problem}")
    if args.open and not webbrowser.open(path.resolve().as_uri()):
        print(f"gym-reason: found no browser to show {path}; open it by hand", file=sys.stderr)
    return 0


def _facts(folder: Path) -> dict[str, Any]:
    record = read_run(folder)
    numbers: dict[str, Any] = to_json(outline(record))
    return {"run": record.name, "path": str(folder), **numbers, "problems": list(record.problems)}
