"""A screen for any file of examples: scores, faults of the text, the test data; then a sample.

Whatever is measured on a split of the data has to be split off before any of it is chosen by a
model, so that comes first.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gym_reason.errors import UsageError
from gym_reason.seeding import derive_rng
from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.data.examples import Example
from gym_reason.trainers.data.overlap import OverlapIndex, SimilarIndex
from gym_reason.trainers.data.text_filters import TextFilter, find_text_fault


@dataclass(frozen=True, slots=True)
class ScreenSettings:
    """What gets through."""

    least: Mapping[str, float]
    """Least value of a column, by its name."""
    filters: Sequence[tuple[str, TextFilter]] = ()
    """What a response must not be, from `make_filters`."""
    against: OverlapIndex | None = None
    """Test data that no prompt or response may share words with."""
    similar: SimilarIndex | None = None
    """Test data that no prompt may be a small change of."""


def screen(examples: Sequence[Example], settings: ScreenSettings, log: DropLog) -> list[Example]:
    """Return the examples that get through, in order, each prompt and response once."""
    kept: list[Example] = []
    seen: set[tuple[str, str]] = set()
    for example in examples:
        content = (example.prompt_id, " ".join(example.response.split()))
        reason, detail = _find_fault(example, settings)
        if not reason and content in seen:
            reason, detail = "the same as another example", ""
        if reason:
            log.add(example.where, reason, example.row, detail)
        else:
            seen.add(content)
            kept.append(example)
    return kept


def split_off(
    examples: Sequence[Example], share: float, seed: int
) -> tuple[list[Example], list[Example]]:
    """Return the examples to train on and those to measure on.

    A prompt falls on one side by its content and the seed, with all of its responses: a larger file
    keeps the split of a smaller one.
    """
    train: list[Example] = []
    held_out: list[Example] = []
    for example in examples:
        draw = derive_rng(seed, "split", example.prompt_id).random()
        (held_out if draw < share else train).append(example)
    return train, held_out


def sample_in_proportion(
    examples: Sequence[Example], count: int, column: str, cap: int | None, seed: int, log: DropLog
) -> list[Example]:
    """Return `count` examples, of each source in proportion to its size.

    Args:
        examples: In the order of their file, which is kept.
        count: How many; all of them where there are fewer.
        column: The column that names the source; empty for one source of all.
        cap: Largest size that counts for a source, so that a huge one does not drown the others.
        seed: Of the draws.
        log: Takes the others.

    Source: Raffel et al. 2020, arXiv 1910.10683, section 3.5.2, examples-proportional mixing.
    """
    places: dict[str, list[int]] = {}
    for place, example in enumerate(examples):
        source = str(example.row.get(column, "")) if column else ""
        places.setdefault(source, []).append(place)
    sizes = {source: len(members) for source, members in places.items()}
    shares = share_out(sizes, min(count, len(examples)), cap)
    chosen: set[int] = set()
    for source, members in places.items():
        order = derive_rng(seed, "sample", source).permutation(len(members)).tolist()
        chosen.update(members[index] for index in order[: shares[source]])
    for place, example in enumerate(examples):
        if place not in chosen:
            log.add(example.where, "not drawn", example.row)
    return [example for place, example in enumerate(examples) if place in chosen]


def share_out(sizes: Mapping[str, int], count: int, cap: int | None) -> dict[str, int]:
    """Return how many of each source are drawn: whole numbers that sum to `count`.

    In proportion to `min(size, cap)`, largest remainders first, and never more than there are; what
    a source has too few of is shared among the others.
    """
    drawn = dict.fromkeys(sizes, 0)
    while (missing := count - sum(drawn.values())) > 0:
        free = {name: size for name, size in sizes.items() if drawn[name] < size}
        weights = {name: min(size, cap) if cap else size for name, size in free.items()}
        total = sum(weights.values())
        exact = {name: missing * weight / total for name, weight in weights.items()}
        more = {name: math.floor(value) for name, value in exact.items()}
        rest = missing - sum(more.values())
        for name in sorted(exact, key=lambda name: (more[name] - exact[name], name))[:rest]:
            more[name] += 1
        for name, number in more.items():
            drawn[name] = min(drawn[name] + number, sizes[name])
    return drawn


def read_least(arguments: Sequence[str]) -> dict[str, float]:
    """Return the least value of each column that `COLUMN=VALUE` names. Raises UsageError."""
    least: dict[str, float] = {}
    for argument in arguments:
        column, equals, value = argument.partition("=")
        try:
            least[column] = float(value)
        except ValueError:
            equals = ""
        if not equals or not column:
            raise UsageError(f"--at-least {argument}", "COLUMN=NUMBER", "such as verify_score=0.9")
    return least


def _find_fault(example: Example, settings: ScreenSettings) -> tuple[str, str]:
    for column, least in settings.least.items():
        value: Any = example.row.get(column)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"no number in {column!r}", ""
        if not value >= least:
            return f"{column!r} below {least:g}", f"{value:g}"
    reason, detail = find_text_fault(example.response, settings.filters)
    if reason:
        return reason, detail
    if settings.against is not None:
        shared = settings.against.find(*(m.content for m in example.prompt), example.response)
        if shared is not None:
            return "shares words with the test file", f"{shared.share:.1%}: {shared.example}"
    if settings.similar is not None:
        detail = settings.similar.find(example.prompt_text)
        if detail:
            return "like a prompt of the test file", detail
    return "", ""
