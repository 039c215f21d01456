"""The script of a letter, from its Unicode name.

Python's tables hold no script property, but the name of every letter starts with its script.
"""

import functools
import unicodedata
from collections.abc import Mapping

SCRIPTS: Mapping[str, tuple[str, ...]] = {
    "latin": ("LATIN",),
    "han": ("CJK", "IDEOGRAPHIC"),
    "hiragana": ("HIRAGANA",),
    "katakana": ("KATAKANA", "KATAKANA-HIRAGANA"),
    "hangul": ("HANGUL",),
    "bopomofo": ("BOPOMOFO",),
    "cyrillic": ("CYRILLIC",),
    "greek": ("GREEK",),
    "arabic": ("ARABIC",),
    "hebrew": ("HEBREW",),
    "devanagari": ("DEVANAGARI",),
    "bengali": ("BENGALI",),
    "gurmukhi": ("GURMUKHI",),
    "gujarati": ("GUJARATI",),
    "tamil": ("TAMIL",),
    "telugu": ("TELUGU",),
    "kannada": ("KANNADA",),
    "malayalam": ("MALAYALAM",),
    "sinhala": ("SINHALA",),
    "thai": ("THAI",),
    "lao": ("LAO",),
    "khmer": ("KHMER",),
    "myanmar": ("MYANMAR",),
    "tibetan": ("TIBETAN",),
    "mongolian": ("MONGOLIAN",),
    "georgian": ("GEORGIAN",),
    "armenian": ("ARMENIAN",),
    "ethiopic": ("ETHIOPIC",),
}
"""First words of the names of each script's letters."""

LANGUAGES: Mapping[str, tuple[str, ...]] = {
    "chinese": ("han", "bopomofo"),
    "japanese": ("han", "hiragana", "katakana"),
    "korean": ("hangul", "han"),
}
"""Languages that are written in several scripts."""

_BY_WORD = {word: script for script, words in SCRIPTS.items() for word in words}


@functools.lru_cache(maxsize=8192)
def script_of(char: str) -> str | None:
    """Return the script of a letter: a key of `SCRIPTS`, or `other`; None for what is no letter.

    Full-width, mathematical and other dressed forms count as the letter they stand for.
    """
    if char.isascii():
        return "latin" if char.isalpha() else None
    for plain in unicodedata.normalize("NFKC", char):
        if unicodedata.category(plain)[0] == "L":
            word = unicodedata.name(plain, "").partition(" ")[0]
            return _BY_WORD.get(word, "other")
    return None
