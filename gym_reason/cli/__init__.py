"""The command `gym-reason`. Each sub-command is one module here with `add_parser` and `run`."""

import argparse
import importlib
import json
import os
import sys
from collections.abc import Sequence

import gym_reason
from gym_reason.errors import GymReasonError
from gym_reason.registry import load_module

COMMANDS = (
    "train",
    "pipeline",
    "eval",
    "compare",
    "reverify",
    "export",
    "verify",
    "audit",
    "data",
    "distill",
    "label",
    "envs",
    "play",
    "agents",
    "new",
    "bench",
    "report",
    "doctor",
)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command."""
    parser = argparse.ArgumentParser(
        prog="gym-reason",
        description="Teach language models to reason: environments, verifiers, trainers.",
    )
    parser.add_argument(
        "--version", action="version", version=f"gym-reason {gym_reason.__version__}"
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        module = importlib.import_module(f"gym_reason.cli.{name}")
        module.add_parser(subparsers)
    return parser


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what every sub-command takes."""
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.add_argument(
        "--load",
        action="append",
        default=[],
        metavar="FILE.py|MODULE",
        help="import this first, for the environments and verifiers that it registers",
    )


def default_workers() -> int:
    """Return how many worker processes a run has that asks for no number: up to four."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(4, available or 1))


def print_json(value: object) -> None:
    """Print one JSON object on one line."""
    print(json.dumps(value, ensure_ascii=False))


def parse_arguments(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None
) -> argparse.Namespace:
    """Return the parsed arguments; words may stand between and after the options."""
    args, rest = parser.parse_known_args(arguments)
    words: list[str] | None = getattr(args, "words", None)
    if rest and (words is None or any(word.startswith("-") for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest and words is not None:
        args.words = [*words, *rest]
    return args


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    That is 0, 1 for a failed run, 2 for wrong usage and 130 for Ctrl-C.
    """
    args = parse_arguments(build_parser(), arguments)
    try:
        for source in args.load:
            load_module(source)
        code: int = importlib.import_module(f"gym_reason.cli.{args.command}").run(args)
        sys.stdout.flush()
        return code
    except GymReasonError as error:
        print(f"gym-reason: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("gym-reason: stopped by Ctrl-C", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
