"""How a value is read before it is compared: the declared normalisations, by name.

Each reading maps a text or a value to something that is equal for what counts as the same, and to
None for what it cannot read; None never equals anything. There is no fuzzy match: a sentence with
one more word is another sentence.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

from gym_reason.verifiers.state.world import Value

Reading = Callable[[Value], "object | None"]


def read_exactly(value: Value) -> object | None:
    """Return the value with its type, so that True is not 1 and "1" is not 1."""
    return None if value is None else (type(value).__name__, value)


def read_text(value: Value) -> object | None:
    """Return a text in Unicode's composed form, without spaces at its ends or of lines."""
    if not isinstance(value, str):
        return None
    lines = unicodedata.normalize("NFC", value).strip().replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip() for line in lines)


def read_title(value: Value) -> object | None:
    """Return a text in small letters with single spaces, without quotes around it or a last dot."""
    if not isinstance(value, str):
        return None
    text = " ".join(_fold_widths(value).split()).casefold()
    text = text.strip("\"'\u201c\u201d\u2018\u2019")
    return text.removesuffix(".").strip() or None


def _fold_widths(text: str) -> str:
    """Return a text in composed form, its full-width and half-width characters made ordinary.

    Superscripts, circled digits and fractions stay what they are: 5\u00b2 is not 52.
    """
    if text.isascii():
        return text
    widths = ("<wide>", "<narrow>")
    return unicodedata.normalize(
        "NFC",
        "".join(
            unicodedata.normalize("NFKC", one)
            if unicodedata.decomposition(one).startswith(widths)
            else one
            for one in text
        ),
    )


def read_phone(value: Value) -> object | None:
    """Return the digits of a telephone number, with its plus. None for anything with letters."""
    if not isinstance(value, str) or not re.fullmatch(r"\s*\+?[0-9()\s./-]{2,40}", value, re.A):
        return None
    return ("+" if value.strip().startswith("+") else "") + re.sub(r"[^0-9]", "", value)


def read_number(value: Value) -> object | None:
    """Return a decimal number, 3.0 like 3, perhaps with commas between thousands."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int) and not -(10**30) < value < 10**30:
        return None
    text = str(value).strip()
    if not re.fullmatch(r"[+-]?([0-9]{1,3}(,[0-9]{3})+|[0-9]{1,30})(\.[0-9]{1,30})?", text, re.A):
        return None
    try:
        return Decimal(text.replace(",", ""))
    except InvalidOperation:  # pragma: no cover
        return None


def read_truth(value: Value) -> object | None:
    """Return `yes` or `no` for the common words and for booleans."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    words = {"true": "yes", "yes": "yes", "是": "yes", "false": "no", "no": "no", "否": "no"}
    title = read_title(value)
    return words.get(title) if isinstance(title, str) else None


READINGS: Mapping[str, Reading] = {
    "exact": read_exactly,
    "text": read_text,
    "title": read_title,
    "phone": read_phone,
    "number": read_number,
    "truth": read_truth,
}


def agrees(reading: str, wanted: Value, found: Value) -> bool:
    """Return whether two values are the same under a reading. Raises KeyError for an unknown one.

    With `exact`, None equals None; under every other reading it equals nothing.
    """
    if reading == "exact" and wanted is None:
        return found is None
    first = READINGS[reading](wanted)
    return first is not None and first == READINGS[reading](found)
