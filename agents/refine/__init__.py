"""Self-refine loops: short functions over a policy that draft, listen and revise."""

from gym_reason.agents.refine import external, intrinsic, tuned
from gym_reason.agents.refine.loop import LOOPS, Loop, LoopAgent, refine_loop
from gym_reason.agents.refine.talk import LimitReached, Limits, Talk

__all__ = [
    "LOOPS",
    "LimitReached",
    "Limits",
    "Loop",
    "LoopAgent",
    "Talk",
    "external",
    "intrinsic",
    "refine_loop",
    "tuned",
]
