"""The page: one file, no script, nothing from the network."""

import dataclasses
import importlib.resources
from collections.abc import Sequence
from pathlib import Path

from gym_reason.errors import UsageError
from gym_reason.records import explain_os_errors, write_atomic
from gym_reason.report import sections
from gym_reason.report.answers import samples
from gym_reason.report.curves import curves
from gym_reason.report.films import films
from gym_reason.report.markup import tag, text
from gym_reason.report.runs import RunRecord, read_run

# The page shows what models wrote. Were any of it to slip through as markup, the browser would
# still load and run nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_PICTURES = "; img-src data:"


def build_report(runs: Sequence[Path], out: Path) -> Path:
    """Write the report of one run, or of several compared, and return its path.

    Args:
        runs: Run folders. A run that stopped early is shown as far as it got.
        out: The file to write, or a folder that gets a `report.html`.

    Raises:
        UsageError: `runs` is empty, or one of them is no run folder.
        RunError: The page cannot be written.
    """
    if not runs:
        raise UsageError("no run to report on", "one run folder or more", "for example runs/NAME")
    page = render(_distinct([read_run(run) for run in runs]))
    path = out / "report.html" if out.is_dir() else out
    with explain_os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, page)
    return path


def render(runs: Sequence[RunRecord]) -> str:
    """Return the page as HTML."""
    title = runs[0].name if len(runs) == 1 else f"{len(runs)} runs compared"
    style = importlib.resources.files("gym_reason.report").joinpath("report.css").read_text("utf-8")
    pictures = films(runs[0]) if len(runs) == 1 else ""
    policy = _POLICY + _PICTURES if pictures else _POLICY
    head = (
        '<meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{text(title)}</title><style>{style}</style>"
    )
    main = tag(
        "main",
        sections.header(runs),
        sections.problems(runs),
        sections.cards(runs),
        sections.runs_table(runs),
        curves(runs),
        samples(runs),
        pictures,
        sections.recipes(runs),
        tag("footer", "Written by gym-reason report."),
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{main}</body></html>\n'


def _distinct(runs: Sequence[RunRecord]) -> list[RunRecord]:
    """Name runs by their folders where the names they gave themselves are the same."""
    names = [run.name for run in runs]
    if len(set(names)) == len(names):
        return list(runs)
    return [_renamed(run) for run in runs]


def _renamed(run: RunRecord) -> RunRecord:
    folder = run.path.resolve()
    return dataclasses.replace(run, name=f"{folder.parent.name}/{folder.name}")
