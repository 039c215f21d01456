"""Labels from a model in place of a person's: preferences between answers, and scores of them."""

from gym_reason.trainers.rlaif.labeller import Labeller, Pair, Preference, Rating
from gym_reason.trainers.rlaif.prompts import Prompts, read_prompts
from gym_reason.trainers.rlaif.quality import describe_preferences

__all__ = [
    "Labeller",
    "Pair",
    "Preference",
    "Prompts",
    "Rating",
    "describe_preferences",
    "read_prompts",
]
