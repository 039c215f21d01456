"""Verifiers that have another one inside."""

from gym_reason.verifiers.base import Verifier

NO_VERIFIER = "none"
"""The spec of an inner verifier that is not there."""


def make_inner(spec: str | Verifier) -> Verifier:
    """Return the verifier that `spec` names, as `make_verifier` does. Raises as it does."""
    # The registry of built-in verifiers imports those that have an inner one.
    from gym_reason.verifiers.builtin import make_verifier

    return make_verifier(spec)
