"""Verifiers of answers that must match the reference character by character."""

from gym_reason.text import after_thinking, shorten
from gym_reason.types import Outcome, Task, Verdict
from gym_reason.verifiers.formats.verdicts import empty_verdict
from gym_reason.verifiers.verdicts import unscorable


class ExactVerifier:
    """Passes the reference itself, surrounding spaces and thoughts aside."""

    name = "exact"
    deterministic = True

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on `submission`. An empty reference is unscorable."""
        reference = task.reference.strip()
        early = _judge_missing(reference, submission)
        if early is not None:
            return early
        answer = (after_thinking(submission) or "").strip()
        return _answer_verdict(answer, reference, 1.0 if answer == reference else 0.0)


class PositionsVerifier:
    """Gives half of the share of right characters, and 1.0 for the whole reference.

    Characters are compared place by place, surrounding spaces and thoughts aside. What stands
    beyond the reference's last place earns nothing and keeps the answer from being the whole
    reference; a shorter answer lacks the places.
    """

    name = "positions"
    deterministic = True

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on `submission`. An empty reference is unscorable."""
        reference = task.reference.strip()
        early = _judge_missing(reference, submission)
        if early is not None:
            return early
        answer = (after_thinking(submission) or "").strip()
        if answer == reference:
            return _answer_verdict(answer, reference, 1.0)
        right = sum(a == b for a, b in zip(answer, reference, strict=False))
        return _answer_verdict(answer, reference, 0.5 * right / len(reference))


def _judge_missing(reference: str, submission: str) -> Verdict | None:
    """Return the verdict where one side is missing."""
    if not reference:
        return unscorable("the reference is empty", "answer")
    if not (after_thinking(submission) or "").strip():
        return empty_verdict("answer", f"found no answer, expected {shorten(reference)}")
    return None


def _answer_verdict(answer: str, reference: str, reward: float) -> Verdict:
    correct = answer == reference
    return Verdict(
        reward=reward,
        correct=correct,
        outcome=Outcome.PASS if correct else Outcome.FAIL,
        parts={"answer": reward},
        feedback="" if correct else "The answer is wrong.",
        detail=f"found {shorten(answer)}" + ("" if correct else f", expected {shorten(reference)}"),
    )
