"""Rewriting an equation until both sides are the same, for the reference prover."""

from collections import deque

from gym_reason.verifiers.proofs.natural.goals import Goal
from gym_reason.verifiers.proofs.natural.parse import Signature
from gym_reason.verifiers.proofs.natural.references import open_equation
from gym_reason.verifiers.proofs.natural.script import run_tactic
from gym_reason.verifiers.proofs.natural.syntax import Equal, Formula, LogicError

MAX_FORMULAS = 60
"""Most equations that are looked at."""
MAX_GROWTH = 12
"""Symbols by which an equation may grow on the way."""


def rewrite_to_identity(
    goal: Goal, signature: Signature, simplifies: bool = True
) -> list[str] | None:
    """Return tactics that rewrite an equation until `reflexivity` closes it, the fewest first.

    Args:
        goal: A goal whose target is an equation.
        signature: The symbols of the statement.
        simplifies: Whether `simplify` may be used.
    """
    lines = ["simplify"] if simplifies else []
    for name, formula in goal.hypotheses:
        if open_equation(formula) is not None:
            lines += [f"rewrite {name}", f"rewrite <- {name}"]
    limit = goal.target.measure.size + MAX_GROWTH
    waiting: deque[tuple[Goal, list[str]]] = deque([(goal, [])])
    seen: set[Formula] = {goal.target}
    while waiting and len(seen) <= MAX_FORMULAS:
        current, script = waiting.popleft()
        for line in lines:
            try:
                (inner,) = run_tactic(line, current, signature).goals
            except LogicError:
                continue
            target = inner.target
            assert isinstance(target, Equal)
            if target.left == target.right:
                return [*script, line, "reflexivity"]
            if target in seen or target.measure.size > limit:
                continue
            seen.add(target)
            waiting.append((inner, [*script, line]))
    return None
