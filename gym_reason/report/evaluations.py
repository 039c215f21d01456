"""Reads the folders of evaluations. One that was cut short is shown as far as it got."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gym_reason.report.episodes import is_mapping, mappings, text_of
from gym_reason.report.runs import as_number

CONFIG, SUMMARY = "config.json", "summary.json"


@dataclass(frozen=True, slots=True)
class Result:
    """What an evaluation found of one policy on one environment."""

    row: Mapping[str, Any]
    """The summary's object."""

    @property
    def env(self) -> str:
        """The environment's id."""
        return text_of(self.row.get("env"))

    @property
    def actor(self) -> str:
        """The policy, and the agent around it where that is not the plain one."""
        policy, agent = text_of(self.row.get("policy")), text_of(self.row.get("agent"))
        return f"{policy}, {agent}" if agent not in ("", "answer") else policy

    @property
    def outcomes(self) -> dict[str, float]:
        """How many episodes had each outcome."""
        found = self.row.get("outcomes")
        numbers = {str(k): as_number(v) for k, v in found.items()} if is_mapping(found) else {}
        return {name: value for name, value in numbers.items() if value is not None}

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the accuracy."""
        return read_interval(self.row.get("interval"))

    def number(self, name: str) -> float | None:
        """Return a number; None where there is none."""
        return as_number(self.row.get(name))

    def table(self, name: str) -> dict[str, float]:
        """Return an object's numbers by name: of `pass_at`, `majority_at`, `latency`."""
        found = self.row.get(name)
        numbers = {str(k): as_number(v) for k, v in found.items()} if is_mapping(found) else {}
        return {key: value for key, value in numbers.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the folder of an evaluation holds."""

    name: str
    """Its folder's name."""
    path: Path
    """The folder."""
    settings: Mapping[str, Any]
    """What was asked for."""
    results: Sequence[Result]
    """What was found; none before its end."""
    comparisons: Sequence[Mapping[str, Any]]
    """By how much some were better than others on the same problems."""
    problems: Sequence[str]
    """What is missing or broken, one sentence each."""


def read_interval(value: object) -> tuple[float, float] | None:
    """Return the ends of an interval; None for what is none."""
    ends = [as_number(one) for one in value] if isinstance(value, list) else []
    match ends:
        case [float(low), float(high)]:
            return low, high
        case _:
            return None


def is_evaluation(path: Path) -> bool:
    """Return whether a folder is one of an evaluation and not of a run of training."""
    return (path / CONFIG).is_file() and not (path / "recipe.toml").exists()


def read_evaluation(path: Path) -> Evaluation:
    """Return what the folder of an evaluation holds."""
    problems: list[str] = []
    config = _read(path / CONFIG, problems, "")
    missing = "The evaluation has no summary: it stopped before its end, or it still goes on."
    summary = _read(path / SUMMARY, problems, missing)
    asked, completed = as_number(summary.get("asked")), as_number(summary.get("completed"))
    if asked is not None and completed is not None and completed < asked:
        problems.append(f"{completed:,.0f} of {asked:,.0f} episodes were completed.")
    settings = config.get("settings")
    return Evaluation(
        name=path.resolve().name,
        path=path,
        settings=settings if is_mapping(settings) else {},
        results=tuple(Result(row) for row in mappings(summary.get("results"))),
        comparisons=tuple(mappings(summary.get("comparisons"))),
        problems=tuple(problems),
    )


def _read(path: Path, problems: list[str], missing: str) -> Mapping[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        problems.append(missing or f"There is no {path.name}.")
        return {}
    except OSError as error:
        problems.append(f"{path.name} cannot be read: {error.strerror or error}.")
        return {}
    except (ValueError, RecursionError):
        problems.append(f"{path.name} is broken and was left out.")
        return {}
    return value if is_mapping(value) else {}
