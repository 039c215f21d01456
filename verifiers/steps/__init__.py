"""Verifiers of the way to an answer: its steps, and what a group of answers agrees on."""

from gym_reason.verifiers.steps.checker import ArithmeticStepsVerifier, CheckedStep, check_steps
from gym_reason.verifiers.steps.equations import Equation, EquationFinder
from gym_reason.verifiers.steps.split import Boundary, Step, split_steps
from gym_reason.verifiers.steps.vote import SelfConsistency, Vote, majority, self_consistency

__all__ = [
    "ArithmeticStepsVerifier",
    "Boundary",
    "CheckedStep",
    "Equation",
    "EquationFinder",
    "SelfConsistency",
    "Step",
    "Vote",
    "check_steps",
    "majority",
    "self_consistency",
    "split_steps",
]
