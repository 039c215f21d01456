r"""Numbers as people and models write them, read into exact values.

Every function takes linear time and refuses what is over a cap with `OverLimitError`; nothing is
evaluated.

Rules that a reader may want to know:

- `50%` and `50 percent` are the number 1/2, so `50%` equals `50\%` and `0.5`, never `50`.
- `1,234`, `1 234` and `1'234` are grouped thousands only where every later group has three
  digits and the first does not start with 0; `1, 234` is a list and no number.
- `1.234.567` and `1.234,56` group thousands by points, the comma being that of the decimals. Where
  this is no more likely than a decimal or a list (`1.234`, `1.234,567`) it is not read so.
- `3\frac{1}{2}` and `3 1/2` are mixed numbers where the fraction is below one.
- `2^{10}` is read where both are whole numbers; `-2^2` is -4.
- `5 million` is 5,000,000. Other trailing words are a unit, kept beside the value.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

from gym_reason.text import fold_characters
from gym_reason.verifiers.math.units import CURRENCIES, read_unit
from gym_reason.verifiers.math.wording import MULTIPLIERS

MAX_DIGITS = 4_000
"""Most digits of one number; under Python's own limit of 4,300."""
MAX_EXPONENT = 1_000
"""Largest power of ten, either way, and most digits of a power."""
MAX_NUMBER_CHARS = 10_000
"""A longer text is no number."""


class OverLimitError(ValueError):
    """A number has more digits, or a larger exponent, than is ever read."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number and what was written beside it."""

    value: Fraction
    """Exact value; percent and words such as `million` are in it."""
    symbol: str = ""
    """Currency (`$`, `€`, `£`) or `°`."""
    unit: str = ""
    """Unit in lower case and one form: `ft` for feet, `box` for boxes."""


_GROUPING = re.compile(r" ?\{, ?\}|,\\! ?")
_SPACING = re.compile(r"\\(?:left|right|displaystyle|textstyle|quad|qquad)(?![A-Za-z])|\\[,;: ]|~")
_WRAPPERS = (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("**", "**"), ("`", "`"))
_TEXT_OPEN = re.compile(
    r"\\(?:text|textbf|textit|textrm|textnormal|mathrm|mathbf|mathit|mbox|operatorname)\{"
)
_FRACTION_COMMAND = re.compile(r"\\[dtc]frac(?![A-Za-z])")
_NUMBER_HEAD = re.compile(r"[0-9., ']+")
_FRACTION = re.compile(r"\\frac ?(?:\{([^{}]*)\}|([0-9])) ?(?:\{([^{}]*)\}|([0-9]))")
_SLASH = re.compile(r"([0-9.,']+) ?/ ?([0-9.,']+)(?![0-9.,'])")
_MIXED_SLASH = re.compile(r"([0-9]+) ([0-9]+) ?/ ?([0-9]+)(?![0-9.,'])")
_POINT_GROUPS = re.compile(
    r"[1-9][0-9]{0,2}(?:(?:\.[0-9]{3}){2,}(?:,[0-9]+)?|\.[0-9]{3},(?![0-9]{3}$)[0-9]+)"
)
_REPEATING = re.compile(r"([0-9]*)\.([0-9]*)\\overline ?\{([0-9]+)\}")
_EXPONENT = re.compile(r"[eE]([+-]?[0-9]+)(?![0-9A-Za-z.])")
_TIMES_TEN = re.compile(r" ?(?:\\times|\\cdot|\u00d7|\*|x) ?10(?=\^|\*\*)")
_POWER = re.compile(r"(?:\^|\*\*) ?(?:\{ ?([+-]? ?[0-9]+) ?\}|([+-]?[0-9]+))")


def tidy(text: str) -> str:
    """Return an answer without what never changes its meaning: delimiters, spacing, a full stop."""
    text = fold_characters(text)
    text = (
        _GROUPING.sub(",", text).replace("\\!", "").replace("\\%", "%").replace("\\$", "\\dollar ")
    )
    text = _FRACTION_COMMAND.sub(r"\\frac", _SPACING.sub(" ", text))
    text = " ".join(text.split())
    for _ in range(8):
        before = text
        text = text.rstrip(" ")
        # `2...` goes on, and is not 2.
        text = _unwrap(text if text.endswith("..") else text.removesuffix(".").strip())
        if text == before:
            break
    return text.replace("\\dollar ", "$").replace("\\dollar", "$")


def _unwrap(text: str) -> str:
    if text.startswith("$") and text.count("$") == 2:
        # `$72$ clips`; a dollar that is meant as one is escaped here, or stands alone.
        return text[1:].replace("$", " ").strip()
    for left, right in _WRAPPERS:
        inner = text[len(left) : -len(right)]
        if (
            len(text) > len(left) + len(right)
            and text.startswith(left)
            and text.endswith(right)
            and left not in inner
        ):
            return inner.strip()
    opening = _TEXT_OPEN.match(text)
    if opening and text.endswith("}") and not set("{}") & set(text[opening.end() : -1]):
        return text[opening.end() : -1].strip()
    return text


def parse_number(text: str) -> Number | None:
    """Return the number that the whole of `text` is, or None where it is something else.

    Raises:
        OverLimitError: Where it is a number over a cap.
    """
    return parse_tidy(tidy(text)) if len(text) <= MAX_NUMBER_CHARS else None


def parse_tidy(text: str) -> Number | None:
    """Return the number that a text which `tidy` has returned is. Raises OverLimitError."""
    sign, symbol, body = _split_sign(text)
    if not body or body[0] not in "0123456789.\\":
        return None
    read = _read_value(body)
    if read is None:
        return None
    value, rest = read
    suffix = _read_suffix(rest)
    if suffix is None:
        return None
    factor, trailing_symbol, unit = suffix
    if symbol and trailing_symbol and symbol != trailing_symbol:
        return None
    return Number(sign * value * factor, symbol or trailing_symbol, unit)


def _split_sign(text: str) -> tuple[int, str, str]:
    """Return the sign, the leading currency and what is left; either may come first."""
    sign, symbol = 1, ""
    signed = False
    for _ in range(2):
        if not signed:
            for mark, factor in (("-", -1), ("+", 1), ("negative ", -1), ("minus ", -1)):
                if text[: len(mark)].lower() == mark:
                    sign, signed, text = factor, True, text[len(mark) :].lstrip()
                    break
        if not symbol:
            for mark, name in CURRENCIES.items():
                if text[: len(mark)].lower() == mark and text[len(mark) : len(mark) + 1] not in (
                    "",
                    mark,
                ):
                    symbol, text = name, text[len(mark) :].lstrip()
                    break
    return sign, symbol, text


def _read_value(body: str) -> tuple[Fraction, str] | None:
    """Return the unsigned value at the start of `body` and what follows it."""
    for read in (_read_repeating, _read_fraction, _read_slash):
        found = read(body)
        if found is not None:
            return found
    head = _NUMBER_HEAD.match(body)
    if head is None:
        return None
    # A trailing separator belongs to what follows: "5, 6" is no number, "5 cm" is one.
    digits = head[0].rstrip(" ")
    value = _decimal(digits)
    if value is None:
        return None
    rest = body[len(digits) :]
    mixed = _FRACTION.match(rest.lstrip(" "))
    if mixed and digits.isdigit():
        part = _fraction_of(mixed)
        if part is None or not 0 < part < 1:
            return None
        return value + part, rest.lstrip(" ")[mixed.end() :]
    return _read_power(value, digits, rest)


def _read_repeating(body: str) -> tuple[Fraction, str] | None:
    match = _REPEATING.match(body)
    if match is None:
        return None
    whole, fixed, cycle = match.groups()
    _check_digits(whole + fixed + cycle)
    repeated = Fraction(int(cycle), (10 ** len(cycle) - 1) * 10 ** len(fixed))
    return Fraction(int(whole + fixed or "0"), 10 ** len(fixed)) + repeated, body[match.end() :]


def _read_fraction(body: str) -> tuple[Fraction, str] | None:
    match = _FRACTION.match(body)
    value = _fraction_of(match) if match else None
    return (value, body[match.end() :]) if match and value is not None else None


def _fraction_of(match: re.Match[str]) -> Fraction | None:
    top, bottom = (
        _signed_decimal(match[1] or match[2] or ""),
        _signed_decimal(match[3] or match[4] or ""),
    )
    return top / bottom if top is not None and bottom else None


def _read_slash(body: str) -> tuple[Fraction, str] | None:
    mixed = _MIXED_SLASH.match(body)
    if mixed:
        for digits in mixed.groups():
            _check_digits(digits)
        whole, top, bottom = map(int, mixed.groups())
        return (whole + Fraction(top, bottom), body[mixed.end() :]) if 0 < top < bottom else None
    match = _SLASH.match(body)
    if match is None:
        return None
    above, below = _decimal(match[1]), _decimal(match[2])
    return (above / below, body[match.end() :]) if above is not None and below else None


def _read_power(value: Fraction, digits: str, rest: str) -> tuple[Fraction, str] | None:
    r"""Apply `e5`, `\times 10^{5}` or, after a whole number, `^{5}`."""
    exponent = _EXPONENT.match(rest)
    if exponent:
        return value * _power_of_ten(exponent[1]), rest[exponent.end() :]
    times = _TIMES_TEN.match(rest)
    if times:
        power = _POWER.match(rest, times.end())
        if power is None:
            return None
        return value * _power_of_ten(power[1] or power[2]), rest[power.end() :]
    power = _POWER.match(rest)
    if power is None:
        return value, rest
    size = _small_int(power[1] or power[2])
    if not digits.isdigit() or (value == 0 and size <= 0):
        return None
    if abs(size) * len(digits) > MAX_EXPONENT:
        raise OverLimitError(f"a power of more than {MAX_EXPONENT} digits")
    return Fraction(value**size), rest[power.end() :]


def _read_suffix(rest: str) -> tuple[Fraction, str, str] | None:
    """Return the factor, symbol and unit that `rest` means; None where it is more than that."""
    factor = Fraction(1)
    rest = rest.strip(" ")
    first, _, others = rest.partition(" ")
    if first.lower() in MULTIPLIERS:
        factor, rest = Fraction(MULTIPLIERS[first.lower()]), others.strip(" ")
    if rest.lower() in ("%", "percent", "per cent", "pct", "pct."):
        return factor / 100, "", ""
    unit = read_unit(rest)
    return None if unit is None else (factor, *unit)


def _signed_decimal(text: str) -> Fraction | None:
    text = text.strip()
    sign = -1 if text.startswith("-") else 1
    value = _decimal(text.lstrip("+-").strip() if text[:1] in "+-" else text)
    return None if value is None else sign * value


def _decimal(text: str) -> Fraction | None:
    """Return the value of digits with an optional point and thousands separators."""
    if _POINT_GROUPS.fullmatch(text):
        text = text.replace(".", "").replace(",", ".")
    whole, point, places = text.partition(".")
    plain = _ungroup(whole)
    if plain is None or (point and places and not _is_digits(places)) or not plain + places:
        return None
    _check_digits(plain + places)
    return Fraction(int(plain + places), 10 ** len(places))


def _ungroup(whole: str) -> str | None:
    separators = {char for char in whole if not _is_digits(char)}
    if not separators:
        return whole
    if len(separators) > 1:
        return None
    first, *groups = whole.split(separators.pop())
    if (
        not 1 <= len(first) <= 3
        or first.startswith("0")
        or any(len(group) != 3 for group in groups)
    ):
        return None
    return first + "".join(groups)


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _check_digits(digits: str) -> None:
    if len(digits) > MAX_DIGITS:
        raise OverLimitError(f"a number of {len(digits)} digits; at most {MAX_DIGITS} are read")


def _small_int(text: str) -> int:
    text = text.replace(" ", "")
    if len(text) > 6 or abs(int(text)) > MAX_EXPONENT:
        raise OverLimitError(f"an exponent beyond {MAX_EXPONENT}")
    return int(text)


def _power_of_ten(text: str) -> Fraction:
    return Fraction(10) ** _small_int(text)
