r"""Brings trees to the form in which they are compared: plus-minus spelled out, values named.

`2 \pm \sqrt 3` becomes the list of its two values. `x = 1, 2`, `x = 1 or x = 2` and
`(x, y) = (1, 2)` become assignments.
"""

from dataclasses import dataclass

from gym_reason.verifiers.math.exact import is_written_out
from gym_reason.verifiers.math.tree import (
    Function,
    Listing,
    Node,
    PlusMinus,
    Product,
    Relation,
    Set,
    Symbol,
    Tuple,
    children,
    is_expression,
    negate,
    rebuild,
    symbols_of,
    walk,
)


@dataclass(frozen=True, slots=True)
class Assignment:
    """A name and the value it is given."""

    name: str
    """The letter."""
    value: Node
    """Its value."""
    steps: tuple[Node, ...]
    """What stands between the two in `x = 2 + 3 = 5`."""
    relation: Relation
    """What was written."""

    @property
    def is_number(self) -> bool:
        """Whether the value is a number written out."""
        return is_written_out(self.value)


def normalise(node: Node) -> Node | None:
    """Return `node` without plus-minus; None where two of its signs may be independent."""
    if isinstance(node, (Listing, Set)):
        parts: list[Node] = []
        for item in node.items:
            part = normalise(item)
            if part is None:
                return None
            spread = isinstance(part, Listing) and not isinstance(item, Listing)
            parts.extend(part.items if spread and isinstance(part, Listing) else (part,))
        return Listing(tuple(parts), node.joint) if isinstance(node, Listing) else Set(tuple(parts))
    if isinstance(node, Relation):
        return _normalise_relation(node)
    signs = _signs(node)
    if not signs:
        return node
    if len(signs) > 1 and len(set(signs)) == 1:
        return None
    return Listing((_choose(node, True), _choose(node, False)), "or")


def _normalise_relation(relation: Relation) -> Node | None:
    signs = [sign for operand in relation.operands for sign in _signs(operand)]
    if not signs:
        return relation
    if len(signs) > 1 and len(set(signs)) == 1:
        return None
    return Listing(
        tuple(
            Relation(tuple(_choose(part, upper) for part in relation.operands), relation.operators)
            for upper in (True, False)
        ),
        "or",
    )


def _signs(node: Node) -> list[bool]:
    return [part.flipped for part in walk(node) if isinstance(part, PlusMinus)]


def _choose(node: Node, upper: bool) -> Node:
    """Return an expression with the upper or the lower one of its signs."""
    if isinstance(node, PlusMinus):
        term = _choose(node.term, upper)
        return term if upper != node.flipped else negate(term)
    parts = children(node)
    return rebuild(node, tuple(_choose(part, upper) for part in parts)) if parts else node


def as_assignments(node: Node) -> list[Assignment] | None:
    """Return the values that a relation, or a list of them, gives to letters, or None."""
    if isinstance(node, Relation):
        return _from_relation(node)
    if not isinstance(node, Listing):
        return None
    found: list[Assignment] = []
    for item in node.items:
        if isinstance(item, Relation):
            assignments = _from_relation(item)
            if not assignments:
                return None
            found += assignments
        elif found and is_expression(item):
            relation = Relation((Symbol(found[-1].name), item), ("=",))
            found.append(Assignment(found[-1].name, item, (), relation))
        else:
            return None
    return found


def _from_relation(relation: Relation) -> list[Assignment] | None:
    if any(operator != "=" for operator in relation.operators):
        return None
    left, *steps, right = relation.operands
    if isinstance(left, Tuple) and isinstance(right, Tuple) and not steps:
        if len(left.items) != len(right.items):
            return None
        names = [_name(part) for part in left.items]
        return [
            Assignment(name, value, (), Relation((Symbol(name), value), ("=",)))
            for name, value in zip(names, right.items, strict=True)
            if name is not None
        ] if all(names) else None  # fmt: skip
    name, value = _name(left), right
    if name is None and not steps:
        name, value = _name(right), left
    if name is None or name in symbols_of(value):
        return None
    return [Assignment(name, value, tuple(steps), relation)]


def _name(node: Node) -> str | None:
    """Return the letter that can be given a value: `x`, or the f of `f(x)`."""
    if isinstance(node, Symbol):
        return node.name
    if isinstance(node, Function) and len(node.name) == 1:
        return node.name
    if isinstance(node, Product):  # a segment such as AB
        letters = [part.name for part in node.factors if isinstance(part, Symbol)]
        if len(letters) == len(node.factors) and all(name.isupper() for name in letters):
            return "".join(letters)
    return None
