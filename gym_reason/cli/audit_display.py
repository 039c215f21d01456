"""How `gym-reason audit` prints a report: a table on a terminal, columns in a pipe."""

import sys
from collections.abc import Iterator, Sequence

from gym_reason.verifiers.audit import AuditReport, Tally

_SHOWN_CHARS = 60
_SHOWN_EXAMPLES = 3
_SUM = "all"
_HEADING = ("must", "probes", "wrong", "of", "rate", "95% interval", "unscorable")


def print_report(subject: str, report: AuditReport, seconds: float, out: str | None) -> None:
    """Print the rates of each kind of probe, and examples of what was judged wrongly."""
    rows = [_row(kind, tally, passes) for (passes, kind), tally in report.sorted_kinds()]
    rows.append(_row(_SUM, report.false_positives, False))
    rows.append(_row(_SUM, report.false_negatives, True))
    rows.sort(key=lambda row: row[0])  # keeps the sums behind what they sum up
    print(f"{subject}: {report.cases} tasks, {sum(report.outcomes.values())} submissions")
    if sys.stdout.isatty():
        _print_table(_HEADING, rows)
    else:
        _print_columns(_HEADING, rows)
    for line in _offender_lines(report):
        print(line)
    if report.false_positives.refused_reward > 0:
        print(f"what was rightly refused was paid up to {report.false_positives.refused_reward:g}")
    if report.unscorable:
        first = report.unscorable[0]
        print(f"unscorable: {_quote(first.submission)}: {_quote(first.verdict.detail)}")
    if report.slowest is not None:
        slowest = report.slowest
        print(f"slowest: {slowest.verdict.seconds:.3f} s for {_quote(slowest.submission)}")
    print(f"{seconds:.1f} s in all" + (f", every submission in {out}" if out else ""))
    sys.stdout.flush()


def _row(kind: str, tally: Tally, passes: bool) -> tuple[str, ...]:
    low, high = tally.interval
    rate = "-" if tally.rate is None else f"{tally.rate:.2%}"
    interval = "-" if tally.rate is None else f"{low:.2%} to {high:.2%}"
    must = "pass" if passes else "not pass"
    counts = str(tally.wrong), str(tally.judged)
    return must, kind, *counts, rate, interval, str(tally.unscorable or "")


def _print_table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for place, name in enumerate(heading):
        table.add_column(name, justify="left" if place < 2 else "right")
    for row in rows:
        style = "bold red" if row[2] != "0" else ""
        table.add_row(*(Text(cell, style=style) for cell in row), end_section=row[1] == _SUM)
    Console().print(table)


def _print_columns(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[place]) for row in (heading, *rows)) for place in range(len(heading))]
    for row in (heading, *rows):
        cells = [
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def _offender_lines(report: AuditReport) -> Iterator[str]:
    """Yield what was judged wrongly: each probe and a few examples, false positives first."""
    for kept in sorted(report.offenders.values(), key=lambda kept: kept[0].probe.should_pass):
        probe = kept[0].probe
        count = report.offences[probe.name]
        verb = "refused" if probe.should_pass else "passed"
        times = "once" if count == 1 else f"{count} times"
        yield f"wrongly {verb} {times}: {probe.name} ({probe.kind})"
        for finding in kept[:_SHOWN_EXAMPLES]:
            yield (
                f"  {_quote(finding.submission)}: {finding.verdict.outcome.value}"
                f" for the reference {_quote(finding.task.reference)} of task {finding.task.id!a}"
            )


def _quote(text: str) -> str:
    """Return `text` in ASCII on one line, so that no terminal obeys it and confusables show."""
    if len(text) <= _SHOWN_CHARS:
        return ascii(text)
    head, tail = text[: 2 * _SHOWN_CHARS // 3], text[-_SHOWN_CHARS // 3 :]
    return f"{head!a} ... {tail!a} ({len(text)} characters)"
