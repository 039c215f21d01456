"""What a proof derives, and on what: the form in which steps are shared and put in order again."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gym_reason.verifiers.proofs.metamath.database import Database
from gym_reason.verifiers.proofs.metamath.kernel import (
    DATABASE_LIMITS,
    SUBMISSION_LIMITS,
    Limits,
    Machine,
)
from gym_reason.verifiers.proofs.metamath.proofs import SAVE, Step
from gym_reason.verifiers.proofs.metamath.statements import Assertion, Statement


@dataclass(frozen=True, slots=True)
class Derivation:
    """The step that proves an expression."""

    statement: Statement
    """What is applied."""
    premises: tuple[str, ...] = ()
    """The expressions that it is applied to, in the order of its hypotheses."""


class TracingMachine(Machine):
    """A machine that remembers how each expression was proved first, and every result by number."""

    def __init__(
        self, database: Database, theorem: Assertion, limits: Limits = SUBMISSION_LIMITS
    ) -> None:
        """Start with an empty stack."""
        super().__init__(database, theorem, limits)
        self.derivations: dict[str, Derivation] = {}
        """How each expression was proved."""

    def push(self, statement: Statement) -> str:
        """Apply one statement and return what it proves. Raises ProofError; the stack stays."""
        count = len(statement.hypotheses) if isinstance(statement, Assertion) else 0
        premises = tuple(self.stack[max(len(self.stack) - count, 0) :])
        self.run((statement,))
        result = self.stack[-1]
        self.derivations.setdefault(result, Derivation(statement, premises))
        return result


def derive(database: Database, theorem: Assertion, steps: Iterable[Step]) -> dict[str, Derivation]:
    """Return how each expression of a proof is proved first.

    Raises:
        ProofError: Where the steps do not prove the theorem.
    """
    machine = TracingMachine(database, theorem, DATABASE_LIMITS)
    for step in steps:
        if isinstance(step, Statement):
            machine.push(step)
        else:
            machine.run((step,))
    machine.finish()
    return machine.derivations


def needed(derivations: Mapping[str, Derivation], expression: str) -> list[str]:
    """Return the expressions that the proof of one needs, each after those that it needs itself."""
    order: list[str] = []
    seen: set[str] = set()
    waiting: list[tuple[str, bool]] = [(expression, False)]
    while waiting:
        current, ready = waiting.pop()
        if ready:
            order.append(current)
        elif current not in seen:
            seen.add(current)
            waiting.append((current, True))
            premises = derivations[current].premises
            waiting += [(premise, False) for premise in reversed(premises)]
    return order


def assemble(derivations: Mapping[str, Derivation], expression: str) -> list[Step]:
    """Return the steps of a proof of an expression that proves nothing twice."""
    wanted = needed(derivations, expression)
    uses = Counter(premise for one in wanted for premise in derivations[one].premises)
    steps: list[Step] = []
    saved: dict[str, int] = {}
    waiting: list[tuple[str, bool]] = [(expression, False)]
    while waiting:
        current, ready = waiting.pop()
        derivation = derivations[current]
        if ready:
            steps.append(derivation.statement)
            if uses[current] > 1 and isinstance(derivation.statement, Assertion):
                saved[current] = len(saved)
                steps.append(SAVE)
        elif current in saved:
            steps.append(saved[current])
        else:
            waiting.append((current, True))
            waiting += [(premise, False) for premise in reversed(derivation.premises)]
    return steps


def expand(steps: Sequence[Step], limit: int) -> list[Statement] | None:
    """Return steps with every repetition written out; None where that takes more than `limit`."""
    # The statements of the result on each place of the stack, and of each saved result.
    stack: list[list[Statement]] = []
    saved: list[list[Statement]] = []
    for step in steps:
        if step is SAVE:
            saved.append(stack[-1])
        elif isinstance(step, int):
            stack.append(saved[step])
        elif isinstance(step, Statement):
            count = len(step.hypotheses) if isinstance(step, Assertion) else 0
            base = len(stack) - count
            whole = [one for part in stack[base:] for one in part]
            whole.append(step)
            if len(whole) > limit:
                return None
            del stack[base:]
            stack.append(whole)
    return [one for part in stack for one in part]
