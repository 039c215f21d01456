"""What may stand beside a number: currencies, degrees, words for units."""

import re

from gym_reason.verifiers.math.wording import NEVER_UNITS, changes_number

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

_SHORT_UNITS = """
per of mm cm dm km kg mg ml cl dl in ft yd mi lb lbs oz hr hrs min mins sec secs ms day days mph
kmh kph gal pt qt mw kw kwh hz khz mhz kb mb gb tb am pm box cup man men cow dog cat egg hen pen
pie toy car bag hat fan jar bus
"""
# A shorter unknown word is more likely a product of variables (`5 xy`) than a unit.
_SHORTEST_UNKNOWN_UNIT = 4

_ALIASES = {
    "mm": "millimeter millimetre", "cm": "centimeter centimetre", "dm": "decimeter decimetre",
    "m": "meter metre", "km": "kilometer kilometre", "in": "inch", "ft": "foot feet", "yd": "yard",
    "mi": "mile", "mg": "milligram", "g": "gram", "kg": "kilogram kilo", "lb": "pound",
    "oz": "ounce", "ml": "milliliter millilitre", "cl": "centiliter centilitre",
    "dl": "deciliter decilitre", "l": "liter litre", "gal": "gallon", "qt": "quart", "pt": "pint",
    "ms": "millisecond", "sec": "second s", "min": "minute", "h": "hour hr", "yr": "year",
    "wk": "week", "mi/h": "mph", "km/h": "kmh kph", "man": "men", "woman": "women",
    "child": "children", "person": "people", "mouse": "mice", "goose": "geese", "tooth": "teeth",
    "knife": "knives", "life": "lives", "wife": "wives", "leaf": "leaves", "loaf": "loaves",
    "shelf": "shelves", "wolf": "wolves", "bus": "buses", "shoe": "shoes", "toe": "toes",
}  # fmt: skip
_ONE_FORM = {other: unit for unit, others in _ALIASES.items() for other in others.split()}
_PLURAL_WITH_E = re.compile(r"(?<=[^aeiou]o|.x|zz|ch|sh|ss)es$")
_SHORT = frozenset(_SHORT_UNITS.split())
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
        return "", _join([_one_form(part) for part in parts])
    return None


def _is_unit(word: str, in_text_mode: bool) -> bool:
    if not _WORD.fullmatch(word):
        return False
    letters = re.split(r"[./^\u00b2\u00b3]", word, maxsplit=1)[0]
    if letters in NEVER_UNITS or changes_number(letters):
        return False
    return in_text_mode or letters in _SHORT or len(letters) >= _SHORTEST_UNKNOWN_UNIT


def _join(units: list[str]) -> str:
    """Return `mi/h` for miles per hour, `ft^2` for square feet."""
    if len(units) == 2 and units[0] in ("square", "sq", "cubic", "cu"):
        return units[1] + ("^2" if units[0].startswith("s") else "^3")
    return " ".join(units).replace(" per ", "/")


def _one_form(word: str) -> str:
    """Return a unit in the singular, abbreviated where it has an abbreviation."""
    word = word.replace("^{", "^").replace("}", "").replace("\u00b2", "^2").replace("\u00b3", "^3")
    names, caret, power = word.partition("^")
    return "/".join(map(_singular, names.split("/"))) + caret + power


def _singular(word: str) -> str:
    word = word.removesuffix(".")
    if len(word) > 2 and word not in _ALIASES and word not in _ONE_FORM:
        if word.endswith("ies"):
            word = word[:-3] + "y"
        elif _PLURAL_WITH_E.search(word):
            word = word[:-2]
        elif word.endswith("s") and not word.endswith(("ss", "us")):
            word = word[:-1]
        # One singular for `cookies`, be it of `cookie` or `cooky`.
        word = word[:-2] + "y" if word.endswith("ie") else word
    return _ONE_FORM.get(word, word)
