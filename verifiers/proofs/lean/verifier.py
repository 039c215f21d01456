"""Lean as a prover: sessions, and the last check of a whole proof in a clean REPL."""

from dataclasses import dataclass, field

from gym_reason.errors import GymReasonError
from gym_reason.types import Outcome, Verdict
from gym_reason.verifiers.proofs.interactive.process import OutputLimitError
from gym_reason.verifiers.proofs.interactive.system import Theorem
from gym_reason.verifiers.proofs.interactive.verifier import ProofVerifier, accept, refuse
from gym_reason.verifiers.proofs.lean.guard import check_proof
from gym_reason.verifiers.proofs.lean.lexer import LeanTextError
from gym_reason.verifiers.proofs.lean.protocol import Command, CommandReply, Message
from gym_reason.verifiers.proofs.lean.session import LeanLimits, LeanSession
from gym_reason.verifiers.proofs.lean.statements import (
    ALLOWED_AXIOMS,
    CHECKED,
    StatementError,
    cut,
    find_errors,
    pose,
    read_axioms,
    run_preamble,
    run_trusted,
    strip_proof,
    write_check,
    write_proof,
)
from gym_reason.verifiers.proofs.lean.toolchain import (
    PURPOSE,
    Repl,
    Transport,
    find_toolchain,
)
from gym_reason.verifiers.sandbox.base import SandboxLostError
from gym_reason.verifiers.sandbox.limits import check_seconds
from gym_reason.verifiers.sandbox.walls import find_bubblewrap
from gym_reason.verifiers.verdicts import unscorable

NAME = "lean"
"""The name of the verifier."""


@dataclass(slots=True)
class LeanSystem:
    """Lean 4 through its community REPL."""

    repl: str = ""
    """The REPL's program or folder; see `find_toolchain`."""
    project: str = ""
    """A Lake project whose libraries proofs may import."""
    limits: LeanLimits = field(default_factory=LeanLimits)
    """How long Lean may take."""
    name: str = NAME
    """The name of its verifier."""

    def connect(self) -> Transport:
        """Start a REPL. Raises RunError where Lean is not installed or does not start."""
        return Repl(find_toolchain(self.repl, self.project), self.limits.memory_bytes)

    def open(self, theorem: Theorem) -> LeanSession:
        """Return a session on a theorem.

        Raises:
            RunError: Lean is not installed, or does not start.
            UsageError: Lean does not accept the theorem.
        """
        session = LeanSession(self.connect, theorem, self.limits)
        session.start()
        return session

    def check(self, theorem: Theorem, proof: str) -> Verdict:
        """Return the verdict on a whole proof, by a fresh process."""
        try:
            check_proof(proof.replace("\r\n", "\n"))
        except LeanTextError as error:
            return refuse(Outcome.INVALID, f"refused: {error}")
        if not strip_proof(proof).strip():
            return refuse(Outcome.NO_ANSWER, "there is no proof")
        verdict = self._check_once(theorem, proof)
        # What kills a process may have been something else on the machine: it is tried again.
        return self._check_once(theorem, proof) if verdict.outcome is Outcome.MEMORY else verdict

    def _check_once(self, theorem: Theorem, proof: str) -> Verdict:
        transport: Transport | None = None
        try:
            transport = self.connect()
            return judge(transport, theorem, proof, self.limits)
        except GymReasonError as error:
            return unscorable(str(error), "proof")
        finally:
            if transport is not None:
                transport.close()


def judge(transport: Transport, theorem: Theorem, proof: str, limits: LeanLimits) -> Verdict:
    """Return the verdict on a proof that the guard lets pass, by a REPL that has read nothing yet.

    Lean reads the preamble, pins the statement under a name of ours, and states the theorem without
    a proof; up to there nothing comes from the submission. Then it reads the theorem with the
    proof. Last it has to accept the proved theorem for the pinned statement, and to say which
    axioms that takes.
    """
    try:
        env = run_preamble(transport, theorem, limits.start_s)
        pinned = pose(transport, theorem, env, limits.start_s).env
    except (StatementError, TimeoutError, OutputLimitError) as error:
        return unscorable(f"before the proof: {_name(error)}", "proof")
    text, lines_before = write_proof(theorem, proof)
    try:
        reply = transport.ask(Command(text, pinned), limits.check_s)
    except TimeoutError:
        return refuse(Outcome.TIMEOUT, f"Lean takes longer than {limits.check_s:g} s")
    except OutputLimitError:
        return refuse(Outcome.OUTPUT_LIMIT, "Lean says too much about the proof")
    except SandboxLostError as error:
        return refuse(Outcome.MEMORY, "Lean ended while it checked the proof", str(error))
    if not isinstance(reply, CommandReply):
        return unscorable(f"after the proof: {reply}", "proof")
    if errors := find_errors(reply.messages):
        count = len(strip_proof(proof).split("\n"))
        shown = (_show(message, lines_before, count) for message in errors)
        return refuse(Outcome.FAIL, cut("\n".join(shown)))
    warnings = (one.text for one in reply.messages if one.severity == "warning")
    if reply.holes or any("sorry" in text for text in warnings):
        return refuse(Outcome.FAIL, "the proof leaves a claim unproved (sorry)")
    return _judge_theorem(transport, theorem, reply.env, limits)


def _judge_theorem(transport: Transport, theorem: Theorem, env: int, limits: LeanLimits) -> Verdict:
    """Return the verdict on a theorem that Lean has accepted: is it the one, and from what?"""
    limit_s = limits.start_s
    try:
        checked = run_trusted(transport, write_check(theorem), env, limit_s, "the theorem")
    except StatementError as error:
        return refuse(Outcome.FAIL, f"this proves something else: {_name(error)}")
    except (TimeoutError, OutputLimitError) as error:
        return unscorable(f"after the proof: {_name(error)}", "proof")
    try:
        command = f"#print axioms {CHECKED}"
        axioms = read_axioms(run_trusted(transport, command, checked.env, limit_s, "the axioms"))
    except (StatementError, TimeoutError, OutputLimitError) as error:
        return unscorable(f"after the proof: {_name(error)}", "proof")
    if more := sorted(axioms - ALLOWED_AXIOMS):
        return refuse(Outcome.FAIL, f"the proof assumes {', '.join(more)}")
    return accept()


def _show(message: Message, lines_before: int, count: int) -> str:
    """Return an error with the line of the proof that it is about."""
    line = message.line - lines_before
    return f"line {line}: {message.text}" if 1 <= line <= count else message.text


def _name(error: Exception) -> str:
    return cut(str(error) or type(error).__name__)


class LeanVerifier(ProofVerifier):
    """Accepts a proof that Lean accepts, in a clean process and from the three usual axioms.

    Without a Lean it judges nothing: its verdicts are `unscorable` and say what is missing.
    """

    def __init__(self, repl: str = "", project: str = "", timeout: float = 60.0) -> None:
        """Make a verifier; nothing is started.

        Args:
            repl: The REPL's program or folder; empty for the one that is installed.
            project: A Lake project whose libraries proofs may import.
            timeout: Longest that Lean may take for a proof, in seconds.

        Raises:
            UsageError: For a limit out of range.
        """
        limits = LeanLimits(check_s=check_seconds("timeout", timeout))
        self._lean = LeanSystem(repl, project, limits)
        # A second process may be needed where the first one ends.
        super().__init__(self._lean, 2 * (limits.start_s + limits.check_s))

    def prepare(self) -> None:
        """Look for Lean, its REPL and bubblewrap. Raises RunError."""
        find_bubblewrap(PURPOSE)
        find_toolchain(self._lean.repl, self._lean.project)
