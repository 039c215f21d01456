"""`gym-reason export`: stored episodes as training data, and as other tools read them."""

import argparse
from pathlib import Path
from typing import Any

from gym_reason.cli import add_common_arguments, print_json
from gym_reason.evaluate.stored import open_run

FORMS = ("hf", "parquet", "trl", "sft", "dpo", "inspect")


def add_parser(subparsers: Any) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "export",
        help="write stored episodes as training data",
        description="hf: a folder that datasets.load_dataset reads; parquet: the same as one file; "
        "sft: the conversations of right episodes; trl: prompt, completion and whether that is "
        "right; dpo: a right and a wrong completion of one prompt; inspect: a folder of Inspect "
        "logs. The files of sft, trl and dpo are JSON lines.",
    )
    parser.add_argument(
        "run", type=Path, metavar="RUN", help="a folder of gym-reason eval or train"
    )
    parser.add_argument("--to", required=True, choices=FORMS, help="the form")
    parser.add_argument(
        "--out", required=True, type=Path, metavar="PATH", help="a file; a folder for hf, inspect"
    )
    parser.add_argument("--right", action="store_true", help="only episodes that solved their task")
    add_common_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run the sub-command."""
    from gym_reason.evaluate.export import write_export

    stored = open_run(args.run)
    episodes = stored.episodes()
    if args.right:
        episodes = (episode for episode in episodes if episode.result.correct)
    count = write_export(args.to, episodes, args.out)
    if args.json:
        print_json({"form": args.to, "rows": count, "out": str(args.out)})
    else:
        noun = "episode" if args.to in ("hf", "parquet", "inspect") else "row"
        print(f"{count} {noun}{'' if count == 1 else 's'} in {args.out}")
    return 0
