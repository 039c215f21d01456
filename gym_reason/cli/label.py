"""`gym-reason label FILE.jsonl`: have a model say which answers are better."""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gym_reason.cli import add_common_arguments, print_json
from gym_reason.cli.output import Progress, check_target, open_target
from gym_reason.errors import DataError, UsageError
from gym_reason.records import dump_line, read_jsonl
from gym_reason.types import Json

if TYPE_CHECKING:
    from gym_reason.trainers.reward_model.rows import TextExample
    from gym_reason.trainers.rlaif import Labeller

_DESCRIPTION = """
Ask a policy which of two answers is better, in both orders, and write the rows back with its
averaged "preference": the chance that the first named answer is the better one. A row is {"prompt",
"chosen", "rejected"} or {"prompt", "responses": [one, other]}. With --rate, a row is {"prompt",
"response"}, and comes back with the expected "rating" from 1 to 10 and the same as a "score" from
-1 to 1. What is known of the pairs ("chosen" is the better one, or an earlier "preference") is
compared with the labels.
"""
CHUNK = 64


def add_parser(subparsers: Any) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "label", help="have a model label pairs of answers", description=_DESCRIPTION
    )
    parser.add_argument("file", type=Path, metavar="FILE.jsonl", help="rows, plain or .zst")
    parser.add_argument(
        "--policy", required=True, metavar="PATH", help="a model directory, checkpoint or run"
    )
    parser.add_argument(
        "--out", metavar="FILE.jsonl", help="write the rows here; standard output by default"
    )
    parser.add_argument("--rate", action="store_true", help="rate single answers from 1 to 10")
    parser.add_argument(
        "--reasons",
        type=int,
        default=0,
        metavar="N",
        help="let the policy compare the answers in up to N tokens first (default: 0, at once)",
    )
    parser.add_argument(
        "--prompts",
        type=Path,
        metavar="DIR",
        help="your own pair.txt, reasons.txt, verdict.txt or rating.txt",
    )
    parser.add_argument(
        "--batch-tokens",
        type=int,
        default=16384,
        metavar="N",
        help="most tokens of a forward pass (default: 16384)",
    )
    add_common_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Label the file. Raises GymReasonError."""
    if args.reasons < 0 or args.batch_tokens < 1 or (args.rate and args.reasons):
        raise UsageError(
            f"--reasons {args.reasons} --batch-tokens {args.batch_tokens}",
            "no negative numbers, and no --reasons with --rate",
        )
    from gym_reason.agents.build import load_policy
    from gym_reason.trainers.rlaif import Labeller, read_prompts

    prompts = read_prompts(args.prompts)
    target = None if args.out is None else check_target(args.out)
    rows = list(read_file(args.file, rate=args.rate))
    policy, encoder = load_policy(args.policy)
    engine: Any = policy
    labeller = Labeller(
        engine, encoder, prompts, reason_tokens=args.reasons, batch_tokens=args.batch_tokens
    )
    started = time.monotonic()
    quiet = args.json and target is None
    with (
        open_target(target) if target is not None else nullcontext(sys.stdout.buffer) as file,
        Progress(quiet=args.json) as progress,
    ):
        figures: dict[str, Json] = {}
        for labelled, figures in label(rows, labeller, rate=args.rate):
            for row in labelled:
                if not quiet:
                    file.write(dump_line(row))
            if progress.due:
                print(f"{figures['rows']} of {len(rows)} rows", file=sys.stderr)
        file.flush()
    figures = {**figures, "seconds": round(time.monotonic() - started, 3), "out": args.out}
    if args.json:
        print_json(figures)
    else:
        print(describe(figures), file=sys.stdout if target is not None else sys.stderr)
    return 0


def read_file(path: Path, *, rate: bool) -> Iterator[tuple[dict[str, Any], "TextExample"]]:
    """Yield each row and what it holds. Raises DataError with the line of one that cannot be."""
    from gym_reason.trainers.reward_model.rows import read_pair, read_scored

    count = 0
    for number, row in read_jsonl(path):
        count += 1
        try:
            if rate:
                example = read_scored({**row, "score": 0.0}, 1, 0.0)
            elif row.get("preference") is None and row.get("chosen") is None:
                example = read_pair({**row, "preference": 0.5}, 1, 0.0)  # nothing is known of it
            else:
                example = read_pair(row, 1, 0.0)
        except ValueError as error:
            raise DataError(
                f"line {number} of {path}: {error}",
                "a prompt and a response" if rate else "a prompt and two answers",
            ) from None
        yield row, example
    if not count:
        raise DataError(f"{path} has no rows", "at least one")


def label(
    rows: Sequence[tuple[dict[str, Any], "TextExample"]], labeller: "Labeller", *, rate: bool
) -> Iterator[tuple[list[dict[str, Any]], dict[str, Json]]]:
    """Yield labelled rows, some at a time, with the figures of all so far."""
    from gym_reason.trainers.rlaif import Pair, Preference, describe_preferences

    preferences: list[Preference] = []
    ratings: list[float] = []
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        labelled: list[dict[str, Any]] = []
        if rate:
            found = labeller.rate([(example.prompt, example.texts[0]) for _, example in part])
            for (row, _), rating in zip(part, found, strict=True):
                labelled.append({**row, "rating": rating.expected, "score": rating.score})
            ratings += [rating.expected for rating in found]
            yield labelled, {"rows": len(ratings), "rating": sum(ratings) / len(ratings)}
            continue
        said = labeller.prefer([Pair(e.prompt, e.texts[0], e.texts[1]) for _, e in part])
        for (row, _), preference in zip(part, said, strict=True):
            added = {"preference": preference.chance, "place_one": preference.place_one}
            reasons = {"reasons": preference.reasons} if preference.reasons else {}
            labelled.append({**row, **added, **reasons})
        preferences += said
        truths = [example.targets[0] for _, example in rows[: len(preferences)]]
        known = [truth[0] if truth is not None else None for truth in truths]
        yield (
            labelled,
            {
                "rows": len(preferences),
                **describe_preferences(preferences, known),
            },
        )


def describe(figures: dict[str, Json]) -> str:
    """Return the figures as a few lines."""
    if "rating" in figures:
        first = f"{figures['rows']} answers, rated {figures['rating']:.2f} of 10 on average"
    else:
        first = (
            f"{figures['rows']} pairs; one place is preferred in both orders in "
            f"{figures['position_bias']:.1%}, place 1 gets {figures['place_one']:.1%} on average"
        )
    lines = [first]
    if figures.get("known"):
        lines.append(
            f"agrees with what is known of {figures['known']} pairs in {figures['alignment']:.1%} "
            f"(asked in one order: {figures['alignment_one_order']:.1%})"
        )
    lines.append(f"{figures['seconds']:.1f} s")
    return "\n".join([*lines, f"written to {figures['out']}"] if figures["out"] else lines)
