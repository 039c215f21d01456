"""A proof in Lean, one tactic at a time, by the REPL's proof states."""

from collections.abc import Callable
from dataclasses import dataclass
from textwrap import dedent

from gym_reason.verifiers.proofs.interactive.process import OutputLimitError
from gym_reason.verifiers.proofs.interactive.system import StepResult, Theorem
from gym_reason.verifiers.proofs.lean.guard import check_proof
from gym_reason.verifiers.proofs.lean.lexer import LeanTextError
from gym_reason.verifiers.proofs.lean.protocol import Failure, Tactic, TacticReply
from gym_reason.verifiers.proofs.lean.statements import (
    StatementError,
    cut,
    find_errors,
    pose,
    run_preamble,
    usage_error,
)
from gym_reason.verifiers.proofs.lean.toolchain import Transport
from gym_reason.verifiers.sandbox.base import SandboxLostError


@dataclass(frozen=True, slots=True)
class LeanLimits:
    """How long Lean may take, and how much memory."""

    start_s: float = 120.0
    """For a preamble, with all that it imports, and for each command of ours."""
    step_s: float = 5.0
    """For one step."""
    check_s: float = 60.0
    """For a whole proof."""
    memory_bytes: int = 4 << 30
    """For the REPL and all that it starts."""


@dataclass(frozen=True, slots=True)
class _Taken:
    """A step that was taken, or the beginning."""

    sentence: str
    """Its text; empty at the beginning."""
    state: int
    """The REPL's proof state after it."""
    goals: tuple[str, ...]
    """The open goals after it."""


class LeanSession:
    """A proof under way in a REPL.

    The REPL keeps every proof state, so that going back needs no process of its own. Where a step
    takes too long or kills the REPL, another one takes its place and the steps so far are replayed.
    """

    def __init__(
        self, connect: Callable[[], Transport], theorem: Theorem, limits: LeanLimits
    ) -> None:
        """Keep how to reach a REPL; none is started yet."""
        self._connect = connect
        self._theorem = theorem
        self._limits = limits
        self._transport: Transport | None = None
        self._preamble_env: int | None = None
        self._taken: list[_Taken] = []

    def start(self, theorem: Theorem | None = None) -> StepResult:
        """Begin again, with the statement as the one goal; or with another theorem's.

        Raises:
            RunError: Lean is not installed, or does not start.
            UsageError: Lean does not accept that theorem.
            SandboxLostError: Lean cannot be had any more.
        """
        same_preamble = theorem is None or theorem.preamble == self._theorem.preamble
        if theorem is not None:
            self._theorem = theorem
        if not same_preamble and self._transport is not None:
            # Imports stand at the beginning of a process: no library lies in memory twice.
            self.close()
        try:
            self._begin()
        except StatementError as error:
            raise usage_error(error) from None
        except (TimeoutError, OutputLimitError, SandboxLostError) as error:
            self.close()
            raise _lost("Lean did not come to the beginning of the proof", error) from error
        return self._result()

    def step(self, sentence: str) -> StepResult:
        """Take one step; one that is refused, fails or takes too long changes nothing.

        Raises:
            SandboxLostError: Lean cannot be had any more.
        """
        if not self._taken:
            self.start()
        try:
            check_proof(sentence)
        except LeanTextError as error:
            return self._result(f"refused: {error}")
        try:
            taken, error_text = self._try(sentence)
        except TimeoutError:
            return self._recover(f"the step took longer than {self._limits.step_s:g} s")
        except OutputLimitError:
            return self._recover("the step has too many or too long goals")
        except SandboxLostError:
            return self._recover("Lean ended while it took the step")
        if taken is None:
            return self._result(error_text)
        self._taken.append(taken)
        return self._result()

    def undo(self, count: int = 1) -> StepResult:
        """Take back the latest `count` steps that were taken."""
        if not self._taken:
            return self.start()
        kept = max(1, len(self._taken) - max(count, 0))
        del self._taken[kept:]
        return self._result()

    def close(self) -> None:
        """End the process."""
        transport, self._transport = self._transport, None
        self._preamble_env, self._taken = None, []
        if transport is not None:
            transport.close()

    def _begin(self) -> None:
        limit_s = self._limits.start_s
        if self._transport is None:
            self._transport = self._connect()
            self._preamble_env = run_preamble(self._transport, self._theorem, limit_s)
        self._taken = []
        posed = pose(self._transport, self._theorem, self._preamble_env, limit_s)
        self._taken = [_Taken("", posed.state, (posed.goal,))]

    def _try(self, sentence: str) -> tuple[_Taken | None, str]:
        """Return what a step leads to, or why it leads nowhere."""
        assert self._transport is not None
        request = Tactic(dedent(sentence).strip(), self._taken[-1].state)
        reply = self._transport.ask(request, self._limits.step_s)
        if isinstance(reply, Failure):
            return None, reply.text.removeprefix("Lean error:").strip()
        if not isinstance(reply, TacticReply):
            raise SandboxLostError("the Lean REPL answers a tactic as if it were a command")
        # Lean goes on after some errors, with a claim in place of what failed.
        if errors := find_errors(reply.messages):
            return None, errors[0].text
        if reply.holes or "contains sorry" in reply.status:
            return None, "the step leaves a claim unproved (sorry)"
        if not reply.goals and reply.status not in ("", "Completed"):
            return None, reply.status
        return _Taken(sentence, reply.state, reply.goals), ""

    def _recover(self, error_text: str) -> StepResult:
        """Replay the steps so far in another process."""
        sentences = [one.sentence for one in self._taken[1:]]
        self.close()
        try:
            self._begin()
            for sentence in sentences:
                taken, _ = self._try(sentence)
                if taken is None:
                    raise SandboxLostError("a step that was taken fails in another process")
                self._taken.append(taken)
        except (TimeoutError, OutputLimitError, SandboxLostError, StatementError) as error:
            self.close()
            raise _lost("Lean cannot be brought back to where it was", error) from error
        return self._result(error_text)

    def _result(self, error: str = "") -> StepResult:
        goals = self._taken[-1].goals
        return StepResult(goals, finished=not goals and not error, error=cut(error))


def _lost(what: str, error: Exception) -> SandboxLostError:
    return SandboxLostError(f"{what}: {cut(str(error) or type(error).__name__)}")
