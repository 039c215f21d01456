"""What the actions of `gym-reason data` read, besides their own options."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gym_reason.cli.data_output import Outcome
from gym_reason.cli.rows import read_fields
from gym_reason.errors import DataError
from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.data.examples import FIELDS, read_examples

if TYPE_CHECKING:
    from gym_reason.trainers.data.brief_sft import BriefSettings
    from gym_reason.trainers.data.examples import Example


def read_file(path: Path, fields: Sequence[str], log: DropLog) -> "list[Example]":
    """Return the examples of a file."""
    return read_examples(path, read_fields(fields, FIELDS, "response=output"), log)


def read_tests(args: argparse.Namespace, outcome: Outcome) -> list[str] | None:
    """Return the texts of the test file; None where none was named."""
    from gym_reason.trainers.data.overlap import read_test_texts

    if args.against is None:
        return None
    log = DropLog()
    texts = list(read_test_texts(args.against, args.against_column, log))
    if not texts:
        raise DataError(
            f"{args.against} has no text in the column {args.against_column!r}", "test data",
            "name another --against-column",
        )  # fmt: skip
    outcome.found["test_texts"] = len(texts)
    if log.drops:
        outcome.found["test_rows_that_cannot_be_read"] = len(log.drops)
    return texts


def brief_settings(args: argparse.Namespace) -> "BriefSettings":
    """Return how the brief trainings go."""
    from gym_reason.trainers.data.brief_sft import BriefSettings

    return BriefSettings(args.lr, args.epochs, args.batch_rows)


def filter_specs(chosen: Sequence[str]) -> Sequence[str]:
    """Return the filters that were asked for, or the usual ones."""
    from gym_reason.trainers.data.text_filters import DEFAULT_FILTERS

    return [spec for spec in chosen if spec != "none"] if chosen else DEFAULT_FILTERS
