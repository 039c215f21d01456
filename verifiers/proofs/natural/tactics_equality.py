"""The tactics of equality and of the natural numbers."""

from collections.abc import Sequence

from gym_reason.verifiers.proofs.natural.goals import Goal, Step, TacticError, cut, done
from gym_reason.verifiers.proofs.natural.kernel import (
    AXIOMS,
    Theorem,
    arithmetic,
    assume,
    equal_reflexive,
    equal_substitute,
    forall_elim,
    forall_intro,
    implies_intro,
    induction,
)
from gym_reason.verifiers.proofs.natural.matching import find_instances, open_place
from gym_reason.verifiers.proofs.natural.parse import Parser, is_name
from gym_reason.verifiers.proofs.natural.references import open_equation, read_reference
from gym_reason.verifiers.proofs.natural.show import show_formula, show_term
from gym_reason.verifiers.proofs.natural.syntax import (
    SUCCESSOR,
    ZERO,
    Apply,
    Bound,
    Equal,
    ForAll,
    Formula,
    Variable,
    abstract,
    instantiate,
)
from gym_reason.verifiers.proofs.natural.tactics import check_variable, tactic

SIMPLIFYING = ("add_zero", "add_succ", "mul_zero", "mul_succ")
"""The axioms that `simplify` rewrites with, from left to right."""
MAX_ROUNDS = 100
"""Most rewritings of one `simplify`."""


def symmetric(equation: Theorem) -> Theorem:
    """From s = t: t = s. Raises LogicError."""
    formula = equation.conclusion
    if not isinstance(formula, Equal):
        raise TacticError(f"{show_formula(formula)} is no equation")
    pattern = ForAll(Equal(Bound(0), formula.left))
    return equal_substitute(equation, pattern, equal_reflexive(formula.left))


def rewrite_theorem(equation: Theorem, premise: Theorem) -> Theorem:
    """From s = t and A: A with t wherever s stood. Raises LogicError."""
    formula = equation.conclusion
    if not isinstance(formula, Equal):
        raise TacticError(f"{show_formula(formula)} is no equation")
    pattern = ForAll(abstract(premise.conclusion, formula.left))
    return equal_substitute(equation, pattern, premise)


def find_rewriting(equation: Theorem, formula: Formula, backwards: bool = False) -> Theorem | None:
    """Return the instance of a general equation whose left side stands in `formula`, if one does.

    Args:
        equation: An equation, or one for all numbers.
        formula: Where to look; the first place that fits is taken.
        backwards: Whether the right side is to be found, and to become the left one.

    Raises:
        TacticError: It is no equation, or a variable of it stays open.
    """
    opened = open_equation(equation.conclusion)
    if opened is None:
        raise TacticError(f"{show_formula(equation.conclusion)} is no equation")
    count, shape = opened
    for values in find_instances(shape.right if backwards else shape.left, formula):
        theorem = equation
        for number in range(count):
            value = values.get(open_place(number).name)
            if value is None:
                raise TacticError("a variable of the equation stays open: give it as an argument")
            theorem = forall_elim(theorem, value)
        return symmetric(theorem) if backwards else theorem
    return None


@tactic("rewrite [<-] H [ARGUMENT...] [in K]", "replace the left side of an equation by the right")
def _rewrite(parser: Parser, goal: Goal) -> Step:
    backwards = parser.take("<-")
    if not backwards:
        parser.take("->")
    general = read_reference(parser, goal)
    name = parser.read_name() if parser.take("in") else None
    place = _place(name, goal)
    equation = find_rewriting(general, place, backwards)
    if equation is None:
        shown = show_formula(general.conclusion)
        side = "right" if backwards else "left"
        raise TacticError(f"the {side} side of {shown} is not in {show_formula(place)}")
    return _rewrite_with([equation], name, goal)


@tactic("simplify [in H]", "rewrite with add_zero, add_succ, mul_zero and mul_succ while it goes")
def _simplify(parser: Parser, goal: Goal) -> Step:
    name = parser.read_name() if parser.take("in") else None
    place = _place(name, goal)
    equations: list[Theorem] = []
    while (equation := _simplification(place)) is not None:
        if len(equations) >= MAX_ROUNDS:
            raise TacticError(f"it takes more than {MAX_ROUNDS} rewritings")
        equations.append(equation)
        place = rewrite_theorem(equation, assume(place)).conclusion
    if not equations:
        raise TacticError(f"there is nothing to simplify in {show_formula(place)}")
    return _rewrite_with(equations, name, goal)


def _simplification(place: Formula) -> Theorem | None:
    for axiom in SIMPLIFYING:
        equation = find_rewriting(arithmetic(axiom), place)
        if equation is not None:
            return equation
    return None


def _place(name: str | None, goal: Goal) -> Formula:
    """Return the hypothesis that is to be rewritten, or the target. Raises TacticError."""
    if name is None:
        return goal.target
    formula = goal.find(name)
    if formula is None:
        raise TacticError(f"there is no hypothesis {name}")
    return formula


def _rewrite_with(equations: Sequence[Theorem], name: str | None, goal: Goal) -> Step:
    """Return the step that rewrites the target, or a hypothesis, with equations in turn."""
    start = assume(_place(name, goal))
    theorem = start
    for equation in equations:
        theorem = rewrite_theorem(equation, theorem)
    changed = theorem.conclusion
    if changed == start.conclusion:
        raise TacticError("the equation changes nothing")
    rounds = len(equations)
    if name is not None:
        lemma = theorem
        inner = goal.replace(name, changed)
        return Step((inner,), lambda theorems: cut(lemma, theorems[0]), rounds)

    def justify(theorems: Sequence[Theorem]) -> Theorem:
        # The way back, with the patterns of the way there.
        formulas = [start.conclusion]
        for equation in equations:
            formulas.append(rewrite_theorem(equation, assume(formulas[-1])).conclusion)
        result = theorems[0]
        for equation, before in zip(reversed(equations), reversed(formulas[:-1]), strict=True):
            sides = equation.conclusion
            assert isinstance(sides, Equal)
            pattern = ForAll(abstract(before, sides.left))
            result = equal_substitute(symmetric(equation), pattern, result)
        return result

    return Step((goal.aim(changed),), justify, rounds)


@tactic("reflexivity", "both sides of the equation are the same")
def _reflexivity(parser: Parser, goal: Goal) -> Step:
    target = _equation(goal)
    if target.left != target.right:
        raise TacticError(
            f"{show_term(target.left)} and {show_term(target.right)} are not the same"
        )
    return done(equal_reflexive(target.left))


@tactic("symmetry [in H]", "exchange the sides of an equation")
def _symmetry(parser: Parser, goal: Goal) -> Step:
    if parser.take("in"):
        name = parser.read_name()
        lemma = symmetric(assume(_place(name, goal)))
        inner = goal.replace(name, lemma.conclusion)
        return Step((inner,), lambda theorems: cut(lemma, theorems[0]))
    target = _equation(goal)
    inner = goal.aim(Equal(target.right, target.left))
    return Step((inner,), lambda theorems: symmetric(theorems[0]))


@tactic("transitivity TERM", "show that both sides equal TERM")
def _transitivity(parser: Parser, goal: Goal) -> Step:
    target = _equation(goal)
    middle = parser.read_term()
    goals = goal.aim(Equal(target.left, middle)), goal.aim(Equal(middle, target.right))
    pattern = ForAll(Equal(target.left, Bound(0)))
    return Step(goals, lambda theorems: equal_substitute(theorems[1], pattern, theorems[0]))


@tactic("congruence", "show that the arguments of the function on both sides are equal")
def _congruence(parser: Parser, goal: Goal) -> Step:
    target = _equation(goal)
    left, right = target.left, target.right
    if (
        not isinstance(left, Apply)
        or not isinstance(right, Apply)
        or left.symbol != right.symbol
        or len(left.arguments) != len(right.arguments)
    ):
        raise TacticError(f"{show_formula(target)} has no function around both sides")
    pairs = list(zip(left.arguments, right.arguments, strict=True))
    places = [place for place, (one, other) in enumerate(pairs) if one != other]
    goals = tuple(goal.aim(Equal(*pairs[place])) for place in places)

    def justify(theorems: Sequence[Theorem]) -> Theorem:
        result, arguments = equal_reflexive(left), list(left.arguments)
        for place, theorem in zip(places, theorems, strict=True):
            marked = Apply(left.symbol, (*arguments[:place], Bound(0), *arguments[place + 1 :]))
            result = equal_substitute(theorem, ForAll(Equal(left, marked)), result)
            arguments[place] = pairs[place][1]
        return result

    return Step(goals, justify)


def _equation(goal: Goal) -> Equal:
    if not isinstance(goal.target, Equal):
        raise TacticError(f"{show_formula(goal.target)} is no equation")
    return goal.target


@tactic("induction NAME [HYPOTHESIS]", "show the goal for 0, and for S(NAME) from NAME")
def _induction(parser: Parser, goal: Goal) -> Step:
    name = parser.read_name("variable")
    hypothesis = parser.read_name() if is_name(parser.peek()) else None
    given = name in goal.variables
    if given:
        check_variable(name, goal)
        goal = goal.drop(name)
        general: Formula = ForAll(abstract(goal.target, Variable(name)), name)
    else:
        general = goal.target
    if not isinstance(general, ForAll):
        raise TacticError(f"{name} is no variable, and the goal does not begin with forall")
    variable, body = Variable(name), general.body
    assumed = instantiate(body, variable)
    step = goal.add_variable(name)
    step = step.add(hypothesis or step.new_name("IH"), assumed)
    goals = (
        goal.aim(instantiate(body, Apply(ZERO))),
        step.aim(instantiate(body, Apply(SUCCESSOR, (variable,)))),
    )

    def justify(theorems: Sequence[Theorem]) -> Theorem:
        onward = forall_intro(name, implies_intro(assumed, theorems[1]), general.hint)
        theorem = induction(theorems[0], onward)
        return forall_elim(theorem, variable) if given else theorem

    return Step(goals, justify)


assert set(SIMPLIFYING) <= set(AXIOMS)
