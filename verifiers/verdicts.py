"""The verdict that every verifier gives alike."""

from gym_reason.types import Outcome, Verdict


def unscorable(detail: str, *parts: str) -> Verdict:
    """Return the verdict where the submission is not at fault: the task is, or we are.

    Args:
        detail: Why it cannot be judged.
        parts: The names of the verdict's parts, which are all 0.
    """
    return Verdict(0.0, False, Outcome.UNSCORABLE, dict.fromkeys(parts, 0.0), detail=detail)
