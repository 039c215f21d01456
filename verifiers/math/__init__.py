"""The math verifier: find the answer in a text, compare it with the reference."""

from gym_reason.verifiers.math.extract import Answer, Profile, extract
from gym_reason.verifiers.math.judgement import Judgement
from gym_reason.verifiers.math.numbers import Number, OverLimitError, parse_number
from gym_reason.verifiers.math.verifier import MathVerifier

__all__ = [
    "Answer",
    "Judgement",
    "MathVerifier",
    "Number",
    "OverLimitError",
    "Profile",
    "extract",
    "parse_number",
]
