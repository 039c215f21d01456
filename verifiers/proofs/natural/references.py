"""References in a tactic: a hypothesis or an axiom with what it is applied to, as a theorem.

reference = name {argument}
argument  = a term, where the name says something of all numbers
          | a hypothesis or "(" reference ")", where it says "if"
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gym_reason.verifiers.proofs.natural.goals import Goal, TacticError
from gym_reason.verifiers.proofs.natural.kernel import (
    AXIOMS,
    Theorem,
    arithmetic,
    assume,
    forall_elim,
    implies_elim,
)
from gym_reason.verifiers.proofs.natural.matching import matches, open_place
from gym_reason.verifiers.proofs.natural.parse import Parser, is_name
from gym_reason.verifiers.proofs.natural.show import show_formula
from gym_reason.verifiers.proofs.natural.syntax import (
    Equal,
    ForAll,
    Formula,
    Implies,
    Term,
    instantiate,
)


def read_reference(parser: Parser, goal: Goal) -> Theorem:
    """Read a reference and return what it says. Raises LogicError."""
    name = parser.read_name("hypothesis")
    theorem = look_up(name, goal)
    while (token := parser.peek()) and token not in (")", "in", "as", "with", ","):
        formula = theorem.conclusion
        if isinstance(formula, ForAll):
            theorem = forall_elim(theorem, parser.read_factor())
        elif isinstance(formula, Implies):
            theorem = implies_elim(theorem, _read_premise(parser, goal, formula.left))
        else:
            raise TacticError(f"{name} takes no further argument, but {token!r} follows")
    return theorem


def look_up(name: str, goal: Goal) -> Theorem:
    """Return what the hypothesis or axiom called `name` says. Raises TacticError."""
    formula = goal.find(name)
    if formula is not None:
        return assume(formula)
    if name in AXIOMS:
        return arithmetic(name)
    raise TacticError(f"there is no hypothesis {name}")


def _read_premise(parser: Parser, goal: Goal, wanted: Formula) -> Theorem:
    if parser.take("("):
        premise = read_reference(parser, goal)
        parser.expect(")")
    else:
        if not is_name(parser.peek()):
            raise TacticError(
                f"a hypothesis that says {show_formula(wanted)} is missing before {parser.peek()!r}"
            )
        premise = look_up(parser.read_name(), goal)
    if premise.conclusion != wanted:
        raise TacticError(f"{show_formula(premise.conclusion)} is not {show_formula(wanted)}")
    return premise


@dataclass(frozen=True, slots=True)
class Use:
    """A way to conclude something from a theorem: terms for its variables, and its premises."""

    arguments: tuple[Term | None, ...]
    """For each layer of the theorem a term for its variable, or None for a premise."""
    premises: tuple[Formula, ...]
    """What remains to be shown, in order."""

    def apply(self, theorem: Theorem, premises: Sequence[Theorem]) -> Theorem:
        """Return the conclusion. Raises LogicError."""
        given = iter(premises)
        for term in self.arguments:
            if term is None:
                theorem = implies_elim(theorem, next(given))
            else:
                theorem = forall_elim(theorem, term)
        return theorem


def find_use(formula: Formula, target: Formula) -> Use | None:
    """Return how to conclude `target` from `formula` with as few premises as can be.

    Raises TacticError where the target leaves a variable open.
    """
    layers: list[Term | None] = []
    shape = formula
    while True:
        values: dict[str, Term] = {}
        if matches(shape, target, values):
            return _close(formula, layers, values)
        if isinstance(shape, ForAll):
            place = open_place(len(layers))
            layers.append(place)
            shape = instantiate(shape.body, place)
        elif isinstance(shape, Implies):
            layers.append(None)
            shape = shape.right
        else:
            return None


def _close(formula: Formula, layers: list[Term | None], values: dict[str, Term]) -> Use:
    arguments: list[Term | None] = []
    premises: list[Formula] = []
    for number, layer in enumerate(layers):
        if layer is None:
            assert isinstance(formula, Implies)
            premises.append(formula.left)
            formula = formula.right
            arguments.append(None)
        else:
            assert isinstance(formula, ForAll)
            value = values.get(open_place(number).name)
            if value is None:
                raise TacticError(f"what {formula.hint} stands for is open: give it as an argument")
            formula = instantiate(formula.body, value)
            arguments.append(value)
    return Use(tuple(arguments), tuple(premises))


def open_equation(formula: Formula) -> tuple[int, Equal] | None:
    """Return the number of variables of a general equation, and it with open places for them."""
    count = 0
    while isinstance(formula, ForAll):
        formula = instantiate(formula.body, open_place(count))
        count += 1
    return (count, formula) if isinstance(formula, Equal) else None
