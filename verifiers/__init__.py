"""Verifiers: what turns a submission into a reward."""

if __name__ != "gym_reason.verifiers":
    raise ImportError("import this package as gym_reason.verifiers, not as verifiers")

from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.builtin import make_verifier
from gym_reason.verifiers.compose import all_of, first_that_applies, gate, weighted
from gym_reason.verifiers.formats import (
    AnswerTagsVerifier,
    ExactVerifier,
    PositionsVerifier,
    ThinkTagsVerifier,
)
from gym_reason.verifiers.math import MathVerifier
from gym_reason.verifiers.pool import VerifierPool

__all__ = [
    "AnswerTagsVerifier",
    "ExactVerifier",
    "MathVerifier",
    "PositionsVerifier",
    "ThinkTagsVerifier",
    "Verifier",
    "VerifierPool",
    "all_of",
    "first_that_applies",
    "gate",
    "make_verifier",
    "weighted",
]
