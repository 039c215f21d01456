"""Sets of real numbers, however they are written: intervals, unions, points, inequalities.

A set becomes pieces that are sorted, do not touch, and are compared end by end. Where the ends are
not real constants this cannot be done and `to_pieces` returns None.
"""

import math
from dataclasses import dataclass, replace

from gym_reason.verifiers.math.floating import real_value
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


@dataclass(frozen=True, slots=True)
class _Piece:
    interval: Interval
    low: float
    high: float


def same_set(found: Node, expected: Node, values: Values) -> bool | None:
    """Whether two trees describe the same set of real numbers; None where one describes none."""
    names = variable_of(found), variable_of(expected)
    if None not in names and names[0] != names[1]:
        return False
    one, other = to_pieces(found, values), to_pieces(expected, values)
    if one is None or other is None:
        return None
    return len(one) == len(other) and all(
        same_interval(left.interval, right.interval, values)
        for left, right in zip(one, other, strict=True)
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


def to_pieces(node: Node, values: Values) -> list[_Piece] | None:
    """Return the pieces of a set of real numbers in order, or None where `node` is none."""
    pieces = _collect(node, values)
    return None if pieces is None or len(pieces) > MAX_PIECES else _merge(pieces, values)


def _collect(node: Node, values: Values) -> list[_Piece] | None:
    if isinstance(node, Interval):
        return _piece(node)
    if isinstance(node, Tuple) and node.brackets == "()" and len(node.items) == 2:
        return _piece(Interval(node.items[0], node.items[1], False, False))
    if isinstance(node, Set):
        return _collect_all([Interval(item, item, True, True) for item in node.items], values)
    if isinstance(node, SetBuilder):
        described = _bound_letter(node.variable)
        letter = variable_of(node.condition)
        return _collect(node.condition, values) if letter and letter == described else None
    if isinstance(node, SetOperation):
        return _operate(node.operator, [to_pieces(part, values) for part in node.parts], values)
    if isinstance(node, Listing) and all(isinstance(item, Relation) for item in node.items):
        if variable_of(node) is None:
            return None
        operator = "intersection" if node.joint == "and" else "union"
        return _operate(operator, [to_pieces(item, values) for item in node.items], values)
    return _solve(node, values) if isinstance(node, Relation) else None


def _bound_letter(node: Node) -> str | None:
    """Return the x of `{x | ...}` and of `{x in R | ...}`; `{x^2 | ...}` has another meaning."""
    if isinstance(node, Relation) and node.operators == ("in",) and node.operands[1] == REALS:
        node = node.operands[0]
    return node.name if isinstance(node, Symbol) else None


def _collect_all(nodes: list[Interval], values: Values) -> list[_Piece] | None:
    pieces: list[_Piece] = []
    for node in nodes:
        found = _collect(node, values)
        if found is None:
            return None
        pieces += found
    return pieces


def _piece(interval: Interval) -> list[_Piece] | None:
    ends: list[float] = []
    for end in (interval.low, interval.high):
        if not isinstance(end, EXPRESSION_TYPES):
            return None
        sign = infinite_sign(end)
        value = real_value(end) if sign is None else sign * math.inf
        if value is None:
            return None
        ends.append(value)
    point = interval.low == interval.high and interval.low_closed and interval.high_closed
    return [_Piece(interval, *ends)] if ends[0] < ends[1] or point else None


def _solve(relation: Relation, values: Values) -> list[_Piece] | None:
    """Return the solutions of `a < x <= b`, `x > a`, `x != a` or `x in S`."""
    name = variable_of(relation)
    if name is None:
        return None
    if relation.operators == ("in",):
        return _collect(relation.operands[1], values)
    result: list[_Piece] | None = [_Piece(REALS, -math.inf, math.inf)]
    for left, operator, right in zip(
        relation.operands, relation.operators, relation.operands[1:], strict=False
    ):
        if right == Symbol(name):
            left, right, operator = right, left, FLIPPED[operator]
        if left != Symbol(name) or infinite_sign(right) is not None:
            return None
        half = _half_line(operator, right, values)
        result = _operate("intersection", [result, half], values)
    return result


def _half_line(operator: RelationName, end: Node, values: Values) -> list[_Piece] | None:
    if operator in ("<", "<="):
        return _collect(Interval(_MINUS_INFINITY, end, False, operator == "<="), values)
    if operator in (">", ">="):
        return _collect(Interval(end, INFINITY, operator == ">=", False), values)
    if operator == "!=":
        below = Interval(_MINUS_INFINITY, end, False, False)
        return _collect_all([below, Interval(end, INFINITY, False, False)], values)
    return None


def _operate(
    operator: str, parts: list[list[_Piece] | None], values: Values
) -> list[_Piece] | None:
    known = [part for part in parts if part is not None]
    if len(known) != len(parts) or sum(map(len, known)) > MAX_PIECES:
        return None
    result, *others = known
    for other in others:
        if operator == "union":
            result = _merge(result + other, values)
        elif operator == "intersection":
            result = _intersect(result, other, values)
        else:
            result = _intersect(result, _complement(other), values)
    return result


def _complement(pieces: list[_Piece]) -> list[_Piece]:
    gaps: list[_Piece] = []
    low: Node = _MINUS_INFINITY
    low_value, closed = -math.inf, False
    for piece in pieces:
        interval = piece.interval
        if low_value < piece.low or (low_value == piece.low and closed and not interval.low_closed):
            gap = Interval(low, interval.low, closed, not interval.low_closed)
            gaps.append(_Piece(gap, low_value, piece.low))
        low, low_value, closed = interval.high, piece.high, not interval.high_closed
    if low_value < math.inf:
        gaps.append(_Piece(Interval(low, INFINITY, closed, False), low_value, math.inf))
    return gaps


def _intersect(one: list[_Piece], other: list[_Piece], values: Values) -> list[_Piece]:
    common: list[_Piece] = []
    for left in one:
        for right in other:
            low = max(left, right, key=lambda piece: (piece.low, not piece.interval.low_closed))
            high = min(left, right, key=lambda piece: (piece.high, piece.interval.high_closed))
            interval = Interval(
                low.interval.low, high.interval.high, low.interval.low_closed,
                high.interval.high_closed,
            )  # fmt: skip
            both = interval.low_closed and interval.high_closed
            if low.low < high.high or (low.low == high.high and both):
                common.append(_Piece(interval, low.low, high.high))
    return _merge(common, values)


def _merge(pieces: list[_Piece], values: Values) -> list[_Piece]:
    ordered = sorted(pieces, key=lambda piece: (piece.low, not piece.interval.low_closed))
    merged: list[_Piece] = []
    for piece in ordered:
        last = merged[-1] if merged else None
        if last is None or not _touch(last, piece, values):
            merged.append(piece)
        elif piece.high > last.high or (piece.high == last.high and piece.interval.high_closed):
            interval = replace(
                last.interval, high=piece.interval.high, high_closed=piece.interval.high_closed
            )
            merged[-1] = _Piece(interval, last.low, piece.high)
    return merged


def _touch(left: _Piece, right: _Piece, values: Values) -> bool:
    """Whether two pieces, the first of which starts first, leave no number between them out."""
    if right.low < left.high and not math.isclose(right.low, left.high, rel_tol=1e-9):
        return True
    if not math.isclose(right.low, left.high, rel_tol=1e-9):
        return False
    return (left.interval.high_closed or right.interval.low_closed) and values.same_value(
        left.interval.high, right.interval.low
    )
