"""The order of real constants, plus and minus infinity among them, where it is certain."""

from fractions import Fraction

from gym_reason.verifiers.math.exact import UndefinedError, exact_value
from gym_reason.verifiers.math.floating import differ, real_value
from gym_reason.verifiers.math.tree import Node
from gym_reason.verifiers.math.values import Values, infinite_sign

_SMALLEST = 1e-300


class UndecidedOrderError(Exception):
    """Two constants are too close to say which is larger, and cannot be shown to be equal."""


def is_real_constant(node: Node) -> bool:
    """Whether an expression is a real number, or plus or minus infinity."""
    return any(found is not None for found in (infinite_sign(node), _exact(node), real_value(node)))


def compare_constants(left: Node, right: Node, values: Values) -> int:
    """Return -1, 0 or 1 where `left` is less than, equal to or greater than `right`.

    Exactly where both are rational; else by floating point where that is far beyond its error.

    Raises:
        UndecidedOrderError: Neither is certain.
    """
    signs = [infinite_sign(node) or 0 for node in (left, right)]
    if any(signs):
        return (signs[0] > signs[1]) - (signs[0] < signs[1])
    exact = _exact(left), _exact(right)
    if exact[0] is not None and exact[1] is not None:
        return (exact[0] > exact[1]) - (exact[0] < exact[1])
    one, other = real_value(left), real_value(right)
    if one is not None and other is not None and one != other and differ(left, right):
        # Below this a float may have lost its digits, and its sign.
        if max(abs(one), abs(other)) > _SMALLEST:
            return 1 if one > other else -1
    elif values.same_value(left, right):
        return 0
    raise UndecidedOrderError("two ends too close to tell apart")


def _exact(node: Node) -> Fraction | None:
    try:
        return exact_value(node)
    except UndefinedError:
        return None
