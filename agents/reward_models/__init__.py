"""Verifiers that ask a trained model: reward models and process reward models.

Importing this package registers `reward_model` and `process_reward_model` and takes no torch: a
model is loaded when the first submission comes, or by `prepare`.
"""

from gym_reason.agents.reward_models.aggregation import Aggregation, aggregate
from gym_reason.agents.reward_models.outcome import RewardModelVerifier
from gym_reason.agents.reward_models.process import ProcessRewardModelVerifier, StepScores
from gym_reason.agents.reward_models.rows import Score
from gym_reason.agents.reward_models.scale import RewardScale, scale_score
from gym_reason.registry import register_verifier

register_verifier("reward_model")(RewardModelVerifier)
register_verifier("process_reward_model")(ProcessRewardModelVerifier)

__all__ = [
    "Aggregation",
    "ProcessRewardModelVerifier",
    "RewardModelVerifier",
    "RewardScale",
    "Score",
    "StepScores",
    "aggregate",
    "scale_score",
]
