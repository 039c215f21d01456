"""`gym-reason audit VERIFIER|ENV`: how often a verifier judges wrongly, and on what."""

import argparse
import contextlib
import time
from typing import Any

from gym_reason.cli import add_common_arguments, default_workers, print_json
from gym_reason.cli.audit_display import print_report
from gym_reason.cli.audit_tasks import FIELDS, find_subject
from gym_reason.cli.output import Progress, check_target, open_target
from gym_reason.errors import RunError, UsageError
from gym_reason.records import dump_line
from gym_reason.verifiers.audit import AuditReport, Finding, audit

_MAX_CASES = 50
_DESCRIPTION = """
Try probes whose right judgement is known on a verifier: empty and junk texts, the prompt, answers
to other tasks, hedges, grader syntax, near misses and over-long texts must not pass; the reference
and its other writings must. Reports the rates of false positives and false negatives with 95
percent Wilson intervals, and one example of each probe that was judged wrongly. The tasks come from
an environment, from --rows, or, for the verifiers that come with the library, from a small
generated set.
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command to the parser of the whole command."""
    parser = subparsers.add_parser(
        "audit", help="measure how often a verifier judges wrongly", description=_DESCRIPTION
    )
    parser.add_argument(
        "subject", metavar="VERIFIER|ENV", help="for example math:strict, gym_reason/Arithmetic-v0"
    )
    parser.add_argument("--rows", metavar="FILE.jsonl", help="tasks, plain or .zst")
    parser.add_argument(
        "--field",
        action="append",
        default=[],
        metavar="NAME=COLUMN",
        help=f"read NAME ({', '.join(FIELDS)}) from COLUMN of the rows, or from several joined by "
        "+, as in solution=prompt+canonical_solution; may be repeated",
    )
    parser.add_argument("--split", metavar="NAME", help="which tasks of the environment")
    parser.add_argument(
        "--set", dest="settings", nargs="+", default=[], metavar="key=value",
        help="arguments of the environment",
    )  # fmt: skip
    parser.add_argument(
        "--family",
        action="append",
        default=[],
        metavar="NAME",
        help="try the probes of this family, whatever the verifier declares; may be repeated",
    )
    parser.add_argument(
        "--limit", type=int, default=_MAX_CASES, metavar="N",
        help=f"most tasks (default {_MAX_CASES})",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N",
        help="which tasks of an environment or of the generated set (default 0)",
    )  # fmt: skip
    parser.add_argument("--workers", type=int, default=None, metavar="N", help="processes")
    parser.add_argument(
        "--timeout", type=float, default=None, metavar="S",
        help="seconds for one submission (default 5, or more where the verifier's own limits are "
        "higher); one that takes longer is refused",
    )  # fmt: skip
    parser.add_argument(
        "--out", metavar="FILE.jsonl", help="write every submission with its verdict here"
    )
    parser.add_argument(
        "--fail-above", type=float, default=None, metavar="RATE",
        help="exit 1 where the rate of false positives or of false negatives is above this",
    )  # fmt: skip
    add_common_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Audit and print the report. Raises GymReasonError."""
    _check_limits(args)
    verifier, contract, cases = find_subject(args)
    start = time.monotonic()
    workers = args.workers if args.workers is not None else default_workers()
    opened = contextlib.nullcontext() if args.out is None else open_target(check_target(args.out))
    with opened as sink, _Status(quiet=args.json) as progress:

        def note(finding: Finding, report: AuditReport) -> None:
            if sink is not None:
                sink.write(dump_line(finding.to_json()))
            progress.show(report)

        report = audit(
            verifier,
            cases,
            contract=contract,
            workers=workers,
            timeout_s=args.timeout,
            modules=args.load,
            on_finding=note,
        )
    seconds = time.monotonic() - start
    if args.json:
        print_json(
            {"subject": args.subject, **report.to_json(), "seconds": round(seconds, 3),
             "out": args.out}
        )  # fmt: skip
    else:
        print_report(args.subject, report, seconds, args.out)
    if not (report.false_positives.judged or report.false_negatives.judged):
        detail = ascii(report.unscorable[0].verdict.detail)
        raise RunError(f"every submission was unscorable, the first with {detail}")
    return int(args.fail_above is not None and report.worst_rate > args.fail_above)


def _check_limits(args: argparse.Namespace) -> None:
    if args.limit < 1:
        raise UsageError(f"--limit {args.limit}", "1 or more")
    if args.fail_above is not None and not 0 <= args.fail_above <= 1:
        raise UsageError(f"--fail-above {args.fail_above}", "a rate from 0 to 1")
    if args.workers is not None and args.workers < 1:
        raise UsageError(f"--workers {args.workers}", "1 or more")


class _Status(Progress):
    """A line about what was found so far."""

    _status: Any = None

    def show(self, report: AuditReport) -> None:
        """Show what `report` has counted."""
        if not self.due:
            return
        count, wrong = sum(report.outcomes.values()), sum(report.offences.values())
        text = f"{count} submissions, {wrong} judged wrongly"
        if self._status is None:
            from rich.console import Console

            self._status = self.stack.enter_context(Console(stderr=True).status(text))
        self._status.update(text)
