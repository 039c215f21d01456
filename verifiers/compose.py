"""Verifiers made of verifiers.

A composition is a plain value: it can be pickled where its parts can, and its verdict names every
part's reward. Where a part that was asked is `unscorable`, so is the whole: half a verdict is none.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from gym_reason.errors import UsageError
from gym_reason.registry import explain_unknown
from gym_reason.types import Outcome, Task, Verdict, replace_verdict
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.capabilities import is_deterministic, needed_seconds, prepare


def weighted(
    parts: Mapping[str, tuple[float, Verifier]], *, correct_by: str | None = None
) -> Verifier:
    """Return a verifier whose reward is the sum of each part's weight times its reward.

    Args:
        parts: Weight and verifier of each named part.
        correct_by: The part that decides `correct` and the outcome; the first by default.

    Raises:
        UsageError: Where there is no part, a weight is not finite, or `correct_by` names none.
    """
    if not parts:
        raise UsageError("weighted() of no parts", "at least one part")
    for name, (weight, _) in parts.items():
        if not math.isfinite(weight):
            raise UsageError(f"the weight of {name!r} is {weight}", "a finite number")
    decisive = next(iter(parts)) if correct_by is None else correct_by
    if decisive not in parts:
        raise UsageError(*explain_unknown("part", decisive, list(parts)))
    return _Weighted(tuple((name, *part) for name, part in parts.items()), decisive)


def all_of(*verifiers: Verifier) -> Verifier:
    """Return a verifier that passes what all of `verifiers` pass; the lowest reward is its own."""
    if not verifiers:
        raise UsageError("all_of() of no verifiers", "at least one verifier")
    return _AllOf(_name_parts(verifiers))


def gate(condition: Verifier, then: Verifier) -> Verifier:
    """Return a verifier that asks `then` only about what `condition` passes; the rest gets 0.0."""
    return _Gate(condition, then)


def first_that_applies(*verifiers: Verifier) -> Verifier:
    """Return a verifier that gives the first verdict that is not `unscorable`, or the last."""
    if not verifiers:
        raise UsageError("first_that_applies() of no verifiers", "at least one verifier")
    return _FirstThatApplies(_name_parts(verifiers))


class _Composition(ABC):
    """What holds for a composition because it holds for its verifiers."""

    __slots__ = ()

    @abstractmethod
    def list_verifiers(self) -> list[Verifier]:
        """Return the verifiers that it may ask."""

    @property
    def deterministic(self) -> bool:
        """Whether the verdicts may be kept for another run."""
        return all(map(is_deterministic, self.list_verifiers()))

    @property
    def needs_s(self) -> float:
        """How long the verifiers' own limits let one verdict take."""
        return sum(map(needed_seconds, self.list_verifiers()))

    def prepare(self) -> None:
        """Prepare the verifiers."""
        for verifier in self.list_verifiers():
            prepare(verifier)


@dataclass(slots=True)
class _Weighted(_Composition):
    parts: tuple[tuple[str, float, Verifier], ...]
    decisive: str
    name: str = "weighted"

    def list_verifiers(self) -> list[Verifier]:
        return [verifier for _, _, verifier in self.parts]

    def verify(self, task: Task, submission: str) -> Verdict:
        verdicts = {name: part.verify(task, submission) for name, _, part in self.parts}
        merged = _merge(verdicts)
        if merged.outcome is Outcome.UNSCORABLE:
            return merged
        reward = sum(weight * verdicts[name].reward for name, weight, _ in self.parts)
        decisive = verdicts[self.decisive]
        return replace_verdict(
            merged, reward=reward, correct=decisive.correct, outcome=decisive.outcome
        )


@dataclass(slots=True)
class _AllOf(_Composition):
    parts: tuple[tuple[str, Verifier], ...]
    name: str = "all_of"

    def list_verifiers(self) -> list[Verifier]:
        return [verifier for _, verifier in self.parts]

    def verify(self, task: Task, submission: str) -> Verdict:
        verdicts = {name: part.verify(task, submission) for name, part in self.parts}
        merged = _merge(verdicts)
        if merged.outcome is Outcome.UNSCORABLE:
            return merged
        failed = [verdict for verdict in verdicts.values() if not verdict.correct]
        return replace_verdict(
            merged,
            reward=min(verdict.reward for verdict in verdicts.values()),
            correct=not failed,
            outcome=failed[0].outcome if failed else Outcome.PASS,
        )


@dataclass(slots=True)
class _Gate(_Composition):
    condition: Verifier
    then: Verifier
    name: str = "gate"

    def list_verifiers(self) -> list[Verifier]:
        return [self.condition, self.then]

    def verify(self, task: Task, submission: str) -> Verdict:
        (first, _), (second, _) = _name_parts((self.condition, self.then))
        condition = self.condition.verify(task, submission)
        if condition.correct:
            verdict = self.then.verify(task, submission)
            merged = _merge({first: condition, second: verdict})
            if merged.outcome is Outcome.UNSCORABLE:
                return merged
            return replace_verdict(
                merged,
                reward=verdict.reward,
                correct=verdict.correct,
                outcome=verdict.outcome,
            )
        merged = _merge({first: condition})
        return replace_verdict(
            merged, reward=0.0, correct=False, parts={**merged.parts, second: 0.0}
        )


@dataclass(slots=True)
class _FirstThatApplies(_Composition):
    parts: tuple[tuple[str, Verifier], ...]
    name: str = "first_that_applies"

    def list_verifiers(self) -> list[Verifier]:
        return [verifier for _, verifier in self.parts]

    def verify(self, task: Task, submission: str) -> Verdict:
        asked: dict[str, Verdict] = {}
        verdict = None
        for name, part in self.parts:
            verdict = asked[name] = part.verify(task, submission)
            if verdict.outcome is not Outcome.UNSCORABLE:
                break
        assert verdict is not None
        return replace_verdict(
            verdict,
            parts=_merge_parts(asked),
            seconds=sum(other.seconds for other in asked.values()),
        )


def _name_parts(verifiers: tuple[Verifier, ...]) -> tuple[tuple[str, Verifier], ...]:
    """Name each verifier by its own name; a second one of the same name gets a number."""
    named: dict[str, Verifier] = {}
    for verifier in verifiers:
        name, number = verifier.name, 1
        while name in named:
            number += 1
            name = f"{verifier.name}_{number}"
        named[name] = verifier
    return tuple(named.items())


def _merge(verdicts: Mapping[str, Verdict]) -> Verdict:
    """Return what the parts say together; unscorable where one is, else the first's outcome."""
    unscorable = [v for v in verdicts.values() if v.outcome is Outcome.UNSCORABLE]
    return Verdict(
        reward=0.0,
        correct=False,
        outcome=Outcome.UNSCORABLE if unscorable else next(iter(verdicts.values())).outcome,
        parts=_merge_parts(verdicts),
        feedback="\n".join(dict.fromkeys(v.feedback for v in verdicts.values() if v.feedback)),
        detail="; ".join(f"{name}: {v.detail}" for name, v in verdicts.items() if v.detail),
        seconds=sum(v.seconds for v in verdicts.values()),
    )


def _merge_parts(verdicts: Mapping[str, Verdict]) -> dict[str, float]:
    """Return each part's reward under its name, and what it is made of under `name.inner`."""
    parts: dict[str, float] = {}
    for name, verdict in verdicts.items():
        parts[name] = verdict.reward
        if len(verdict.parts) > 1:
            parts |= {f"{name}.{inner}": reward for inner, reward in verdict.parts.items()}
    return parts
