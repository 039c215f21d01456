"""Instructions that a model wrote: how it is asked, how they are read, and what drops one.

Source: Wang et al. 2022, arXiv 2212.10560, section 2.2, and its code for the numbers.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from gym_reason.trainers.data.rouge import RougePool, split_words

OPENING = (
    "Here is a numbered list of different tasks for an assistant that reads and writes text. "
    "Continue the list in the same form, with new tasks that are unlike those above.\n"
)
BLOCKED_WORDS = (
    *("audio", "camera", "chart", "diagram", "draw", "drawing", "figure", "file", "files"),
    *("graph", "graphs", "image", "images", "map", "maps", "photo", "photos", "picture"),
    *("pictures", "plot", "sketch", "video", "videos"),
)
"""Words of tasks that text alone cannot solve."""

_NUMBERED = re.compile(r"^[ \t]*(\d{1,3})[.)][ \t]+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class InstructionRules:
    """What an instruction has to be."""

    rouge: float = 0.7
    """Highest ROUGE-L F with any other one."""
    min_words: int = 4
    """Fewest words."""
    max_words: int = 150
    """Most words."""
    blocked: tuple[str, ...] = BLOCKED_WORDS
    """Words that it must not hold."""


def compose_request(demonstrations: Sequence[str]) -> str:
    """Return the text that a model is to continue with the next number's task."""
    lines = [OPENING]
    lines += [f"{n}. {' '.join(text.split())}" for n, text in enumerate(demonstrations, 1)]
    return "\n".join([*lines, f"{len(demonstrations) + 1}."])


def read_instructions(text: str, first: int, *, cut_off: bool) -> list[str]:
    """Return the instructions in a model's continuation, each on one line.

    What stands before the first number is the instruction that `first` was asked for where the next
    number follows, or none does; otherwise it is what a model says before its list. Where the text
    was cut off, so was the last instruction.
    """
    numbers = [*_NUMBERED.finditer(text)]
    goes_on = not numbers or int(numbers[0].group(1)) == first + 1
    starts = [0] if goes_on else []
    starts += [match.end() for match in numbers]
    ends = [*(match.start() for match in numbers[0 if goes_on else 1 :]), len(text)]
    found = [" ".join(text[a:b].split()) for a, b in zip(starts, ends, strict=True)]
    return [item for item in (found[:-1] if cut_off else found) if item]


def find_fault(text: str, rules: InstructionRules, pool: RougePool) -> tuple[str, str]:
    """Return the reason and the detail why an instruction is dropped; empty where it is not."""
    words = split_words(text)
    if len(words) < rules.min_words:
        return "too short", f"{len(words)} words"
    if len(words) > rules.max_words:
        return "too long", f"{len(words)} words"
    if unicodedata.category(text[0]).startswith("P"):
        return "begins with punctuation", text[0]
    blocked = sorted(set(words) & set(rules.blocked))
    if blocked:
        return "a blocked word", ", ".join(blocked)
    score, _ = pool.highest(text)
    if score > rules.rouge:
        return "like another one", f"ROUGE-L {score:.3f}"
    return "", ""
