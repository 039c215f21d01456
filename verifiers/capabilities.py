"""What a verifier may say of itself beyond the interface, and what holds where it says nothing."""

from gym_reason.verifiers.base import Verifier


def is_deterministic(verifier: Verifier) -> bool:
    """Whether its verdicts may be kept for another run: its attribute `deterministic`."""
    return bool(getattr(verifier, "deterministic", False))


def needed_seconds(verifier: Verifier) -> float:
    """Return how long its own limits let one verdict take: its attribute `needs_s`, or 0."""
    return float(getattr(verifier, "needs_s", 0.0))


def prepare(verifier: Verifier) -> None:
    """Let it load or start what it needs before the first submission: its method `prepare`.

    Raises whatever that raises; GymReasonError where the verifier cannot work here.
    """
    method = getattr(verifier, "prepare", None)
    if method is not None:
        method()
