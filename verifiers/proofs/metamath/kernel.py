"""The kernel: a stack machine that accepts a proof or says which step fails.

Source: N. Megill and D. Wheeler, Metamath: A Computer Language for Mathematical Proofs (2019),
section 4.2.4 (disjoint variables) and 4.2.6 (proofs).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gym_reason.errors import DataError
from gym_reason.text import shorten
from gym_reason.verifiers.proofs.metamath.database import Database
from gym_reason.verifiers.proofs.metamath.proofs import (
    SAVE,
    ProofError,
    Step,
    read_proof,
)
from gym_reason.verifiers.proofs.metamath.statements import Assertion, Hypothesis, Pair

_SHOWN = 200
"""Most characters of an expression in a message."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Where the kernel stops; a proof beyond one of them is refused."""

    steps: int = 1_000_000
    """Most steps of a proof."""
    writing: int = 1_000_000
    """Most characters that one step may write."""
    work: int = 2_000_000_000
    """Most characters that all steps together may write."""


DATABASE_LIMITS = Limits()
"""Limits for the proofs of a database."""

SUBMISSION_LIMITS = Limits(steps=20_000, writing=200_000, work=50_000_000)
"""Limits for proofs from anybody: a second at most."""


class Machine:
    """The stack of a proof that is under way."""

    def __init__(
        self, database: Database, theorem: Assertion, limits: Limits = SUBMISSION_LIMITS
    ) -> None:
        """Start with an empty stack."""
        self.theorem = theorem
        self.stack: list[str] = []
        """Expressions, the last on top."""
        self.saved: list[str] = []
        """Results that a step may repeat."""
        self._variables = database.variables
        self._allowed = theorem.scope_disjoint
        self._limits = limits
        self._work = 0
        self._steps = 0

    def run(self, steps: Sequence[Step]) -> None:
        """Apply steps in order. Raises ProofError, which names the first that fails."""
        stack = self.stack
        limit = self._limits.steps
        for step in steps:
            if step is SAVE:
                self.saved.append(stack[-1])
                continue
            self._steps += 1
            if self._steps > limit:
                raise ProofError(f"the proof has more than {limit} steps")
            if isinstance(step, Assertion):
                try:
                    stack.append(self.apply(step))
                except ProofError as error:
                    raise ProofError(error.reason, self._steps, step.label) from None
            elif isinstance(step, Hypothesis):
                stack.append(step.expression)
            else:
                assert isinstance(step, int)
                stack.append(self.saved[step])

    def apply(self, assertion: Assertion) -> str:
        """Take the entries that an assertion needs off the stack and return what it proves.

        The stack is left as it was where the assertion does not apply.

        Raises:
            ProofError: Where it does not.
        """
        stack, frame = self.stack, assertion.frame
        base = len(stack) - frame.count
        if base < 0:
            raise ProofError(f"it takes {frame.count} entries, and the stack has {len(stack)}")
        values: list[str] = []
        for place, prefix in frame.floatings:
            entry = stack[base + place]
            if not entry.startswith(prefix):
                hypothesis = assertion.hypotheses[place]
                raise ProofError(_mismatch(hypothesis, hypothesis.expression, entry))
            values.append(entry[len(prefix) :])
        self._charge(sum(map(len, values)) * frame.uses + frame.length)
        for place, template in frame.essentials:
            if stack[base + place] != (needed := template.format(*values)):
                raise ProofError(
                    _mismatch(assertion.hypotheses[place], needed, stack[base + place])
                )
        if frame.disjoint:
            self.check_disjoint(assertion, values)
        del stack[base:]
        return frame.conclusion.format(*values)

    def check_disjoint(self, assertion: Assertion, values: Sequence[str]) -> None:
        """Check the values of an assertion's variables for the disjointness that it asks for.

        Raises:
            ProofError: Where two that must be disjoint share a variable, or hold two that the
                theorem does not keep disjoint.
        """
        names = assertion.frame.variables
        variables = [self._variables.intersection(value.split()) for value in values]
        for first, second in assertion.frame.disjoint:
            pair = f"{names[first]} and {names[second]} must be disjoint"
            shared = variables[first] & variables[second]
            if shared:
                raise ProofError(f"{pair}, and both are given {min(shared)}")
            for one in sorted(variables[first]):
                for other in sorted(variables[second]):
                    if _pair(one, other) not in self._allowed:
                        raise ProofError(f"{pair}, and the theorem has no $d for {one} and {other}")

    def finish(self) -> None:
        """Check that the stack holds the theorem alone. Raises ProofError where it does not."""
        if len(self.stack) != 1:
            raise ProofError(f"the proof ends with {len(self.stack)} entries on the stack, not one")
        if self.stack[0] != self.theorem.expression:
            proved, wanted = show(self.stack[0]), show(self.theorem.expression)
            raise ProofError(f"it proves {proved}, not {wanted}")

    def _charge(self, bound: int) -> None:
        """Count what a step writes before it writes it, as if each value stood in every place."""
        self._work += bound
        if bound > self._limits.writing:
            raise ProofError(f"the step would write more than {self._limits.writing} characters")
        if self._work > self._limits.work:
            raise ProofError(f"the proof would write more than {self._limits.work} characters")


def verify_proof(
    database: Database,
    theorem: Assertion,
    tokens: Sequence[str],
    limits: Limits = SUBMISSION_LIMITS,
) -> None:
    """Check that the tokens of a proof prove a theorem from what comes before it.

    Raises:
        ProofError: Where they do not.
    """
    machine = Machine(database, theorem, limits)
    machine.run(read_proof(database, theorem, tokens))
    machine.finish()


def check_proofs(database: Database, limits: Limits = DATABASE_LIMITS) -> Iterator[DataError]:
    """Yield an error for each theorem whose proof does not prove it, with the file and the line."""
    for theorem in database.theorems:
        assert theorem.proof is not None
        try:
            verify_proof(database, theorem, theorem.proof, limits)
        except ProofError as error:
            place = f"{theorem.source.path}, line {theorem.source.line_of(theorem.token)}"
            yield DataError(f"{place}: the proof of {theorem.label!r} fails: {error}")


def verify_database(database: Database) -> int:
    """Check every proof of a database and return how many there are.

    Raises:
        DataError: For the first that fails, naming the file and the line.
    """
    for error in check_proofs(database):
        raise error
    return sum(1 for _ in database.theorems)


def show(expression: str) -> str:
    """Return an expression for a message: in quotes, shortened where it is long."""
    return f"'{shorten(expression, _SHOWN)}'"


def _mismatch(hypothesis: Hypothesis, needed: str, found: str) -> str:
    return f"{hypothesis.label} needs {show(needed)}, and the stack has {show(found)}"


def _pair(one: str, other: str) -> Pair:
    return (one, other) if one < other else (other, one)
