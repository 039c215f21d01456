"""One plain character for those that look like it, and those that are not seen at all."""

import re
import unicodedata
from functools import lru_cache

# The commonest look-alikes of other scripts; Unicode's own list of them has thousands (UTS #39).
_LOOK_ALIKES = {
    "a": "\u0391\u03b1\u0410\u0430\u13aa",
    "b": "\u0392\u0412\u0432\u042c\u13f4",
    "c": "\u03f9\u03f2\u0421\u0441\u13df",
    "d": "\u0500\u0501\u13a0",
    "e": "\u0395\u03b5\u0415\u0435\u0404\u0454\u04bd\u13ac\u212e",
    "f": "\u03dc\u03dd\u0584",
    "g": "\u050c\u050d\u0581\u13c0",
    "h": "\u0397\u041d\u043d\u04bb",
    "i": "\u0399\u03b9\u0406\u0456\u04c0\u04cf\u13a5",
    "k": "\u039a\u03ba\u041a\u043a",
    "m": "\u039c\u041c\u043c",
    "n": "\u039d\u03b7\u043f\u0578",
    "o": "\u039f\u03bf\u041e\u043e\u0585",
    "p": "\u03a1\u03c1\u0420\u0440\u13e2",
    "s": "\u0405\u0455\u13da",
    "t": "\u03a4\u03c4\u0422\u0442\u13a2",
    "u": "\u03c5\u057d",
    "x": "\u03a7\u03c7\u0425\u0445\u00d7",
    "y": "\u03a5\u0423\u0443\u04ae",
    "<": "\u2039\u2329\u276c\u276e\u27e8\u3008\u02c2",
    ">": "\u203a\u232a\u276d\u276f\u27e9\u3009\u02c3",
    "[": "\u27e6\u2e22\u3010\u3014\u301a",
    "]": "\u27e7\u2e23\u3011\u3015\u301b",
    "|": "\u01c0\u2223\u23d0\u2502\u2503\u2758\uffe8",
    "/": "\u2044\u2215\u29f8",
    "_": "\u2581",
}
_PLAIN = {char: plain for plain, chars in _LOOK_ALIKES.items() for char in chars}
_LATIN_LETTER = re.compile(
    r"(?=.*LATIN|REGIONAL INDICATOR).*"
    r"LETTER (?:SMALL CAPITAL |SCRIPT |DOTLESS )?([A-Z])(?: WITH.*)?"
)
# Marks of direction, joiners of words, mathematics and graphemes, fillers, annotations. What joins
# emoji and the letters of scripts has a meaning and is none of them.
_UNSEEN = frozenset(
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a\u202b\u202c\u202d"
    "\u202e\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\u3164\ufeff\uffa0\ufff9\ufffa"
    "\ufffb"
)
_TAGS = range(0xE0000, 0xE0080)


def remove_unseen(text: str) -> str:
    """Return `text` without characters that have no shape, or one that misleads, and no meaning."""
    return "".join(char for char in text if not _is_unseen(char))


def plain_shapes(text: str) -> str:
    """Return `text` with one small, plain character in the place of each that looks like it."""
    return "".join(map(_plain_shape, text))


def squeeze(text: str) -> str:
    """Return the letters and digits of `text` in their plain shapes, and `[` and `]` for brackets.

    Accents, spaces and all other punctuation are left out.
    """
    return "".join(map(_squeeze_char, unicodedata.normalize("NFKD", plain_shapes(text))))


def _is_unseen(char: str) -> bool:
    if char in "\n\t":
        return False
    return char in _UNSEEN or ord(char) in _TAGS or unicodedata.category(char) == "Cc"


@lru_cache(4096)
def _plain_shape(char: str) -> str:
    if char.isascii():
        return char.lower()
    known = _PLAIN.get(char)
    if known is not None:
        return known
    letter = _LATIN_LETTER.fullmatch(unicodedata.name(char, ""))
    if letter is not None:
        return letter[1].lower()
    folded = unicodedata.normalize("NFKC", char)
    return (_PLAIN.get(folded, folded.lower()) + char)[0] if len(folded) == 1 else char


@lru_cache(4096)
def _squeeze_char(char: str) -> str:
    if char.isalnum():
        return char
    category = unicodedata.category(char)
    if char == "<" or category in ("Ps", "Pi"):
        return "["
    return "]" if char == ">" or category in ("Pe", "Pf") else ""
