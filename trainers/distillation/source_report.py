"""What is to be said of a teacher before a student imitates it, and which of its rows it may.

Source of the measures and the tests: arXiv 2505.14464, which compares three teachers on the same
questions. The last step, the same training on what each has left, is a recipe run for each.
"""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from gym_reason.agents.models import load_model
from gym_reason.agents.weights import count_positions
from gym_reason.records import to_json
from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.data.examples import Example, read_examples
from gym_reason.trainers.distillation.filters import Answer, Limits, screen
from gym_reason.trainers.distillation.rows import Coder, Row, check_fits, name_of, score_of
from gym_reason.trainers.model.batch import make_batch, plan_micro_batches
from gym_reason.trainers.model.logprobs import score_tokens

BINS = 10
"""Bars of a histogram of lengths."""
MOST_STRATA = 8
"""Difficulties that are shown one by one; more are put together in quarters."""
MICRO_BATCH_TOKENS = 16384


@dataclass(frozen=True, slots=True)
class TeacherRows:
    """The answers of one teacher, measured."""

    examples: tuple[Example, ...]
    """What was asked and answered."""
    scores: tuple[float | None, ...]
    """What a verifier gave; None where it gave nothing."""
    lengths: tuple[int, ...]
    """Tokens of the student that the answers have."""
    nlls: tuple[float, ...]
    """What the student's negative log-likelihoods of their tokens add up to."""
    broken: DropLog
    """Rows that could not be read."""

    def __len__(self) -> int:
        """Return how many answers there are."""
        return len(self.examples)


class Student:
    """The model that is to learn, before it does."""

    def __init__(self, path: Path | str, device: str = "auto") -> None:
        """Load it. Raises ModelError."""
        self.path = str(path)
        model, tokenizer = load_model(path, device=device, dtype="fp32")
        self.model: PreTrainedModel = model
        self.coder = Coder(tokenizer)
        self._pad = 0

    @torch.no_grad()
    def nlls(self, rows: Sequence[Row]) -> list[float]:
        """Return the negative log-likelihood of each response."""
        limit = count_positions(self.model)
        if rows:
            check_fits(limit, rows)
        found = [0.0] * len(rows)
        for micro in plan_micro_batches([len(row.ids) for row in rows], MICRO_BATCH_TOKENS):
            batch = make_batch([rows[at].trace for at in micro], self._pad, self.model.device)
            logps_NT = score_tokens(self.model, batch.ids_NL, start=batch.start).logps_NT
            for at, logp in zip(micro, (logps_NT * batch.mask_NT).sum(1).tolist(), strict=True):
                found[at] = -logp
        return found


def measure_teacher(
    path: Path, student: Student, scores: Mapping[int, float | None] | None = None
) -> TeacherRows:
    """Return the answers of a teacher's file with their measures.

    Args:
        path: Rows of `prompt` and `response`, or of `messages`, with a verdict in `score`,
            `correct` or `reward`.
        student: Whose tokens and log-likelihoods count.
        scores: By the number of the row, verdicts that stand in place of those of the file.

    Raises DataError where the file cannot be read at all.
    """
    log = DropLog()
    examples = tuple(read_examples(path, {}, log))
    rows = [
        student.coder.encode(
            name_of(example.row, example.prompt, example.response),
            example.prompt,
            example.response,
        )
        for example in examples
    ]
    given = [score_of(example.row) for example in examples]
    if scores is not None:
        given = [scores.get(at) for at in range(len(examples))]
    lengths = tuple(sum(row.mask) for row in rows)
    return TeacherRows(examples, tuple(given), lengths, tuple(student.nlls(rows)), log)


def drop_reasons(teacher: TeacherRows, limits: Limits) -> list[str]:
    """Return why each answer may not be imitated, in order; empty where it may."""
    return screen(
        [
            Answer(
                example.prompt_id,
                example.response,
                score,
                is_finished(example.row),
                math.exp(min(nll / length, 700.0)),
            )
            for example, score, nll, length in zip(
                teacher.examples, teacher.scores, teacher.nlls, teacher.lengths, strict=True
            )
        ],
        limits,
    )


def is_finished(row: Mapping[str, Any]) -> bool:
    """Return whether nothing in a row says that its answer was cut off."""
    cut = row.get("finish_reason") == "length" or row.get("stop_reason") == "max_tokens"
    return not cut and not row.get("truncated")


def report_sources(
    teachers: Mapping[str, TeacherRows], student: str, limits: Limits
) -> dict[str, Any]:
    """Return the report on some teachers; equal files give equal reports, whatever their names."""
    longest = max((length for rows in teachers.values() for length in rows.lengths), default=1)
    width = max(math.ceil((longest + 1) / BINS), 1)
    return {
        "student": student,
        "limits": to_json(limits),
        "length_edges": [width * place for place in range(BINS + 1)],
        "teachers": {name: report_teacher(rows, limits, width) for name, rows in teachers.items()},
    }


def report_teacher(teacher: TeacherRows, limits: Limits, bin_width: int) -> dict[str, Any]:
    """Return what is to be said of one teacher; its name and its file do not appear."""
    reasons = drop_reasons(teacher, limits)
    counts = Counter(reason for reason in reasons if reason)
    histogram = [0] * BINS
    for length in teacher.lengths:
        histogram[min(length // bin_width, BINS - 1)] += 1
    return {
        "rows": len(teacher),
        "broken": len(teacher.broken.drops),
        "kept": reasons.count(""),
        "dropped": dict(counts.most_common()),
        "pass_rate": _pass_rate(teacher.scores, limits),
        "unscored": sum(score is None for score in teacher.scores),
        "length": _spread(teacher.lengths),
        "length_histogram": histogram,
        "length_by_difficulty": _by_difficulty(teacher, limits),
        "perplexity": _perplexity(teacher),
        "diversity": _diversity([example.response for example in teacher.examples]),
        "dropped_rows": [
            *({"where": drop.where, "reason": drop.reason} for drop in teacher.broken.drops),
            *(
                {"where": example.where, "reason": reason}
                for example, reason in zip(teacher.examples, reasons, strict=True)
                if reason
            ),
        ],
    }


def kept_rows(teacher: TeacherRows, limits: Limits) -> list[dict[str, Any]]:
    """Return the rows that a student may imitate, with the verifier's score."""
    reasons = drop_reasons(teacher, limits)
    return [
        example.to_row(score=score)
        for example, score, reason in zip(teacher.examples, teacher.scores, reasons, strict=True)
        if not reason
    ]


def _pass_rate(scores: Iterable[float | None], limits: Limits) -> float | None:
    known = [score >= limits.min_score for score in scores if score is not None]
    return sum(known) / len(known) if known else None


def _spread(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    ordered = sorted(values)
    return {
        "mean": statistics.fmean(ordered),
        "median": statistics.median(ordered),
        "p95": ordered[math.ceil(0.95 * len(ordered)) - 1],
        "max": ordered[-1],
    }


def _perplexity(teacher: TeacherRows) -> dict[str, float]:
    """Return the student's perplexity of all tokens together, and the median answer's."""
    if not len(teacher):
        return {}
    each = [nll / length for nll, length in zip(teacher.nlls, teacher.lengths, strict=True)]
    whole = sum(teacher.nlls) / sum(teacher.lengths)
    return {"of_tokens": math.exp(whole), "of_median_answer": math.exp(statistics.median(each))}


def _by_difficulty(teacher: TeacherRows, limits: Limits) -> list[dict[str, Any]]:
    strata: dict[str, list[int]] = defaultdict(list)
    for label, places in _strata([example.row.get("difficulty") for example in teacher.examples]):
        strata[label] += places
    return [
        {
            "difficulty": label,
            "rows": len(places),
            "mean_length": statistics.fmean(teacher.lengths[at] for at in places),
            "pass_rate": _pass_rate([teacher.scores[at] for at in places], limits),
        }
        for label, places in strata.items()
    ]


def _strata(difficulties: Sequence[object]) -> list[tuple[str, list[int]]]:
    """Return the places of each difficulty, easiest first; many numbers are put into quarters."""
    known = [at for at, value in enumerate(difficulties) if value is not None]
    numbers: dict[int, float] = {}
    for at in known:
        value = difficulties[at]
        if isinstance(value, int | float) and not isinstance(value, bool):
            numbers[at] = float(value)
    if len(numbers) == len(known) and len(set(numbers.values())) > MOST_STRATA:
        ordered = sorted(known, key=lambda at: (numbers[at], at))
        cuts = [ordered[len(ordered) * part // 4 : len(ordered) * (part + 1) // 4]
                for part in range(4)]  # fmt: skip
        return [(f"{numbers[cut[0]]:g} to {numbers[cut[-1]]:g}", cut) for cut in cuts if cut]
    places: dict[str, list[int]] = defaultdict(list)
    for at in sorted(known, key=lambda at: (numbers.get(at, 0.0), str(difficulties[at]), at)):
        places[str(difficulties[at])].append(at)
    return list(places.items())


def _diversity(texts: Sequence[str]) -> dict[str, float]:
    """Return the share of distinct answers, and of distinct words and pairs of words in them."""
    if not texts:
        return {}
    found = {"unique_share": len(set(texts)) / len(texts)}
    for n in (1, 2):
        grams: Counter[tuple[str, ...]] = Counter()
        for text in texts:
            words = text.split()
            grams.update(zip(*(words[start:] for start in range(n)), strict=False))
        total = grams.total()
        found[f"distinct_{n}"] = len(grams) / total if total else 0.0
    return found
