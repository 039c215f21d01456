"""What is too much for symbolic comparison: seen in the tree, before anything is computed."""

from gym_reason.verifiers.math.floating import real_value
from gym_reason.verifiers.math.tree import (
    Function,
    Node,
    Number,
    Power,
    children,
    symbols_of,
    walk,
)

MAX_NESTED_FUNCTIONS = 5
"""Deepest nesting of functions and powers with letters above in what is compared symbolically."""
MAX_SYMBOLIC_EXPONENT = 1_000
"""Largest exponent, or argument of a factorial, in what is compared symbolically."""


def too_large(node: Node) -> bool:
    """Whether an expression is too much for symbolic comparison: towers, factorials, nesting."""
    if _nested_functions(node) > MAX_NESTED_FUNCTIONS:
        return True
    for part in walk(node):
        sizes: tuple[Node, ...] = ()
        if isinstance(part, Power):
            sizes = (part.exponent,)
        elif isinstance(part, Function) and part.name in ("factorial", "binomial"):
            sizes = part.arguments
        for size in sizes:
            if not symbols_of(size):
                value = real_value(size)
                if value is None or abs(value) > MAX_SYMBOLIC_EXPONENT:
                    return True
    return False


def _nested_functions(node: Node) -> int:
    below = max(map(_nested_functions, children(node)), default=0)
    raised = isinstance(node, Power) and not isinstance(node.exponent, Number)
    return below + (raised or isinstance(node, Function))
