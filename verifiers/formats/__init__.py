"""Verifiers of form and shape, and of answers that must match character by character.

They see text and nothing else, so lengths here are characters or words. What is measured in
tokens belongs to a trainer.
"""

from gym_reason.verifiers.formats.answers import ExactVerifier, PositionsVerifier
from gym_reason.verifiers.formats.json_schema import JsonSchemaVerifier
from gym_reason.verifiers.formats.json_text import JsonLimits, JsonTextError, find_json, read_json
from gym_reason.verifiers.formats.language import LanguageVerifier, script_share
from gym_reason.verifiers.formats.length import (
    CosineLengthVerifier,
    OverlongVerifier,
    cosine_reward,
    make_length_verifier,
    measure_length,
    overlong_penalty,
)
from gym_reason.verifiers.formats.regions import Region, select_region
from gym_reason.verifiers.formats.repetition import RepetitionVerifier, repeated_share
from gym_reason.verifiers.formats.tags import (
    AnswerTagsVerifier,
    NoThinkVerifier,
    ThinkTagsVerifier,
)

__all__ = [
    "AnswerTagsVerifier",
    "CosineLengthVerifier",
    "ExactVerifier",
    "JsonLimits",
    "JsonSchemaVerifier",
    "JsonTextError",
    "LanguageVerifier",
    "NoThinkVerifier",
    "OverlongVerifier",
    "PositionsVerifier",
    "Region",
    "RepetitionVerifier",
    "ThinkTagsVerifier",
    "cosine_reward",
    "find_json",
    "make_length_verifier",
    "measure_length",
    "overlong_penalty",
    "read_json",
    "repeated_share",
    "script_share",
    "select_region",
]
