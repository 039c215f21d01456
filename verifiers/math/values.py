"""Whether two expressions have the same value: the ladder from exact numbers to sympy.

1. A reference that is a number written out (`5`, `1/2`, `2^{10}`) wants an answer that is one too:
   `47*25` or `2 + 2` states the question again.
2. Rational constants are compared exactly, within the tolerance if there is one.
3. Two evaluations in floating point may refute.
4. Identity in random prime fields may prove, or refute.
5. More evaluations in floating point may refute.
6. sympy may prove or refute, in a child process.

What none of them decides is not equal, and the reason is kept. All comparisons of a verdict share a
budget of time.
"""

from dataclasses import dataclass, field
from fractions import Fraction

from gym_reason.verifiers.math.budget import Budget
from gym_reason.verifiers.math.exact import UndefinedError, exact_value, is_written_out
from gym_reason.verifiers.math.floating import differ, real_value
from gym_reason.verifiers.math.guards import too_large
from gym_reason.verifiers.math.judgement import Obstacle
from gym_reason.verifiers.math.residues import constant_ratio, identical
from gym_reason.verifiers.math.symbolic import compare_symbolically
from gym_reason.verifiers.math.tree import INFINITY, MINUS_ONE, Node, Product, Sum, negate, walk

MAX_NODES = 1_000
"""Two expressions of more parts together are not compared."""

_FEW_POINTS = 2


@dataclass(slots=True)
class Values:
    """Compares expressions, and remembers why it could not."""

    tolerance: Fraction = Fraction(0)
    """Largest difference that counts as equal, as a share of the reference."""
    reasons: list[str] = field(default_factory=list)
    """Why comparisons were not decided."""
    budget: Budget = field(default_factory=Budget)
    """The time that is left for all of them."""
    obstacles: list[Obstacle] = field(default_factory=list)
    """Why some might be decided at another time."""

    def equal(self, found: Node, expected: Node) -> bool:
        """Whether an answer has the value of a reference, and is written out where that is."""
        if is_written_out(expected) and not is_written_out(found):
            if infinite_sign(found) is None:
                self.reasons.append("an expression that is not evaluated")
            return False
        return self.same_value(found, expected)

    def same_value(self, found: Node, expected: Node) -> bool:
        """Whether two expressions have the same value."""
        if self.budget.left_s == 0:
            self.obstacles.append(Obstacle.TIME)
            return False
        signs = infinite_sign(found), infinite_sign(expected)
        if signs != (None, None):
            return signs[0] == signs[1]
        try:
            return self._same_finite(found, expected)
        except UndefinedError as error:
            self.reasons.append(str(error))
            return False

    def _same_finite(self, found: Node, expected: Node) -> bool:
        if sum(1 for tree in (found, expected) for _ in walk(tree)) > MAX_NODES:
            self.reasons.append(f"more than {MAX_NODES} parts")
            return False
        left, right = exact_value(found), exact_value(expected)
        if left is not None and right is not None:
            return abs(left - right) <= self.tolerance * abs(right)
        if self.tolerance and self._within_tolerance(found, expected):
            return True
        if differ(found, expected, _FEW_POINTS):
            return False
        same = identical(found, expected)
        if same is not None:
            return same
        return not differ(found, expected) and self._ask_symbolically(found, expected)

    def _within_tolerance(self, found: Node, expected: Node) -> bool:
        left, right = real_value(found), real_value(expected)
        return (
            left is not None
            and right is not None
            and (abs(left - right) <= float(self.tolerance) * abs(right))
        )

    def _ask_symbolically(self, found: Node, expected: Node) -> bool:
        if any(part == INFINITY for tree in (found, expected) for part in walk(tree)):
            self.reasons.append("infinity in a formula")
            return False
        if too_large(found) or too_large(expected):
            self.reasons.append("a power or factorial too large to compute")
            return False
        same, reason = compare_symbolically(found, expected, self.budget)
        if isinstance(reason, Obstacle):
            self.obstacles.append(reason)
        elif same is None:
            self.reasons.append(reason)
        return bool(same)

    def same_zeros(self, found: tuple[Node, Node], expected: tuple[Node, Node]) -> bool:
        """Whether two equations say the same: one is a constant other than zero times the other."""
        left, right = (difference(*sides) for sides in (found, expected))
        try:
            ratio = constant_ratio(left, right)
        except UndefinedError as error:
            self.reasons.append(str(error))
            return False
        if ratio is not None:
            return ratio
        return self.same_value(left, right) or self.same_value(left, negate(right))


def difference(left: Node, right: Node) -> Node:
    """Return `left - right`."""
    return Sum((left, negate(right)))


def infinite_sign(node: Node) -> int | None:
    """Return 1 or -1 where `node` is plus or minus infinity, else None."""
    if node == INFINITY:
        return 1
    return -1 if node == Product((MINUS_ONE, INFINITY)) else None
