"""The page: one file that asks nothing of the network."""

import dataclasses
import importlib.resources
from collections.abc import Sequence
from pathlib import Path

from gym_reason.errors import UsageError
from gym_reason.images import FOLDER
from gym_reason.records import explain_os_errors, write_atomic
from gym_reason.report import results, sections
from gym_reason.report.answers import samples
from gym_reason.report.archive import Archive, Packer, pack_episodes
from gym_reason.report.browser import draw_browser, hash_script, read_script
from gym_reason.report.comparisons import draw_comparisons
from gym_reason.report.curves import curves
from gym_reason.report.episodes import MOST_EPISODES, find_episodes, read_episodes
from gym_reason.report.evaluations import Evaluation, is_evaluation, read_evaluation
from gym_reason.report.films import Camera
from gym_reason.report.markup import tag, text
from gym_reason.report.outcomes import outcome_curves
from gym_reason.report.runs import RunRecord, read_run
from gym_reason.report.tokens import find_tokenizers

# The page shows what models wrote. Were any of it to slip through as markup, the browser would
# still load nothing, and run nothing but the page's own script, which it knows by its hash.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
_STYLES = ("report.css", "episodes.css")


def build_report(folders: Sequence[Path], out: Path, episodes: int = MOST_EPISODES) -> Path:
    """Write the report of a run or an evaluation, or of several compared, and return its path.

    Args:
        folders: Folders of runs, or of evaluations. What stopped early is shown as far as it got.
        out: The file to write, or a folder that gets a `report.html`.
        episodes: Most episodes that a person can look through in it; 0 for none. A page that
            compares several has none.

    Raises:
        UsageError: `folders` is empty, mixes runs and evaluations, or one of them is neither.
        RunError: The page cannot be written.
    """
    if not folders:
        raise UsageError("no run to report on", "one folder or more", "for example runs/NAME")
    kinds = {is_evaluation(folder) for folder in folders}
    if len(kinds) > 1:
        raise UsageError(
            "a run of training and an evaluation in one page", "folders of one kind", "make two"
        )
    page = _render_evaluations(folders, episodes) if True in kinds else _render(folders, episodes)
    path = out / "report.html" if out.is_dir() else out
    with explain_os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, page)
    return path


def _render(folders: Sequence[Path], episodes: int) -> str:
    """Return the page about runs."""
    runs = _distinct([read_run(folder) for folder in folders])
    archive = None
    if len(runs) == 1 and episodes > 0:
        settings = runs[0].settings.get("env")
        kwargs = settings.get("kwargs") if isinstance(settings, dict) else {}
        archive = collect_episodes(runs[0].path, runs[0].env, kwargs, episodes)
    title = runs[0].name if len(runs) == 1 else f"{len(runs)} runs compared"
    return _write_page(
        title,
        [
            sections.header(runs),
            sections.problems(runs),
            sections.cards(runs),
            sections.runs_table(runs),
            curves(runs),
            outcome_curves(runs),
            samples(runs),
        ],
        archive,
        sections.recipes(runs),
    )


def _render_evaluations(folders: Sequence[Path], episodes: int) -> str:
    """Return the page about evaluations."""
    found: Sequence[Evaluation] = [read_evaluation(folder) for folder in folders]
    archive = None
    if len(found) == 1 and episodes > 0:
        kwargs = found[0].settings.get("env_arguments")
        archive = collect_episodes(found[0].path, "", kwargs, episodes)
    title = found[0].name if len(found) == 1 else f"{len(found)} evaluations compared"
    parts = [
        results.header(found),
        results.problems(found),
        results.results(found),
        draw_comparisons(found),
    ]
    return _write_page(title, parts, archive, results.settings(found))


def collect_episodes(folder: Path, env: str, kwargs: object, most: int) -> Archive | None:
    """Return the episodes of a folder as a page holds them; None where there are none.

    Args:
        folder: A run's or an evaluation's.
        env: The environment of episodes that do not name theirs.
        kwargs: Arguments of the environment, for pictures.
        most: Most episodes.
    """
    files = find_episodes(folder)
    if not files.paths:
        return None
    problems = list(files.problems)
    camera = Camera(kwargs if isinstance(kwargs, dict) else {})
    try:
        images = folder / "trajectories" / FOLDER
        packer = Packer(env, camera, find_tokenizers(folder), images)
        archive = pack_episodes(read_episodes(files, most, problems), packer, files.total)
    finally:
        camera.close()
    archive.remarks += problems
    return archive if archive.count else None


def _write_page(title: str, parts: Sequence[str], archive: Archive | None, end: str) -> str:
    folder = importlib.resources.files("gym_reason.report")
    style = "".join(folder.joinpath(name).read_text("utf-8") for name in _STYLES)
    script = read_script()
    policy = f"{_POLICY}; script-src {hash_script(script)}"
    head = (
        '<meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{text(title)}</title><style>{style}</style>"
    )
    browser = draw_browser(archive) if archive is not None else ""
    footer = tag("footer", "Written by gym-reason report.")
    main = tag("main", *parts, browser, end, footer)
    body = f"<body>{main}<script>{script}</script></body>"
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>{body}</html>\n'


def _distinct(runs: Sequence[RunRecord]) -> list[RunRecord]:
    """Name runs by their folders where the names they gave themselves are the same."""
    names = [run.name for run in runs]
    if len(set(names)) == len(names):
        return list(runs)
    return [_renamed(run) for run in runs]


def _renamed(run: RunRecord) -> RunRecord:
    folder = run.path.resolve()
    return dataclasses.replace(run, name=f"{folder.parent.name}/{folder.name}")
