"""Lean 4: prove a theorem with a real prover, one tactic at a time or all at once."""

from pathlib import Path
from typing import ClassVar

from gym_reason.envs.proofs.interactive import InteractiveProof
from gym_reason.types import Task
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.proofs.interactive.system import Theorem
from gym_reason.verifiers.proofs.lean.session import LeanLimits
from gym_reason.verifiers.proofs.lean.verifier import LeanSystem, LeanVerifier


class Lean(InteractiveProof):
    """Prove a theorem in Lean 4.

    With the mode `steps`, each action is one tactic and the observation is what remains to be
    shown. With the mode `proof`, the one action is the block of tactics behind `by`. See
    `InteractiveProof`, and docs/lean.md for what has to be installed.
    """

    builtin: ClassVar[Path] = Path(__file__).with_name("lean.jsonl")

    def __init__(
        self,
        *,
        mode: str = "steps",
        path: str | Path | None = None,
        repl: str = "",
        project: str = "",
        step_seconds: float = 5.0,
        verifier: Verifier | str | None = None,
        split: str = "train",
        max_turns: int | None = None,
        gamma: float = 1.0,
        render_mode: str | None = None,
    ) -> None:
        """Make the environment. It needs no Lean before the first `reset`.

        Args:
            mode: `steps` or `proof`.
            path: A file of theorems, JSON lines with `statement` (a proposition without unknown
                names) and, where there are any, `preamble` (imports and definitions), `name`,
                `script` (the tactics of a proof) and `split`; None for those that come with the
                environment, which import nothing.
            repl: The program of the Lean REPL or the folder where it was built; empty for the one
                that is installed.
            project: A Lake project whose libraries the theorems import; empty for none.
            step_seconds: Longest that one tactic may take.
            verifier: What judges a whole proof; None for `lean` with the settings above.
            split: `train`, `test` or `all`.
            max_turns: Actions after which an episode is truncated; None for one with whole proofs,
                and with steps for twice those of the known proof and two more.
            gamma: Discount of the MDP.
            render_mode: `ansi` or None.

        Raises:
            DataError: For a file that cannot be read.
            UsageError: For a value out of range.
        """
        self.repl, self.project = repl, project
        super().__init__(
            mode=mode,
            path=path,
            step_seconds=step_seconds,
            verifier=verifier,
            split=split,
            max_turns=max_turns,
            gamma=gamma,
            render_mode=render_mode,
        )

    def make_system(self, step_seconds: float) -> LeanSystem:
        """Return Lean, with a limit on each tactic; nothing is started."""
        return LeanSystem(self.repl, self.project, LeanLimits(step_s=step_seconds))

    def make_own_verifier(self) -> Verifier:
        """Return the verifier `lean`."""
        return LeanVerifier(self.repl, self.project)

    def write_prompt(self, theorem: Theorem) -> str:
        """Return what a policy is told: the theorem, and how to write an action."""
        how = {
            "steps": "Write one tactic; then the goals that remain are shown.",
            "proof": "Write only the tactics that stand behind `by`.",
        }[self.mode]
        parts = [
            "Prove in Lean 4:",
            theorem.preamble.strip(),
            f"theorem {theorem.name} : {theorem.statement.strip()} := by",
            f"{how} No proof counts that uses sorry, native_decide or axioms of its own.",
        ]
        return "\n\n".join(filter(None, parts))

    def wrong_action(self, task: Task) -> str:
        """Return a tactic that closes no goal here."""
        del task
        return "exact False.elim"
