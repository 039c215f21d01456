"""Rejection sampling: of many responses to a task, those that a verifier passes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from gym_reason.seeding import derive_rng
from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.data.examples import demo_columns
from gym_reason.trainers.data.text_filters import TextFilter, find_text_fault
from gym_reason.types import Message, Outcome, Verdict

Pick = Literal["first", "shortest", "random"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A judged response."""

    where: str
    """Where it comes from."""
    task_id: str
    """The task that it answers."""
    prompt: tuple[Message, ...]
    """All that came before it; of several turns, the earlier ones too."""
    response: str
    """The text."""
    verdict: Verdict | None
    """What the verifier says; None where the episode broke down on our side."""
    cut_off: bool = False
    """Whether the limit on tokens ended it."""
    row: Mapping[str, Any] = field(default_factory=dict)
    """Columns that go along."""


@dataclass(frozen=True, slots=True)
class RejectionSettings:
    """Which verified responses are kept."""

    max_per_task: int = 4
    """Most responses to one task."""
    pick: Pick = "random"
    """Which of them, where there are more."""
    min_score: float | None = None
    """Least reward; None takes the verifier's word on what is correct."""
    filters: Sequence[tuple[str, TextFilter]] = ()
    """What a verified response must not be, from `make_filters`."""
    seed: int = 0
    """Of the random pick."""


@dataclass(slots=True)
class RejectionCounts:
    """What was seen."""

    tasks: int = 0
    """Tasks."""
    solved: int = 0
    """Tasks with a verified response."""
    scorable: int = 0
    """Responses that could be judged."""
    passed: int = 0
    """Responses that were verified."""

    @property
    def pass_rate(self) -> float | None:
        """Share of the judged responses that were verified; None without any."""
        return self.passed / self.scorable if self.scorable else None


def keep_verified(
    candidates: Iterable[Candidate], settings: RejectionSettings, log: DropLog
) -> tuple[list[dict[str, Any]], RejectionCounts]:
    """Return the demonstrations that candidates give, task by task, and what was seen.

    A response is kept once, whatever white space it differs in.
    """
    by_task: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        by_task.setdefault(candidate.task_id, []).append(candidate)
    counts = RejectionCounts(tasks=len(by_task))
    rows: list[dict[str, Any]] = []
    for task_id, group in by_task.items():
        verified = [c for c in group if _is_verified(c, settings, counts, log)]
        counts.solved += bool(verified)
        sound = _drop_faults(verified, settings, log)
        for candidate in _pick(sound, task_id, settings, log):
            assert candidate.verdict is not None
            columns = demo_columns(candidate.prompt, candidate.response)
            score = candidate.verdict.reward
            rows.append({**candidate.row, **columns, "task_id": task_id, "verify_score": score})
    return rows, counts


def _is_verified(
    candidate: Candidate, settings: RejectionSettings, counts: RejectionCounts, log: DropLog
) -> bool:
    verdict = candidate.verdict
    if verdict is None or verdict.outcome is Outcome.UNSCORABLE:
        detail = verdict.detail if verdict is not None else "the episode ended without a verdict"
        log.add(candidate.where, "could not be judged", _shown(candidate), detail)
        return False
    counts.scorable += 1
    passed = verdict.correct if settings.min_score is None else verdict.reward >= settings.min_score
    counts.passed += passed
    if not passed:
        detail = f"{verdict.outcome}, reward {verdict.reward:g}"
        log.add(candidate.where, "refused by the verifier", _shown(candidate), detail)
    return passed


def _drop_faults(
    verified: Sequence[Candidate], settings: RejectionSettings, log: DropLog
) -> list[Candidate]:
    sound: list[Candidate] = []
    seen: set[str] = set()
    for candidate in verified:
        plain = " ".join(candidate.response.split())
        reason, detail = find_text_fault(candidate.response, settings.filters)
        if not plain:
            reason, detail = "empty response", ""
        elif candidate.cut_off:
            reason, detail = "cut off by the limit on tokens", ""
        elif plain in seen:
            reason, detail = "the same response to the same task", ""
        if reason:
            log.add(candidate.where, reason, _shown(candidate), detail)
        else:
            seen.add(plain)
            sound.append(candidate)
    return sound


def _pick(
    sound: Sequence[Candidate], task_id: str, settings: RejectionSettings, log: DropLog
) -> list[Candidate]:
    """Return at most `max_per_task` of a task's responses, in the order in which they came."""
    order = list(range(len(sound)))
    if settings.pick == "shortest":
        order.sort(key=lambda index: len(sound[index].response))
    elif settings.pick == "random":
        order = derive_rng(settings.seed, "rejection", task_id).permutation(len(sound)).tolist()
    for index in sorted(order[settings.max_per_task :]):
        log.add(sound[index].where, "more than are kept of a task", _shown(sound[index]))
    return [sound[index] for index in sorted(order[: settings.max_per_task])]


def _shown(candidate: Candidate) -> dict[str, Any]:
    return {**candidate.row, "task_id": candidate.task_id, "response": candidate.response}
