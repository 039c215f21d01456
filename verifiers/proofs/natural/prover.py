"""The reference prover: scripts of tactics for statements that are provable.

For propositional logic it is complete, up to its limits: at each choice a decision procedure says
which ways lead to a proof, and the search goes one choice deeper at a time. Statements that hold
only classically take one `by_contradiction` for each branch in which they do, which is enough by
Glivenko's theorem. Beyond propositional logic the search of `search` is bounded.

Nothing here is trusted: a script counts when the kernel has made its theorem.
"""

import contextlib
from collections.abc import Iterator

from gym_reason.verifiers.proofs.natural.decide import (
    IntuitionisticDecider,
    follows_classically,
    is_propositional,
)
from gym_reason.verifiers.proofs.natural.goals import Goal
from gym_reason.verifiers.proofs.natural.kernel import CLASSICAL
from gym_reason.verifiers.proofs.natural.parse import Signature, signature_of
from gym_reason.verifiers.proofs.natural.script import run_script, run_tactic
from gym_reason.verifiers.proofs.natural.search import MAX_NODES as MAX_BOUNDED_NODES
from gym_reason.verifiers.proofs.natural.search import BoundedSearch
from gym_reason.verifiers.proofs.natural.show import show_formula
from gym_reason.verifiers.proofs.natural.simple_steps import (
    close_goal,
    free_step,
    is_evident,
    next_name,
)
from gym_reason.verifiers.proofs.natural.syntax import (
    FALSUM,
    Formula,
    Implies,
    LogicError,
    Or,
)

MAX_NODES = 20_000
"""Most goals that the propositional search looks at."""
MAX_CHOICES = 30
"""Most choices on one branch of it."""


def find_proof(
    statement: Formula,
    axioms: frozenset[str] = frozenset(),
    max_nodes: int = MAX_BOUNDED_NODES,
) -> tuple[str, ...] | None:
    """Return a script that proves a statement, or None where none was found.

    Args:
        statement: A formula without free variables.
        axioms: `classical` and `arithmetic`, where the proof may use them.
        max_nodes: Most goals that the bounded search looks at.
    """
    goal = Goal(statement)
    try:
        script = find_script_for(goal, signature_of(statement), axioms, max_nodes)
    except LogicError:
        return None  # It is too large for a decision or for the limits of the tactics.
    if script is None:
        return None
    if not _proves(script, statement, axioms):
        return None
    return _without_detours(script, statement, axioms)


def _proves(script: tuple[str, ...], statement: Formula, axioms: frozenset[str]) -> bool:
    return run_script("\n".join(script), statement, axioms).theorem is not None


def _without_detours(
    script: tuple[str, ...], statement: Formula, axioms: frozenset[str]
) -> tuple[str, ...]:
    """Return a script without the lines that it proves the statement without."""
    place = len(script) - 1
    while place >= 0:
        shorter = script[:place] + script[place + 1 :]
        # Only what derives something forwards may be a detour.
        if script[place].startswith("specialize") and _proves(shorter, statement, axioms):
            script = shorter
        place -= 1
    return script


def find_script_for(
    goal: Goal, signature: Signature, axioms: frozenset[str], max_nodes: int = MAX_BOUNDED_NODES
) -> tuple[str, ...] | None:
    """Return tactics that close one goal, or None where none was found.

    Args:
        goal: The goal.
        signature: The symbols of the statement.
        axioms: What the tactics may use beyond intuitionistic logic.
        max_nodes: Most goals that the bounded search looks at.

    Raises:
        LogicError: Above the limits.
    """
    formulas = [goal.target, *(formula for _, formula in goal.hypotheses)]
    if all(map(is_propositional, formulas)):
        found = _solve_propositional(goal, signature, CLASSICAL in axioms)
    else:
        found = BoundedSearch(signature, axioms, max_nodes).solve(goal)
    return None if found is None else tuple(found)


def _solve_propositional(goal: Goal, signature: Signature, classical: bool) -> list[str] | None:
    if classical:
        # A proof that is intuitionistic is found without a truth table, and is shorter as a rule.
        with contextlib.suppress(LogicError):
            found = PropositionalSearch(signature, False).solve(goal)
            if found is not None:
                return found
    return PropositionalSearch(signature, classical).solve(goal)


class PropositionalSearch:
    """Finds a script for a propositional goal, or says that there is none."""

    def __init__(self, signature: Signature, classical: bool) -> None:
        """Make a search.

        Args:
            signature: The symbols of the statement.
            classical: Whether classical tactics may be used.
        """
        self.signature = signature
        self.classical = classical
        self._decider = IntuitionisticDecider()
        self._nodes = 0
        self._failed: dict[tuple[frozenset[Formula], Formula], int] = {}

    def solve(self, goal: Goal) -> list[str] | None:
        """Return a script, or None where there is none. Raises LogicError above the limits."""
        if not self._can(goal, goal.target):
            return None
        for depth in range(MAX_CHOICES + 1):
            found = self._search(goal, depth)
            if found is not None:
                return found
        return None

    def _can(self, goal: Goal, target: Formula) -> bool:
        known = [formula for _, formula in goal.hypotheses]
        if self.classical:
            return follows_classically(known, target)
        return self._decider.follows(known, target)

    def _search(self, goal: Goal, depth: int) -> list[str] | None:
        """Return a script with at most `depth` choices on a branch, for a provable goal."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise LogicError(f"the search takes more than {MAX_NODES} goals")
        closing = close_goal(goal)
        if closing is not None:
            return [closing]
        line = free_step(goal)
        if line is not None:
            return self._follow(line, goal, depth)
        here = frozenset(formula for _, formula in goal.hypotheses), goal.target
        if self._failed.get(here, 0) >= depth:
            return None
        for line in self._choices(goal):
            found = self._follow(line, goal, depth - 1)
            if found is not None:
                return found
        self._failed[here] = depth
        return None

    def _follow(self, line: str, goal: Goal, depth: int) -> list[str] | None:
        script = [line]
        for inner in run_tactic(line, goal, self.signature).goals:
            rest = self._search(inner, depth)
            if rest is None:
                return None
            script += rest
        return script

    def _choices(self, goal: Goal) -> Iterator[str]:
        """Yield the tactics that may lose something and do not."""
        target = goal.target
        if isinstance(target, Or):
            for line, side in (("left", target.left), ("right", target.right)):
                if self._can(goal, side):
                    yield line
        known = [formula for _, formula in goal.hypotheses]
        if self.classical and not self._decider.follows(known, target):
            yield f"by_contradiction {next_name(goal)}"
            return
        for name, formula in goal.hypotheses:
            if self._ends_in(goal, formula):
                yield f"apply {name}"
        if target != FALSUM and self._can(goal, FALSUM):
            yield "exfalso"
        for _, formula in goal.hypotheses:
            if (
                isinstance(formula, Implies)
                and not is_evident(formula.right, goal)
                and formula.left not in known
                and self._can(goal, formula.left)
            ):
                yield f"have {next_name(goal)} : {show_formula(formula.left)}"

    def _ends_in(self, goal: Goal, formula: Formula) -> bool:
        """Return whether the target is what a hypothesis ends in, and its premises can be shown."""
        applies = isinstance(formula, Implies)
        while formula != goal.target:
            if not isinstance(formula, Implies) or not self._can(goal, formula.left):
                return False
            formula = formula.right
        return applies
