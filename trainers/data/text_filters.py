"""Faults of a response that a reader sees without knowing the answer.

Sources: the repeated 20-gram and the odd characters are those of 2505.14464, section 3; language,
long paragraphs and code blocks those of the DeepSeek-R1 report, arXiv 2501.12948, section 2.3.3.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence

from gym_reason.errors import UsageError
from gym_reason.registry import explain_unknown
from gym_reason.trainers.data.rouge import split_words
from gym_reason.verifiers.formats.language import script_share

TextFilter = Callable[[str], str]
"""Returns what is wrong with a text; an empty text where nothing is."""

_ODD_CATEGORIES = {"Cc", "Cn", "Co", "Cs"}
_REPEATED_WORDS = 20


def find_repetition(limit: float) -> TextFilter:
    """Return a filter of texts that say the same 20 words more than `limit` times."""

    def fault(text: str) -> str:
        words = split_words(text)
        grams = zip(*(words[shift:] for shift in range(_REPEATED_WORDS)), strict=False)
        times = max(Counter(grams).values(), default=0)
        return f"the same 20 words {times} times" if times > limit else ""

    return fault


def find_odd_characters(limit: float) -> TextFilter:
    """Return a filter of texts whose share of odd characters is above `limit`.

    Odd are control characters other than white space, private and unassigned ones, and the
    character that replaces what could not be decoded.
    """

    def is_odd(char: str) -> bool:
        if char.isspace():
            return False
        return char == "\ufffd" or unicodedata.category(char) in _ODD_CATEGORIES

    def fault(text: str) -> str:
        share = sum(map(is_odd, text)) / max(len(text), 1)
        return f"{share:.1%} of the characters" if share > limit else ""

    return fault


def find_other_language(scripts: str) -> TextFilter:
    """Return a filter of texts with less than 0.9 of their letters in `scripts`."""
    script_share("", scripts)  # refuses an unknown one at once

    def fault(text: str) -> str:
        share = script_share(text, scripts)
        return f"{share:.1%} of the letters" if share is not None and share < 0.9 else ""

    return fault


def find_long_paragraph(limit: float) -> TextFilter:
    """Return a filter of texts with a paragraph of more than `limit` characters."""

    def fault(text: str) -> str:
        longest = max(map(len, text.split("\n\n")))
        return f"a paragraph of {longest} characters" if longest > limit else ""

    return fault


def find_code_block(_: float) -> TextFilter:
    """Return a filter of texts with a fence of code."""
    return lambda text: "a fence" if "```" in text else ""


_FILTERS: dict[str, tuple[str, float | None, Callable[[float], TextFilter]]] = {
    "repeated": ("repeats itself", 20.0, find_repetition),
    "odd": ("odd characters", 0.01, find_odd_characters),
    "paragraph": ("a long paragraph", None, find_long_paragraph),
    "code": ("a block of code", 0.0, find_code_block),
}
"""The reason, the limit where none is given (None: one has to be) and the maker of each filter."""
NAMES = (*_FILTERS, "language")
DEFAULT_FILTERS = ("repeated", "odd")


def make_filters(specs: Sequence[str]) -> list[tuple[str, TextFilter]]:
    """Return the reason and the filter of each spec: `NAME`, `NAME=LIMIT` or `language=SCRIPTS`.

    Raises UsageError for an unknown filter, script or limit.
    """
    made = []
    for spec in specs:
        name, equals, value = spec.partition("=")
        if name == "language":
            if not value:
                raise UsageError(f"--filter {spec}", "language=SCRIPTS", "such as language=latin")
            made.append(("another language", find_other_language(value)))
            continue
        if name not in _FILTERS:
            raise UsageError(*explain_unknown("filter", name, list(NAMES)))
        reason, limit, maker = _FILTERS[name]
        if equals or limit is None:
            try:
                limit = float(value)
            except ValueError:
                raise UsageError(f"--filter {spec}", f"{name}=NUMBER") from None
        made.append((reason, maker(limit)))
    return made


def find_text_fault(text: str, filters: Sequence[tuple[str, TextFilter]]) -> tuple[str, str]:
    """Return the reason and the detail of the first filter that stops a text; empty for none."""
    for reason, find in filters:
        detail = find(text)
        if detail:
            return reason, detail
    return "", ""
