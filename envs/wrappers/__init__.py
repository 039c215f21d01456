"""Wrappers: what an action is, what an agent is shown, what it is paid, and what is kept of it."""

from gym_reason.envs.wrappers.curriculum import CurriculumWrapper
from gym_reason.envs.wrappers.limits import TimeLimit
from gym_reason.envs.wrappers.lines import LineActions
from gym_reason.envs.wrappers.noise import NoisyFeedback
from gym_reason.envs.wrappers.notes import Notes
from gym_reason.envs.wrappers.recording import EpisodeRecorder
from gym_reason.envs.wrappers.shaping import PotentialShaping
from gym_reason.envs.wrappers.tokens import TokenActions
from gym_reason.envs.wrappers.tools import Tools

__all__ = [
    "CurriculumWrapper",
    "EpisodeRecorder",
    "LineActions",
    "NoisyFeedback",
    "Notes",
    "PotentialShaping",
    "TimeLimit",
    "TokenActions",
    "Tools",
]
