"""A calculator: exact arithmetic and simple algebra, on text that is read and never run."""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

from gym_reason.text import after_thinking
from gym_reason.verifiers.math.answers import read_answer
from gym_reason.verifiers.math.exact import UndefinedError, exact_value
from gym_reason.verifiers.math.floating import real_value
from gym_reason.verifiers.math.tree import (
    Listing,
    Node,
    Number,
    Power,
    Product,
    Relation,
    Sum,
    Symbol,
    is_expression,
    symbols_of,
)
from gym_reason.verifiers.steps.polynomials import Monomial, Polynomial, UnreadableError

MAX_LINES = 20
"""Lines of a text that are worked out; each is a calculation of its own."""
MAX_DIGITS = 1_000
"""A longer number is not written out."""


def make_calculator() -> Callable[[str], str]:
    """Return a function that works out each line of a text.

    A line is an expression in plain notation or LaTeX, an equation in one unknown, or linear
    equations with commas between them. A number is answered exactly, with decimals where they say
    more; an expression with letters multiplied out; an equation by its solutions.
    """

    def calculate(text: str) -> str:
        """Work out an expression, or solve an equation or linear equations, exactly."""
        said = after_thinking(text) or ""
        lines = [line.strip().strip("`") for line in said.splitlines()]
        lines = [line for line in lines if line]
        if not lines:
            return "error: no expression was found"
        return "\n".join(_answer(line) for line in lines[:MAX_LINES])

    return calculate


def _answer(line: str) -> str:
    reading = read_answer(line)
    if reading.tree is None:
        return f"error: {reading.reason or 'not readable'}"
    try:
        return _work_out(reading.tree)
    except UndefinedError as error:
        return f"error: undefined: {error}"
    except UnreadableError as error:
        return f"error: {error}"
    except RecursionError:
        return "error: nested too deep"


def _work_out(node: Node) -> str:
    if isinstance(node, Relation):
        return _solve([node])
    if isinstance(node, Listing) and all(isinstance(item, Relation) for item in node.items):
        return _solve([item for item in node.items if isinstance(item, Relation)])
    if not is_expression(node):
        return "error: neither an expression nor an equation"
    value = exact_value(node)
    if value is not None:
        return write_number(value)
    if symbols_of(node):
        return write_polynomial(to_polynomial(node))
    near = real_value(node)
    return f"about {near:.12g}" if near is not None else "error: too large, or not a real number"


def to_polynomial(node: Node) -> Polynomial:
    """Return an expression multiplied out. Raises UnreadableError where it is no polynomial."""
    value = exact_value(node) if not symbols_of(node) else None
    if value is not None:
        return Polynomial.number(value)
    if isinstance(node, Symbol):
        return Polynomial.variable(node.name)
    if isinstance(node, Sum):
        total = Polynomial.number(Fraction(0))
        for term in node.terms:
            total = total + to_polynomial(term)
        return total
    if isinstance(node, Product):
        product = Polynomial.number(Fraction(1))
        for factor in node.factors:
            product = product * to_polynomial(factor)
        return product
    if isinstance(node, Power) and isinstance(node.exponent, Number):
        return to_polynomial(node.base) ** Polynomial.number(node.exponent.value)
    raise UnreadableError("only polynomials with rational coefficients are multiplied out")


def _solve(relations: Sequence[Relation]) -> str:
    if any(relation.operators != ("=",) for relation in relations):
        return "error: of relations, only equations are solved"
    zeros = [
        to_polynomial(left) - to_polynomial(right)
        for left, right in (relation.operands for relation in relations)
    ]
    names = sorted({name for zero in zeros for monomial in zero.terms for name, _ in monomial})
    if not names:
        return "false" if any(zero.terms for zero in zeros) else "true"
    if all(sum(power for _, power in monomial) <= 1 for zero in zeros for monomial in zero.terms):
        return _solve_linear(zeros, names)
    if len(zeros) == 1 and len(names) == 1:
        return _solve_quadratic(zeros[0], names[0])
    return "error: only linear equations, and quadratic ones in one unknown, are solved"


def _solve_linear(zeros: Sequence[Polynomial], names: Sequence[str]) -> str:
    """Return the solution of linear equations, by elimination."""
    rows = [
        [*(zero.terms.get(((name, 1),), Fraction(0)) for name in names),
         -zero.terms.get((), Fraction(0))]
        for zero in zeros
    ]  # fmt: skip
    done = 0
    for column in range(len(names)):
        pivot = next((row for row in range(done, len(rows)) if rows[row][column]), None)
        if pivot is None:
            continue
        rows[done], rows[pivot] = rows[pivot], rows[done]
        rows[done] = [value / rows[done][column] for value in rows[done]]
        for row in range(len(rows)):
            factor = rows[row][column]
            if row != done and factor:
                pairs = zip(rows[row], rows[done], strict=True)
                rows[row] = [value - factor * other for value, other in pairs]
        done += 1
    if any(row[-1] and not any(row[:-1]) for row in rows):
        return "no solution"
    if done < len(names):
        return "infinitely many solutions"
    return ", ".join(
        f"{name} = {write_number(rows[index][-1])}" for index, name in enumerate(names)
    )


def _solve_quadratic(zero: Polynomial, name: str) -> str:
    """Return the real solutions of an equation of the second degree."""
    if max(sum(power for _, power in monomial) for monomial in zero.terms) > 2:
        return "error: only equations up to the second degree are solved"
    a, b, c = (
        zero.terms.get(((name, power),) if power else (), Fraction(0)) for power in (2, 1, 0)
    )
    inside = b * b - 4 * a * c
    if inside < 0:
        return "no real solution"
    root = _exact_root(inside)
    if root is not None:
        values = sorted({(-b - root) / (2 * a), (-b + root) / (2 * a)})
        return " or ".join(f"{name} = {write_number(value)}" for value in values)
    middle, under = -b / (2 * a), inside / (4 * a * a)
    before = f"{_write_exact(middle)} " if middle else ""
    gap = " " if middle else ""
    written = f"sqrt({_write_exact(under)})"
    return " or ".join(
        f"{name} = {before}{sign}{gap}{written}{_write_about(middle, under, direction)}"
        for sign, direction in (("-", -1), ("+" if middle else "", 1))
    )


def _write_about(middle: Fraction, under: Fraction, direction: int) -> str:
    try:
        return f" (about {float(middle) + direction * math.sqrt(under):.12g})"
    except OverflowError:
        return ""


def _exact_root(value: Fraction) -> Fraction | None:
    above, below = math.isqrt(value.numerator), math.isqrt(value.denominator)
    root = Fraction(above, below)
    return root if root * root == value else None


def write_number(value: Fraction) -> str:
    """Return a number exactly, and behind a fraction its decimals."""
    written = _write_exact(value)
    if value.denominator == 1:
        return written
    try:
        decimals = f"{float(value):.12g}"
    except OverflowError:
        return written
    if Fraction(decimals) == value:
        return f"{written} = {decimals}"
    return f"{written}, about {decimals}"


def _write_exact(value: Fraction) -> str:
    # Python caps decimal digits, since they take quadratic time.
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_DIGITS * 10 // 3:
        raise UnreadableError(f"a number of more than {MAX_DIGITS} digits")
    return str(value)


def write_polynomial(polynomial: Polynomial) -> str:
    """Return a polynomial as text, the highest powers first."""
    ordered = sorted(
        polynomial.terms.items(), key=lambda item: (-sum(power for _, power in item[0]), item[0])
    )
    text = ""
    for monomial, coefficient in ordered:
        sign = "-" if coefficient < 0 else "+"
        term = _write_term(monomial, abs(coefficient))
        text += f" {sign} {term}" if text else ("-" if sign == "-" else "") + term
    return text or "0"


def _write_term(monomial: Monomial, size: Fraction) -> str:
    letters = "*".join(name if power == 1 else f"{name}^{power}" for name, power in monomial)
    if not letters:
        return _write_exact(size)
    return letters if size == 1 else f"{_write_exact(size)}*{letters}"
