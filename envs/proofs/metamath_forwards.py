"""Proving a theorem of Metamath forwards: the language's stack machine, one label an action."""

from collections.abc import Mapping

from gym_reason.envs.proofs.metamath_backwards import (
    MAX_CHARACTERS,
    RefusedError,
    count_shown,
)
from gym_reason.text import shorten
from gym_reason.verifiers.proofs.metamath.database import Database
from gym_reason.verifiers.proofs.metamath.derivations import Derivation, TracingMachine, assemble
from gym_reason.verifiers.proofs.metamath.proofs import SAVE, ProofError
from gym_reason.verifiers.proofs.metamath.statements import Assertion, Statement

REPEAT = "#"
"""Stands before the number of a result that is to be pushed again; no label has this character."""

SHOWN_ENTRIES = 20
"""How many entries of the stack are shown."""


class Forwards:
    """The stack of a proof that is under way. Every result has a number and can be pushed again."""

    def __init__(self, database: Database, theorem: Assertion) -> None:
        """Start with an empty stack."""
        self.database = database
        self.theorem = theorem
        self._machine = TracingMachine(database, theorem)
        self._numbers: dict[str, int] = {}
        self._results: list[str] = []

    @property
    def derivations(self) -> dict[str, Derivation]:
        """How each expression was proved."""
        return self._machine.derivations

    @property
    def stack(self) -> list[str]:
        """The entries, the last on top."""
        return self._machine.stack

    @property
    def finished(self) -> bool:
        """Whether the stack holds the theorem alone."""
        return self.stack == [self.theorem.expression]

    def act(self, action: str) -> str:
        """Take one action and return what is to be said of it.

        Args:
            action: A label; or `#3`, which pushes result 3 again; or `#`, which takes the top off.

        Raises:
            RefusedError: Where it does not apply.
        """
        words = action.split()
        if len(words) != 1:
            raise RefusedError("an action is one label, #NUMBER or #" if words else
                               "the action is empty")  # fmt: skip
        word = words[0]
        if word.startswith(REPEAT):
            return self._repeat(word[len(REPEAT) :])
        statement = self.database.find(word, self.theorem)
        if statement is None:
            raise RefusedError(f"no statement {shorten(ascii(word), 60)} can be used here")
        try:
            result = self._machine.push(statement)
        except ProofError as error:
            raise RefusedError(error.reason) from None
        return f"pushed #{self.number_of(result)}"

    def number_of(self, result: str) -> int:
        """Return the number of a result; a new one gets the next."""
        if result not in self._numbers:
            self._results.append(result)
            self._numbers[result] = len(self._results)
        return self._numbers[result]

    def describe(self) -> str:
        """Return the stack as text."""
        if not self.stack:
            return "The stack is empty."
        top_first = [
            f"#{self._numbers[entry]} {shorten(entry, MAX_CHARACTERS)}"
            for entry in reversed(self.stack[-SHOWN_ENTRIES:])
        ]
        count = count_shown(top_first, SHOWN_ENTRIES)
        lines = ["Stack, the top last:"]
        if len(self.stack) > count:
            lines.append(f"{len(self.stack) - count} more below")
        return "\n".join((*lines, *reversed(top_first[:count])))

    def _repeat(self, digits: str) -> str:
        if not digits:
            if not self.stack:
                raise RefusedError("the stack is empty")
            self.stack.pop()
            return "taken off"
        number = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 9 else 0
        if not 1 <= number <= len(self._results):
            raise RefusedError(f"there is no result #{shorten(ascii(digits)[1:-1], 20)}")
        self.stack.append(self._results[number - 1])
        return f"pushed #{number}"


def play_forwards(
    database: Database, theorem: Assertion, known: Mapping[str, Derivation]
) -> tuple[str, ...]:
    """Return the actions that prove a theorem as a known proof does, nothing twice.

    Raises:
        RefusedError: Where the proof leads over what an episode cannot hold.
    """
    state = Forwards(database, theorem)
    actions: list[str] = []
    saved: list[str] = []
    for step in assemble(known, theorem.expression):
        if step is SAVE:
            saved.append(state.stack[-1])
            continue
        if isinstance(step, Statement):
            actions.append(step.label)
        else:
            assert isinstance(step, int)
            actions.append(f"{REPEAT}{state.number_of(saved[step])}")
        state.act(actions[-1])
    return tuple(actions)
