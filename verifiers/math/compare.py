r"""Whether an answer's tree equals a reference's: part by part, by what kind of thing they are.

The strict profile wants the same kind on both sides. The lenient one also takes, either way round:
`x = 5` for `5`, a list for a set or a tuple, a set of one part for the part, `[1,2,3]` for
`(1,2,3)`, a column or row for a tuple, a value without its unit in words, a choice with its letter
or its content alone.
"""

import itertools
from fractions import Fraction

from gym_reason.verifiers.math.answers import read_answer
from gym_reason.verifiers.math.budget import Budget
from gym_reason.verifiers.math.floating import real_value
from gym_reason.verifiers.math.judgement import Judgement
from gym_reason.verifiers.math.normal import Assignment, as_assignments, normalise
from gym_reason.verifiers.math.solutions import FLIPPED, same_set, variable_of
from gym_reason.verifiers.math.tree import (
    MINUS_ONE,
    Based,
    Choice,
    Interval,
    Listing,
    Matrix,
    Node,
    Power,
    Product,
    Quantity,
    Relation,
    Set,
    SetBuilder,
    SetOperation,
    Symbol,
    Tuple,
    is_expression,
)
from gym_reason.verifiers.math.values import Values, difference

_SETS_OF_NUMBERS = (Interval, SetOperation, SetBuilder)
_ELLIPSIS = Symbol("...")


def compare_answers(
    found: str,
    expected: str,
    *,
    lenient: bool = True,
    tolerance: Fraction = Fraction(0),
    budget: Budget | None = None,
) -> Judgement:
    """Compare the texts of two answers. Undecided is not equal, with the reason."""
    reference = read_answer(expected)
    if reference.tree is None:
        return Judgement(False)  # words, which are compared as text
    answer = read_answer(found)
    if answer.tree is None:
        return Judgement(False, answer.reason)
    values = Values(tolerance, budget=budget or Budget())
    try:
        equal = Comparison(values, lenient).equal(answer.tree, reference.tree)
    except RecursionError:
        return Judgement(False, "nested too deep")
    except ArithmeticError as error:
        return Judgement(False, str(error))
    if equal:
        return Judgement(True)
    return Judgement(False, next(iter(values.reasons), ""), next(iter(values.obstacles), None))


class Comparison:
    """Compares trees under the rules of a profile."""

    def __init__(self, values: Values, lenient: bool) -> None:
        """Compare values by `values`."""
        self.values = values
        self.lenient = lenient

    def equal(self, found: Node, expected: Node) -> bool:
        """Whether `found` equals `expected`."""
        if isinstance(found, Quantity) or isinstance(expected, Quantity):
            return self._quantities(found, expected)
        if isinstance(found, Choice) or isinstance(expected, Choice):
            return self._choices(found, expected)
        one, other = normalise(found), normalise(expected)
        if one is None or other is None:
            self.values.reasons.append("several signs that may go together or not")
            return False
        return self._kinds(one, other)

    def _quantities(self, found: Node, expected: Node) -> bool:
        one = found if isinstance(found, Quantity) else Quantity(found, "", "")
        other = expected if isinstance(expected, Quantity) else Quantity(expected, "", "")
        if one.symbol and other.symbol and one.symbol != other.symbol:
            return False
        if one.unit != other.unit:
            if not self.lenient or (one.unit and other.unit):
                return False
            if (one.symbol and other.unit) or (one.unit and other.symbol):
                return False
        return self.equal(one.value, other.value)

    def _choices(self, found: Node, expected: Node) -> bool:
        if isinstance(found, Choice) and isinstance(expected, Choice):
            return found.letter == expected.letter and self.equal(found.content, expected.content)
        if not self.lenient:
            return False
        choice, other = (found, expected) if isinstance(found, Choice) else (expected, found)
        assert isinstance(choice, Choice)
        if isinstance(other, Symbol) and len(other.name) == 1 and other.name.isupper():
            return other.name == choice.letter
        if isinstance(found, Choice):
            return self.equal(choice.content, expected)
        return self.equal(found, choice.content)

    def _kinds(self, found: Node, expected: Node) -> bool:
        if is_expression(found) and is_expression(expected):
            return self.values.equal(found, expected)
        if isinstance(found, Matrix) and isinstance(expected, Matrix):
            return self._in_order(_entries(found), _entries(expected)) and (
                len(found.rows) == len(expected.rows)
            )
        if isinstance(found, Based) or isinstance(expected, Based):
            return found == expected
        if isinstance(found, Tuple) and isinstance(expected, Tuple):
            return self._tuples(found, expected)
        assigned = as_assignments(found), as_assignments(expected)
        if assigned[0] and assigned[1]:
            return self._assignments(assigned[0], assigned[1])
        if isinstance(found, Relation) and isinstance(expected, Relation):
            return self._relations(found, expected)
        if _is_set_like(found) and _is_set_like(expected):
            same = self._sets(found, expected)
            if same is not None:
                return same
        return self.lenient and self._across(found, expected, assigned)

    def _tuples(self, found: Tuple, expected: Tuple) -> bool:
        square = "[]" in (found.brackets, expected.brackets)
        alike = found.brackets == expected.brackets or not square or self.lenient
        return alike and self._in_order(found.items, expected.items)

    def _sets(self, found: Node, expected: Node) -> bool | None:
        """Compare sets of numbers and lists; None where the two are of different kinds."""
        if isinstance(found, Set) and isinstance(expected, Set):
            return self._without_order(found.items, expected.items, repeated=True)
        if isinstance(found, Listing) and isinstance(expected, Listing):
            if variable_of(found) or variable_of(expected):
                same = same_set(found, expected, self.values)
                if same is not None:
                    return same
            return self._lists(found.items, expected.items)
        if isinstance(found, (Listing, Set)) and isinstance(expected, (Listing, Set)):
            return None
        if isinstance(found, Interval) and isinstance(expected, Interval):
            return self._in_order((found.low, found.high), (expected.low, expected.high)) and (
                (found.low_closed, found.high_closed) == (expected.low_closed, expected.high_closed)
            )
        numbers = same_set(found, expected, self.values)
        if numbers is not None:
            return numbers
        return self._unions(found, expected)

    def _unions(self, found: Node, expected: Node) -> bool | None:
        """Compare unions of intervals whose ends are no constants, part by part."""
        if isinstance(found, SetOperation) and isinstance(expected, SetOperation):
            if found.operator != expected.operator:
                return False
            if found.operator == "without":
                return self._in_order(found.parts, expected.parts)
            return self._without_order(found.parts, expected.parts, repeated=False)
        pair = tuple(
            Interval(node.items[0], node.items[1], False, False)
            if isinstance(node, Tuple) and node.brackets == "()" and len(node.items) == 2
            else node
            for node in (found, expected)
        )
        if pair != (found, expected) and all(isinstance(node, Interval) for node in pair):
            return self._sets(*pair)
        return None

    def _lists(self, found: tuple[Node, ...], expected: tuple[Node, ...]) -> bool:
        if _ELLIPSIS in expected or _ELLIPSIS in found:
            return self._in_order(found, expected)
        return self._without_order(found, expected, repeated=False)

    def _in_order(self, found: tuple[Node, ...], expected: tuple[Node, ...]) -> bool:
        return len(found) == len(expected) and all(map(self.equal, found, expected))

    def _without_order(
        self, found: tuple[Node, ...], expected: tuple[Node, ...], *, repeated: bool
    ) -> bool:
        """Whether each part on either side has an equal one on the other.

        Without `repeated` each is paired with another one, so that repetitions count.
        """
        if not repeated and len(found) != len(expected):
            return False
        free = list(range(len(expected)))
        matched: set[int] = set()
        for part in found:
            place = next((i for i in free if self.equal(part, expected[i])), None)
            if place is None:
                return False
            matched.add(place)
            if not repeated:
                free.remove(place)
        return all(
            place in matched or any(self.equal(part, expected[place]) for part in found)
            for place in range(len(expected))
        )

    def _assignments(self, found: list[Assignment], expected: list[Assignment]) -> bool:
        if {item.name for item in found} != {item.name for item in expected}:
            # `y = x` and `x = y` name different letters and say the same.
            return len(found) == len(expected) == 1 and self._equations(
                found[0].relation, expected[0].relation
            )
        names = {item.name for item in expected}
        if len(found) == len(expected) == 1 or len(names) == len(expected) == len(found):
            by_name = {item.name: item for item in found}
            return len(by_name) == len(names) and all(
                self._assigned(by_name[item.name], item) for item in expected
            )
        if len(names) > 1:
            return False
        return self._without_order(
            tuple(item.value for item in found),
            tuple(item.value for item in expected),
            repeated=True,
        )

    def _assigned(self, found: Assignment, expected: Assignment) -> bool:
        steps = all(self._same_step(step, expected.value) for step in found.steps)
        return steps and self.equal(found.value, expected.value)

    def _same_step(self, step: Node, expected: Node) -> bool:
        return (
            is_expression(step)
            and is_expression(expected)
            and (self.values.same_value(step, expected))
        )

    def _relations(self, found: Relation, expected: Relation) -> bool:
        if variable_of(found) is not None and variable_of(found) == variable_of(expected):
            same = same_set(found, expected, self.values)
            if same is not None:
                return same
        for candidate in (found, _reverse(found)):
            if candidate.operators == expected.operators and self._in_order(
                candidate.operands, expected.operands
            ):
                return self._says_something(expected)
        if len(found.operators) != 1 or len(expected.operators) != 1:
            return False
        if found.operators == expected.operators == ("=",):
            return self._equations(found, expected)
        return self._inequalities(found, expected)

    def _says_something(self, relation: Relation) -> bool:
        sides = relation.operands
        if relation.operators == ("=",) and all(map(is_expression, sides)):
            return not self.values.same_value(sides[0], sides[1])
        return True

    def _equations(self, found: Relation, expected: Relation) -> bool:
        if len(found.operands) != 2 or len(expected.operands) != 2:
            return False
        if not all(map(is_expression, (*found.operands, *expected.operands))):
            return False
        solved = as_assignments(expected)
        if solved and solved[0].is_number and not as_assignments(found):
            self.values.reasons.append("an equation that is not solved")
            return False
        left, right = found.operands
        return self.values.same_zeros((left, right), (expected.operands[0], expected.operands[1]))

    def _inequalities(self, found: Relation, expected: Relation) -> bool:
        if not all(map(is_expression, (*found.operands, *expected.operands))):
            return False
        one, other = _pointing_down(found), _pointing_down(expected)
        if one.operators != other.operators or one.operators[0] not in ("<", "<=", "!="):
            return False
        left, right = (difference(*side.operands) for side in (one, other))
        ratio = real_value(Product((left, Power(right, MINUS_ONE))))
        if ratio is None or (ratio <= 0 and one.operators[0] != "!="):
            return False
        return self.values.same_zeros(
            (one.operands[0], one.operands[1]), (other.operands[0], other.operands[1])
        )

    def _across(
        self,
        found: Node,
        expected: Node,
        assigned: tuple[list[Assignment] | None, list[Assignment] | None],
    ) -> bool:
        """Compare two kinds of things by the rules of the lenient profile."""
        if assigned[0] and not isinstance(expected, Relation):
            return self._assigned_against(assigned[0], expected, found_first=True)
        if assigned[1] and not isinstance(found, Relation):
            return self._assigned_against(assigned[1], found, found_first=False)
        for one, other in ((found, expected), (expected, found)):
            if isinstance(one, Relation) and one.operators == ("in",):
                parts = one.operands[1], other
                return self.equal(*(parts if one is found else parts[::-1]))
        if isinstance(found, (Listing, Set)) and isinstance(expected, (Listing, Set)):
            return self._without_order(found.items, expected.items, repeated=True)
        if isinstance(found, (Listing, Tuple)) and isinstance(expected, (Listing, Tuple)):
            return self._in_order(found.items, expected.items)
        if isinstance(found, Set) and len(found.items) == 1:
            return not isinstance(expected, Listing) and self.equal(found.items[0], expected)
        if isinstance(expected, Set) and len(expected.items) == 1:
            return not isinstance(found, Listing) and self.equal(found, expected.items[0])
        vectors = _as_vector(found), _as_vector(expected)
        matrices = isinstance(found, Matrix) or isinstance(expected, Matrix)
        if matrices and vectors[0] is not None and vectors[1] is not None:
            return self._in_order(vectors[0], vectors[1])
        return False

    def _assigned_against(
        self, assignments: list[Assignment], other: Node, *, found_first: bool
    ) -> bool:
        names = [item.name for item in assignments]
        value: Node
        if len(assignments) == 1:
            value = assignments[0].value
            if not all(self._same_step(step, other) for step in assignments[0].steps):
                return False
        elif len(set(names)) == 1:
            value = Listing(tuple(item.value for item in assignments), ",")
        elif len(set(names)) == len(names):
            ordered = sorted(assignments, key=lambda item: item.name)
            value = Tuple(tuple(item.value for item in ordered), "()")
        else:
            return False
        return self.equal(value, other) if found_first else self.equal(other, value)


def _is_set_like(node: Node) -> bool:
    return isinstance(node, (Set, Listing, *_SETS_OF_NUMBERS, Tuple)) or (
        isinstance(node, Relation) and variable_of(node) is not None
    )


def _entries(matrix: Matrix) -> tuple[Node, ...]:
    return tuple(itertools.chain.from_iterable(matrix.rows))


def _as_vector(node: Node) -> tuple[Node, ...] | None:
    if isinstance(node, Tuple):
        return node.items
    if isinstance(node, Interval) and node.low_closed == node.high_closed:
        return (node.low, node.high)
    if isinstance(node, Matrix) and (len(node.rows) == 1 or len(node.rows[0]) == 1):
        return _entries(node)
    return None


def _reverse(relation: Relation) -> Relation:
    return Relation(
        relation.operands[::-1], tuple(FLIPPED[name] for name in reversed(relation.operators))
    )


def _pointing_down(relation: Relation) -> Relation:
    return _reverse(relation) if relation.operators[0] in (">", ">=") else relation
