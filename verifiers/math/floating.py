"""Refutes equalities by floating-point evaluation that carries a bound of its own error.

Letters get fixed numbers in general position. Two values count as different only where they lie
much further apart than both bounds together, so this can say "different" and never "equal".
Without `i` in either expression only points count where both are real: `ln(x^2)` and `2 ln x`
differ nowhere in the reals where both have a value.
"""

import cmath
import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from gym_reason.verifiers.math.exact import exact_value
from gym_reason.verifiers.math.tree import (
    Constant,
    Function,
    Node,
    Number,
    Power,
    Product,
    Sum,
    Symbol,
    symbols_of,
    walk,
)

_ROUNDING = 2.0**-50
_SAFETY = 1e3
MANY_POINTS = 8
"""How many points are tried at most."""
_CONSTANTS = {"pi": math.pi, "e": math.e, "i": 1j, "degree": math.pi / 180}

_Law: TypeAlias = tuple[Callable[[complex], complex], Callable[[complex], complex]]


class UnstableError(ArithmeticError):
    """An expression has no value at a point, or none that is known well enough."""


@dataclass(frozen=True, slots=True)
class Value:
    """A complex number and how far the true value may be from it."""

    value: complex
    """The number."""
    error: float
    """Bound of the distance."""


def differ(left: Node, right: Node, places: int = MANY_POINTS) -> bool:
    """Whether two expressions are certainly different at some point where both have a value."""
    complex_allowed = any(part == Constant("i") for tree in (left, right) for part in walk(tree))
    found = _differ(left, right, places, complex_allowed)
    if found is None and not complex_allowed and not symbols_of(left) | symbols_of(right):
        # They are not both real, so that they can only be meant as complex numbers.
        found = _differ(left, right, places, True)
    return bool(found)


def _differ(left: Node, right: Node, places: int, complex_allowed: bool) -> bool | None:
    """As `differ`; None where no point has values for both."""
    names = symbols_of(left) | symbols_of(right)
    compared = None
    for place in range(places if names else 1):
        try:
            first = evaluate(left, place, complex_allowed)
            second = evaluate(right, place, complex_allowed)
        except (ArithmeticError, ValueError):
            continue
        size = max(abs(first.value), abs(second.value))
        compared = False
        margin = _SAFETY * (first.error + second.error + _ROUNDING * size)
        if math.isfinite(margin) and abs(first.value - second.value) > margin:
            return True
    return compared


def real_value(node: Node) -> float | None:
    """Return the value of a real constant, or None where it is not known well."""
    try:
        found = evaluate(node, 0, False)
    except (ArithmeticError, ValueError):
        return None
    return found.value.real if found.error <= 1e-9 * (1 + abs(found.value)) else None


def evaluate(node: Node, place: int, complex_allowed: bool) -> Value:
    """Return the value at a point.

    Raises:
        UnstableError: Where there is none, or it is not known well enough.
        ArithmeticError, ValueError: Where it is too large.
    """
    result = _evaluate(node, place)
    if not (cmath.isfinite(result.value) and math.isfinite(result.error)):
        raise UnstableError("too large")
    if not complex_allowed:
        if abs(result.value.imag) > result.error:
            raise UnstableError("not real")
        return Value(complex(result.value.real), result.error)
    return result


def _evaluate(node: Node, place: int) -> Value:
    if isinstance(node, Number):
        return _exact(_to_float(node.value))
    if isinstance(node, Symbol):
        return Value(complex(_coordinate(node.name, place)), 0.0)
    if isinstance(node, Constant) and node.name in _CONSTANTS:
        return _exact(_CONSTANTS[node.name])
    if isinstance(node, Sum):
        return _add([_evaluate(term, place) for term in node.terms])
    if isinstance(node, Product):
        result = _exact(1)
        for factor in node.factors:
            result = _multiply(result, _evaluate(factor, place))
        return result
    if isinstance(node, Power):
        return _power(_evaluate(node.base, place), node.exponent, place)
    if isinstance(node, Function):
        return _function(node, place)
    raise UnstableError("no value")


def _coordinate(name: str, place: int) -> float:
    """Return the number that stands for a letter: 0.3 to 2.7, of either sign at odd points."""
    digest = hashlib.blake2b(f"{name} {place}".encode("utf-8", "replace"), digest_size=8).digest()
    fraction = int.from_bytes(digest[:6], "big") / 2**48
    sign = -1 if place % 2 and digest[7] % 2 else 1
    return sign * (0.3 + 2.4 * fraction)


def _to_float(value: Fraction) -> float:
    return value.numerator / value.denominator


def _exact(value: complex) -> Value:
    return Value(complex(value), _ROUNDING * abs(value))


def _add(terms: list[Value]) -> Value:
    total = sum((term.value for term in terms), 0j)
    sizes = sum(abs(term.value) for term in terms)
    return Value(total, sum(term.error for term in terms) + _ROUNDING * sizes)


def _multiply(left: Value, right: Value) -> Value:
    value = left.value * right.value
    error = abs(left.value) * right.error + abs(right.value) * left.error
    return Value(value, error + left.error * right.error + _ROUNDING * abs(value))


def _power(base: Value, exponent: Node, place: int) -> Value:
    rational = exact_value(exponent)
    if rational is not None:
        if rational.denominator == 1:
            return _whole_power(base, rational.numerator)
        real = abs(base.value.imag) <= base.error and base.value.real < 0
        if real and rational.denominator % 2:
            positive = _general_power(
                Value(complex(-base.value.real), base.error), _exact(_to_float(rational))
            )
            sign = -1 if rational.numerator % 2 else 1
            return Value(sign * positive.value, positive.error)
        return _general_power(base, _exact(_to_float(rational)))
    power = _evaluate(exponent, place)
    nearest = round(power.value.real)
    if power.error < 1e-9 and power.value == nearest and abs(nearest) < 2**31:
        return _whole_power(base, nearest)
    return _general_power(base, power)


def _whole_power(base: Value, exponent: int) -> Value:
    size = abs(base.value)
    if exponent <= 0 and size <= 2 * base.error:
        raise UnstableError("a power of zero")
    if size == 0:
        return Value(0j, 0.0 if base.error == 0 else base.error)
    relative = (base.error / size + _ROUNDING) * abs(exponent)
    if relative > 1e-3:
        raise UnstableError("a power of a number that is not known well")
    value = base.value**exponent
    return Value(value, 2 * abs(value) * relative)


def _general_power(base: Value, exponent: Value) -> Value:
    size = abs(base.value)
    if size <= 4 * base.error:
        raise UnstableError("a power of zero")
    on_cut = base.value.real < 0 and abs(base.value.imag) <= base.error
    clean = complex(base.value.real, 0.0) if on_cut else base.value
    logarithm = Value(cmath.log(clean), 2 * base.error / size + _ROUNDING)
    inner = _multiply(logarithm, exponent)
    if inner.error > 1e-3:
        raise UnstableError("a power that is not known well")
    value = cmath.exp(inner.value)
    return Value(value, 2 * abs(value) * (inner.error + _ROUNDING * (1 + abs(inner.value))))


_LAWS: dict[str, _Law] = {
    "sin": (cmath.sin, cmath.cos),
    "cos": (cmath.cos, cmath.sin),
    "tan": (cmath.tan, lambda z: 1 / cmath.cos(z) ** 2),
    "sec": (lambda z: 1 / cmath.cos(z), lambda z: cmath.sin(z) / cmath.cos(z) ** 2),
    "csc": (lambda z: 1 / cmath.sin(z), lambda z: cmath.cos(z) / cmath.sin(z) ** 2),
    "cot": (lambda z: cmath.cos(z) / cmath.sin(z), lambda z: 1 / cmath.sin(z) ** 2),
    "sinh": (cmath.sinh, cmath.cosh),
    "cosh": (cmath.cosh, cmath.sinh),
    "tanh": (cmath.tanh, lambda z: 1 / cmath.cosh(z) ** 2),
    "asin": (cmath.asin, lambda z: 1 / cmath.sqrt(1 - z * z)),
    "acos": (cmath.acos, lambda z: 1 / cmath.sqrt(1 - z * z)),
    "atan": (cmath.atan, lambda z: 1 / (1 + z * z)),
}


def _function(node: Function, place: int) -> Value:
    arguments = [_evaluate(argument, place) for argument in node.arguments]
    first = arguments[0]
    if node.name in _LAWS:
        function, slope = _LAWS[node.name]
        if first.error > 1e-6:
            raise UnstableError("an argument that is not known well")
        steepness = abs(slope(first.value))
        value = function(first.value)
        error = 2 * first.error * (1 + steepness) + _ROUNDING * (1 + abs(value)) * (1 + steepness)
        return Value(value, error)
    if node.name == "ln":
        return _logarithm(first)
    if node.name == "log" and len(arguments) == 2:
        above, below = _logarithm(first), _logarithm(arguments[1])
        return _multiply(above, _whole_power(below, -1))
    if node.name == "abs":
        return Value(complex(abs(first.value)), first.error + _ROUNDING * abs(first.value))
    if len(node.name) == 1:
        # An identity must hold whatever function a letter stands for.
        shift = _coordinate(f"function {node.name}", 0)
        shifted = _multiply(Value(cmath.sin(first.value + shift), first.error), _exact(shift))
        return _add([first, shifted])
    return _of_numbers(node.name, arguments)


def _logarithm(argument: Value) -> Value:
    size = abs(argument.value)
    if size <= 4 * argument.error:
        raise UnstableError("the logarithm of zero")
    # A number on the cut of the logarithm must not be moved to its other side by rounding.
    on_cut = argument.value.real < 0 and abs(argument.value.imag) <= argument.error
    value = cmath.log(complex(argument.value.real, 0.0) if on_cut else argument.value)
    return Value(value, 2 * argument.error / size + _ROUNDING * (1 + abs(value)))


def _of_numbers(name: str, arguments: list[Value]) -> Value:
    if any(abs(argument.value.imag) > argument.error for argument in arguments):
        raise UnstableError("not real")
    numbers = [argument.value.real for argument in arguments]
    error = max(argument.error for argument in arguments)
    if name in ("max", "min"):
        return Value(complex(max(numbers) if name == "max" else min(numbers)), error)
    if name == "factorial" and 0 < numbers[0] < 100 and error < 1e-9:
        value = math.gamma(numbers[0] + 1)
        return Value(complex(value), value * (error * 10 + 1e-12))
    if name == "binomial" and all(0 < number < 60 for number in numbers) and error < 1e-9:
        above, below = numbers
        value = math.exp(
            math.lgamma(above + 1) - math.lgamma(below + 1) - math.lgamma(above - below + 1)
        )
        return Value(complex(value), value * 1e-9) if above > below else _unknown()
    return _unknown()


def _unknown() -> Value:
    raise UnstableError("no value in numbers")
