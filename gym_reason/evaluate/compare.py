"""Two evaluations on the same tasks: which is better, how sure that is, and where they differ."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gym_reason.errors import DataError
from gym_reason.evaluate.folder import CONFIG, EPISODES, RESULTS, read_config, read_results
from gym_reason.evaluate.results import Contestant, EpisodeResult, read_result
from gym_reason.evaluate.summary import group_by_task, share_right
from gym_reason.records import read_jsonl
from gym_reason.stats import detectable_effect, mcnemar, paired_bootstrap


@dataclass(frozen=True, slots=True)
class Entry:
    """One agent of one evaluation."""

    source: str
    """The folder or file that it is from."""
    who: Contestant
    """Who acted where."""
    results: Sequence[EpisodeResult]
    """Its episodes."""


@dataclass(frozen=True, slots=True)
class Flip:
    """A task that one of two solves and the other does not."""

    task_id: str
    """The task."""
    prompt: str
    """The end of what was asked, shortened."""
    before: float
    """Share of right episodes of the first."""
    after: float
    """That of the second."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The second against the first. A task counts as solved by more than half of its episodes."""

    env: str
    """The environment."""
    first: str
    """What is compared with."""
    second: str
    """What is compared."""
    tasks: int
    """How many tasks both were judged on."""
    only_first: int
    """Tasks that only the first was judged on; they are left out."""
    only_second: int
    """Tasks that only the second was judged on; they are left out."""
    accuracy: tuple[float, float]
    """Of both, on the tasks of both."""
    difference: float
    """By how much the second is better."""
    interval: tuple[float, float]
    """95% interval of the difference, by bootstrap over tasks; the whole range without two."""
    p_value: float
    """McNemar's exact test of whether one solves tasks that the other does not more often."""
    detectable: float | None
    """Least true difference that so many tasks would show four times in five; None where all differ
    alike, which says nothing of it."""
    gained: tuple[Flip, ...]
    """Tasks that only the second solves."""
    lost: tuple[Flip, ...]
    """Tasks that only the first solves."""


def read_entries(path: Path) -> list[Entry]:
    """Return the agents of an evaluation: its folder, or a file of its results.

    Raises DataError where it is none.
    """
    if path.is_dir():
        if not (path / CONFIG).exists():
            raise DataError(f"{path} holds no evaluation", f"{CONFIG} in it", "see gym-reason eval")
        read_config(path)
        whole = (path / RESULTS).exists()
        results = _read_rows(path / RESULTS) if whole else list(read_results(path / EPISODES))
    else:
        results = _read_rows(path)
    if not results:
        raise DataError(f"{path} holds no result", "at least one episode")
    entries: dict[Contestant, list[EpisodeResult]] = {}
    for result in results:
        entries.setdefault(result.who, []).append(result)
    return [Entry(str(path), who, own) for who, own in entries.items()]


def _read_rows(path: Path) -> list[EpisodeResult]:
    return [read_result(row) for _, row in read_jsonl(path)]


def compare_entries(entries: Sequence[Entry]) -> list[Comparison]:
    """Return, for each environment, each entry after the first compared with the first."""
    by_env: dict[str, list[Entry]] = {}
    for entry in entries:
        by_env.setdefault(entry.who.env, []).append(entry)
    return [compare(own[0], entry) for own in by_env.values() for entry in own[1:]]


def compare(first: Entry, second: Entry) -> Comparison:
    """Return how two agents differ on the tasks that both were judged on, joined by content."""
    before, after = _judged(first.results), _judged(second.results)
    both = [key for key in before if key in after]
    shares = [(share_right(before[key]), share_right(after[key])) for key in both]
    differences = [later - earlier for earlier, later in shares]
    gained, lost = [], []
    for key, (earlier, later) in zip(both, shares, strict=True):
        one = after[key][0]
        flip = Flip(one.task_id, one.prompt, earlier, later)
        if later > 0.5 >= earlier:
            gained.append(flip)
        elif earlier > 0.5 >= later:
            lost.append(flip)
    low, high = paired_bootstrap(differences)
    names = _names(first, second)
    return Comparison(
        env=first.who.env,
        first=names[0],
        second=names[1],
        tasks=len(both),
        only_first=len(before) - len(both),
        only_second=len(after) - len(both),
        accuracy=(_mean(one for one, _ in shares), _mean(one for _, one in shares)),
        difference=_mean(differences),
        interval=(max(low, -1.0), min(high, 1.0)),
        p_value=mcnemar(len(gained), len(lost)),
        detectable=detectable_effect(differences) if len(set(differences)) > 1 else None,
        gained=tuple(gained),
        lost=tuple(lost),
    )


def _judged(results: Iterable[EpisodeResult]) -> dict[str, list[EpisodeResult]]:
    return group_by_task(result for result in results if result.correct is not None)


def _names(first: Entry, second: Entry) -> tuple[str, str]:
    """Return what tells two entries apart: who they are, or else where they are from."""
    if first.who.name != second.who.name:
        return first.who.name, second.who.name
    return first.source, second.source


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return statistics.fmean(found) if found else 0.0
