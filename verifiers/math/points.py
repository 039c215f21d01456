"""A random point of a random field, and the value that an expression takes there."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from gym_reason.verifiers.math.exact import UndefinedError, exact_value, factorise
from gym_reason.verifiers.math.field import RootedField, random_number
from gym_reason.verifiers.math.tree import (
    Constant,
    Function,
    Node,
    Number,
    Power,
    Product,
    Sum,
    Symbol,
)

MAX_EXPONENT = 10**15
"""Largest whole exponent."""
MAX_ROOT_ORDER = 12
"""Highest root of a rational number."""
MAX_PATTERNS = 16
"""Most ways to choose the roots of what is no rational number."""

ONE = Fraction(1)
TRIGONOMETRIC = frozenset({"sin", "cos", "tan", "sec", "csc", "cot"})
_HYPERBOLIC = frozenset({"sinh", "cosh", "tanh"})
# e is sent to a power with this exponent, so that its roots exist.
_ROOTS_OF_E = 720_720


class UndecidedError(ArithmeticError):
    """An expression cannot be evaluated here; that says nothing about its value."""


def linear_terms(node: Node, factor: Fraction = ONE) -> Iterator[tuple[Fraction, Node]]:
    """Yield the terms of a sum as rational coefficients and what they multiply."""
    if isinstance(node, Sum):
        for term in node.terms:
            yield from linear_terms(term, factor)
        return
    others: list[Node] = []
    for part in flat_factors(node):
        value = exact_value(part)
        if value is None:
            others.append(part)
        else:
            factor *= value
    if len(others) == 1 and isinstance(others[0], Sum):
        yield from linear_terms(others[0], factor)
    else:
        yield factor, others[0] if len(others) == 1 else Product(tuple(others))


def flat_factors(node: Node) -> Iterator[Node]:
    """Yield the factors of a product, and of the products in it."""
    if isinstance(node, Product):
        for part in node.factors:
            yield from flat_factors(part)
    else:
        yield node


@dataclass(slots=True)
class Point:
    """A random point of a field, and what was found on the way."""

    rooted: RootedField
    pattern: int
    place: int
    prime: int = 0
    faithful: bool = True
    missing_root: bool = False
    weight_bits: float = 0.0
    patterns: int = 1
    choices: dict[tuple[int, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take the prime of the field."""
        self.prime = self.rooted.field.prime

    def agree(self, left: Node, right: Node) -> bool:
        """Whether two expressions have the same residue. Raises as `evaluate`."""
        first = self.evaluate(left)
        weight, self.weight_bits = self.weight_bits, 0.0
        second = self.evaluate(right)
        self.weight_bits = max(weight, self.weight_bits)
        return first == second

    def evaluate(self, node: Node) -> int:
        """Return the residue of an expression. Raises UndecidedError, UndefinedError."""
        prime = self.prime
        if isinstance(node, Number):
            return self._residue(node.value)
        if isinstance(node, Symbol):
            return random_number(node.name, self.place) % prime
        if isinstance(node, Sum):
            return sum(map(self.evaluate, node.terms)) % prime
        if isinstance(node, Product):
            product = 1
            for factor in node.factors:
                product = product * self.evaluate(factor) % prime
            return product
        if isinstance(node, Power):
            return self._power(node)
        if isinstance(node, Constant):
            return self._constant(node)
        if isinstance(node, Function):
            return self._function(node)
        raise UndecidedError("no expression")

    def _residue(self, value: Fraction) -> int:
        if value.denominator == 1:
            return value.numerator % self.prime
        return value.numerator * self._inverse(value.denominator % self.prime) % self.prime

    def _inverse(self, value: int) -> int:
        if value == 0:
            raise UndefinedError("a division by zero")
        return pow(value, -1, self.prime)

    def _constant(self, node: Constant) -> int:
        if node.name == "i":
            return self._circle_of_pi(Fraction(1, 2))
        if node.name == "e":
            return self._power_of_e(_ROOTS_OF_E)
        pi = random_number("pi") % self.prime
        if node.name == "pi":
            return pi
        if node.name == "degree":
            return pi * self._inverse(180) % self.prime
        raise UndecidedError("infinity in a formula")

    def _power_of_e(self, exponent: int) -> int:
        return pow(random_number("e") % self.prime, exponent % (self.prime - 1), self.prime)

    def _power(self, node: Power) -> int:
        exponent = exact_value(node.exponent)
        if exponent is None:
            return self._symbolic_power(node)
        if node.base == Constant("e"):
            scaled = exponent * _ROOTS_OF_E
            if scaled.denominator == 1:
                self._weigh(exponent.numerator)
                return self._power_of_e(scaled.numerator)
        if exponent.denominator != 1:
            return self._root(node.base, exponent)
        return self._whole_power(self.evaluate(node.base), exponent.numerator)

    def _whole_power(self, base: int, exponent: int) -> int:
        self._weigh(exponent)
        if base == 0 and exponent <= 0:
            raise UndefinedError("zero to a power that is not positive")
        return pow(base, exponent % (self.prime - 1), self.prime) if base else 0

    def _weigh(self, exponent: int) -> None:
        if abs(exponent) > MAX_EXPONENT:
            raise UndecidedError(f"an exponent beyond {MAX_EXPONENT}")
        self.weight_bits += math.log2(abs(exponent) + 1)

    def _root(self, base: Node, exponent: Fraction) -> int:
        value = exact_value(base)
        if value is not None:
            return self._rational_root(value, exponent)
        return self._whole_power(
            self._chosen_root(self.evaluate(base), exponent.denominator), exponent.numerator
        )

    def _chosen_root(self, residue: int, order: int) -> int:
        """Return the root of a residue that the pattern chooses among all there are."""
        self.faithful = False
        if order > MAX_ROOT_ORDER:
            raise UndecidedError("a root of high order")
        root = self.rooted.field.root(residue, order)
        if root is None:
            self.missing_root = True
            raise UndecidedError("no root in this field")
        branches = math.gcd(order, self.prime - 1)
        if branches == 1 or residue == 0:
            return root
        key = residue, order
        if key not in self.choices:
            # Which root is found first depends on the residue alone.
            self.choices[key] = self.pattern // self.patterns % branches
            self.patterns *= branches
            if self.patterns > MAX_PATTERNS:
                raise UndecidedError("too many roots")
        turn = self.rooted.field.root_of_unity(branches)
        return root * pow(turn, self.choices[key], self.prime) % self.prime

    def _rational_root(self, value: Fraction, exponent: Fraction) -> int:
        if value == 0:
            if exponent < 0:
                raise UndefinedError("zero to a negative power")
            return 0
        result = 1
        if value < 0:
            if exponent.denominator == 2:
                result = pow(self._circle_of_pi(Fraction(1, 2)), exponent.numerator, self.prime)
            elif exponent.denominator % 2:
                result = -1 if exponent.numerator % 2 else 1
            else:
                return self._opaque("power", self._residue(value), exponent)
        for factor, multiplicity in factorise(abs(value)):
            order, root = self._rooted(factor)
            power = exponent * multiplicity * order
            result = result * self._whole_power(root, power.numerator) % self.prime
        return result % self.prime

    def _rooted(self, factor: int) -> tuple[int, int]:
        if factor not in self.rooted.roots:
            raise UndecidedError("a root that was not foreseen")
        return self.rooted.roots[factor]

    def _symbolic_power(self, node: Power) -> int:
        if node.base == Constant("e"):
            return self._exponential(node.exponent)
        exponent = self._whole_number(node.exponent)
        base = self.evaluate(node.base)
        if exponent is None or exponent.denominator != 1 or base == 0:
            return self._opaque("power", base, self.evaluate(node.exponent))
        self.faithful = False
        return pow(base, exponent.numerator % (self.prime - 1), self.prime)

    def _exponential(self, node: Node) -> int:
        """Return the residue of e to a power, by the rules of exponents."""
        result = 1
        for coefficient, rest in linear_terms(node):
            factors = rest.factors if isinstance(rest, Product) else (rest,)
            if Constant("i") in factors:
                others = tuple(part for part in factors if part != Constant("i"))
                angle = others[0] if len(others) == 1 else Product(others)
                turn = self._circle(coefficient, angle)
                if turn is None:
                    return self._opaque("exp", self.evaluate(node))
                result = result * turn % self.prime
                continue
            if isinstance(rest, Function) and rest.name == "ln" and coefficient.denominator == 1:
                base = self.evaluate(rest.arguments[0])
                result = result * self._whole_power(base, coefficient.numerator) % self.prime
                continue
            exponent = self._whole_number(rest)
            scaled = None if exponent is None else exponent * coefficient * _ROOTS_OF_E
            if scaled is None or scaled.denominator != 1:
                return self._opaque("exp", self.evaluate(node))
            result = result * self._power_of_e(scaled.numerator) % self.prime
        return result

    def _whole_number(self, node: Node) -> Fraction | None:
        """Return the value of a polynomial at the whole numbers that stand for its letters."""
        if isinstance(node, Symbol):
            return Fraction(random_number(node.name, self.place))
        if isinstance(node, (Sum, Product)):
            parts = node.terms if isinstance(node, Sum) else node.factors
            total = Fraction(0 if isinstance(node, Sum) else 1)
            for part in parts:
                value = self._whole_number(part)
                if value is None or total.numerator.bit_length() > 4_000:
                    return None
                total = total + value if isinstance(node, Sum) else total * value
            return total
        if isinstance(node, Power):
            exponent = exact_value(node.exponent)
            base = self._whole_number(node.base)
            if exponent is None or base is None or exponent not in (2, 3, 4, -1) or base == 0:
                return None
            return base**exponent.numerator
        return exact_value(node)

    def _function(self, node: Function) -> int:
        value = exact_value(node)
        if value is not None:
            return self._residue(value)
        name, argument = node.name, node.arguments[0]
        if name in TRIGONOMETRIC:
            return self._trigonometric(name, argument)
        if name in _HYPERBOLIC:
            return self._hyperbolic(name, argument)
        if name == "ln":
            return self._logarithm(argument)
        if name == "log":
            base = (
                self._logarithm(node.arguments[1])
                if len(node.arguments) == 2
                else random_number("base of log") % self.prime
            )
            self.faithful = False
            return self._logarithm(argument) * self._inverse(base) % self.prime
        residues = [self.evaluate(part) for part in node.arguments]
        if name == "abs":
            residues = [min(residues[0], self.prime - residues[0])]
        if name in ("max", "min", "gcd", "lcm"):
            residues.sort()
        return self._opaque(name, *residues)

    def _opaque(self, *key: object) -> int:
        self.faithful = False
        return random_number(*key) % self.prime

    def _logarithm(self, node: Node) -> int:
        self.faithful = False
        value = exact_value(node)
        if value == 0:
            raise UndefinedError("the logarithm of zero")
        if value is not None and value > 0:
            terms = [n * (random_number("ln", q) % self.prime) for q, n in factorise(value)]
            return sum(terms) % self.prime
        if node == Constant("e"):
            return 1
        if isinstance(node, Power) and _is_positive(node.base) and exact_value(node.exponent):
            return self.evaluate(node.exponent) * self._logarithm(node.base) % self.prime
        if isinstance(node, Product) and all(map(_is_positive, node.factors)):
            return sum(map(self._logarithm, node.factors)) % self.prime
        return self._opaque("ln", self.evaluate(node))

    def _circle_of_pi(self, turns: Fraction) -> int:
        r"""Return e to the power i times pi times `turns`, a multiple of 1/12."""
        prime, unit = self.prime, self.rooted.field.unit
        steps = int(turns * 12) % 24
        if steps % 6 == 0:
            return pow(unit, steps // 6, prime)
        half = self._inverse(2)
        two, three = (pow(root, order // 2, prime) for order, root in map(self._rooted, (2, 3)))
        eighth = two * half * (1 + unit) % prime
        sixth = (1 + unit * three) * half % prime
        return pow(sixth * self._inverse(eighth) % prime, steps, prime)

    def _circle(self, coefficient: Fraction, angle: Node) -> int | None:
        """Return e to the power i times `coefficient` times `angle`."""
        if angle == Constant("degree"):
            coefficient, angle = coefficient / 180, Constant("pi")
        if angle == Constant("pi"):
            whole = coefficient * 12
            return self._circle_of_pi(coefficient) if whole.denominator == 1 else None
        exponent = coefficient * _ROOTS_OF_E
        if exponent.denominator != 1:
            return None
        base = random_number("circle", self.evaluate(angle)) % self.prime
        return pow(base, exponent.numerator % (self.prime - 1), self.prime)

    def _trigonometric(self, name: str, argument: Node) -> int:
        turn = 1
        for coefficient, angle in linear_terms(argument):
            part = self._circle(coefficient, angle)
            if part is None:
                return self._opaque(name, self.evaluate(argument))
            turn = turn * part % self.prime
        if any(not isinstance(part, Constant) for _, part in linear_terms(argument)):
            self.faithful = False
        back, half = self._inverse(turn), self._inverse(2)
        cosine = (turn + back) * half % self.prime
        sine = (turn - back) * half * self._inverse(self.rooted.field.unit) % self.prime
        return self._ratio(name, sine, cosine)

    def _ratio(self, name: str, sine: int, cosine: int) -> int:
        above, below = {
            "sin": (sine, 1), "cos": (cosine, 1), "tan": (sine, cosine), "cot": (cosine, sine),
            "sec": (1, cosine), "csc": (1, sine),
        }[name]  # fmt: skip
        return above if below == 1 else above * self._inverse(below) % self.prime

    def _hyperbolic(self, name: str, argument: Node) -> int:
        power = self._exponential(argument)
        back, half = self._inverse(power), self._inverse(2)
        sine = (power - back) * half % self.prime
        cosine = (power + back) * half % self.prime
        self.faithful = False
        return self._ratio({"sinh": "sin", "cosh": "cos", "tanh": "tan"}[name], sine, cosine)


def _is_positive(node: Node) -> bool:
    """Whether an expression is certainly a positive number."""
    value = exact_value(node)
    if value is not None:
        return value > 0
    if isinstance(node, Constant):
        return node.name in ("pi", "e")
    return (
        isinstance(node, Power)
        and _is_positive(node.base)
        and (exact_value(node.exponent) is not None)
    )
