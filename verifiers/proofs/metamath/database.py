"""A database: every statement of a file, by its label."""

from collections.abc import Iterator
from pathlib import Path

from gym_reason.errors import UsageError
from gym_reason.registry import explain_unknown
from gym_reason.verifiers.proofs.metamath.statements import Assertion, Hypothesis, Statement


class Database:
    """The statements of a database in their order. `read_database` makes one."""

    def __init__(self, path: Path) -> None:
        """Make an empty database that is to be read from `path`."""
        self.path = path
        self.constants: set[str] = set()
        """Every constant."""
        self.variables: set[str] = set()
        """Every symbol that is a variable somewhere."""
        self.statements: dict[str, Statement] = {}
        """Every hypothesis and assertion by its label, in the order of the file."""

    @property
    def assertions(self) -> Iterator[Assertion]:
        """Axioms and theorems, in order."""
        return (one for one in self.statements.values() if isinstance(one, Assertion))

    @property
    def theorems(self) -> Iterator[Assertion]:
        """The assertions that have a proof, in order."""
        return (one for one in self.assertions if one.proof is not None)

    def theorem(self, label: str) -> Assertion:
        """Return a theorem. Raises UsageError where the database has none of that name."""
        found = self.statements.get(label)
        if isinstance(found, Assertion) and found.proof is not None:
            return found
        known = [one.label for one in self.theorems]
        raise UsageError(*explain_unknown(f"theorem of {self.path.name} called", label, known))

    def find(self, label: str, theorem: Assertion) -> Statement | None:
        """Return what a proof of `theorem` may name by `label`, or None.

        It may name assertions before the theorem and hypotheses that are active there.
        """
        found = self.statements.get(label)
        if found is None or found.index >= theorem.index:
            return None
        if isinstance(found, Hypothesis) and found.end <= theorem.index:
            return None
        return found

    def active_hypotheses(self, theorem: Assertion) -> list[Hypothesis]:
        """Return every hypothesis that is active where a theorem stands, in order."""
        return [
            one
            for one in self.statements.values()
            if isinstance(one, Hypothesis) and one.index < theorem.index < one.end
        ]
