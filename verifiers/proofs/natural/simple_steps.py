"""The steps that every search takes at once: those that close a goal or cannot lose anything."""

from gym_reason.verifiers.proofs.natural.goals import Goal
from gym_reason.verifiers.proofs.natural.show import show_formula
from gym_reason.verifiers.proofs.natural.syntax import (
    FALSUM,
    And,
    Equal,
    Exists,
    ForAll,
    Formula,
    Implies,
    Or,
    Variable,
    instantiate,
)


def next_name(goal: Goal, taken: frozenset[str] = frozenset()) -> str:
    """Return the first of H1, H2, ... that is not in use."""
    number = 1
    while f"H{number}" in goal.names or f"H{number}" in taken:
        number += 1
    return f"H{number}"


def is_evident(formula: Formula, goal: Goal) -> bool:
    """Return whether what a formula says can be read off the hypotheses of a goal.

    What was taken apart is no hypothesis any more, but evident; to derive it again is a circle.
    """
    if any(known == formula for _, known in goal.hypotheses):
        return True
    match formula:
        case And(left, right):
            return is_evident(left, goal) and is_evident(right, goal)
        case Or(left, right):
            return is_evident(left, goal) or is_evident(right, goal)
        case Exists(body):
            instances = (instantiate(body, Variable(name)) for name in goal.variables)
            return any(is_evident(instance, goal) for instance in instances)
        case _:
            return False


def close_goal(goal: Goal) -> str | None:
    """Return a tactic that closes a goal at once, if there is one."""
    target = goal.target
    formulas = {formula for _, formula in goal.hypotheses}
    for name, formula in goal.hypotheses:
        if formula == target:
            return f"exact {name}"
        if formula == FALSUM:
            return "contradiction"
    if isinstance(target, Equal) and target.left == target.right:
        return "reflexivity"
    for _, formula in goal.hypotheses:
        if isinstance(formula, Implies) and formula.right == FALSUM:
            inner = formula.left
            if inner in formulas or (isinstance(inner, Equal) and inner.left == inner.right):
                return "contradiction"
    return None


def free_step(goal: Goal) -> str | None:
    """Return a tactic after which a provable goal is still provable, if one applies."""
    target = goal.target
    if isinstance(target, Implies):
        return f"intro {next_name(goal)}"
    if isinstance(target, ForAll):
        return f"intro {goal.new_name(target.hint)}"
    if is_evident(target, goal):
        return _show_evident(goal)
    for name, formula in goal.hypotheses:
        line = _take_apart(goal, name, formula)
        if line is not None:
            return line
    # Only now: what is common to both sides is done once.
    return "split" if isinstance(target, And) else None


def _show_evident(goal: Goal) -> str | None:
    match goal.target:
        case And():
            return "split"
        case Or(left):
            return "left" if is_evident(left, goal) else "right"
        case Exists(body):
            for name in goal.variables:
                if is_evident(instantiate(body, Variable(name)), goal):
                    return f"exists {name}"
    return None


def _take_apart(goal: Goal, name: str, formula: Formula) -> str | None:
    first = next_name(goal)
    match formula:
        case And():
            return f"cases {name} with {first} {next_name(goal, frozenset({first}))}"
        case Or(left, right) if not is_evident(left, goal) and not is_evident(right, goal):
            return f"cases {name} with {first} {first}"
        case Exists(_, hint):
            return f"cases {name} with {goal.new_name(hint)} {first}"
        case Implies(left, right):
            if is_evident(right, goal):
                return None
            for other, known in goal.hypotheses:
                if known == left:
                    return f"specialize {name} {other} as {first}"
            if is_evident(left, goal):
                return f"have {first} : {show_formula(left)}"
    return None
