r"""The last formula of a sentence, where nothing beside it takes it back."""

import re

from gym_reason.verifiers.math.context import spoiled_before, spoiled_behind

_FORMULA = re.compile(
    r"\$\$(?P<display>[^$]+)\$\$|(?<!\\)\$(?P<inline>[^$]+)(?<!\\)\$|\\\((?P<round>.+?)\\\)"
    r"|\\\[(?P<square>.+?)\\\]",
    re.DOTALL,
)
_HEDGE = re.compile(
    r"\b(?:or|either|maybe|perhaps|possibly|not|isn't|but|and|nor|unless|except)\b|\u6216|\u548c|,\s*$",
    re.IGNORECASE,
)
_WINDOW = 60
MAX_CHARS = 4_000
"""Only this many characters at the end of a text are looked at."""


def find_last_formula(text: str) -> str | None:
    """Return the last formula of `text`, or None.

    None too where the text is nothing but a formula, and where words such as "or" stand near it: a
    guess there would reward hedging.
    """
    text = text[-MAX_CHARS:]
    if "$" not in text and "\\(" not in text and "\\[" not in text:
        return None
    found = None
    for found in _FORMULA.finditer(text):  # noqa: B007
        pass
    if found is None:
        return None
    before, after = text[: found.start()], text[found.end() :]
    if not any(char.isalpha() for char in before + after):
        return None
    if _HEDGE.search(before[-_WINDOW:]) or _HEDGE.search(after[:_WINDOW]):
        return None
    if spoiled_before(before.split()) or spoiled_behind(after.split()):
        return None
    return found[found.lastgroup or 0].strip()
