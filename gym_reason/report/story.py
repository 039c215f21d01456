"""What a run taught, in numbers and in three sentences."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from gym_reason.report.runs import Point, RunRecord
from gym_reason.report.scales import format_duration, format_value


@dataclass(frozen=True, slots=True)
class Outline:
    """The numbers that a page leads with. What is not on record is None."""

    before: float | None
    """Share of held-out problems solved at the start."""
    cold_start: float | None
    """The same after the cold start."""
    after: float | None
    """The same at the end."""
    length_first: float | None
    """Mean tokens of an answer before reinforcement learning, held-out where measured."""
    length_last: float | None
    """The same at its end."""
    steps: int
    """Steps of reinforcement learning on record."""
    seconds: float | None
    """Time of the whole run."""
    tokens: float | None
    """Tokens sampled and trained on."""


def outline(run: RunRecord) -> Outline:
    """Return the leading numbers of a run."""
    lengths = run.series("rl", "length")
    held_out = run.number("length_before"), run.number("length_after")
    measured = None not in held_out
    return Outline(
        before=run.number("accuracy_before"),
        cold_start=run.number("accuracy_cold_start"),
        after=run.number("accuracy_after"),
        length_first=held_out[0] if measured else _mean(lengths[: _edge(lengths)]),
        length_last=held_out[1] if measured else _mean(lengths[-_edge(lengths) :]),
        steps=run.steps("rl"),
        seconds=_seconds(run),
        tokens=run.number("tokens"),
    )


def sentences(run: RunRecord) -> list[str]:
    """Return what was learned in plain words: accuracy, length, time."""
    numbers = outline(run)
    where = run.env or "the environment"
    return [
        _accuracy_sentence(run, numbers, where),
        _length_sentence(numbers),
        _time_sentence(numbers),
    ]


def _accuracy_sentence(run: RunRecord, numbers: Outline, where: str) -> str:
    if numbers.before is not None and numbers.after is not None:
        start, end = format_value(numbers.before, "percent"), format_value(numbers.after, "percent")
        middle = ""
        if numbers.cold_start is not None:
            middle = f", with {format_value(numbers.cold_start, 'percent')} after the cold start"
        way = f"went from {start} to {end}" if start != end else f"stayed at {end}"
        return f"On held-out problems of {where} the share of right answers {way}{middle}."
    sampled = run.series("rl", "accuracy")
    if not sampled:
        return f"No accuracy on {where} is on record yet."
    first = format_value(_mean(sampled[: _edge(sampled)]), "percent")
    last = format_value(_mean(sampled[-_edge(sampled) :]), "percent")
    return (
        f"Among the answers sampled in training on {where} the share of right ones "
        f"went from {first} to {last}."
    )


def _length_sentence(numbers: Outline) -> str:
    if numbers.length_first is None or numbers.length_last is None:
        return "No step of reinforcement learning is on record."
    first, last = numbers.length_first, numbers.length_last
    steps = f"{numbers.steps:,} step{'' if numbers.steps == 1 else 's'} of reinforcement learning"
    if abs(last - first) < 0.05 * max(first, 1.0):
        return f"Over {steps} the mean answer stayed at about {format_value(last)} tokens."
    verb = "grew" if last > first else "shrank"
    lengths = f"from {format_value(first)} to {format_value(last)} tokens"
    return f"Over {steps} the mean answer {verb} {lengths}."


def _time_sentence(numbers: Outline) -> str:
    if numbers.seconds is None:
        return "How long it took is not on record."
    tokens = f" and {numbers.tokens:,.0f} tokens" if numbers.tokens is not None else ""
    return f"It took {format_duration(numbers.seconds)}{tokens}."


def spread(values: Sequence[float | None]) -> tuple[float, float, float] | None:
    """Return median, minimum and maximum of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return (statistics.median(known), min(known), max(known)) if known else None


def _seconds(run: RunRecord) -> float | None:
    whole = run.number("seconds")
    if whole is not None:
        return whole
    steps = [y for stage in ("cold_start", "rl") for _, y in run.series(stage, "seconds")]
    return sum(steps) if steps else None


def _edge(points: Sequence[Point]) -> int:
    return max(1, min(5, len(points) // 4))


def _mean(points: Sequence[Point]) -> float | None:
    return statistics.fmean(y for _, y in points) if points else None
