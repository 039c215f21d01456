"""Verifiers of form, and of answers that must match character by character."""

from gym_reason.text import THINK_CLOSE, THINK_OPEN, after_thinking, shorten
from gym_reason.types import Outcome, Task, Verdict

_ANSWER_OPEN = "<answer>"
_ANSWER_CLOSE = "</answer>"


class ThinkTagsVerifier:
    """Passes a text of one `<think>...</think>` in front and an answer behind it."""

    name = "think_tags"

    def __init__(self, *, require_thought: bool = False, opened_by_prompt: bool = False) -> None:
        """Make a verifier.

        Args:
            require_thought: Whether the thought must hold more than spaces.
            opened_by_prompt: Whether the prompt ends in `<think>`, so that the text must not.
        """
        self.require_thought = require_thought
        self.opened_by_prompt = opened_by_prompt

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on the form of `submission`; the reference is not read."""
        fault = self._find_fault(submission)
        return _form_verdict(fault)

    def _find_fault(self, submission: str) -> str:
        text = (THINK_OPEN if self.opened_by_prompt else "") + submission.strip()
        if text.count(THINK_OPEN) != 1 or text.count(THINK_CLOSE) != 1:
            return f"expected exactly one {THINK_OPEN}...{THINK_CLOSE}"
        if not text.startswith(THINK_OPEN):
            return f"expected {THINK_OPEN} in front"
        thought, _, answer = text[len(THINK_OPEN) :].partition(THINK_CLOSE)
        if not answer.strip():
            return f"expected an answer after {THINK_CLOSE}"
        if self.require_thought and not thought.strip():
            return "expected a thought that is not empty"
        return ""


class AnswerTagsVerifier:
    """Passes a text that ends in one `<answer>...</answer>` that is not empty, thoughts aside."""

    name = "answer_tags"

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on the form of `submission`; the reference is not read."""
        return _form_verdict(self._find_fault(submission))

    def _find_fault(self, submission: str) -> str:
        text = after_thinking(submission)
        if text is None:
            return f"expected {THINK_CLOSE}"
        text = text.strip()
        if text.count(_ANSWER_OPEN) != 1 or text.count(_ANSWER_CLOSE) != 1:
            return f"expected exactly one {_ANSWER_OPEN}...{_ANSWER_CLOSE}"
        _, _, tail = text.partition(_ANSWER_OPEN)
        answer, closing, after = tail.partition(_ANSWER_CLOSE)
        if not closing or after:
            return f"expected {_ANSWER_CLOSE} at the end"
        return "" if answer.strip() else "expected an answer that is not empty"


class ExactVerifier:
    """Passes the reference itself, surrounding spaces and thoughts aside."""

    name = "exact"

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


def _form_verdict(fault: str) -> Verdict:
    reward = 0.0 if fault else 1.0
    return Verdict(
        reward=reward,
        correct=not fault,
        outcome=Outcome.FAIL if fault else Outcome.PASS,
        parts={"format": reward},
        feedback=f"The form is wrong: {fault}." if fault else "",
        detail=fault,
    )


def _judge_missing(reference: str, submission: str) -> Verdict | None:
    """Return the verdict where one side is missing."""
    if not reference:
        return Verdict(
            0.0, False, Outcome.UNSCORABLE, {"answer": 0.0}, detail="the reference is empty"
        )
    if not (after_thinking(submission) or "").strip():
        return Verdict(
            0.0,
            False,
            Outcome.NO_ANSWER,
            {"answer": 0.0},
            feedback="No answer was found.",
            detail=f"found no answer, expected {shorten(reference)}",
        )
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
