"""Rocq as a prover: sessions, and the last check of a whole proof in fresh processes."""

from collections.abc import Sequence

from gym_reason.errors import GymReasonError
from gym_reason.types import Outcome, Verdict
from gym_reason.verifiers.proofs.interactive.process import OutputLimitError
from gym_reason.verifiers.proofs.interactive.system import Theorem
from gym_reason.verifiers.proofs.interactive.verifier import ProofVerifier, accept, refuse
from gym_reason.verifiers.proofs.rocq.allowed import read_proof
from gym_reason.verifiers.proofs.rocq.files import (
    AXIOMS,
    CHECK,
    SUBMISSION,
    write_axioms,
    write_check,
    write_submission,
)
from gym_reason.verifiers.proofs.rocq.programs import (
    LOG_BYTES,
    OPTIONS,
    PURPOSE,
    compile_preamble,
    find_program,
    read_error,
    read_line,
    run_shell,
    write_compile,
    write_run,
)
from gym_reason.verifiers.proofs.rocq.sentences import RefusedError
from gym_reason.verifiers.proofs.rocq.session import RocqSession
from gym_reason.verifiers.sandbox.limits import check_seconds as check_limit
from gym_reason.verifiers.sandbox.walls import find_bubblewrap
from gym_reason.verifiers.verdicts import unscorable

_CLOSED = "Closed under the global context"
_NOT_STARTED = (126, 127)
"""What a shell says of a program that it cannot start."""
_TRUSTED_CHECK = (
    f"({write_run('coqchk', '-silent', '-norec', SUBMISSION)}) & "
    f"{write_run('coqc', *OPTIONS, '-noglob', f'{CHECK}.v')}; wait; "
    'echo "$(cat coqchk.status) $(cat coqc.status) / $(wc -c <coqchk.log) $(wc -c <coqc.log)"; '
    "cat coqchk.log coqc.log"
)
MAX_JUDGED = 1_000
"""Verdicts that a process remembers."""
_judged: dict[tuple[Theorem, tuple[str, ...]], Verdict] = {}


class RocqSystem:
    """Rocq, formerly Coq."""

    name = "rocq"

    def __init__(self, step_seconds: float = 5.0, check_seconds: float = 60.0) -> None:
        """Have nothing started yet.

        Args:
            step_seconds: Longest that one step of a session may take.
            check_seconds: Longest that a proof may take to compile, and to be checked again.

        Raises:
            UsageError: For a limit that is no positive number.
        """
        self.step_seconds = check_limit("step_seconds", step_seconds)
        self.check_seconds = check_limit("check_seconds", check_seconds)

    def open(self, theorem: Theorem) -> RocqSession:
        """Return a session on a theorem.

        Raises:
            RunError: Coq is not installed, or does not start.
            UsageError: Coq cannot read the theorem.
        """
        return RocqSession(theorem, self.step_seconds)

    def check(self, theorem: Theorem, proof: str) -> Verdict:
        """Return the verdict on a whole proof, by fresh processes; never raises.

        One process compiles the proof behind the statement. Another one, which reads nothing that
        the submission wrote but the compiled file, states the theorem anew, takes what was proved
        for its proof, and lists the axioms; beside it `coqchk` checks the file. What they say of
        the same sentences is remembered.
        """
        try:
            sentences = read_proof(proof, theorem.statement + theorem.preamble)
        except RefusedError as error:
            return refuse(Outcome.INVALID, str(error))
        key = (theorem, tuple(sentences))
        if key in _judged:
            return _judged[key]
        verdict = self._judge(theorem, sentences)
        if verdict.outcome in (Outcome.PASS, Outcome.FAIL):
            while len(_judged) >= MAX_JUDGED:
                _judged.pop(next(iter(_judged)), None)
            _judged[key] = verdict
        return verdict

    def _judge(self, theorem: Theorem, sentences: Sequence[str]) -> Verdict:
        try:
            preamble = compile_preamble(Theorem("", theorem.preamble))
            compiled = self._compile(theorem, sentences, preamble)
            if isinstance(compiled, Verdict):
                return compiled
            return self._check_again(theorem, {**preamble, f"{SUBMISSION}.vo": compiled})
        except TimeoutError:
            return refuse(Outcome.TIMEOUT, f"the proof takes longer than {self.check_seconds:g} s")
        except OutputLimitError:
            return refuse(Outcome.OUTPUT_LIMIT, "the proof is too large")
        except MemoryError:
            return refuse(Outcome.MEMORY, "the proof takes too much memory")
        except (GymReasonError, OSError) as error:
            return unscorable(str(error), "proof")

    def _compile(
        self, theorem: Theorem, sentences: Sequence[str], preamble: dict[str, bytes]
    ) -> bytes | Verdict:
        source, before = write_submission(theorem, sentences)
        files = {**preamble, f"{SUBMISSION}.v": source.encode()}
        statuses, parts = run_shell(write_compile(SUBMISSION), files, self.check_seconds)
        log, compiled = parts[0].decode(errors="replace"), parts[1]
        if statuses[0] == 0 and compiled:
            return compiled
        line, message = read_line(log), read_error(log)
        if 1 <= line <= before or statuses[0] in _NOT_STARTED:
            return unscorable(f"Coq refuses the theorem: {message}", "proof")
        if "Out of memory" in message:
            raise MemoryError
        if len(parts[0]) >= LOG_BYTES:
            raise OutputLimitError
        if not line:
            return refuse(Outcome.FAIL, f"Coq ends with status {statuses[0]}", message)
        number = line - before
        where = "the end" if number > len(sentences) else f"sentence {number}"
        return refuse(Outcome.FAIL, f"{where}: {message}")

    def _check_again(self, theorem: Theorem, compiled: dict[str, bytes]) -> Verdict:
        files = {**compiled, f"{CHECK}.v": write_check(theorem).encode()}
        statuses, parts = run_shell(_TRUSTED_CHECK, files, self.check_seconds)
        checker, log = (part.decode(errors="replace") for part in parts)
        if statuses[0]:
            return refuse(Outcome.FAIL, "the checker refuses the proof", checker[-500:])
        if statuses[1]:
            return refuse(Outcome.FAIL, f"not the statement: {read_error(log)}")
        assumed = list_axioms(log)
        if not self._are_of_preamble(theorem, assumed, compiled):
            return refuse(Outcome.FAIL, f"the proof assumes {', '.join(assumed[:5])}")
        return accept()

    def _are_of_preamble(
        self, theorem: Theorem, assumed: Sequence[str], compiled: dict[str, bytes]
    ) -> bool:
        """Return whether the preamble declares or loads all that a proof assumes."""
        if not assumed:
            return True
        files = {name: content for name, content in compiled.items() if SUBMISSION not in name}
        files[f"{AXIOMS}.v"] = write_axioms(theorem, assumed).encode()
        statuses, _ = run_shell(write_compile(AXIOMS), files, self.check_seconds)
        return statuses[0] == 0


def list_axioms(output: str) -> list[str]:
    """Return what a proof assumes.

    Args:
        output: What `Print Assumptions` says, where the submission's own names begin with its
            module's, which the preamble alone does not have.
    """
    if _CLOSED in output:
        return []
    _, found, listed = output.partition("Axioms:\n")
    if not found or "Section Variables:" in output:
        return ["something that is not listed"]
    entries = [line for line in listed.splitlines() if line and not line[0].isspace()]
    return [entry.split(maxsplit=1)[0] for entry in entries]


class RocqVerifier(ProofVerifier):
    """Accepts a proof that Coq compiles, states anew and checks again with `coqchk`.

    The proof is sentences of tactics; `Proof.` and `Qed.` may stand around them. What is no tactic
    is refused before Coq sees it.
    """

    def __init__(self, seconds: float = 60.0) -> None:
        """Make a verifier; nothing is started.

        Args:
            seconds: Longest that a proof may take to compile, and to be checked again.
        """
        super().__init__(RocqSystem(check_seconds=seconds), 3 * seconds)

    def prepare(self) -> None:
        """Look for Coq and for bubblewrap. Raises RunError."""
        find_bubblewrap(PURPOSE)
        for name in ("coqtop", "coqc", "coqchk"):
            find_program(name)
