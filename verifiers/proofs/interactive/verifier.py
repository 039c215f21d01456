"""A prover as a verifier: reads the theorem and the proof, and asks for the prover's last check."""

import re
import time

from gym_reason.text import after_thinking, shorten
from gym_reason.types import Outcome, Task, Verdict, replace_verdict
from gym_reason.verifiers.proofs.interactive.system import ProofSystem, read_reference
from gym_reason.verifiers.verdicts import unscorable

MAX_CHARACTERS = 50_000
"""Longest proof that is read."""

_FENCE = re.compile(r"\s*```[A-Za-z0-9_]*[ \t]*\n(.*?)\n?```\s*", re.DOTALL)


class ProofVerifier:
    """Accepts a proof that a fresh process of a prover accepts, behind the pinned statement.

    The reference is what `system.write_reference` writes, or a bare statement. The proof is what
    follows the last `</think>`, all of it, or all of the one fenced block that it is in.
    """

    deterministic = True
    # A proof may well prove another task's statement too.
    audit_family = ("format",)

    def __init__(self, system: ProofSystem, needs_s: float) -> None:
        """Make a verifier.

        Args:
            system: The prover.
            needs_s: How long the prover's own limits let one check take.
        """
        self.system = system
        self.name = system.name
        self.needs_s = needs_s

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on the proof in `submission`, with what the prover says of it."""
        since = time.monotonic()
        try:
            theorem = read_reference(task.reference)
        except (ValueError, RecursionError) as error:
            return unscorable(f"the reference {shorten(task.reference)}: {error}", "proof")
        proof = find_proof(submission)
        if not proof.strip():
            return refuse(Outcome.NO_ANSWER, "there is no proof")
        if len(proof) > MAX_CHARACTERS:
            return refuse(Outcome.INVALID, f"the proof is longer than {MAX_CHARACTERS} characters")
        verdict = self.system.check(theorem, proof)
        return replace_verdict(verdict, seconds=time.monotonic() - since)


def find_proof(submission: str) -> str:
    """Return the part of a submission that should be the proof, or an empty text."""
    answer = after_thinking(submission) or ""
    # A pattern is only tried where it can fit: it would look through the whole of a long text.
    fenced = _FENCE.fullmatch(answer) if answer.count("```") == 2 else None
    return fenced[1] if fenced else answer


def accept() -> Verdict:
    """Return the verdict on a proof that holds."""
    return Verdict(1.0, True, Outcome.PASS, {"proof": 1.0})


def refuse(outcome: Outcome, feedback: str, detail: str = "") -> Verdict:
    """Return the verdict on a proof that does not."""
    return Verdict(0.0, False, outcome, {"proof": 0.0}, feedback, detail)
