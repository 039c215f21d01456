"""Polynomials with exact coefficients, small enough that no input makes them slow.

A number is a polynomial without variables. Every operation that would pass a cap raises
`UnreadableError`.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

MAX_TERMS = 16
"""Most terms of a polynomial."""
MAX_DEGREE = 6
"""Largest degree of a term."""
MAX_BITS = 2_000
"""Most bits of a numerator or a denominator."""
MAX_EXPONENT = 64
"""Largest exponent, either way."""

Monomial: TypeAlias = tuple[tuple[str, int], ...]
"""Variables and their exponents, sorted; empty for the constant term."""


class UnreadableError(ValueError):
    """An expression is none that is read here, or is over a cap."""


@dataclass(frozen=True, slots=True)
class Polynomial:
    """A sum of terms; a monomial whose coefficient is 0 is not in it."""

    terms: dict[Monomial, Fraction]
    """Coefficient of each monomial."""

    @classmethod
    def number(cls, value: Fraction) -> "Polynomial":
        """Return the polynomial that is `value` everywhere."""
        return cls._checked({(): value})

    @classmethod
    def variable(cls, name: str) -> "Polynomial":
        """Return the polynomial that is the variable `name`."""
        return cls({((name, 1),): Fraction(1)})

    @property
    def constant(self) -> Fraction | None:
        """The number that the polynomial is; None where it has a variable."""
        if not self.terms:
            return Fraction(0)
        return self.terms.get(()) if len(self.terms) == 1 else None

    def __add__(self, other: "Polynomial") -> "Polynomial":
        """Return the sum."""
        terms = dict(self.terms)
        for monomial, coefficient in other.terms.items():
            terms[monomial] = terms.get(monomial, Fraction(0)) + coefficient
        return self._checked(terms)

    def __neg__(self) -> "Polynomial":
        """Return the polynomial times -1."""
        return Polynomial({monomial: -value for monomial, value in self.terms.items()})

    def __sub__(self, other: "Polynomial") -> "Polynomial":
        """Return the difference."""
        return self + -other

    def __mul__(self, other: "Polynomial") -> "Polynomial":
        """Return the product."""
        if len(self.terms) * len(other.terms) > 4 * MAX_TERMS:
            raise UnreadableError("too many terms")
        terms: dict[Monomial, Fraction] = {}
        for first, a in self.terms.items():
            for second, b in other.terms.items():
                monomial = _multiply(first, second)
                terms[monomial] = terms.get(monomial, Fraction(0)) + a * b
        return self._checked(terms)

    def __truediv__(self, other: "Polynomial") -> "Polynomial":
        """Return the quotient by a number other than 0."""
        divisor = other.constant
        if not divisor:
            raise UnreadableError("a division by 0 or by a variable")
        return self * Polynomial({(): 1 / divisor})

    def __pow__(self, other: "Polynomial") -> "Polynomial":
        """Return the power by a whole number."""
        exponent = other.constant
        if exponent is None or exponent.denominator != 1 or abs(exponent) > MAX_EXPONENT:
            raise UnreadableError("an exponent that is no small whole number")
        count = int(exponent)
        value = self.constant
        if value is not None:
            bits = max(value.numerator.bit_length(), value.denominator.bit_length())
            if (value == 0 and count <= 0) or bits * abs(count) > MAX_BITS:
                raise UnreadableError("a power that is too large, or of 0")
            return self.number(value**count)
        if not 0 <= count <= MAX_DEGREE:
            raise UnreadableError("a large or negative power of a variable")
        power = self.number(Fraction(1))
        for _ in range(count):
            power = power * self
        return power

    def solve_linear(self) -> tuple[str, Fraction] | None:
        """Return the variable and the value at which the polynomial is 0.

        None where it is not linear in exactly one variable.
        """
        unknown = [monomial for monomial in self.terms if monomial]
        if len(unknown) != 1 or len(unknown[0]) != 1 or unknown[0][0][1] != 1:
            return None
        return unknown[0][0][0], -self.terms.get((), Fraction(0)) / self.terms[unknown[0]]

    @staticmethod
    def _checked(terms: dict[Monomial, Fraction]) -> "Polynomial":
        terms = {monomial: value for monomial, value in terms.items() if value}
        if len(terms) > MAX_TERMS:
            raise UnreadableError("too many terms")
        for monomial, value in terms.items():
            if sum(exponent for _, exponent in monomial) > MAX_DEGREE:
                raise UnreadableError("the degree is too large")
            if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
                raise UnreadableError("a number is too large")
        return Polynomial(terms)


def _multiply(first: Monomial, second: Monomial) -> Monomial:
    exponents = dict(first)
    for name, exponent in second:
        exponents[name] = exponents.get(name, 0) + exponent
    return tuple(sorted(exponents.items()))
