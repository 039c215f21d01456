"""The interface of a verifier."""

from typing import Protocol, runtime_checkable

from gym_reason.types import Task, Verdict


@runtime_checkable
class Verifier(Protocol):
    """Judges submissions; the same task and submission always give the same verdict.

    A verifier reads `task.reference` (and `task.meta` where it says so), never raises for anything
    a submission holds, and never evaluates, unpickles or runs any of it outside a sandbox.
    """

    name: str
    """The name it is registered under."""

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on `submission` as an answer to `task`."""
        ...
