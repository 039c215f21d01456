r"""A line of a solution as tokens: numbers, variables, operators, words and what separates them.

LaTeX and Markdown are reduced to plain signs first. All of it takes time linear in the line.
"""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from gym_reason.text import fold_characters

Kind: TypeAlias = Literal[
    "number", "variable", "word", "operator", "percent", "open", "close", "equals", "stop", "other"
]
"""`stop` is punctuation after which something new may begin; `other` is any sign not known."""

_REPLACED = {
    "\\times": "*",
    "\\cdot": "*",
    "\\ast": "*",
    "\\div": "/",
    "\\%": "%",
    "\\left": "",
    "\\right": "",
    "\\$": "",
    "\\(": "",
    "\\)": "",
    "\\[": "",
    "\\]": "",
    "\\,": "",
    "\\!": "",
    "\\;": " ",
    "\\:": " ",
    "\\ ": " ",
    "\\quad": " ",
    "\\qquad": " ",
    "\\boxed": "",
    "\\displaystyle": "",
    "\\dfrac": "\\frac",
    "\\tfrac": "\\frac",
    "\\cfrac": "\\frac",
    "\\implies": ";",
    "\\Rightarrow": ";",
    "\\therefore": ";",
    "\\\\": ";",
    "$": "",
    "\u00d7": "*",
    "\u00b7": "*",
    "\u22c5": "*",
    "\u2219": "*",
    "\u00f7": "/",
    "\u00b2": "^2",
    "\u00b3": "^3",
    "\u21d2": ";",
    "\u2192": ";",
    "=>": ";",
    "->": ";",
    "==": "=",
    "&=": "=",
    "&": "",
    "\u20ac": "",
    "\u00a3": "",
    "`": "",
}
_REPLACE = re.compile(
    r"\\[A-Za-z]+|\\.|[$\u00d7\u00b7\u22c5\u2219\u00f7\u00b2\u00b3\u21d2\u2192\u20ac\u00a3`]"
    r"|=>|->|(?<![=<>!:])==(?!=)|&=|&"
)
_TEXT = re.compile(r"\\(?:text|textbf|mathrm|mathbf|mbox)\{([^{}]{0,200})\}")
_FRACTION = re.compile(r"\\frac ?(?:\{([^{}]{0,200})\}|(\d)) ?(?:\{([^{}]{0,200})\}|(\d))")
_BOLD = re.compile(r"(?<![\w)])\*\*|\*\*(?![\w(.-])")
_BULLET = re.compile(
    r"\s{0,40}(?:[-*+\u2022]\s+|#{1,6}\s+)?"
    r"(?:(?:step\s{1,4})\d{1,4}\s{0,4}[:.)]|\(?\d{1,4}[.)](?=\s++[^+*/^=-]))?",
    re.IGNORECASE,
)
_TOKEN = re.compile(
    r"(?P<number>(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)(?:\.\d+)?|(?<![\w.])\.\d+)"
    r"|(?P<word>[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+|/?[^\W\d_]{2,}(?:[/'\u2019][^\W\d_]+)*(?:\^[23](?!\d))?)"
    r"|(?P<variable>[A-Za-z])"
    r"|(?P<percent>%)"
    r"|(?P<operator>[-+*/^])"
    r"|(?P<open>[(\[{])|(?P<close>[)\]}])"
    r"|(?P<equals>(?<![<>!:~=])=(?![<>=]))"
    r"|(?P<stop>[.,;:!?\u3002\uff0c\uff1b\uff1a\u3001])"
    r"|(?P<other>\S)"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a line."""

    kind: Kind
    """What it is."""
    text: str
    """As written, LaTeX aside."""
    start: int
    """Place in the reduced line."""
    end: int
    """Place behind its last character."""


def tokenize_line(line: str) -> list[Token]:
    """Return the tokens of a line, without a bullet or a step's number in front."""
    reduced = _reduce(line)
    bullet = _BULLET.match(reduced)
    start = bullet.end() if bullet else 0
    tokens = []
    for match in _TOKEN.finditer(reduced, start):
        kind = _KINDS[match.lastgroup or "other"]
        text = match[0]
        if kind == "variable" and text in "xX" and _between_numbers(reduced, match):
            kind, text = "operator", "*"
        elif kind == "variable" and text in "aAI" and _is_article(reduced, match):
            kind = "word"
        tokens.append(Token(kind, text, *match.span()))
    return tokens


def _reduce(line: str) -> str:
    if line.isascii() and not any(sign in line for sign in "\\$*&=`>"):
        return line
    line = _REPLACE.sub(lambda match: _REPLACED.get(match[0], match[0]), line)
    if "\\" in line:
        line = _TEXT.sub(r" \1 ", line)
        for _ in range(3):  # fractions in fractions
            line = _FRACTION.sub(_write_fraction, line)
    if "**" in line:
        line = _BOLD.sub("", line).replace("**", "^")
    return fold_characters(line)


def _write_fraction(match: re.Match[str]) -> str:
    above, digit_above, below, digit_below = match.groups()
    # Parentheses, so that what stands around the fraction does not enter it.
    return f"(({above or digit_above})/({below or digit_below}))"


def _between_numbers(text: str, match: re.Match[str]) -> bool:
    """Whether an x is a sign of multiplication: `3 x 4`, `3x4`, `) x (`, never `3x + 4`."""
    before = text[max(0, match.start() - 4) : match.start()]
    after = text[match.end() : match.end() + 4]
    if before.endswith(" ") != after.startswith(" "):
        return False
    left, right = before.strip()[-1:], after.strip()[:1]
    return (left.isdigit() or left in (")", "%")) and (right.isdigit() or right in ("(", "."))


def _is_article(text: str, match: re.Match[str]) -> bool:
    """Whether a letter is the word `a` or `I`: a letter or a digit follows after a space."""
    return (
        text[match.end() : match.end() + 1] == " "
        and text[match.end() + 1 : match.end() + 2].isalnum()
    )


_KINDS: dict[str, Kind] = {
    "number": "number",
    "word": "word",
    "variable": "variable",
    "percent": "percent",
    "operator": "operator",
    "open": "open",
    "close": "close",
    "equals": "equals",
    "stop": "stop",
    "other": "other",
}
