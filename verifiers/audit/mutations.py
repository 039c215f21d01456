r"""Ways to write an answer again, rightly and wrongly: pure functions, one source for all probes.

Each returns a tuple without repetitions, in an order that depends on its arguments alone.
`gym_reason.verifiers.audit.strategies` offers the same texts to hypothesis.
"""

import math
import unicodedata
from collections.abc import Iterable, Sequence
from fractions import Fraction

from gym_reason.verifiers.audit.values import (
    Choice,
    Interval,
    Items,
    Value,
    read_value,
    values_differ,
)

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")  # noqa: RUF001
ARABIC_INDIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
MATHEMATICAL_BOLD = str.maketrans("0123456789", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗")  # noqa: RUF001

_MAX_DECIMALS = 12
_LETTERS = "ABCDEFGHIJ"


# Numbers


def write_number(number: Fraction | int) -> str:
    """Return a number as digits, as a decimal where that ends, or as `p/q`."""
    value = Fraction(number)
    return _write_decimal(value) or f"{value.numerator}/{value.denominator}"


def equal_forms(number: Fraction | int) -> tuple[str, ...]:
    r"""Return other writings of a number: decimals, `p/q`, `\frac`, percent, powers of ten."""
    value = Fraction(number)
    top, bottom = value.numerator, value.denominator
    sign, size = ("-" if top < 0 else ""), abs(top)
    forms = [write_number(value), _write_decimal(value)]
    forms += [f"- {write_number(-value)}"] if value < 0 else [f"+{write_number(value)}"]
    if bottom == 1:
        forms += [f"{top}.0", f"{top}.00", *_spaced_groups(top)]
        # Points group thousands where there are two of them.
        forms += [f"{top:,}".replace(",", ".")] if size >= 10**6 else []
        if top and top % 1000 == 0:
            zeros = len(str(top)) - len(str(top).rstrip("0"))
            forms += [f"{top // 10**zeros} \\times 10^{{{zeros}}}", f"{top // 10**zeros}e{zeros}"]
    else:
        forms += [f"{top}/{bottom}", f"{top} / {bottom}", f"{2 * top}/{2 * bottom}"]
        forms += [f"{sign}\\{name}{{{size}}}{{{bottom}}}" for name in ("frac", "dfrac", "tfrac")]
        if size > bottom:
            whole, part = divmod(size, bottom)
            forms += [f"{sign}{whole}\\frac{{{part}}}{{{bottom}}}"]
        forms += _point_groups(value)
        percent = _write_decimal(value * 100)
        forms += [f"{percent}%", f"{percent}\\%"] if percent else []
    return _distinct(forms)


def digit_groups(number: Fraction | int) -> tuple[str, ...]:
    """Return a whole number of four digits or more with thousands separated by commas."""
    value = Fraction(number)
    if value.denominator != 1 or abs(value) < 1000:
        return ()
    grouped = f"{value.numerator:,}"
    return _distinct([grouped, grouped.replace(",", "{,}")])


def perturbed_values(number: Fraction | int) -> tuple[Fraction, ...]:
    """Return other numbers that are easily taken for this one; the number itself is not among them.

    They are off by one, of the other sign, ten, a hundred or a thousand times larger or smaller,
    upside down, rounded, or have one digit changed, dropped, doubled or swapped with the next.
    """
    value = Fraction(number)
    found = [value + 1, value - 1, -value, *(value * 10**k for k in (1, 2)), value / 10]
    found += [value / 100, value / 1000, value + Fraction(1, 1000), 2 * value]
    if value:
        found.append(1 / value)
    if value.denominator != 1:
        top, bottom = value.numerator, value.denominator
        found += [Fraction(top + 1, bottom), Fraction(top, bottom + 1), Fraction(round(value))]
        found += [Fraction(math.floor(value * 100), 100), Fraction(round(value * 10**6), 10**6)]
    else:
        found += [Fraction(int(digits)) for digits in _changed_digits(str(value.numerator))]
    return tuple(dict.fromkeys(other for other in found if other != value))


def perturbed(number: Fraction | int, tolerance: float = 0.0) -> tuple[str, ...]:
    """Return texts that are worth something else than `number`.

    Args:
        number: What is right.
        tolerance: Values that are this close, as a share of `number`, are left out.
    """
    value = Fraction(number)
    limit = Fraction(tolerance) * abs(value)
    texts = [write_number(other) for other in perturbed_values(value) if abs(other - value) > limit]
    written = write_number(value)
    if abs(value) > limit:
        texts += [f"{written}%", f"{written}\\%"]
    if value.denominator == 1 and value >= 3:
        texts += [f"{written}!", f"{written}^2", f"\\sqrt{{{written}}}", f"{written}i"]
        texts += [f"{written}x", f"{written} + 1", f"\\pm {written}"]
    if value.denominator == 1 and 1000 <= value < 10**15:
        # A separator in the wrong place is a decimal comma or a list, never this number.
        texts += [f"{written[:-2]},{written[-2:]}", f"{written[:-3]}.{written[-3:]}"]
    return _distinct(texts)


# Answers of every kind


def equal_answers(answer: str) -> tuple[str, ...]:
    """Return other writings of an answer that `read_value` can read; nothing for another one."""
    value = read_value(answer)
    if isinstance(value, Fraction):
        return equal_forms(value)
    if isinstance(value, Items):
        return _equal_items(value)
    if isinstance(value, Interval):
        text = _write_value(value)
        return _distinct([text, text.replace(" ", ""), f"\\left{text[:-1]}\\right{text[-1]}"])
    if isinstance(value, Choice):
        return tuple(
            form.format(value.letter) for form in ("{}", "({})", "{}.", "\\text{{{}}}", "**{}**")
        )
    return ()


def wrong_answers(answer: str, tolerance: float = 0.0) -> tuple[str, ...]:
    """Return near misses of an answer that `read_value` can read; nothing for another one."""
    value = read_value(answer)
    if isinstance(value, Fraction):
        return perturbed(value, tolerance)
    if isinstance(value, Items):
        found = _wrong_items(value)
    elif isinstance(value, Interval):
        found = _wrong_intervals(value)
    elif isinstance(value, Choice):
        place = _LETTERS.index(value.letter)
        return tuple(_LETTERS[(place + step) % 5 + place // 5 * 5] for step in (1, 2))
    else:
        return ()
    return _distinct(text for text in found if values_differ(answer, text, tolerance))


def format_mutations(answer: str) -> tuple[str, ...]:
    """Return the answer with other spacing, delimiters and characters that change no meaning."""
    texts = [f" {answer} ", f"\n{answer}\n", f"\u00a0{answer}", f"{answer}."]
    texts += [f"**{answer}**", f"`{answer}`"]
    if "$" not in answer and "\\(" not in answer:
        texts += [f"${answer}$", f"$${answer}$$", f"\\({answer}\\)", f"$ {answer} $"]
    if answer.startswith("-"):
        texts += [f"\u2212{answer[1:]}"]
    if answer.isascii() and answer.lstrip("-").replace(".", "", 1).isdigit():
        texts += [answer.translate(FULL_WIDTH)]
    return _distinct(texts)


def normal_forms(answer: str) -> tuple[str, ...]:
    """Return the composed and the decomposed Unicode form of a text, where they differ from it."""
    forms = (unicodedata.normalize(form, answer) for form in ("NFC", "NFD"))
    return _distinct(form for form in forms if form != answer)


def near_texts(answer: str) -> tuple[str, ...]:
    """Return the first half of a text, its double, and texts that differ in one character."""
    if not answer:
        return ()
    middle = len(answer) // 2
    changed = "1" if answer[middle] == "0" else "0"
    texts = [answer + "0", "0" + answer, answer + answer[-1], answer[:middle] + answer[middle:][1:]]
    texts += [answer[:middle] + changed + answer[middle + 1 :], answer + answer]
    texts.append(answer[:middle])
    swapped = answer[:-2] + answer[-1] + answer[-2] if len(answer) > 1 else answer
    return _distinct(
        text for text in (*texts, swapped) if text.split() != answer.split() and text.strip()
    )


def confusables(wrong: str) -> tuple[str, ...]:
    """Return a wrong answer in the digits of other scripts, which make it no better."""
    tables = (FULL_WIDTH, ARABIC_INDIC, MATHEMATICAL_BOLD)
    found = [wrong.translate(table) for table in tables]
    found += [f"\u200b{wrong}", "\u2060".join(wrong)]
    return _distinct(text for text in found if text != wrong)


def lookalikes(answer: str) -> tuple[str, ...]:
    """Return texts that a whole number looks like, or that a screen shows as it, and it is not."""
    value = read_value(answer)
    if not isinstance(value, Fraction) or value.denominator != 1 or value < 10:
        return ()
    digits = str(value.numerator)
    texts = [digits[:1] + digits[1:].translate(SUPERSCRIPTS)]
    if digits != digits[::-1]:
        texts.append(f"\u202e{digits[::-1]}\u202c")
    return tuple(texts)


def hedges(reference: str, others: Sequence[str]) -> tuple[str, ...]:
    """Return texts that give the right answer among wrong ones.

    Args:
        reference: The right answer.
        others: Wrong answers, at least one.
    """
    first = others[0]
    texts = [f"{reference} or {first}", f"{first} or {reference}", f"either {first} or {reference}"]
    texts += [f"{first}, {reference}", f"{first}; {reference}", f"{first} {reference}"]
    texts += [f"{first}/{reference}?", f"{reference} (or {first})", f"{first} and/or {reference}"]
    texts += [f"The answer is {first} or {reference}", f"The answer is {reference} or {first}."]
    texts += [f"The answer is {reference}, or maybe {first}", f"not {reference}"]
    texts += [f"The answer is not {reference}", f"anything but {reference}"]
    everything = [*others, reference]
    return _distinct([*texts, ", ".join(everything), " ".join(everything)])


def denials(reference: str) -> tuple[str, ...]:
    """Return texts that deny a whole number from 5 up, doubt it, or compute something with it."""
    sentences = (
        "it is not equal to {}", "so it cannot be {}", "it never equals {}", "it isn't {}",
        "maybe {}", "perhaps it is {}", "it might be {}", "twice {}", "half of {}", "a third of {}",
        "the square of {}", "at least {}", "at most {}", "under {}", "nearly {}", "1 to {}",
        "from 1 m to {} m", "four minus {}", "1 and {}", "{} is wrong", "{} cannot be right",
        "I do not think the answer is {}", "It is false that the answer is {}",
    )  # fmt: skip
    announced = ("maybe {}", "twice {}", "at least {}", "not equal to {}", "half of {}")
    found = [sentence.format(reference) for sentence in sentences]
    return _distinct([*found, *(f"The answer is {text.format(reference)}" for text in announced)])


def magnitudes(reference: str) -> tuple[str, ...]:
    """Return a whole number from 5 up with a word behind it that makes it another number."""
    words = (
        "thousand", "thousands", "millions", "lakh", "crore", "quadrillion", "dozens", "octillion",
        "per mille", "percent", "halves", "thousandths", "tenfold", "squared", "doubled", "halved",
        "reciprocal", "negative",
    )  # fmt: skip
    return tuple(f"{reference} {word}" for word in words)


def near_unions(answer: str) -> tuple[str, ...]:
    """Return unions that are larger than an interval by less than a float can tell."""
    value = read_value(answer)
    if not isinstance(value, Interval):
        return ()
    text = _write_value(value)
    left, right = text[0], text[-1]
    low, high = map(write_number, value.ends)
    return (
        f"{text} \\cup {left}{low} - 10^{{-20}}, {high}{right}",
        f"{text} \\cup {left}{low}, {high} + 10^{{-400}}{right}",
        f"{left}{low}, {high}) \\cup ({high}, {high} + 10^{{-20}}{right}",
    )


def listed(reference: str, others: Sequence[str]) -> tuple[str, ...]:
    """Return the right answer among wrong ones, each on a line of its own."""
    return tuple("\n".join(lines) for lines in ([*others, reference], [reference, *others]))


def boxed_hedges(reference: str, other: str) -> tuple[str, ...]:
    r"""Return texts with the right answer and a wrong one in `\boxed{}` and other markers."""
    pairs = ((reference, other), (other, reference))
    texts = [f"\\boxed{{{one}}} or \\boxed{{{two}}}" for one, two in pairs]
    texts += [f"\\boxed{{{one}}}, \\boxed{{{two}}}" for one, two in pairs]
    texts += [f"\\boxed{{{one} \\text{{ or }} {two}}}" for one, two in pairs]
    texts += [f"\\boxed{{{one}, {two}}}" for one, two in pairs]
    texts += [f"<answer>{one} or {two}</answer>" for one, two in pairs]
    texts += [f"#### {one} or {two}" for one, two in pairs]
    texts += [f"\\boxed{{\\boxed{{{one}}}\\boxed{{{two}}}}}" for one, two in pairs]
    return _distinct(texts)


def number_list(last: str) -> str:
    """Return every whole number from 0 to 100, and `last` at the end."""
    return ", ".join([*map(str, range(101)), last])


def _distinct(texts: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


def _write_decimal(value: Fraction) -> str | None:
    if value.denominator == 1:
        return str(value.numerator)
    for places in range(1, _MAX_DECIMALS + 1):
        scaled = value * 10**places
        if scaled.denominator == 1:
            digits = str(abs(scaled.numerator)).zfill(places + 1)
            return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"
    return None


def _write_fraction(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value)
    sign = "-" if value < 0 else ""
    return f"{sign}\\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def _spaced_groups(number: int) -> list[str]:
    return [f"{number:,}".replace(",", gap) for gap in ("\\,", " ")] if abs(number) >= 1000 else []


def _point_groups(value: Fraction) -> list[str]:
    """Return `1.234,56` for 1234.56, where it cannot be taken for something else."""
    whole, point, places = (_write_decimal(value) or "").partition(".")
    clear = abs(value) >= (10**6 if len(places) == 3 else 1000)
    return [f"{int(whole):,}".replace(",", ".") + f",{places}"] if point and clear else []


def _changed_digits(digits: str) -> list[str]:
    """Return a whole number with one digit changed, dropped, doubled or swapped with the next."""
    sign, digits = ("-", digits[1:]) if digits.startswith("-") else ("", digits)
    places = sorted({0, len(digits) // 2, len(digits) - 1})
    found = []
    for place in places:
        head, digit, tail = digits[:place], digits[place], digits[place + 1 :]
        found += [head + str((int(digit) + 1) % 10) + tail, head + digit + digit + tail]
        found += [head + tail] if head + tail else []
        found += [head + tail[0] + digit + tail[1:]] if tail else []
    return [sign + text for text in found]


def _write_value(value: Value) -> str:
    if isinstance(value, Fraction):
        return write_number(value)
    if isinstance(value, Choice):
        return value.letter
    if isinstance(value, Interval):
        left, right = ("[" if value.has_low else "("), ("]" if value.has_high else ")")
        return f"{left}{write_number(value.low)}, {write_number(value.high)}{right}"
    inner = ", ".join(map(write_number, value.numbers))
    return f"({inner})" if value.ordered else f"\\{{{inner}\\}}"


def _equal_items(value: Items) -> tuple[str, ...]:
    text = _write_value(value)
    opening, inner, closing = (
        (text[:1], text[1:-1], text[-1:]) if value.ordered else (text[:2], text[2:-2], text[-2:])
    )
    forms = [text, text.replace(" ", ""), f"\\left{opening}{inner}\\right{closing}"]
    forms.append(f"{opening} {inner.replace(', ', ' , ')} {closing}")
    if not value.ordered:
        turned = value.numbers[1:] + value.numbers[:1]
        orders = (value.numbers[::-1], tuple(sorted(value.numbers)), turned)
        forms += [_write_value(Items(False, order)) for order in orders]
    if any(number.denominator != 1 for number in value.numbers):
        inner = ", ".join(map(_write_fraction, value.numbers))
        forms.append(f"{opening}{inner}{closing}")
    return _distinct(forms)


def _wrong_items(value: Items) -> list[str]:
    numbers = value.numbers
    found = [(numbers[0] + 1, *numbers[1:]), (*numbers[:-1], numbers[-1] - 1)]
    found += [(*numbers, max(numbers) + 1), tuple(-number for number in numbers)]
    if len(numbers) > 1:
        found += [numbers[:-1], numbers[1:]]
    if value.ordered:
        found.append(numbers[::-1])
    return [_write_value(Items(value.ordered, other)) for other in found]


def _wrong_intervals(value: Interval) -> list[str]:
    low, high = value.low, value.high
    found = [Interval(low, high, a, b) for a in (True, False) for b in (True, False)]
    found += [
        Interval(low - 1, high, value.has_low, value.has_high),
        Interval(low, high + 1, value.has_low, value.has_high),
    ]
    return [_write_value(other) for other in found if other != value]
