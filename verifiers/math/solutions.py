"""Sets of real numbers, however they are written: intervals, unions, points, inequalities.

A set becomes intervals that are sorted, do not touch, and are compared end by end. Where the ends
are not real constants, or too close to be told apart, this cannot be done.
"""

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from gym_reason.verifiers.math.order import (
    UndecidedOrderError,
    compare_constants,
    is_real_constant,
)
from gym_reason.verifiers.math.tree import (
    EXPRESSION_TYPES,
    INFINITY,
    MINUS_ONE,
    REALS,
    Interval,
    Listing,
    Node,
    Product,
    Relation,
    RelationName,
    Set,
    SetBuilder,
    SetOperation,
    Symbol,
    Tuple,
)
from gym_reason.verifiers.math.values import Values, infinite_sign

MAX_PIECES = 60
"""A set of more pieces is not compared."""

FLIPPED: dict[RelationName, RelationName] = {
    "<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!=", "~": "~", "in": "in",
}  # fmt: skip
"""The relation with its sides exchanged."""
_MINUS_INFINITY = Product((MINUS_ONE, INFINITY))


def same_set(found: Node, expected: Node, values: Values) -> bool | None:
    """Whether two trees describe the same set of real numbers; None where one describes none."""
    names = variable_of(found), variable_of(expected)
    if None not in names and names[0] != names[1]:
        return False
    # Which ends meet is a matter of their values alone, whatever the tolerance.
    line = _Line(replace(values, tolerance=Fraction(0)))
    try:
        one, other = line.intervals_of(found), line.intervals_of(expected)
    except UndecidedOrderError as error:
        values.reasons.append(str(error))
        return None
    if one is None or other is None:
        return None
    return len(one) == len(other) and all(
        same_interval(left, right, values) for left, right in zip(one, other, strict=True)
    )


def same_interval(found: Interval, expected: Interval, values: Values) -> bool:
    """Whether two intervals have the same ends."""
    closed = (found.low_closed, found.high_closed) == (expected.low_closed, expected.high_closed)
    return (
        closed and values.equal(found.low, expected.low) and values.equal(found.high, expected.high)
    )


def variable_of(node: Node) -> str | None:
    """Return the letter that an inequality, or a list of them, is about."""
    if isinstance(node, Relation):
        names = {part.name for part in node.operands if isinstance(part, Symbol)}
        return names.pop() if len(names) == 1 else None
    if isinstance(node, Listing):
        found = {variable_of(item) for item in node.items}
        return found.pop() if len(found) == 1 else None
    return None


def _bound_letter(node: Node) -> str | None:
    """Return the x of `{x | ...}` and of `{x in R | ...}`; `{x^2 | ...}` has another meaning."""
    if isinstance(node, Relation) and node.operators == ("in",) and node.operands[1] == REALS:
        node = node.operands[0]
    return node.name if isinstance(node, Symbol) else None


class _Line:
    """The real line: reads sets on it, and joins and cuts them."""

    def __init__(self, values: Values) -> None:
        self._values = values

    def intervals_of(self, node: Node) -> list[Interval] | None:
        """Return the parts of a set in order, or None where `node` is none.

        Raises:
            UndecidedOrderError: Two ends cannot be told apart.
        """
        found = self._collect(node)
        return None if found is None or len(found) > MAX_PIECES else self._merge(found)

    def _collect(self, node: Node) -> list[Interval] | None:
        if isinstance(node, Tuple) and node.brackets == "()" and len(node.items) == 2:
            node = Interval(node.items[0], node.items[1], False, False)
        if isinstance(node, Interval):
            # One without a number in it is more likely something else.
            return self._interval(node) or None
        if isinstance(node, Set):
            return self._collect_all([Interval(item, item, True, True) for item in node.items])
        if isinstance(node, SetBuilder):
            described = _bound_letter(node.variable)
            letter = variable_of(node.condition)
            return self._collect(node.condition) if letter and letter == described else None
        if isinstance(node, SetOperation):
            return self._operate(node.operator, list(map(self.intervals_of, node.parts)))
        if isinstance(node, Listing) and all(isinstance(item, Relation) for item in node.items):
            if variable_of(node) is None:
                return None
            operator = "intersection" if node.joint == "and" else "union"
            return self._operate(operator, list(map(self.intervals_of, node.items)))
        return self._solve(node) if isinstance(node, Relation) else None

    def _collect_all(self, intervals: list[Interval]) -> list[Interval] | None:
        found = [self._interval(interval) for interval in intervals]
        known = [part for part in found if part is not None]
        return list(itertools.chain.from_iterable(known)) if len(known) == len(found) else None

    def _interval(self, interval: Interval) -> list[Interval] | None:
        ends = interval.low, interval.high
        if not all(isinstance(end, EXPRESSION_TYPES) and is_real_constant(end) for end in ends):
            return None
        order = self._order(*ends)
        return [interval] if order < 0 or (order == 0 and _is_point(interval)) else []

    def _order(self, left: Node, right: Node) -> int:
        return 0 if left == right else compare_constants(left, right, self._values)

    def _solve(self, relation: Relation) -> list[Interval] | None:
        """Return the solutions of `a < x <= b`, `x > a`, `x != a` or `x in S`."""
        name = variable_of(relation)
        if name is None:
            return None
        if relation.operators == ("in",):
            return self._collect(relation.operands[1])
        result: list[Interval] | None = [REALS]
        for left, operator, right in zip(
            relation.operands, relation.operators, relation.operands[1:], strict=False
        ):
            if right == Symbol(name):
                left, right, operator = right, left, FLIPPED[operator]
            if left != Symbol(name) or infinite_sign(right) is not None:
                return None
            half = self._half_line(operator, right)
            result = self._operate("intersection", [result, half])
        return result

    def _half_line(self, operator: RelationName, end: Node) -> list[Interval] | None:
        below = Interval(_MINUS_INFINITY, end, False, operator == "<=")
        above = Interval(end, INFINITY, operator == ">=", False)
        if operator in ("<", "<="):
            return self._interval(below)
        if operator in (">", ">="):
            return self._interval(above)
        return self._collect_all([below, above]) if operator == "!=" else None

    def _operate(
        self, operator: str, parts: Sequence[list[Interval] | None]
    ) -> list[Interval] | None:
        known = [part for part in parts if part is not None]
        if len(known) != len(parts) or sum(map(len, known)) > MAX_PIECES:
            return None
        if operator == "union":
            return self._merge(list(itertools.chain.from_iterable(known)))
        result, *others = known
        for other in others:
            if operator == "intersection":
                result = self._intersect(result, other)
            else:
                result = self._intersect(result, self._complement(other))
        return result

    def _complement(self, intervals: list[Interval]) -> list[Interval]:
        gaps: list[Interval] = []
        low: Node = _MINUS_INFINITY
        closed = False
        for interval in intervals:
            gaps += (
                self._interval(Interval(low, interval.low, closed, not interval.low_closed)) or []
            )
            low, closed = interval.high, not interval.high_closed
        gaps += self._interval(Interval(low, INFINITY, closed, False)) or []
        return gaps

    def _intersect(self, one: list[Interval], other: list[Interval]) -> list[Interval]:
        common: list[Interval] = []
        for left, right in itertools.product(one, other):
            low, high = max(left, right, key=self._low_key), min(left, right, key=self._high_key)
            both = Interval(low.low, high.high, low.low_closed, high.high_closed)
            common += self._interval(both) or []
        return self._merge(common)

    def _merge(self, intervals: list[Interval]) -> list[Interval]:
        merged: list[Interval] = []
        for interval in sorted(intervals, key=self._low_key):
            last = merged[-1] if merged else None
            if last is None or not self._touch(last, interval):
                merged.append(interval)
            elif self._compare_high(interval, last) > 0:
                merged[-1] = replace(last, high=interval.high, high_closed=interval.high_closed)
        return merged

    def _touch(self, left: Interval, right: Interval) -> bool:
        """Whether two intervals, the first of which starts first, leave no number between."""
        order = self._order(right.low, left.high)
        return order < 0 or (order == 0 and (left.high_closed or right.low_closed))

    def _compare_low(self, left: Interval, right: Interval) -> int:
        return self._order(left.low, right.low) or right.low_closed - left.low_closed

    def _compare_high(self, left: Interval, right: Interval) -> int:
        return self._order(left.high, right.high) or left.high_closed - right.high_closed

    @property
    def _low_key(self) -> Callable[[Interval], Any]:
        return functools.cmp_to_key(self._compare_low)

    @property
    def _high_key(self) -> Callable[[Interval], Any]:
        return functools.cmp_to_key(self._compare_high)


def _is_point(interval: Interval) -> bool:
    return interval.low_closed and interval.high_closed
