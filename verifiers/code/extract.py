"""Where the program stands in a submission."""

import re

from gym_reason.text import after_thinking

MAX_CHARS = 1_000_000
"""A longer program is not read."""
# Possessive throughout: what is taken is never given back, so no line costs more than its length.
_FENCE = re.compile(r"^[ ]{0,3}(`{3,}+|~{3,}+)[ \t]*+([\w+#.-]*+)[^\n`]*+$", re.MULTILINE)


def extract_program(submission: str, language: str, names: tuple[str, ...]) -> str | None:
    """Return the program in a submission, or None where it holds none.

    What stands behind the last `</think>` counts. There the last closed fence that is marked with
    the language is the program, or the last closed one without a mark; without fences all of it.

    Args:
        submission: What the policy wrote.
        language: The language that is asked for.
        names: How fences may call it.
    """
    text = after_thinking(submission)
    if text is None:
        return None
    text = text.removeprefix("\ufeff")
    blocks = _find_blocks(text)
    for wanted in ({name.lower() for name in (language, *names)}, {""}):
        for mark, program in reversed(blocks):
            if mark in wanted:
                return program if program.strip() else None
    if blocks:
        return None
    return text if text.strip() else None


def _find_blocks(text: str) -> list[tuple[str, str]]:
    """Return the mark and the content of each fenced block that is closed."""
    blocks = []
    opening: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        if opening is None:
            opening = fence
        elif fence[1].startswith(opening[1]) and not fence[2]:
            blocks.append((opening[2].lower(), text[opening.end() + 1 : fence.start()]))
            opening = None
    return blocks
