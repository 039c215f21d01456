"""The part of the grammar behind a command or a name: functions, fractions, roots."""

from fractions import Fraction
from typing import TYPE_CHECKING

from gym_reason.verifiers.math import brackets
from gym_reason.verifiers.math.tokens import Token, number_token
from gym_reason.verifiers.math.tree import (
    EXPRESSION_TYPES,
    MINUS_ONE,
    Based,
    Constant,
    Function,
    Matrix,
    Node,
    Number,
    PlusMinus,
    Power,
    Product,
    Symbol,
    UnreadableError,
    negate,
)

if TYPE_CHECKING:
    from gym_reason.verifiers.math.parser import Reader

_INVERSES = {"sin": "asin", "cos": "acos", "tan": "atan"}
_SEVERAL_ARGUMENTS = frozenset({"max", "min", "gcd", "lcm", "binomial", "log"})


def read_applied(reader: "Reader", letter: str) -> Node:
    """Read `f(x)`; `h(a + b)` is a product."""
    start = reader.position
    if reader.tokens[start + 1].kind in ("symbol", "number") and (
        reader.tokens[start + 2].text == ")"
    ):
        return Function(letter, (value_of(brackets.read_bracketed(reader)),))
    return Symbol(letter)


def read_structure(reader: "Reader", name: str) -> Node:
    """Read what a fraction, a binomial or a root is made of."""
    if name == "sqrt":
        return _read_root(reader)
    above, below = read_argument(reader), read_argument(reader)
    if name == "binom":
        return Function("binomial", (above, below))
    return divide([above], below)[0]


def _read_root(reader: "Reader") -> Node:
    degree: Node = Number(Fraction(2))
    if reader.at("open", "["):
        degree = value_of(brackets.read_bracketed(reader))
    radicand = read_argument(reader)
    if isinstance(degree, Number):
        if degree.value <= 0:
            raise UnreadableError("a root of no positive degree")
        return Power(radicand, Number(1 / degree.value))
    return Power(radicand, Power(degree, MINUS_ONE))


def read_argument(reader: "Reader") -> Node:
    r"""Read what a command takes: a group, or one sign (`\frac12`)."""
    reader.enter()
    token = reader.peek()
    if token.kind == "number" and token.whole and len(token.text) > 1:
        before = reader.tokens[reader.position - 1]
        if before.text != "sqrt":
            rest = token.text[1:]
            reader.tokens[reader.position] = number_token(Fraction(rest), False, True)
            reader.leave()
            return Number(Fraction(token.text[0]))
    node = value_of(reader.read_primary())
    reader.leave()
    return node


def read_function(reader: "Reader", name: str) -> Node:
    """Read the exponent, index and arguments of a function."""
    base: Node | None = Number(Fraction(10)) if name == "lg" else None
    exponent: Node | None = None
    for _ in range(2):
        if reader.at("operator", "^"):
            reader.take()
            exponent = value_of(_read_primary_or_negative(reader))
        elif reader.at("operator", "_"):
            reader.take()
            base = read_argument(reader)
    if base is not None and name not in ("log", "lg"):
        raise UnreadableError(f"an index at {name}")
    if name == "sqrt":
        return _raise(_read_root(reader), exponent)
    arguments = _read_arguments(reader, name)
    if exponent == MINUS_ONE and name in _INVERSES:
        name, exponent = _INVERSES[name], None
    return _raise(_apply(name, arguments, base), exponent)


def _read_primary_or_negative(reader: "Reader") -> Node:
    if reader.at("operator", "-"):
        reader.take()
        return negate(reader.read_primary())
    return reader.read_primary()


def _raise(node: Node, exponent: Node | None) -> Node:
    return node if exponent is None else Power(node, exponent)


def _read_arguments(reader: "Reader", name: str) -> tuple[Node, ...]:
    if reader.peek().kind == "open":
        return brackets.read_arguments(reader, name in _SEVERAL_ARGUMENTS)
    return (value_of(reader.read_product(implicit_only=True)),)


def literal_fraction(node: Node) -> Fraction | None:
    """Return the value of `a/b` written with two whole numbers."""
    if (
        isinstance(node, Product)
        and len(node.factors) == 2
        and isinstance(node.factors[0], Number)
        and isinstance(node.factors[1], Power)
        and node.factors[1].exponent == MINUS_ONE
        and isinstance(node.factors[1].base, Number)
    ):
        above, below = node.factors[0].value, node.factors[1].base.value
        if below and above.denominator == below.denominator == 1:
            return above / below
    return None


def divide(factors: list[Node], divisor: Node) -> list[Node]:
    """Return factors whose last one is divided; a lone one becomes a fraction."""
    inverse = Power(value_of(divisor), MINUS_ONE)
    last = value_of(factors[-1])
    return [Product((last, inverse))] if len(factors) == 1 else [last, inverse]


def _apply(name: str, arguments: tuple[Node, ...], base: Node | None) -> Node:
    if name == "exp":
        return Power(Constant("e"), arguments[0])
    if name == "cbrt":
        return Power(arguments[0], Number(Fraction(1, 3)))
    if name in ("log", "lg"):
        if base is not None and len(arguments) == 1:
            arguments = (arguments[0], base)
        return Function("log", arguments)
    return Function(name, arguments)


def based(written: Token, node: Number, base: int) -> Node:
    """Return a whole number that is written in another base."""
    digits = written.text if written.kind == "number" else str(node.value)
    if not digits.isdigit() or not 2 <= base <= 36:
        raise UnreadableError("an index behind no whole number")
    if base == 10:
        return node
    if any(int(digit) >= base for digit in digits):
        raise UnreadableError(f"digits that base {base} does not have")
    return Based(digits.lstrip("0") or "0", base)


def value_of(node: Node) -> Node:
    """Return `node` where it stands for one value, and refuse sets, lists and relations."""
    if isinstance(node, (*EXPRESSION_TYPES, PlusMinus, Matrix)):
        return node
    raise UnreadableError(f"a {type(node).__name__.lower()} inside a formula")
