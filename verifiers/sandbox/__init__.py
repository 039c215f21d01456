"""Sandboxes: where submissions run that must be executed.

A sandbox is one warm interpreter that forks a confined process for each run. `borrow` lends one
that is kept warm in this process; `run_job` runs one job in it to its end.
"""

from gym_reason.verifiers.sandbox.base import Job, Run, Sandbox, SandboxLostError
from gym_reason.verifiers.sandbox.boxes import (
    BoxSpec,
    borrow,
    choose_backend,
    remove_left_by,
    try_backend,
)
from gym_reason.verifiers.sandbox.limits import MIB, Limits
from gym_reason.verifiers.sandbox.supervise import Finished, Watch, run_job, watch_until

__all__ = [
    "MIB",
    "BoxSpec",
    "Finished",
    "Job",
    "Limits",
    "Run",
    "Sandbox",
    "SandboxLostError",
    "Watch",
    "borrow",
    "choose_backend",
    "remove_left_by",
    "run_job",
    "try_backend",
    "watch_until",
]
