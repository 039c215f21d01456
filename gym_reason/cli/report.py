"""`gym-reason report`: one page about a run or an evaluation, or several compared."""

import argparse
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gym_reason.cli as cli
from gym_reason.errors import UsageError
from gym_reason.records import to_json
from gym_reason.report import build_report, read_run
from gym_reason.report.episodes import MOST_EPISODES
from gym_reason.report.evaluations import is_evaluation, read_evaluation
from gym_reason.report.story import outline


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "report",
        help="write a page about a run or an evaluation, or several compared",
        description="Write one HTML file that needs neither a network nor a server: curves, "
        "results, and the episodes of a single run or evaluation to look through.",
    )
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN", help="folder of a run or of an evaluation"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="the page; RUN/report.html for one run and ./report.html for several by default",
    )
    parser.add_argument(
        "--episodes",
        type=int,
        default=MOST_EPISODES,
        metavar="N",
        help=f"most episodes in the page; 0 for none (default: {MOST_EPISODES:,})",
    )
    parser.add_argument("--open", action="store_true", help="show the page in a browser")
    cli.add_common_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Write the page and print where it lies."""
    runs: Sequence[Path] = args.runs
    if args.episodes < 0:
        raise UsageError(f"--episodes {args.episodes}", "0 or more")
    out = args.out or (runs[0] if len(runs) == 1 else Path()) / "report.html"
    path = build_report(runs, out, args.episodes)
    facts = [_facts(run) for run in runs]
    if args.json:
        cli.print_json({"report": str(path), "runs": facts})
    else:
        print(path)
        for folder, one in zip(runs, facts, strict=True):
            for problem in one["problems"]:
                print(f"  {folder}: {problem}")
    if args.open and not webbrowser.open(path.resolve().as_uri()):
        print(f"gym-reason: found no browser to show {path}; open it by hand", file=sys.stderr)
    return 0


def _facts(folder: Path) -> dict[str, Any]:
    if is_evaluation(folder):
        found = read_evaluation(folder)
        rows = [to_json(one.row) for one in found.results]
        named = {"run": found.name, "path": str(folder), "results": rows}
        return {**named, "problems": list(found.problems)}
    record = read_run(folder)
    numbers: dict[str, Any] = to_json(outline(record))
    return {"run": record.name, "path": str(folder), **numbers, "problems": list(record.problems)}
