r"""Prose apart from code and mathematics, in one pass over a text.

Code stands in Markdown fences and backticks; mathematics in `$...$`, `$$...$$`, `\(...\)`,
`\[...\]` and LaTeX environments, and in bare LaTeX commands. A `$` opens only where no space
follows and closes only where none precedes and no digit follows, on the same line, so that sums of
money do not. What is never closed is prose.
"""

import re

_CLOSERS = {"```": "```", "$$": "$$", "\\(": "\\)", "\\[": "\\]", "`": "`"}
_OPENING = re.compile(
    r"```|`|\$\$|\$(?=[^\s$])|\\[(\[]|\\begin\{[A-Za-z]{1,20}\*?\}|\\[A-Za-z]+|\\.|https?://\S+",
    re.DOTALL,
)
_DOLLAR_CLOSE = re.compile(r"[$\n]")


def split_prose(text: str) -> tuple[str, str]:
    """Return the prose of `text`, and its code and mathematics; each is in order of the text."""
    prose: list[str] = []
    rest: list[str] = []
    missing: set[str] = set()
    place = 0
    while True:
        opening = _OPENING.search(text, place)
        if opening is None:
            break
        prose.append(text[place : opening.start()])
        end = _find_end(text, opening, missing)
        if end is None:  # The opener stays; the letters behind it are prose.
            end = opening.end()
        rest.append(text[opening.start() : end])
        prose.append(" ")
        place = end
    prose.append(text[place:])
    return "".join(prose), " ".join(rest)


def _find_end(text: str, opening: re.Match[str], missing: set[str]) -> int | None:
    """Return where the span that `opening` starts ends; None where it is never closed.

    `missing` holds the closers that no longer occur, so that none is looked for twice in vain.
    """
    opener = opening[0]
    if opener == "$":
        close = _DOLLAR_CLOSE.search(text, opening.end())
        if close is None or close[0] == "\n" or text[close.start() - 1].isspace():
            return None
        return None if text[close.end() : close.end() + 1].isdigit() else close.end()
    if opener.startswith("\\begin{"):
        closer = "\\end{" + opener[len("\\begin{") :]
    elif opener in _CLOSERS:
        closer = _CLOSERS[opener]
    else:
        return opening.end()  # A command or an address, whole already.
    if closer in missing:
        return None
    end = text.find(closer, opening.end())
    if end < 0:
        missing.add(closer)
        return None
    return end + len(closer)
