"""The bounded search of the reference prover: quantifiers, equality and induction.

It deepens step by step, so that it finds short scripts first; it is not complete.
"""

from collections.abc import Iterable, Iterator

from gym_reason.verifiers.proofs.natural.equations import rewrite_to_identity
from gym_reason.verifiers.proofs.natural.goals import Goal
from gym_reason.verifiers.proofs.natural.kernel import CLASSICAL, PEANO
from gym_reason.verifiers.proofs.natural.matching import matches, open_place
from gym_reason.verifiers.proofs.natural.parse import Signature
from gym_reason.verifiers.proofs.natural.references import find_use
from gym_reason.verifiers.proofs.natural.script import run_tactic
from gym_reason.verifiers.proofs.natural.show import show_term
from gym_reason.verifiers.proofs.natural.simple_steps import (
    close_goal,
    free_step,
    is_evident,
    next_name,
)
from gym_reason.verifiers.proofs.natural.syntax import (
    FALSUM,
    PLUS,
    TIMES,
    Apply,
    Equal,
    Exists,
    ForAll,
    Formula,
    Implies,
    LogicError,
    Or,
    Term,
    Variable,
    free_variables,
    instantiate,
    is_closed,
    terms_of,
)

MAX_DEPTH = 7
"""Most choices on one branch."""
MAX_NODES = 1500
"""Most goals that are looked at, over all depths."""
MAX_TERMS = 6
"""Most terms that a variable is tried with."""
MAX_HYPOTHESES = 16
"""Most hypotheses after which nothing is derived forwards any more."""


class BoundedSearch:
    """Finds a script for a goal, as long as it is short."""

    def __init__(
        self, signature: Signature, axioms: frozenset[str], max_nodes: int = MAX_NODES
    ) -> None:
        """Make a search.

        Args:
            signature: The symbols of the statement.
            axioms: What the script may use beyond intuitionistic logic.
            max_nodes: Most goals that are looked at.
        """
        self.max_nodes = max_nodes
        self.signature = signature
        self.axioms = axioms
        self._nodes = 0

    def solve(self, goal: Goal) -> list[str] | None:
        """Return a script, or None where none was found within the limits."""
        self._nodes = 0
        for depth in range(MAX_DEPTH + 1):
            found = self._search(goal, depth)
            if found is not None:
                return found
            if self._nodes > self.max_nodes:
                return None
        return None

    def _search(self, goal: Goal, depth: int) -> list[str] | None:
        self._nodes += 1
        if self._nodes > self.max_nodes:
            return None
        closing = close_goal(goal)
        if closing is not None:
            return [closing]
        line = free_step(goal) or self._chain(goal)
        if line is not None:
            found = self._follow(line, goal, depth)
            if found is not None or depth == 0 or not _takes_goal_apart(line):
                return found
            # What is said of n as a whole may go through where its parts alone do not.
            return self._first_of(self._inductions(goal), goal, depth - 1)
        if isinstance(goal.target, Equal):
            rewritten = rewrite_to_identity(goal, self.signature, PEANO in self.axioms)
            if rewritten is not None:
                return rewritten
        return self._first_of(self._choices(goal), goal, depth - 1) if depth else None

    def _first_of(self, lines: Iterable[str], goal: Goal, depth: int) -> list[str] | None:
        for line in lines:
            found = self._follow(line, goal, depth)
            if found is not None:
                return found
        return None

    def _follow(self, line: str, goal: Goal, depth: int) -> list[str] | None:
        try:
            step = run_tactic(line, goal, self.signature)
        except LogicError:
            return None
        script = [line]
        for inner in step.goals:
            rest = self._search(inner, depth)
            if rest is None:
                return None
            script += rest
        return script

    def _chain(self, goal: Goal) -> str | None:
        """Return a tactic that derives something new from a rule and a fact that fits it."""
        if len(goal.hypotheses) >= MAX_HYPOTHESES:
            return None
        for name, rule in goal.hypotheses:
            premise, conclusion, count = _open_rule(rule)
            if premise is None or not count:
                continue
            for other, fact in goal.hypotheses:
                values: dict[str, Term] = {}
                if fact.measure.size > 60 or not matches(premise, fact, values):
                    continue
                terms = [values.get(open_place(number).name) for number in range(count)]
                if None in terms or is_evident(_instance(rule, terms), goal):
                    continue
                if conclusion.measure.size < 60 and not _nests(terms):
                    shown = " ".join(_show_argument(term) for term in terms if term is not None)
                    return f"specialize {name} {shown} {other} as {next_name(goal)}"
        return None

    def _choices(self, goal: Goal) -> Iterator[str]:
        target = goal.target
        if isinstance(target, Exists):
            for term in self._witnesses(goal, target):
                yield f"exists {show_term(term)}"
        if isinstance(target, Or):
            yield from ("left", "right")
        for name, formula in goal.hypotheses:
            if isinstance(formula, ForAll | Implies):
                yield from self._applications(name, formula, goal)
        if PEANO in self.axioms and isinstance(target, Equal):
            yield "simplify"
        yield from self._inductions(goal)
        known = {formula for _, formula in goal.hypotheses}
        for name, formula in goal.hypotheses:
            if isinstance(formula, ForAll):
                for term in _terms_in_scope(goal):
                    if instantiate(formula.body, term) not in known:
                        yield f"specialize {name} {_show_argument(term)} as {next_name(goal)}"
        if CLASSICAL in self.axioms and target != FALSUM:
            yield f"by_contradiction {next_name(goal)}"
        elif target != FALSUM:
            yield "exfalso"

    def _inductions(self, goal: Goal) -> Iterator[str]:
        if PEANO in self.axioms:
            for name in goal.variables:
                if name in free_variables(goal.target):
                    yield f"induction {name} {goal.new_name('IH')}"

    def _applications(self, name: str, formula: Formula, goal: Goal) -> Iterator[str]:
        try:
            if find_use(formula, goal.target) is not None:
                yield f"apply {name}"
        except LogicError:
            if isinstance(formula, ForAll):
                for term in _terms_in_scope(goal):
                    yield f"apply {name} {_show_argument(term)}"

    def _witnesses(self, goal: Goal, target: Exists) -> Iterator[Term]:
        place = open_place(0)
        seen: set[Term] = set()
        wanted = instantiate(target.body, place)
        facts = [formula for _, formula in goal.hypotheses]
        for part in [wanted, *_parts(wanted)]:
            for fact in facts:
                values: dict[str, Term] = {}
                term = values.get(place.name) if matches(part, fact, values) else None
                if term is not None and term not in seen:
                    seen.add(term)
                    yield term
        for term in _terms_in_scope(goal):
            if term not in seen:
                yield term


def _takes_goal_apart(line: str) -> bool:
    return line.startswith(("intro H", "split"))


def _parts(formula: Formula) -> list[Formula]:
    left, right = getattr(formula, "left", None), getattr(formula, "right", None)
    if isinstance(formula, Equal) or left is None or right is None:
        return []
    return [left, *_parts(left), right, *_parts(right)]


def _terms_in_scope(goal: Goal) -> list[Term]:
    """Return terms to try, the simplest first."""
    found: dict[Term, None] = {Variable(name): None for name in goal.variables}
    for formula in (goal.target, *(known for _, known in goal.hypotheses)):
        for term in terms_of(formula):
            if isinstance(term, Apply) and is_closed(term) and term.measure.size <= 4:
                found[term] = None
    found[Apply("0")] = None
    return sorted(found, key=lambda term: term.measure.size)[:MAX_TERMS]


def _open_rule(rule: Formula) -> tuple[Formula | None, Formula, int]:
    """Return the first premise of a rule with open places for its variables, its end, and those."""
    count = 0
    while isinstance(rule, ForAll):
        rule = instantiate(rule.body, open_place(count))
        count += 1
    if not isinstance(rule, Implies):
        return None, rule, count
    return rule.left, rule.right, count


def _instance(rule: Formula, terms: list[Term | None]) -> Formula:
    for term in terms:
        assert isinstance(rule, ForAll)
        assert term is not None
        rule = instantiate(rule.body, term)
    assert isinstance(rule, Implies)
    return rule.right


def _nests(terms: list[Term | None]) -> bool:
    """Return whether a term is so deep that a rule seems to be fed with its own results."""
    return any(term is not None and term.measure.depth > 4 for term in terms)


def _show_argument(term: Term) -> str:
    shown = show_term(term)
    is_operation = isinstance(term, Apply) and term.symbol in (PLUS, TIMES)
    return f"({shown})" if is_operation else shown
