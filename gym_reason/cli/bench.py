"""`gym-reason bench`: methods against each other on one budget, or how fast this machine is."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gym_reason.cli as cli
from gym_reason.errors import DataError, UsageError
from gym_reason.records import write_atomic


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "bench",
        help="compare training methods on one task, or measure this machine",
        description="`trainers` trains recipes that learn online on one small task, several seeds "
        "of each. `machine` tells how fast environments, verifiers, the local engine and rollouts "
        "are here, in under a minute.",
    )
    parser.add_argument("what", choices=["trainers", "machine"], help="what is measured")
    parser.add_argument(
        "words",
        nargs="*",
        metavar="RECIPE|key=value",
        help="trainers: recipes (all that learn online by default), then settings for every run",
    )
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="seeds of each recipe")
    parser.add_argument("--steps", type=int, default=120, metavar="N", help="RL steps of a run")
    parser.add_argument(
        "--no-controls", action="store_true", help="leave out the runs with shuffled rewards"
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=5,
        metavar="N",
        help="machine: most rounds that medians are over",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write what was found as JSON")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw the results")
    parser.add_argument(
        "--redraw", type=Path, metavar="FILE", help="show the runs of an earlier --out; run nothing"
    )
    cli.add_common_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run the sub-command."""
    return _run_machine(args) if args.what == "machine" else _run_trainers(args)


def _run_machine(args: argparse.Namespace) -> int:
    """Measure this machine."""
    if args.words or args.plot is not None or args.redraw is not None:
        raise UsageError(
            "a recipe, a setting, --plot or --redraw for bench machine",
            "--rounds, --out and --json",
        )
    if not 1 <= args.rounds <= 1000:
        raise UsageError(f"--rounds {args.rounds}", "a whole number from 1 to 1000")
    from gym_reason.evaluate.machine import describe_machine, measure_machine

    finished: list[int] = []

    def on_round(number: int) -> None:
        finished.append(number)
        print(f"round {number} of at most {args.rounds}", file=sys.stderr)

    speeds = measure_machine(args.rounds, on_round)
    record = {
        **describe_machine(),
        "rounds": finished[-1],
        "results": [asdict(speed) for speed in speeds],
    }
    if args.out is not None:
        write_atomic(args.out, json.dumps(record, indent=1) + "\n")
    if args.json:
        cli.print_json(record)
    else:
        print("\n".join(table_of_speeds(speeds)))
    return 0


def _run_trainers(args: argparse.Namespace) -> int:
    """Compare methods."""
    from gym_reason.trainers import bench
    from gym_reason.trainers.bench_plot import draw_bench

    if args.redraw is not None:
        runs = bench.from_record(_read(args.redraw))
    else:
        if args.seeds < 1 or args.steps < 1:
            raise UsageError(f"--seeds {args.seeds} --steps {args.steps}", "1 or more of each")
        names = [word for word in args.words if "=" not in word] or list(bench.online_recipes())
        overrides = [word for word in args.words if "=" in word]
        runs = bench.run_bench(
            names,
            args.seeds,
            args.steps,
            controls=not args.no_controls,
            overrides=overrides,
            on_run=_say,
        )
    if args.out is not None:
        write_atomic(args.out, json.dumps(bench.to_record(runs, args.steps), indent=1) + "\n")
    if args.plot is not None:
        draw_bench(runs, args.plot)
    rows = bench.summarise(runs)
    if args.json:
        cli.print_json([asdict(row) for row in rows])
    else:
        print("\n".join(table_of(rows)))
    return 0


def _read(path: Path) -> dict[str, Any]:
    """Return what an earlier `--out` wrote. Raises DataError for anything else."""
    try:
        record: dict[str, Any] = json.loads(path.read_text("utf-8"))
        record["runs"][0]["curve"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DataError(f"cannot read {path}: {error}", "a file of bench --out") from None
    return record


def _say(run: Any) -> None:
    """Tell of a finished run while the others go on."""
    control = ", rewards shuffled" if run.shuffled else ""
    print(
        f"{run.recipe}, seed {run.seed}{control}: {run.accuracy:.1%} in {run.seconds:.0f} s",
        file=sys.stderr,
    )


def table_of(rows: Sequence[Any]) -> list[str]:
    """Return the table, in Markdown."""
    lines = [
        "| recipe | accuracy | 95% interval | worst seed | reward | tokens | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        low, high = row.interval
        name = f"{row.recipe}, rewards shuffled" if row.shuffled else row.recipe
        lines.append(
            f"| {name} | {row.accuracy:.1%} | {low:.1%} to {high:.1%} | {row.lowest:.1%} | "
            f"{row.reward:.2f} | {row.tokens:,.0f} | {row.seconds:.0f} |"
        )
    return lines


def table_of_speeds(speeds: Sequence[Any]) -> list[str]:
    """Return the table of a machine, in Markdown."""
    lines = ["| group | what | median | lowest | highest | unit |", "|---|---|---|---|---|---|"]
    for speed in speeds:
        values = " | ".join(
            f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
            for value in (speed.value, speed.low, speed.high)
        )
        lines.append(f"| {speed.group} | {speed.name} | {values} | {speed.unit} |")
    return lines
