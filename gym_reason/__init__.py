"""gym_reason: Gymnasium environments, verifiers, agents and trainers for reasoning."""

from gym_reason.envs.dataset import register_dataset
from gym_reason.registry import (
    make,
    register,
    register_agent,
    register_recipe,
    register_verifier,
)
from gym_reason.types import Message, Outcome, Task, Trajectory, Verdict

__version__ = "0.1.0"

__all__ = [
    "Message",
    "Outcome",
    "Task",
    "Trajectory",
    "Verdict",
    "make",
    "register",
    "register_agent",
    "register_dataset",
    "register_recipe",
    "register_verifier",
]
