"""Reads run folders. What a run that stopped early has not written is named, and is no error."""

import json
import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from gym_reason.errors import UsageError

Point: TypeAlias = tuple[float, float]
RUN_FILES = ("recipe.toml", "metrics.jsonl", "summary.json", "samples.json")
PHASES = ("before", "cold_start", "after")
PHASE_LABELS = {"before": "Before", "cold_start": "After cold start", "after": "After"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer to a held-out problem."""

    prompt: str
    """The problem as the policy read it."""
    completion: str
    """What the policy wrote."""
    reference: str
    """The right answer."""
    correct: bool | None
    """What the verifier said; None where the file does not say."""
    tokens: int | None
    """Length of the completion in tokens."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What a run folder holds."""

    name: str
    """The summary's name of the run, else that of its folder."""
    path: Path
    """The folder."""
    recipe: str = ""
    """The resolved recipe as it was written."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The same, parsed."""
    rows: Sequence[Mapping[str, Any]] = ()
    """The metrics, one object for each step."""
    summary: Mapping[str, Any] = field(default_factory=dict)
    """What the run says of itself at its end."""
    samples: Mapping[str, Sequence[Sample]] = field(default_factory=dict)
    """Answers to the same problems in each phase of `PHASES`."""
    problems: Sequence[str] = ()
    """What is missing or broken, one sentence each."""

    def number(self, key: str) -> float | None:
        """Return a number of the summary; None where it has none under `key`."""
        return as_number(self.summary.get(key))

    @property
    def recipe_name(self) -> str:
        """The recipe's name; empty where neither the summary nor the recipe says it."""
        return _first_text(self.summary.get("recipe"), self.settings.get("name"))

    @property
    def env(self) -> str:
        """The environment's id; empty where neither the summary nor the recipe says it."""
        env = self.settings.get("env")
        return _first_text(self.summary.get("env"), env.get("id") if isinstance(env, dict) else env)

    def series(self, stage: str, key: str) -> list[Point]:
        """Return `(step, value)` for each step of a stage that has a finite number under `key`.

        A step that was written twice, as by a resumed run, counts as it was written last.
        """
        points: dict[float, float] = {}
        for row in self.rows:
            value = as_number(row.get(key))
            if row.get("stage") == stage and value is not None:
                step = as_number(row.get("step"))
                points[float(len(points)) if step is None else step] = value
        return sorted(points.items())

    def band(self, stage: str, low: str, high: str) -> list[tuple[float, float, float]]:
        """Return `(step, low, high)` for each step that has both ends of an interval."""
        ends = dict(self.series(stage, high))
        return [(x, y, ends[x]) for x, y in self.series(stage, low) if x in ends]

    def table(self, stage: str, key: str) -> dict[str, list[Point]]:
        """Return `(step, value)` for each name in the objects that steps have under `key`."""
        found: dict[str, dict[float, float]] = {}
        for row in self.rows:
            values, step = row.get(key), as_number(row.get("step"))
            if row.get("stage") == stage and isinstance(values, dict) and step is not None:
                for name, value in values.items():
                    number = as_number(value)
                    if number is not None:
                        found.setdefault(str(name), {})[step] = number
        return {name: sorted(points.items()) for name, points in sorted(found.items())}

    def steps(self, stage: str) -> int:
        """Return how many distinct steps of a stage are on record."""
        return len({str(row.get("step")) for row in self.rows if row.get("stage") == stage})


def as_number(value: object) -> float | None:
    """Return `value` as a float; None for what is no number or not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _first_text(*values: object) -> str:
    return next((value for value in values if isinstance(value, str) and value), "")


def read_run(path: Path) -> RunRecord:
    """Return the record of a run folder.

    Raises:
        UsageError: `path` is no folder, or it holds none of a run's files.
    """
    if not path.is_dir():
        raise UsageError(f"{path} is not a folder", "a run folder", "for example runs/NAME")
    if not any((path / name).exists() for name in RUN_FILES):
        raise UsageError(f"{path} holds no run", f"one of {', '.join(RUN_FILES)} in it")
    problems: list[str] = []
    recipe = _read_text(path / "recipe.toml", problems)
    settings = _parse("recipe.toml", recipe, tomllib.loads, problems)
    rows = _read_metrics(path / "metrics.jsonl", problems)
    missing_summary = "The run has no summary: it stopped before its end, or it still goes on."
    text = _read_text(path / "summary.json", problems, missing_summary)
    summary = _parse("summary.json", text, json.loads, problems)
    text = _read_text(path / "samples.json", problems)
    samples = _read_samples(_parse("samples.json", text, json.loads, problems))
    name = summary.get("run")
    return RunRecord(
        name=Path(name).name if isinstance(name, str) and name.strip("/") else path.resolve().name,
        path=path,
        recipe=recipe,
        settings=settings,
        rows=rows,
        summary=summary,
        samples=samples,
        problems=tuple(problems),
    )


def _read_text(path: Path, problems: list[str], missing: str = "") -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        problems.append(missing or f"There is no {path.name}.")
    except OSError as error:
        problems.append(f"{path.name} cannot be read: {error.strerror or error}.")
    return ""


def _parse(
    name: str, text: str, parse: Callable[[str], Any], problems: list[str]
) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        value = parse(text)
    except (ValueError, RecursionError):
        problems.append(f"{name} is broken and was left out.")
        return {}
    if not isinstance(value, dict):
        problems.append(f"{name} holds no table and was left out.")
        return {}
    return value


def _read_metrics(path: Path, problems: list[str]) -> list[dict[str, Any]]:
    text = _read_text(path, problems)
    rows: list[dict[str, Any]] = []
    broken: list[int] = []
    # Not splitlines(): it also cuts at characters that JSON allows inside a string.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict):
            rows.append(row)
        else:
            broken.append(number)
    if broken:
        shown = ", ".join(str(number) for number in broken[:5]) + (", ..." if broken[5:] else "")
        lines = f"line {shown}" if len(broken) == 1 else f"lines {shown}"
        problems.append(f"{path.name} is broken in {lines}, which the page leaves out.")
    if not rows and path.exists():
        problems.append(f"{path.name} holds no step yet.")
    return rows


def _read_samples(value: Mapping[str, Any]) -> dict[str, list[Sample]]:
    samples: dict[str, list[Sample]] = {}
    for phase in PHASES:
        rows = value.get(phase)
        if isinstance(rows, list):
            samples[phase] = [_sample(row) for row in rows if isinstance(row, dict)]
    return {phase: rows for phase, rows in samples.items() if rows}


def _sample(row: Mapping[str, Any]) -> Sample:
    correct, tokens = row.get("correct"), as_number(row.get("tokens"))
    return Sample(
        prompt=str(row.get("prompt", "")),
        completion=str(row.get("completion", "")),
        reference=str(row.get("reference", "")),
        correct=correct if isinstance(correct, bool) else None,
        tokens=None if tokens is None else int(tokens),
    )
