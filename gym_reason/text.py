"""What every reader of a model's text shares: where thinking ends, and one form for characters."""

import unicodedata

THINK_OPEN = "<think>"
THINK_CLOSE = "</think>"

_MINUS_SIGNS = "\u2010\u2011\u2012\u2013\u2014\u2212\ufe63"
_FULLWIDTH_OFFSET = 0xFEE0


def after_thinking(text: str) -> str | None:
    """Return what follows the last `</think>`; None where a `<think>` was opened and never closed.

    A text without either tag is returned whole.
    """
    close = text.rfind(THINK_CLOSE)
    if text.rfind(THINK_OPEN) > close:
        return None
    return text if close < 0 else text[close + len(THINK_CLOSE) :]


def fold_characters(text: str) -> str:
    """Return `text` with one character for each meaning that a number can be written with.

    Digits of every script and full-width forms become ASCII, dashes that serve as a minus sign
    become `-`, every space becomes an ordinary one, vulgar fractions become ` 1/2`, and
    characters without a shape (direction marks, zero-width spaces) go. Superscripts stay as they
    are: `5²` is not 52.
    """
    if text.isascii():
        return text
    return "".join(char if char.isascii() else _fold(char) for char in text)


def _fold(char: str) -> str:
    code = ord(char)
    if 0xFF01 <= code <= 0xFF5E:
        return chr(code - _FULLWIDTH_OFFSET)
    if char in _MINUS_SIGNS:
        return "-"
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category == "Zs":
        return " "
    if category == "Cf":
        return ""
    if category == "No" and "FRACTION" in unicodedata.name(char, ""):
        return " " + unicodedata.normalize("NFKD", char).replace("\u2044", "/")
    return {"\u066b": ".", "\u066c": ",", "\u2044": "/", "\u2019": "'"}.get(char, char)


def shorten(text: str, limit: int = 80) -> str:
    """Return `text` on one line of at most `limit` characters, for messages."""
    line = " ".join(text[: 4 * limit].split())
    return line if len(line) <= limit else line[: limit - 3] + "..."
