"""`gym-reason data mine`: fit the rule of InstructMining, rank by it, and search the size."""

import argparse
import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gym_reason.cli.data_inputs import brief_settings, read_file
from gym_reason.cli.data_output import Bar, Outcome, write_rows
from gym_reason.errors import DataError, UsageError
from gym_reason.trainers.data.drops import DropLog

if TYPE_CHECKING:
    from gym_reason.trainers.data.examples import Example
    from gym_reason.trainers.data.mining import Trial
    from gym_reason.trainers.data.scoring import Scorer


def run_mine(args: argparse.Namespace) -> int:
    """Rank examples by a rule fitted to measurements, and keep the best."""
    from gym_reason.trainers.data import ifd, loss_fit, mining
    from gym_reason.trainers.data.indicators import measure_indicators
    from gym_reason.trainers.data.scoring import Scorer

    sizes = check_mine(args)
    outcome = Outcome(args, DropLog())
    examples = read_file(args.file, args.field, outcome.log)
    scorer = Scorer.load(args.policy, trained=args.eval is not None)
    examples = ifd.find_readable(scorer, examples, outcome.log)
    examples, rewards = take_rewards(examples, args.reward, outcome.log)
    if not examples:
        return outcome.finish([])
    with Bar("answers", quiet=args.json) as bar:
        indicators = measure_indicators(scorer, examples, rewards, bar.show)
    rows = mining.to_traces(scorer, examples)
    held_out = [] if args.eval is None else read_eval(args, scorer)
    brief = brief_settings(args)
    if args.fit_runs is not None:
        with Bar("trainings on subsets", quiet=args.json) as bar:
            measured = mining.measure_subsets(
                scorer, rows, indicators, held_out, brief,
                args.fit_runs, args.subset_rows, args.seed, bar.show,
            )  # fmt: skip
        write_rows(args.fit, [dataclasses.asdict(item) for item in measured])
    measured = loss_fit.read_measurements(args.fit, sorted(indicators[0]))
    fit = loss_fit.fit_loss(measured)
    order = mining.rank(fit, indicators)
    trials: list[Trial] = []
    size = args.size
    if size is None:
        with Bar("trainings on the best", quiet=args.json) as bar:
            trials = mining.search_size(
                scorer, [rows[index] for index in order], held_out, brief,
                sizes or mining.default_sizes(len(order)), args.refine, args.seed, bar.show,
            )  # fmt: skip
        size = mining.choose_size(trials)
    outcome.found |= {"r2": fit.r2, "adjusted_r2": finite(fit.adjusted_r2)}
    outcome.found |= {"measurements": fit.measurements, "rank": fit.rank}
    outcome.found |= {"constant": fit.constant, "coefficients": dict(fit.coefficients)}
    outcome.found["indicators_without_variance"] = list(fit.constant_indicators)
    if trials:
        outcome.found["eval_loss_by_size"] = {str(t.size): t.eval_loss for t in trials}
    for index in order[size:]:
        outcome.log.add(examples[index].where, "below the size that is kept", examples[index].row)
    return outcome.finish(
        [
            examples[index].to_row(
                expected_log_loss=fit.predict(indicators[index]), indicators=indicators[index]
            )
            for index in order[:size]
        ]
    )


def check_mine(args: argparse.Namespace) -> list[int]:
    """Return the sizes of `--sizes`. Raises UsageError for options that do not go together."""
    if args.size is None and args.eval is None:
        raise UsageError("neither --size nor --eval", "a size, or evaluation data to search it")
    if args.size is not None and args.sizes is not None:
        raise UsageError("--size with --sizes", "one of the two")
    if args.fit_runs is None and not args.fit.exists():
        raise DataError(f"no file {args.fit}", "measurements", "make them with --fit-runs N")
    if args.fit_runs is not None and args.eval is None:
        raise UsageError("--fit-runs without --eval", "evaluation data")
    if args.fit_runs is not None and args.fit.exists():
        raise UsageError(f"{args.fit} exists", "a new file", "or leave out --fit-runs to read it")
    try:
        sizes = [int(part) for part in (args.sizes or "").split(",") if part.strip()]
    except ValueError:
        sizes = [0]
    if any(size < 1 for size in sizes):
        raise UsageError(f"--sizes {args.sizes}", "whole numbers such as 100,200,400")
    if args.refine < 0:
        raise UsageError(f"--refine {args.refine}", "0 or more")
    return sizes


def read_eval(args: argparse.Namespace, scorer: "Scorer") -> Any:
    """Return the token streams of the evaluation data. Raises DataError where there are none."""
    from gym_reason.trainers.data import ifd, mining

    log = DropLog()
    examples = ifd.find_readable(scorer, read_file(args.eval, args.field, log), log)
    if not examples:
        raise DataError(f"{args.eval} has no example that the model can read", "at least one")
    return mining.to_traces(scorer, examples)


def take_rewards(
    examples: "Sequence[Example]", column: str | None, log: DropLog
) -> "tuple[list[Example], list[float] | None]":
    """Return the examples with a number in a column, and those numbers; None without a column."""
    if column is None:
        return list(examples), None
    kept, rewards = [], []
    for example in examples:
        value = example.row.get(column)
        if isinstance(value, int | float) and not isinstance(value, bool) and value == value:
            kept.append(example)
            rewards.append(float(value))
        else:
            log.add(example.where, f"no number in {column!r}", example.row)
    return kept, rewards


def finite(value: float) -> float | None:
    """Return a number, or None for NaN, which JSON has no word for."""
    return value if value == value else None
