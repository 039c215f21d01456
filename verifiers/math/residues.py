r"""Identities by evaluation in random prime fields.

Two expressions are sent to a random point of a random field of 2^118 elements by one and the same
homomorphism: letters become random elements, `\pi` and `e` too, the square root of 2 becomes a
square root of 2, `i` a square root of -1, `\ln 6` the sum of the elements that stand for `\ln 2`
and `\ln 3`, and sines and cosines become what Euler's formula makes of random elements. What holds
as an identity of these holds at every point; where it does not hold, two fields agree with
probability below 2^-100 (Schwartz, Zippel: the degree over the size of the field, and the chance
that a random prime divides a constant; exponents are capped so that this is true).

What is not a homomorphism is treated as a new element that depends on its arguments alone
(`f(x)`, `n!`, `|x|`), so that agreement still proves equality while disagreement proves nothing.
A root of what is no rational number has several values; agreement must hold for all of them.

A letter in an exponent is a whole number: `(-1)^{2n}` is 1.
"""

import math

from gym_reason.verifiers.math.exact import exact_value, factorise
from gym_reason.verifiers.math.field import rooted_field
from gym_reason.verifiers.math.points import (
    MAX_ROOT_ORDER,
    TRIGONOMETRIC,
    Point,
    UndecidedError,
)
from gym_reason.verifiers.math.tree import Constant, Function, Node, Power, walk

MAX_WEIGHT_BITS = 60.0
"""Largest sum of the logarithms of all exponents: the degree is below 2 to it."""
_ATTEMPTS = 40


def identical(left: Node, right: Node) -> bool | None:
    """Whether two expressions are equal as the module says; None where this does not decide it.

    Raises:
        UndefinedError: Where one of them has no value anywhere.
    """
    try:
        return _identical(left, right)
    except UndecidedError:
        return None


def _identical(left: Node, right: Node) -> bool | None:
    orders = _root_orders(left, right)
    if orders is None:
        return None
    agreements = 0
    for skip in range(_ATTEMPTS):
        agree = _agree_in_field(left, right, orders, skip)
        if agree is not None:
            agreements += agree
            if not agree or agreements == 2:
                return agree
    return None


def _agree_in_field(
    left: Node, right: Node, orders: frozenset[tuple[int, int]], skip: int
) -> bool | None:
    """Whether two expressions agree at one point under every choice of signs of square roots.

    None where the field lacks a root. Raises UndecidedError where no field would do.
    """
    pattern, patterns = 0, 1
    while pattern < patterns:
        point = _point(orders, skip, pattern)
        if point is None:
            raise UndecidedError("no field has the roots")
        try:
            agree = point.agree(left, right)
        except UndecidedError:
            if point.missing_root:
                return None
            raise
        if not agree:
            if point.faithful:
                return False
            raise UndecidedError("the values differ in one field, which proves nothing")
        if point.weight_bits > MAX_WEIGHT_BITS:
            raise UndecidedError("exponents too large for a proof")
        patterns = max(patterns, point.patterns)
        pattern += 1
    return True


def constant_ratio(left: Node, right: Node) -> bool | None:
    """Whether `left` is a constant other than zero times `right`, as rational functions.

    Raises:
        UndefinedError: Where one of them has no value anywhere.
    """
    orders = _root_orders(left, right)
    if orders is None:
        return None
    places = [_point(orders, 0, 0, place) for place in range(3)]
    values: list[tuple[int, int]] = []
    for point in places:
        if point is None:
            return None
        try:
            values.append((point.evaluate(left), point.evaluate(right)))
        except UndecidedError:
            return None
        if point.choices or point.weight_bits > MAX_WEIGHT_BITS:
            return None
    if any(value == 0 for pair in values for value in pair):
        return False
    if len({value for value, _ in values}) == 1:
        return False  # no letter is left: `x = x + 1` says nothing about x
    prime = places[0].prime if places[0] else 1
    (above, below), *others = values
    if all((above * other[1] - below * other[0]) % prime == 0 for other in others):
        return True
    return False if places[0] is not None and places[0].faithful else None


def _root_orders(*trees: Node) -> frozenset[tuple[int, int]] | None:
    """Return which roots of which integers the trees hold; None where they are too high."""
    orders: dict[int, int] = {}
    for tree in trees:
        for node in walk(tree):
            turns = isinstance(node, Function) and node.name in TRIGONOMETRIC
            if turns or node == Constant("i"):
                orders[2], orders[3] = math.lcm(orders.get(2, 1), 2), math.lcm(orders.get(3, 1), 2)
            if not isinstance(node, Power):
                continue
            exponent = exact_value(node.exponent)
            if exponent is None or exponent.denominator == 1:
                continue
            base = exact_value(node.base)
            if base is None:
                orders[2], orders[3] = math.lcm(orders.get(2, 1), 2), math.lcm(orders.get(3, 1), 2)
                continue
            for prime, _ in factorise(abs(base)):
                orders[prime] = math.lcm(orders.get(prime, 1), exponent.denominator)
    if any(order > MAX_ROOT_ORDER for order in orders.values()) or len(orders) > 12:
        return None
    return frozenset((prime, order) for prime, order in orders.items() if order > 1)


def _point(
    orders: frozenset[tuple[int, int]], skip: int, pattern: int, place: int = 0
) -> Point | None:
    rooted = rooted_field(orders, skip)
    return None if rooted is None else Point(rooted, pattern, place)
