"""`gym-reason compare`: is one evaluation better than another, and on which problems."""

import argparse
from pathlib import Path
from typing import Any

from gym_reason.cli import add_common_arguments, print_json
from gym_reason.cli.columns import clean, print_columns
from gym_reason.cli.eval_output import print_comparisons
from gym_reason.errors import UsageError
from gym_reason.evaluate.compare import Comparison, Flip, compare_entries, read_entries
from gym_reason.records import to_json

MOST_SHOWN = 10


def add_parser(subparsers: Any) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "compare",
        help="compare evaluations, problem by problem",
        description="Join evaluations on the content of their problems and compare each with the "
        "first: the difference with a paired bootstrap interval, McNemar's exact test, the least "
        "difference that would have shown, and the problems that only one of them solves.",
    )
    parser.add_argument(
        "runs",
        nargs="+",
        type=Path,
        metavar="RUN",
        help="folders of gym-reason eval, or results.jsonl of one; one that holds several agents "
        "may be alone",
    )
    parser.add_argument(
        "--flips",
        type=int,
        default=MOST_SHOWN,
        metavar="N",
        help=f"most problems listed either way (default: {MOST_SHOWN}; --json has all)",
    )
    add_common_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run the sub-command."""
    if args.flips < 0:
        raise UsageError(f"--flips {args.flips}", "0 or more")
    entries = [entry for path in args.runs for entry in read_entries(path)]
    comparisons = compare_entries(entries)
    if not comparisons:
        shown = ", ".join(dict.fromkeys(entry.who.env for entry in entries))
        raise UsageError(
            f"nothing to compare: one agent in {shown}",
            "two in one environment",
            "name another run",
        )
    for comparison in comparisons:
        if not comparison.tasks:
            raise UsageError(
                f"{comparison.first} and {comparison.second} have no judged problem of "
                f"{comparison.env} in common",
                "some",
            )
    if args.json:
        print_json({"comparisons": to_json(comparisons)})
        return 0
    print_comparisons(comparisons)
    for comparison in comparisons:
        print_flips(comparison, args.flips)
    return 0


def print_flips(comparison: Comparison, most: int) -> None:
    """Print the problems that only one of two solves."""
    for word, flips in (("gained", comparison.gained), ("lost", comparison.lost)):
        if flips:
            print(f"\n{clean(comparison.env)}, {clean(comparison.second)}: {len(flips)} {word}")
        if flips and most:
            print_columns([_row(flip) for flip in flips[:most]], left=3, indent="  ")
        if most and len(flips) > most:
            print(f"  and {len(flips) - most} more: --flips N, or --json")


def _row(flip: Flip) -> list[str]:
    return [flip.task_id, f"{flip.before:.0%} to {flip.after:.0%}", flip.prompt]
