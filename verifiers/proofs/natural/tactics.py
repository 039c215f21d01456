"""The tactics of logic. Each takes a goal apart and says how the kernel puts it together again.

Nothing here is trusted: the kernel alone makes theorems.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from gym_reason.verifiers.proofs.natural.goals import Goal, Step, TacticError, cut, done
from gym_reason.verifiers.proofs.natural.kernel import (
    Theorem,
    and_intro,
    and_left,
    and_right,
    assume,
    equal_reflexive,
    excluded_middle,
    exists_elim,
    exists_intro,
    false_elim,
    forall_elim,
    forall_intro,
    implies_elim,
    implies_intro,
    or_elim,
    or_left,
    or_right,
)
from gym_reason.verifiers.proofs.natural.parse import Parser, is_name
from gym_reason.verifiers.proofs.natural.references import find_use, look_up, read_reference
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
    abstract,
    free_variables,
    instantiate,
    negation,
)

Tactic: TypeAlias = Callable[[Parser, Goal], Step]
"""Reads its arguments and returns what it makes of a goal. Raises LogicError."""


@dataclass(frozen=True, slots=True)
class TacticEntry:
    """A tactic as the script knows it."""

    usage: str
    """How it is written."""
    effect: str
    """What it does, in one line."""
    run: Tactic
    """Does it."""


TACTICS: dict[str, TacticEntry] = {}
"""Every tactic by name."""


def tactic(usage: str, effect: str) -> Callable[[Tactic], Tactic]:
    """Return a decorator that adds a tactic; the first word of `usage` is its name."""

    def add(run: Tactic) -> Tactic:
        TACTICS[usage.split()[0]] = TacticEntry(usage, effect, run)
        return run

    return add


@tactic("intro [NAME...]", "assume the left side of ->, or take an arbitrary number for forall")
def _intro(parser: Parser, goal: Goal) -> Step:
    names: list[str | None] = []
    while is_name(parser.peek()):
        names.append(parser.read_name())
    return _intro_all(names or [None], goal)


@tactic("intros", "intro as often as it goes")
def _intros(parser: Parser, goal: Goal) -> Step:
    count, target = 0, goal.target
    while isinstance(target, ForAll | Implies):
        target = target.body if isinstance(target, ForAll) else target.right
        count += 1
    return _intro_all([None] * max(1, count), goal)


def _intro_all(names: Sequence[str | None], goal: Goal) -> Step:
    makers: list[Callable[[Theorem], Theorem]] = []
    for name in names:
        goal, make = _intro_one(name, goal)
        makers.append(make)

    def justify(theorems: Sequence[Theorem]) -> Theorem:
        (theorem,) = theorems
        for make in reversed(makers):
            theorem = make(theorem)
        return theorem

    return Step((goal,), justify, len(names))


def _intro_one(name: str | None, goal: Goal) -> tuple[Goal, Callable[[Theorem], Theorem]]:
    target = goal.target
    if isinstance(target, Implies):
        assumed = target.left
        inner = goal.add(name or goal.new_name("H"), assumed).aim(target.right)
        return inner, lambda theorem: implies_intro(assumed, theorem)
    if isinstance(target, ForAll):
        chosen = name or goal.new_name(target.hint)
        inner = goal.add_variable(chosen).aim(instantiate(target.body, Variable(chosen)))
        hint = target.hint
        return inner, lambda theorem: forall_intro(chosen, theorem, hint)
    raise TacticError(f"{show_formula(target)} begins with neither -> nor forall")


@tactic("revert NAME", "move a hypothesis or a variable back into the goal")
def _revert(parser: Parser, goal: Goal) -> Step:
    name = parser.read_name()
    formula = goal.find(name)
    if formula is not None:
        known = formula
        inner = goal.drop(name).aim(Implies(known, goal.target))
        return Step((inner,), lambda theorems: implies_elim(theorems[0], assume(known)))
    check_variable(name, goal)
    variable = Variable(name)
    inner = goal.drop(name).aim(ForAll(abstract(goal.target, variable), name))
    return Step((inner,), lambda theorems: forall_elim(theorems[0], variable))


def check_variable(name: str, goal: Goal) -> None:
    """Raise TacticError unless `name` is a variable of which no hypothesis speaks."""
    if name not in goal.variables:
        raise TacticError(f"there is no hypothesis or variable {name}")
    for known, formula in goal.hypotheses:
        if name in free_variables(formula):
            raise TacticError(f"the hypothesis {known} speaks of {name}: revert {known} first")


@tactic("assumption", "the goal is one of the hypotheses")
def _assumption(parser: Parser, goal: Goal) -> Step:
    if all(formula != goal.target for _, formula in goal.hypotheses):
        raise TacticError(f"no hypothesis says {show_formula(goal.target)}")
    return done(assume(goal.target))


@tactic("exact H [ARGUMENT...]", "the goal is what H says of the arguments")
def _exact(parser: Parser, goal: Goal) -> Step:
    theorem = read_reference(parser, goal)
    if theorem.conclusion != goal.target:
        raise TacticError(
            f"that says {show_formula(theorem.conclusion)}, not {show_formula(goal.target)}"
        )
    return done(theorem)


@tactic("apply H [ARGUMENT...]", "the goal follows from H; its premises are to be shown")
def _apply(parser: Parser, goal: Goal) -> Step:
    theorem = read_reference(parser, goal)
    use = find_use(theorem.conclusion, goal.target)
    if use is None:
        raise TacticError(
            f"{show_formula(theorem.conclusion)} does not end in {show_formula(goal.target)}"
        )
    goals = tuple(goal.aim(premise) for premise in use.premises)
    return Step(goals, lambda premises: use.apply(theorem, premises))


@tactic("specialize H ARGUMENT... [as NAME]", "add what H says of the arguments")
def _specialize(parser: Parser, goal: Goal) -> Step:
    theorem = read_reference(parser, goal)
    name = parser.read_name() if parser.take("as") else goal.new_name("H")
    inner = goal.add(name, theorem.conclusion)
    return Step((inner,), lambda theorems: cut(theorem, theorems[0]))


@tactic("have NAME : FORMULA", "show FORMULA first, then use it by its name")
def _have(parser: Parser, goal: Goal) -> Step:
    name = parser.read_name()
    parser.expect(":")
    formula = parser.read_formula()
    inner = goal.add(name, formula)
    return Step((goal.aim(formula), inner), lambda theorems: cut(theorems[0], theorems[1]))


@tactic("split", "show both sides of & or <->, one after the other")
def _split(parser: Parser, goal: Goal) -> Step:
    if not isinstance(goal.target, And):
        raise TacticError(f"{show_formula(goal.target)} is neither & nor <->")
    goals = goal.aim(goal.target.left), goal.aim(goal.target.right)
    return Step(goals, lambda theorems: and_intro(theorems[0], theorems[1]))


@tactic("left", "show the left side of |")
def _left(parser: Parser, goal: Goal) -> Step:
    target = _disjunction(goal)
    return Step((goal.aim(target.left),), lambda theorems: or_left(theorems[0], target.right))


@tactic("right", "show the right side of |")
def _right(parser: Parser, goal: Goal) -> Step:
    target = _disjunction(goal)
    return Step((goal.aim(target.right),), lambda theorems: or_right(target.left, theorems[0]))


def _disjunction(goal: Goal) -> Or:
    if not isinstance(goal.target, Or):
        raise TacticError(f"{show_formula(goal.target)} is no |")
    return goal.target


@tactic("exists TERM", "show that TERM is the number that exists")
def _exists(parser: Parser, goal: Goal) -> Step:
    target = goal.target
    if not isinstance(target, Exists):
        raise TacticError(f"{show_formula(target)} does not begin with exists")
    term = parser.read_term()
    inner = goal.aim(instantiate(target.body, term))
    return Step((inner,), lambda theorems: exists_intro(target, term, theorems[0]))


@tactic("cases H [ARGUMENT...] [with NAME...]", "take &, |, exists or False apart")
def _cases(parser: Parser, goal: Goal) -> Step:
    alone = goal.find(parser.peek()) is not None and parser.peek(1) in ("", "with")
    used = parser.peek()
    theorem = read_reference(parser, goal)
    # A hypothesis that was taken apart is no longer needed; one that was applied to others may be.
    rest = goal.drop(used) if alone else goal
    names: list[str] = []
    if parser.take("with"):
        names = [parser.read_name(), *(parser.read_name() for _ in range(is_name(parser.peek())))]
    match theorem.conclusion:
        case And(left, right):
            return _cases_and(theorem, left, right, rest, names)
        case Or(left, right):
            return _cases_or(theorem, left, right, rest, names)
        case Exists():
            return _cases_exists(theorem, rest, names)
        case formula if formula == FALSUM:
            if names:
                raise TacticError("False has no parts to name")
            return done(false_elim(theorem, goal.target))
        case formula:
            raise TacticError(f"{show_formula(formula)} is neither &, |, exists nor False")


def _name(names: Sequence[str], place: int, goal: Goal, wanted: str = "H") -> str:
    return names[place] if place < len(names) else goal.new_name(wanted)


def _cases_and(
    theorem: Theorem, left: Formula, right: Formula, goal: Goal, names: Sequence[str]
) -> Step:
    inner = goal.add(_name(names, 0, goal), left)
    inner = inner.add(_name(names, 1, inner), right)
    return Step(
        (inner,), lambda theorems: cut(and_left(theorem), cut(and_right(theorem), theorems[0]))
    )


def _cases_or(
    theorem: Theorem, left: Formula, right: Formula, goal: Goal, names: Sequence[str]
) -> Step:
    first = goal.add(_name(names, 0, goal), left)
    second = goal.add(_name(names, 1, goal), right)
    return Step((first, second), lambda theorems: or_elim(theorem, theorems[0], theorems[1]))


def _cases_exists(theorem: Theorem, goal: Goal, names: Sequence[str]) -> Step:
    formula = theorem.conclusion
    assert isinstance(formula, Exists)
    name = _name(names, 0, goal, formula.hint)
    inner = goal.add_variable(name)
    instance = instantiate(formula.body, Variable(name))
    inner = inner.add(_name(names, 1, inner), instance)
    return Step((inner,), lambda theorems: exists_elim(theorem, name, theorems[0]))


@tactic("exfalso", "show False instead of the goal")
def _exfalso(parser: Parser, goal: Goal) -> Step:
    return Step((goal.aim(FALSUM),), lambda theorems: false_elim(theorems[0], goal.target))


@tactic("contradiction [H]", "two hypotheses contradict each other, or H contradicts another")
def _contradiction(parser: Parser, goal: Goal) -> Step:
    named = look_up(parser.read_name(), goal).conclusion if is_name(parser.peek()) else None
    formulas = [formula for _, formula in goal.hypotheses]
    for formula in formulas:
        if formula == FALSUM and named in (None, FALSUM):
            return done(false_elim(assume(FALSUM), goal.target))
        if not isinstance(formula, Implies) or formula.right != FALSUM:
            continue
        inner = formula.left
        if inner in formulas and named in (None, inner, formula):
            found = implies_elim(assume(formula), assume(inner))
            return done(false_elim(found, goal.target))
        if isinstance(inner, Equal) and inner.left == inner.right and named in (None, formula):
            found = implies_elim(assume(formula), equal_reflexive(inner.left))
            return done(false_elim(found, goal.target))
    raise TacticError("no hypothesis is False, and none denies another")


@tactic("by_contradiction [NAME]", "classical: assume that the goal is false, and show False")
def _by_contradiction(parser: Parser, goal: Goal) -> Step:
    name = parser.read_name() if is_name(parser.peek()) else goal.new_name("H")
    target = goal.target
    inner = goal.add(name, negation(target)).aim(FALSUM)

    def justify(theorems: Sequence[Theorem]) -> Theorem:
        denied = false_elim(theorems[0], target)
        return or_elim(excluded_middle(target), assume(target), denied)

    return Step((inner,), justify)


@tactic("classical FORMULA [with NAME NAME]", "classical: FORMULA is true or it is false")
def _classical(parser: Parser, goal: Goal) -> Step:
    formula = parser.read_formula()
    names: list[str] = []
    if parser.take("with"):
        names = [parser.read_name(), *(parser.read_name() for _ in range(is_name(parser.peek())))]
    theorem = excluded_middle(formula)
    return _cases_or(theorem, formula, negation(formula), goal, names)
