"""How long a policy thinks beside how often it is right: whether it thinks too little or too much.

All functions take the samples of each task, as an evaluation drew them. What a limit on tokens cut
is told apart everywhere: it is neither a right answer nor a wrong one.

Source: arXiv 2505.00127, whose report this follows; equal budgets from arXiv 2504.09858.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from gym_reason.errors import UsageError


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer to a task."""

    tokens: int
    """How many tokens the policy emitted."""
    correct: bool
    """Whether it is right."""
    truncated: bool = False
    """Whether the limit on tokens ended it."""


Samples: TypeAlias = Sequence[Sample]
"""The answers to one task, in the order in which they were drawn."""


@dataclass(frozen=True, slots=True)
class RankRow:
    """The samples that are the r-th shortest of their task."""

    rank: int
    """From 1, the shortest."""
    tokens: float
    """Mean length."""
    accuracy: float
    """Share of right answers."""
    truncated: float
    """Share that was cut."""
    tasks: int
    """How many tasks have as many samples."""


@dataclass(frozen=True, slots=True)
class StratumRow:
    """The tasks of like difficulty."""

    low: float
    """Least share of right answers of a task here."""
    high: float
    """Share under which the tasks here stay; the last stratum holds 1.0 too."""
    tasks: int
    """How many tasks."""
    accuracy: float
    """Share of right answers; 0 without tasks."""
    tokens: float | None
    """Mean length of the whole answers; None without any."""
    truncated: float
    """Share of the samples that was cut; 0 without tasks."""


def order_by_length(samples: Samples) -> list[Sample]:
    """Return the samples from the shortest to the longest, those of one length in order."""
    return sorted(samples, key=lambda sample: sample.tokens)


def lengths_by_rank(tasks: Sequence[Samples]) -> list[RankRow]:
    """Return mean length and accuracy at each rank of length within a task.

    A policy whose mistakes have nothing to do with length is equally right at every rank.
    """
    ordered = [order_by_length(samples) for samples in tasks]
    rows: list[RankRow] = []
    for rank in range(max(map(len, ordered), default=0)):
        here = [samples[rank] for samples in ordered if len(samples) > rank]
        rows.append(
            RankRow(
                rank + 1,
                _mean(sample.tokens for sample in here),
                _mean(sample.correct for sample in here),
                _mean(sample.truncated for sample in here),
                len(here),
            )
        )
    return rows


def ranks_of_extremes(tasks: Sequence[Samples]) -> dict[str, float | None]:
    """Return the mean rank, from 1, of the shortest and the longest right and wrong answers.

    Each mean is over the tasks that have such an answer; None where no task has one.
    """
    found: dict[str, list[int]] = {
        f"{end} {kind}": [] for kind in ("correct", "incorrect") for end in ("shortest", "longest")
    }
    for samples in tasks:
        ordered = order_by_length(samples)
        for kind, wanted in (("correct", is_right), ("incorrect", is_wrong)):
            ranks = [rank for rank, sample in enumerate(ordered, 1) if wanted(sample)]
            if ranks:
                found[f"shortest {kind}"].append(ranks[0])
                found[f"longest {kind}"].append(ranks[-1])
    return {name: _mean(ranks) if ranks else None for name, ranks in found.items()}


def lengths_by_correctness(tasks: Sequence[Samples]) -> dict[str, float | None]:
    """Return the mean length of right answers, of wrong ones and of those that were cut."""
    kinds: Mapping[str, Callable[[Sample], bool]] = {
        "correct": is_right,
        "incorrect": is_wrong,
        "truncated": lambda sample: sample.truncated,
    }
    every = [sample for samples in tasks for sample in samples]
    found = {kind: [s.tokens for s in every if belongs(s)] for kind, belongs in kinds.items()}
    return {kind: _mean(lengths) if lengths else None for kind, lengths in found.items()}


def lengths_by_difficulty(tasks: Sequence[Samples], strata: int = 5) -> list[StratumRow]:
    """Return the tasks by their share of right answers, the easiest first, in equal steps of it.

    Raises UsageError for no strata.
    """
    if strata < 1:
        raise UsageError(f"strata = {strata}", "1 or more")
    sorted_in: list[list[Samples]] = [[] for _ in range(strata)]
    for samples in tasks:
        if samples:
            right = sum(sample.correct for sample in samples)
            # In whole numbers: 3 of 5 is exactly the border between two strata of five.
            sorted_in[min(right * strata // len(samples), strata - 1)].append(samples)
    rows: list[StratumRow] = []
    for index in reversed(range(strata)):
        here = [sample for samples in sorted_in[index] for sample in samples]
        whole = [sample.tokens for sample in here if not sample.truncated]
        rows.append(
            StratumRow(
                low=index / strata,
                high=(index + 1) / strata,
                tasks=len(sorted_in[index]),
                accuracy=_mean(sample.correct for sample in here),
                tokens=_mean(whole) if whole else None,
                truncated=_mean(sample.truncated for sample in here),
            )
        )
    return rows


def lengthening(rows: Sequence[StratumRow], ability: float = 0.5) -> dict[str, float | None]:
    """Return by how many tokens answers grow where tasks get a stratum harder, on average.

    `inside` are the steps to a stratum whose accuracy is at least `ability`, `beyond` those to a
    harder one; None where there is no such step. A policy that knows its limits grows in both.
    The border is ours: the paper's is not known to us.

    Args:
        rows: The strata, the easiest first.
        ability: Least accuracy that counts as within the policy's ability.
    """
    steps: dict[str, list[float]] = {"inside": [], "beyond": []}
    known = [(row.accuracy, row.tokens) for row in rows if row.tokens is not None]
    for (_, shorter), (accuracy, longer) in itertools.pairwise(known):
        steps["inside" if accuracy >= ability else "beyond"].append(longer - shorter)
    return {where: _mean(found) if found else None for where, found in steps.items()}


def share_truncated(tasks: Sequence[Samples]) -> float:
    """Return the share of all samples that the limit on tokens cut."""
    return _mean(sample.truncated for samples in tasks for sample in samples)


def accuracy_by_budget(tasks: Sequence[Samples], budgets: Sequence[int]) -> list[tuple[int, float]]:
    """Return, for each budget, the mean over tasks of the share right within so many tokens."""
    kept = [samples for samples in tasks if samples]
    return [
        (budget, _mean(_mean(s.correct and s.tokens <= budget for s in one) for one in kept))
        for budget in budgets
    ]


def solved_by_budget(
    tasks: Sequence[Samples], budgets: Sequence[int], of: Literal["tokens", "latency"]
) -> list[tuple[int, float]]:
    """Return, for each budget, the share of tasks that one of the samples within it solves.

    With `tokens` samples are drawn one after another until the budget is used up; with `latency`
    they are drawn side by side, and each may be as long as the budget. Two ways of thinking are
    compared fairly at one budget of either kind.
    """
    return [
        (
            budget,
            _mean(
                any(samples[index].correct for index in within_budget(samples, budget, of))
                for samples in tasks
            ),
        )
        for budget in budgets
    ]


def within_budget(samples: Samples, budget: int, of: Literal["tokens", "latency"]) -> list[int]:
    """Return which samples of a task a budget buys, in their order; see `solved_by_budget`."""
    if of == "latency":
        return [index for index, sample in enumerate(samples) if sample.tokens <= budget]
    bought: list[int] = []
    for index, sample in enumerate(samples):
        budget -= sample.tokens
        if budget < 0:
            break
        bought.append(index)
    return bought


def is_right(sample: Sample) -> bool:
    """Return whether a sample is a right answer."""
    return sample.correct


def is_wrong(sample: Sample) -> bool:
    """Return whether a sample is a whole answer that is wrong."""
    return not sample.correct and not sample.truncated


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0
