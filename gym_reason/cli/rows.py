"""How sub-commands read the rows of a user's file."""

import json
from collections.abc import Mapping, Sequence

from gym_reason.errors import UsageError
from gym_reason.registry import explain_unknown

TESTS = "tests"
"""The column that is the reference of a row without one."""


def read_fields(arguments: Sequence[str], fields: Sequence[str], example: str) -> dict[str, str]:
    """Return the column of each field that `--field NAME=COLUMN` names.

    Args:
        arguments: What stood behind `--field`, each time.
        fields: The names that there are.
        example: One such argument, for messages.

    Raises:
        UsageError: Where an argument is none, or names an unknown field.
    """
    columns: dict[str, str] = {}
    for argument in arguments:
        name, equals, column = argument.partition("=")
        if not equals or not column:
            raise UsageError(f"--field {argument}", "NAME=COLUMN", f"for example {example}")
        if name not in fields:
            raise UsageError(*explain_unknown("field", name, list(fields)))
        columns[name] = column
    return columns


def reference_column(row: Mapping[str, object], columns: Mapping[str, str]) -> str:
    """Return the column that holds the reference: the one that was named, or `reference`.

    Tests stand in for a reference where no column was named and there is none.
    """
    if "reference" in columns:
        return columns["reference"]
    return TESTS if row.get("reference") is None and TESTS in row else "reference"


def as_text(value: object) -> str | None:
    """Return a value of a row as text: what is no text stands as its JSON, and null for none."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
