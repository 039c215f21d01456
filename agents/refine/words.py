"""Reading what a policy says to a loop."""

import difflib
import re

from gym_reason.text import after_thinking

_BULLET = re.compile(r"^\s*(?:[-*\u2022]|\(?[0-9]{1,2}[.):])\s+")


def without_thoughts(said: str) -> str:
    """Return what a text says behind its thoughts; all of it where a thought was never closed."""
    answer = after_thinking(said)
    return said if answer is None else answer


def says(said: str, words: str) -> bool:
    """Return whether a text, its thoughts left out, holds words, in letters of any size."""
    return words.casefold() in without_thoughts(said).casefold()


def split_lines(said: str) -> list[str]:
    """Return the lines of a list without their bullets and numbers; thoughts are left out."""
    lines = (_BULLET.sub("", line).strip() for line in without_thoughts(said).splitlines())
    return [line for line in lines if line]


def first_word(said: str) -> str:
    """Return the first word in small letters, without marks; empty where there is none."""
    found = re.search(r"\w+", without_thoughts(said))
    return found[0].casefold() if found else ""


def edit_share(before: str, after: str) -> float:
    """Return which share of two texts differs, from 0 for equal ones to 1."""
    return 1.0 - difflib.SequenceMatcher(None, before, after, autojunk=False).ratio()


def strip_fence(said: str) -> str:
    """Return the code of the first fenced block; the text itself where there is none."""
    text = without_thoughts(said)
    found = re.search(r"```[\w+-]*\n(.*?)```", text, re.DOTALL)
    return found[1] if found else text.strip()
