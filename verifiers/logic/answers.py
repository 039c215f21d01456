"""What the verifiers of puzzles share: where the answer stands, and what a verdict looks like."""

from gym_reason.errors import UsageError
from gym_reason.text import after_thinking
from gym_reason.types import Outcome, Verdict

MAX_PARTIAL_CREDIT = 0.5
"""Most that an answer which is not right may earn."""


class PuzzleError(ValueError):
    """A text is no puzzle, or no answer to one. The message is fit for feedback."""


def check_partial_credit(value: float) -> float:
    """Return `value`. Raises UsageError unless it is from 0 to MAX_PARTIAL_CREDIT."""
    if isinstance(value, bool) or not 0.0 <= value <= MAX_PARTIAL_CREDIT:
        raise UsageError(f"partial_credit = {value}", f"a reward from 0 to {MAX_PARTIAL_CREDIT}")
    return float(value)


def find_answer(submission: str, limit: int) -> str:
    """Return the answer: all that follows the thoughts, without spaces around it.

    Args:
        submission: What a policy wrote.
        limit: Most characters of an answer.

    Raises:
        PuzzleError: For a longer one.
    """
    answer = (after_thinking(submission) or "").strip()
    if len(answer) > limit:
        raise PuzzleError(f"the answer is longer than {limit} characters")
    return answer


def pass_verdict() -> Verdict:
    """Return the verdict on an answer that keeps every rule."""
    return Verdict(1.0, True, Outcome.PASS, {"answer": 1.0, "rules": 1.0})


def fail_verdict(feedback: str, rules: float, partial_credit: float) -> Verdict:
    """Return the verdict on an answer that can be read and is wrong.

    Args:
        feedback: What is wrong with it.
        rules: Share of the rules that it keeps.
        partial_credit: What that share is multiplied with for the reward.
    """
    parts = {"answer": 0.0, "rules": rules}
    return Verdict(partial_credit * rules, False, Outcome.FAIL, parts, feedback)


def unread_verdict(answer: str | None, feedback: str) -> Verdict:
    """Return the verdict on a submission without an answer, or with one that cannot be read."""
    outcome = Outcome.INVALID if answer is None or answer else Outcome.NO_ANSWER
    return Verdict(0.0, False, outcome, {"answer": 0.0, "rules": 0.0}, feedback)
