"""The tokens of Lean 4, as far as it takes to tell code from comments and strings.

The tokens of a text, put together, are the text. Where Lean's own reader depends on the notations
that are in force, the guard refuses the text instead of trusting this reading of it.

Source: the Lean language reference, "Files" (whitespace, comments, identifiers) and "Literals".
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class LeanTextError(ValueError):
    """A text is no Lean, or holds what no proof may hold."""


class Kind(StrEnum):
    """What a token is."""

    SPACE = "space"
    COMMENT = "comment"
    IDENTIFIER = "identifier"
    NUMBER = "number"
    STRING = "string"
    RAW_STRING = "raw string"
    CHARACTER = "character"
    SYMBOL = "symbol"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a text."""

    kind: Kind
    """What it is."""
    text: str
    """Its characters."""
    line: int
    """The line where it begins, from 1."""


_SPACE = re.compile(r"\s+")
_LINE_COMMENT = re.compile(r"--[^\n]*")
_COMMENT_EDGE = re.compile(r"/-|-/")
_NUMBER = re.compile(
    r"0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|[0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_RAW_OPENING = re.compile(r'r(#*)"')
_CHARACTER = re.compile(r"'(?:[^'\\\n]|\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[^\nxu]))'")
# Raised digits are parts of notations (x², f ⁻¹' s), lowered ones of names; three letters are
# notations themselves.
_PART = r"(?:«[^»\n]*»|[^\W\dλΠΣ²³¹⁰-⁹₀-₉](?:[^\WλΠΣ²³¹⁰-⁹]|['!?])*)"
_IDENTIFIER = re.compile(rf"{_PART}(?:\.{_PART})*")


def tokenize(text: str) -> list[Token]:
    """Return the tokens of a text.

    Raises:
        LeanTextError: For a comment, a string or a quoted identifier that does not end.
    """
    tokens: list[Token] = []
    place, line = 0, 1
    while place < len(text):
        kind, end = _next_token(text, place, line)
        piece = text[place:end]
        tokens.append(Token(kind, piece, line))
        place, line = end, line + piece.count("\n")
    return tokens


def _next_token(text: str, place: int, line: int) -> tuple[Kind, int]:
    """Return the kind and the end of the token at `place`."""
    if text.startswith("/-", place):
        return Kind.COMMENT, _end_of_comment(text, place, line)
    if match := _RAW_OPENING.match(text, place):
        end = text.find('"' + match[1], match.end())
        if end < 0:
            raise LeanTextError(f"line {line}: a raw string does not end")
        return Kind.RAW_STRING, end + 1 + len(match[1])
    for kind, pattern in (
        (Kind.SPACE, _SPACE),
        (Kind.COMMENT, _LINE_COMMENT),
        (Kind.IDENTIFIER, _IDENTIFIER),
        (Kind.NUMBER, _NUMBER),
        (Kind.STRING, _STRING),
    ):
        if found := pattern.match(text, place):
            return kind, found.end()
    if text[place] == '"':
        raise LeanTextError(f"line {line}: a string does not end")
    if text[place] == "«":
        raise LeanTextError(f"line {line}: « without » on its line")
    return _quote_or_symbol(text, place)


def _quote_or_symbol(text: str, place: int) -> tuple[Kind, int]:
    # The prime belongs to the notations f '' s and f ⁻¹' s.
    if text.startswith("''", place):
        return Kind.SYMBOL, place + 2
    if text[place] == "'" and not text.endswith("¹", 0, place):
        literal = _CHARACTER.match(text, place)
        if literal:
            return Kind.CHARACTER, literal.end()
    return Kind.SYMBOL, place + 1


def _end_of_comment(text: str, place: int, line: int) -> int:
    depth = 0
    while edge := _COMMENT_EDGE.search(text, place):
        depth += 1 if edge[0] == "/-" else -1
        place = edge.end()
        if depth == 0:
            return place
    raise LeanTextError(f"line {line}: a comment does not end")
