"""The interface of a prover: pinned theorems, sessions of one step at a time, a last check.

A session is for looking and searching; what it says is never believed. The reward comes from
`check`, which puts the whole proof behind the pinned statement in a fresh process.
"""

import json
from dataclasses import dataclass
from typing import Protocol

from gym_reason.types import Verdict


@dataclass(frozen=True, slots=True)
class Theorem:
    """What is to be proved. None of it comes from a submission."""

    statement: str
    """The proposition, in the prover's language."""
    preamble: str = ""
    """What stands before it: imports and definitions."""
    name: str = "goal"
    """Its name."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one step of a proof did."""

    goals: tuple[str, ...]
    """The open goals after it, each with its hypotheses, the first one first."""
    finished: bool = False
    """Whether nothing is left to be shown."""
    error: str = ""
    """Why the step changed nothing; empty where it was taken."""


class ProofSession(Protocol):
    """A proof under way in a prover's process."""

    def start(self, theorem: Theorem | None = None) -> StepResult:
        """Begin again, with the statement as the one goal; or with another theorem's.

        Raises:
            UsageError: The prover cannot read that theorem.
            SandboxLostError: The prover cannot be had any more.
        """
        ...

    def step(self, sentence: str) -> StepResult:
        """Take one step; one that is refused, fails or takes too long changes nothing.

        Raises SandboxLostError where the prover cannot be had any more.
        """
        ...

    def undo(self, count: int = 1) -> StepResult:
        """Take back the latest `count` steps that were taken."""
        ...

    def close(self) -> None:
        """End the process."""
        ...


class ProofSystem(Protocol):
    """A prover."""

    name: str
    """The name of its verifier."""

    def open(self, theorem: Theorem) -> ProofSession:
        """Return a session on a theorem.

        Raises:
            RunError: The prover is not installed, or does not start.
            UsageError: The theorem itself cannot be read by the prover.
        """
        ...

    def check(self, theorem: Theorem, proof: str) -> Verdict:
        """Return the verdict on a whole proof, by a fresh process; never raises."""
        ...


def write_reference(theorem: Theorem) -> str:
    """Return a theorem as the reference of a task."""
    fields = {
        "statement": theorem.statement,
        "preamble": theorem.preamble,
        "name": theorem.name,
    }
    return json.dumps(fields, ensure_ascii=False)


def read_reference(reference: str) -> Theorem:
    """Return the theorem in a reference: JSON of its fields, or a bare statement.

    Raises:
        ValueError: For anything else.
    """
    if not reference.lstrip().startswith("{"):
        return Theorem(reference)
    row = json.loads(reference)
    if not isinstance(row, dict) or "statement" not in row:
        raise ValueError("the reference has no 'statement'")
    unknown = sorted(row.keys() - {"statement", "preamble", "name"})
    if unknown or not all(isinstance(value, str) for value in row.values()):
        raise ValueError("the reference holds more than the texts statement, preamble and name")
    return Theorem(**row)
