"""The operations that generated programs are made of."""

from gym_reason.envs.code import operations_lists, operations_numbers, operations_strings
from gym_reason.envs.code.tree import Operation

OPERATIONS: tuple[Operation, ...] = (
    *operations_lists.OPERATIONS,
    *operations_strings.OPERATIONS,
    *operations_numbers.OPERATIONS,
)
"""All of them, in a stable order: a seed's problem depends on it."""

TOPICS = {
    "lists": frozenset({"lists"}),
    "strings": frozenset({"strings"}),
    "formulas": frozenset({"formulas"}),
    "arithmetic": frozenset({"formulas", "arithmetic"}),
    "recursion": frozenset({"recursion", "formulas", "arithmetic", "lists"}),
    "mixed": frozenset({"lists", "strings", "formulas", "arithmetic", "recursion"}),
}
"""The operations that a problem of each topic may have."""


def operations_of(topic: str) -> tuple[Operation, ...]:
    """Return the operations of a topic."""
    return tuple(operation for operation in OPERATIONS if operation.topic in TOPICS[topic])
