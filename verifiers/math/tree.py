"""The tree that an answer is read into. Nodes are plain frozen data; nothing here computes."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

ConstantName: TypeAlias = Literal["pi", "e", "i", "infinity", "degree"]
RelationName: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">=", "in", "~"]


class UnreadableError(ValueError):
    """A text is outside the grammar, or over one of its caps."""


@dataclass(frozen=True, slots=True)
class Number:
    """A rational number, exact."""

    value: Fraction
    """Its value."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A number with a name."""

    name: ConstantName
    """Which."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A variable, a word or an ellipsis: equal to what has the same name."""

    name: str
    """`x`, `x_1`, `alpha`, `vec v`, `...`."""


@dataclass(frozen=True, slots=True)
class Sum:
    """Terms that are added."""

    terms: "tuple[Node, ...]"
    """Two or more."""


@dataclass(frozen=True, slots=True)
class Product:
    """Factors that are multiplied; `a/b` is `a` times `b` to the power -1."""

    factors: "tuple[Node, ...]"
    """Two or more."""


@dataclass(frozen=True, slots=True)
class Power:
    """A base raised to an exponent; a square root has the exponent 1/2."""

    base: "Node"
    """What is raised."""
    exponent: "Node"
    """To what."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the table in `tokens.py`, or one letter applied to arguments (`f(x)`)."""

    name: str
    """`sin`, `log` (argument, base), `abs`, `factorial`, `binomial`, `det`, `f`, ..."""
    arguments: "tuple[Node, ...]"
    """One or more."""


@dataclass(frozen=True, slots=True)
class PlusMinus:
    """A term with both signs."""

    term: "Node"
    """What is added and subtracted."""
    flipped: bool
    """Whether it was written with the minus sign on top."""


@dataclass(frozen=True, slots=True)
class Based:
    """A whole number written in a base other than ten."""

    digits: str
    """As written, lower case, without leading zeros."""
    base: int
    """2 to 36."""


@dataclass(frozen=True, slots=True)
class Tuple:
    """Parts in order, in brackets; two parts in round ones may be an open interval instead."""

    items: "tuple[Node, ...]"
    """Two or more."""
    brackets: Literal["()", "[]", "<>"]
    """Which brackets."""


@dataclass(frozen=True, slots=True)
class Set:
    """Parts without order or repetition, in braces."""

    items: "tuple[Node, ...]"
    """None for the empty set."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Answers side by side without brackets."""

    items: "tuple[Node, ...]"
    """Two or more."""
    joint: Literal[",", "or", "and"]
    """What stands between them."""


@dataclass(frozen=True, slots=True)
class Interval:
    """The real numbers between two ends."""

    low: "Node"
    """Lower end."""
    high: "Node"
    """Upper end."""
    low_closed: bool
    """Whether the lower end belongs to it."""
    high_closed: bool
    """Whether the upper end belongs to it."""


@dataclass(frozen=True, slots=True)
class SetOperation:
    """Sets that are united, intersected, or taken from the first."""

    operator: Literal["union", "intersection", "without"]
    """Which."""
    parts: "tuple[Node, ...]"
    """Two or more."""


@dataclass(frozen=True, slots=True)
class SetBuilder:
    """`{variable | condition}`."""

    variable: "Node"
    """What stands before the bar."""
    condition: "Node"
    """What stands behind it."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows of equal length."""

    rows: "tuple[tuple[Node, ...], ...]"
    """One or more rows of one or more entries."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A chain of equations or inequalities: `a < b <= c`."""

    operands: "tuple[Node, ...]"
    """One more than operators."""
    operators: tuple[RelationName, ...]
    """One or more."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value with a unit, a currency or a degree sign."""

    value: "Node"
    """The value."""
    symbol: str
    """Currency or degree sign, or empty."""
    unit: str
    """Unit in words, or empty."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A letter of a multiple choice with what it stands for."""

    letter: str
    """Upper case."""
    content: "Node"
    """What stands behind the letter."""


Expression: TypeAlias = Number | Constant | Symbol | Sum | Product | Power | Function
Node: TypeAlias = (
    Expression
    | PlusMinus
    | Based
    | Tuple
    | Set
    | Listing
    | Interval
    | SetOperation
    | SetBuilder
    | Matrix
    | Relation
    | Quantity
    | Choice
)

EXPRESSION_TYPES = (Number, Constant, Symbol, Sum, Product, Power, Function)
"""The nodes that stand for one value."""

INFINITY = Constant("infinity")
MINUS_ONE = Number(Fraction(-1))
ONE = Number(Fraction(1))
REALS = Interval(Product((MINUS_ONE, INFINITY)), INFINITY, False, False)


def negate(node: Node) -> Node:
    """Return minus `node`; a number stays a number."""
    if isinstance(node, Number):
        return Number(-node.value)
    return Product((MINUS_ONE, node))


def children(node: Node) -> tuple[Node, ...]:
    """Return the parts of an expression."""
    if isinstance(node, Sum):
        return node.terms
    if isinstance(node, Product):
        return node.factors
    if isinstance(node, Power):
        return (node.base, node.exponent)
    if isinstance(node, Function):
        return node.arguments
    if isinstance(node, PlusMinus):
        return (node.term,)
    return ()


def walk(node: Node) -> Iterator[Node]:
    """Yield an expression and every part of it."""
    yield node
    for child in children(node):
        yield from walk(child)


def symbols_of(node: Node) -> frozenset[str]:
    """Return the names of the variables in an expression."""
    return frozenset(part.name for part in walk(node) if isinstance(part, Symbol))


def is_expression(node: Node) -> bool:
    """Whether `node` stands for one value all the way down."""
    return all(isinstance(part, EXPRESSION_TYPES) for part in walk(node))


def rebuild(node: Node, parts: tuple[Node, ...]) -> Node:
    """Return an expression like `node` made of other parts, in the order of `children`."""
    if isinstance(node, Sum):
        return Sum(parts)
    if isinstance(node, Product):
        return Product(parts)
    if isinstance(node, Power):
        return Power(parts[0], parts[1])
    if isinstance(node, Function):
        return Function(node.name, parts)
    if isinstance(node, PlusMinus):
        return PlusMinus(parts[0], node.flipped)
    return node
