"""The verdicts that several verifiers of form give alike."""

from gym_reason.types import Outcome, Verdict


def form_verdict(fault: str) -> Verdict:
    """Return the verdict on a form: a pass where `fault` is empty, else a failure that names it."""
    reward = 0.0 if fault else 1.0
    return Verdict(
        reward=reward,
        correct=not fault,
        outcome=Outcome.FAIL if fault else Outcome.PASS,
        parts={"format": reward},
        feedback=f"The form is wrong: {fault}." if fault else "",
        detail=fault,
    )


def empty_verdict(part: str, detail: str, reward: float = 0.0) -> Verdict:
    """Return the verdict on a text that holds nothing to judge; `part` is the only part."""
    return Verdict(
        reward,
        False,
        Outcome.NO_ANSWER,
        {part: reward},
        feedback="No answer was found.",
        detail=detail,
    )
