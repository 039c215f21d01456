"""Exact values of rational constants, and which trees are numbers already written out.

Everything is measured before it is computed: a power, factorial or binomial whose result would
have more than `MAX_BITS` bits is left alone.
"""

import math
from fractions import Fraction

from gym_reason.verifiers.math.tree import (
    MINUS_ONE,
    Constant,
    Function,
    Node,
    Number,
    Power,
    Product,
    Sum,
)

MAX_BITS = 20_000
"""Most bits of a numerator or denominator."""
MAX_FACTORIAL = 3_000
"""Largest number whose factorial is computed; larger ones are not decided."""


MAX_FACTORED_BITS = 400
"""A larger number is not factorised."""


class UndefinedError(ArithmeticError):
    """An expression has no value: a division by zero, zero to the power zero, ln 0."""


def exact_value(node: Node) -> Fraction | None:
    """Return the value of a rational constant; None for other trees and for values too large.

    Raises:
        UndefinedError: Where there is no value.
    """
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Sum):
        total = Fraction(0)
        for term in node.terms:
            value = exact_value(term)
            if value is None or _bits(total) + _bits(value) > MAX_BITS:
                return None
            total += value
        return total
    if isinstance(node, Product):
        product = Fraction(1)
        for factor in node.factors:
            value = exact_value(factor)
            if value is None or _bits(product) + _bits(value) > MAX_BITS:
                return None
            product *= value
        return product
    if isinstance(node, Power):
        return _power(node)
    return _function(node) if isinstance(node, Function) else None


def _bits(value: Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()


def _power(node: Power) -> Fraction | None:
    base = exact_value(node.base)
    exponent = exact_value(node.exponent) if base is not None else None
    if base is None or exponent is None:
        return None
    if base == 0 and exponent <= 0:
        raise UndefinedError("zero to a power that is not positive")
    if exponent.denominator != 1:
        return Fraction(0) if base == 0 else None
    if abs(base) == 1:
        return base if exponent.numerator % 2 else Fraction(1)
    if abs(exponent.numerator) * _bits(base) > MAX_BITS:
        return None
    return base**exponent.numerator


def _function(node: Function) -> Fraction | None:
    if node.name == "factorial":
        value = exact_value(node.arguments[0])
        if value is None or value.denominator != 1:
            return None
        if value < 0:
            raise UndefinedError("the factorial of a negative number")
        return Fraction(math.factorial(int(value))) if value <= MAX_FACTORIAL else None
    if node.name == "binomial":
        values = [exact_value(argument) for argument in node.arguments]
        if len(values) != 2 or any(value is None or value.denominator != 1 for value in values):
            return None
        above, below = (int(value) for value in values if value is not None)
        if not 0 <= below <= above or above > MAX_FACTORIAL:
            return None
        return Fraction(math.comb(above, below))
    if node.name == "abs":
        value = exact_value(node.arguments[0])
        return None if value is None else abs(value)
    if node.name in ("max", "min", "gcd", "lcm"):
        return _of_several(node)
    return None


def _of_several(node: Function) -> Fraction | None:
    values = [exact_value(argument) for argument in node.arguments]
    known = [value for value in values if value is not None]
    if len(known) != len(values):
        return None
    if node.name in ("max", "min"):
        return max(known) if node.name == "max" else min(known)
    if any(value.denominator != 1 for value in known):
        return None
    wholes = [int(value) for value in known]
    result = math.gcd(*wholes) if node.name == "gcd" else math.lcm(*wholes)
    return Fraction(result) if result.bit_length() <= MAX_BITS else None


def factorise(value: Fraction) -> list[tuple[int, int]]:
    """Return factors of a positive rational with their exponents; a large one may be composite."""
    factors: dict[int, int] = {}
    for part, sign in ((value.numerator, 1), (value.denominator, -1)):
        divisor = 2 if part.bit_length() <= MAX_FACTORED_BITS else part
        while divisor * divisor <= part and divisor < 2_000:
            while part % divisor == 0:
                part //= divisor
                factors[divisor] = factors.get(divisor, 0) + sign
            divisor += 1
        if part > 1:
            root = math.isqrt(part)
            if root * root == part:
                factors[root] = factors.get(root, 0) + 2 * sign
            else:
                factors[part] = factors.get(part, 0) + sign
    return list(factors.items())


def is_written_out(node: Node) -> bool:
    """Whether a tree is a number as one writes a result: digits, one fraction, one power.

    `1/2`, `-3`, `2^{10}`, `(2/3)^2` and `3*10^5` are; `47*25`, `2 + 2`, `5!` and `sqrt(4)` are
    questions.
    """
    if isinstance(node, Number):
        return True
    if isinstance(node, Power):
        return isinstance(node.exponent, Number) and (
            node.exponent.value.denominator == 1
            and node.exponent != MINUS_ONE
            and (isinstance(node.base, Number) or _is_fraction(node.base))
        )
    if not isinstance(node, Product) or len(node.factors) != 2:
        return False
    left, right = node.factors
    if left == MINUS_ONE:
        return is_written_out(right)
    if isinstance(right, Constant):
        return right.name == "degree" and is_written_out(left)
    if isinstance(right, Power) and right.base == Number(Fraction(10)):
        return isinstance(left, Number) and is_written_out(right)
    return _is_fraction(node)


def _is_fraction(node: Node) -> bool:
    if not isinstance(node, Product) or len(node.factors) != 2:
        return False
    above, below = node.factors
    return (
        isinstance(below, Power)
        and below.exponent == MINUS_ONE
        and (_is_signed_number(above) and _is_signed_number(below.base))
    )


def _is_signed_number(node: Node) -> bool:
    """Whether a side of a fraction is a number, or a power of one (`1/2^{99}`)."""
    return isinstance(node, Number) or (
        isinstance(node, Power)
        and isinstance(node.base, Number)
        and isinstance(node.exponent, Number)
        and node.exponent.value.denominator == 1
    )
