"""Rocq (Coq): prove a theorem with tactics, one sentence an action or all at once."""

from pathlib import Path

from gym_reason.envs.proofs.interactive import InteractiveProof
from gym_reason.types import Task
from gym_reason.verifiers.proofs.interactive.system import Theorem
from gym_reason.verifiers.proofs.rocq.system import RocqSystem, RocqVerifier


class Rocq(InteractiveProof):
    """Prove a theorem in Rocq, which was called Coq, with a script of tactics.

    With the mode `steps`, an action is one sentence of tactics, a bullet or a brace; bullets and
    braces may stand before a sentence too. With the mode `proof` it is the whole script. What is no
    tactic (a definition, an axiom, a command) is refused. The theorems that come with it are about
    logic, natural numbers and lists; `path` names a file of others.
    """

    builtin = Path(__file__).with_name("rocq.jsonl")

    def make_system(self, step_seconds: float) -> RocqSystem:
        """Return Rocq; nothing is started."""
        return RocqSystem(step_seconds)

    def make_own_verifier(self) -> RocqVerifier:
        """Return the verifier `rocq`."""
        return RocqVerifier()

    def write_prompt(self, theorem: Theorem) -> str:
        """Return the theorem as a file of Coq shows it, and what an action is."""
        how = {
            "proof": "Write what stands between Proof. and Qed.: sentences of tactics only.",
            "steps": "Write one sentence of tactics; then the goals that remain are shown.",
        }[self.mode]
        lines = [theorem.preamble, f"Theorem {theorem.name} : {theorem.statement}."]
        return "\n".join(["Prove in Coq:", *filter(None, lines), "", how])

    def wrong_action(self, task: Task) -> str:
        """Return a tactic that always fails."""
        del task
        return "fail."
