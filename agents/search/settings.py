"""Checks of the settings of searches, when an agent is made."""

from collections.abc import Mapping
from typing import Any

from gym_reason.errors import UsageError

MOST_CALLS = 1_000_000
"""Most calls of a search in a turn: its own settings say how often it asks."""
MOST_BRANCHES = 65_536
"""More branches than any search is meant for: a typing error, not a setting."""


def check_least(settings: Mapping[str, Any], **least: float) -> None:
    """Raise UsageError for a setting under its least value, or beyond all reason."""
    for name, bound in least.items():
        value = settings[name]
        if not bound <= value <= MOST_BRANCHES:
            raise UsageError(f"{name} = {value}", f"a number from {bound:g} to {MOST_BRANCHES}")


def read_separator(text: str) -> str:
    r"""Return what ends a step: `\n` written as two characters is a line break.

    Raises UsageError for an empty one.
    """
    if not text:
        raise UsageError("an empty separator", "the text that ends a step", "separator=\\n")
    return text.replace("\\n", "\n")
