"""What may stand beside a number: currencies, degrees, multipliers, words for units."""

import re

CURRENCIES = {
    "us$": "$", "$": "$", "usd": "$", "\u20ac": "\u20ac", "eur": "\u20ac", "\\euro": "\u20ac",
    "\u00a3": "\u00a3", "gbp": "\u00a3", "\\pounds": "\u00a3",
}  # fmt: skip
"""Marks that may stand in front of a number, in lower case, and the currency they mean."""

TRAILING_SYMBOLS = CURRENCIES | {
    "dollar": "$", "dollars": "$", "us dollars": "$", "euro": "\u20ac", "euros": "\u20ac",
    "\u00b0": "\u00b0", "^\\circ": "\u00b0", "^{\\circ}": "\u00b0", "degrees": "\u00b0",
    "degree": "\u00b0", "\\degree": "\u00b0",
}  # fmt: skip
"""Marks and words that may stand behind a number."""

MULTIPLIERS = {
    "dozen": 12, "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9,
    "trillion": 10**12,
}  # fmt: skip
"""Words that multiply the number in front of them."""

_SHORT_UNITS = """
per of mm cm dm km kg mg ml cl dl in ft yd mi lb lbs oz hr hrs min mins sec secs ms day days mph
kmh kph gal pt qt mw kw kwh hz khz mhz kb mb gb tb am pm box cup man men cow dog cat egg hen pen
pie toy car bag hat fan jar
"""
# A shorter unknown word is more likely a product of variables (`5 xy`) than a unit.
_SHORTEST_UNKNOWN_UNIT = 4

# Words that change what the number says, so that they are never a unit to be dropped.
_NEVER_UNITS = """
or and but not either maybe perhaps possibly to plus minus times over by mod modulo less more
fewer than at least most about around approximately half halves third thirds quarter quarters
fourth fourths fifth fifths sixth sixths eighth eighths tenth tenths hundredth hundredths point
zero one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty
sixty seventy eighty ninety dozen hundred thousand million billion trillion percent percentage
points squared cubed factorial power root sqrt sin cos tan sec csc cot sinh cosh tanh log ln exp
lim det alpha beta gamma delta epsilon zeta theta iota kappa lambda omega sigma infinity infinite
undefined base divided multiplied remainder except unless false wrong incorrect if when where is
are equals
"""
_SHORT = frozenset(_SHORT_UNITS.split())
_NEVER = frozenset(_NEVER_UNITS.split())
_TEXT = re.compile(
    r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|mbox|operatorname|textnormal)\{([^{}]*)\}"
    r"( ?\^\{?[23]\}?)?"
)
_WORD = re.compile(r"[A-Za-z\u00b5]+[.\u00b2\u00b3]?(?:/[A-Za-z]+)?(?:\^\{?[23]\}?)?")
_MAX_WORDS = 4


def read_unit(text: str) -> tuple[str, str] | None:
    """Return the symbol and the unit that `text`, found behind a number, means.

    Returns:
        `(symbol, unit)`, both empty for an empty text; None where the text is more than a unit.
    """
    if len(text) > 100:
        return None
    marked = _TEXT.fullmatch(text)
    if marked:
        text = marked[1].strip() + (marked[2] or "").strip()
    words = " ".join(text.split()).removesuffix(".").lower()
    if not words:
        return "", ""
    if words in TRAILING_SYMBOLS:
        return TRAILING_SYMBOLS[words], ""
    parts = words.split(" ")
    if len(parts) > _MAX_WORDS:
        return None
    if all(_is_unit(part, marked is not None) for part in parts):
        return "", " ".join(_singular(part) for part in parts)
    return None


def _is_unit(word: str, in_text_mode: bool) -> bool:
    if not _WORD.fullmatch(word):
        return False
    letters = re.split(r"[./^\u00b2\u00b3]", word, maxsplit=1)[0]
    if letters in _NEVER:
        return False
    return in_text_mode or letters in _SHORT or len(letters) >= _SHORTEST_UNKNOWN_UNIT


def _singular(word: str) -> str:
    word = word.replace("^{", "^").replace("}", "").replace("\u00b2", "^2").replace("\u00b3", "^3")
    return word[:-1] if len(word) > 2 and word.endswith("s") and not word.endswith("ss") else word
