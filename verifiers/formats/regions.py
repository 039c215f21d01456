"""Which part of a text a verifier of shape looks at."""

from typing import Literal, TypeAlias, get_args

from gym_reason.errors import UsageError
from gym_reason.text import THINK_CLOSE, THINK_OPEN, after_thinking

Region: TypeAlias = Literal["whole", "thought", "answer"]
"""`whole`: everything but the think tags; `thought`: what stands before the last `</think>`;
`answer`: what stands after it."""


def check_region(region: str) -> None:
    """Raise UsageError where `region` is none."""
    if region not in get_args(Region):
        raise UsageError(f"the region {region!r}", "whole, thought or answer")


def select_region(text: str, region: Region) -> str:
    """Return a part of `text` without think tags.

    A text without tags is all answer; one whose last `<think>` is never closed is all thought.
    """
    if region == "whole":
        return _without_tags(text)
    answer = after_thinking(text)
    if region == "answer":
        return "" if answer is None else answer
    return _without_tags(text if answer is None else text[: len(text) - len(answer)])


def _without_tags(text: str) -> str:
    return text.replace(THINK_OPEN, " ").replace(THINK_CLOSE, " ")
