"""The last number of a text, where it stands alone and nothing beside it takes it back."""

from gym_reason.verifiers.math.numbers import OverLimitError, parse_number
from gym_reason.verifiers.math.units import MULTIPLIERS

_EDGES = "*_`,;:()[]\"'~|\u2248"
_OPERATORS = {"+", "-", "*", "/", "^", "\u00d7", "\u00f7", "\u00b1", "+-", "+/-", "x", "mod"}
_FUNCTIONS = {"log", "ln", "lg", "exp", "sqrt", "sin", "cos", "tan", "cot", "sec", "csc"}
_DENIALS = {"not", "or", "isn't", "than", "but", "except", "without", "excluding"}
_REFUSED_BEFORE = _OPERATORS | _FUNCTIONS | _DENIALS
# Commands that join nothing to the number behind them; any other may be a part of it.
_HARMLESS_COMMANDS = {
    "\\quad", "\\qquad", "\\approx", "\\rightarrow", "\\implies", "\\therefore", "\\to",
    "\\longrightarrow", "\\boldsymbol", "\\text",
}  # fmt: skip
_FOLLOWERS = frozenset({"%", "percent", "pct", *MULTIPLIERS})
_HEDGE_WINDOW = 5


def find_last_number(text: str) -> str | None:
    """Return the last number of `text` as written, or None.

    None too where the last digits are part of a formula (`2x`, `3 + 2`), of a list (`5, 6`), of a
    choice (`5 or 6`) or of a denial (`not 5`): a guess there would reward hedging.
    """
    words = text.split()
    place = next(
        (i for i in range(len(words) - 1, -1, -1) if any(char.isdigit() for char in words[i])), None
    )
    if place is None:
        return None
    candidate = _strip_edges(words[place])
    before = words[place - 1] if place else ""
    _, equals, right = candidate.rpartition("=")
    if equals:
        return right if _is_number(right) else None
    if before and before[-1].isdigit():
        # `1 234` and `3 1/2` are one number; `5 6` is none.
        joined = f"{_strip_edges(before)} {candidate}"
        return joined if _is_number(joined) and not _hedged(words, place - 1) else None
    if _joins_what_follows(before.casefold()) or (
        before[-1:] in tuple("+-*/^,;") and any(char.isdigit() for char in before)
    ):
        return None
    if not _is_number(candidate) or _hedged(words, place):
        return None
    follower = (
        _strip_edges(words[place + 1]).rstrip(".").casefold() if place + 1 < len(words) else ""
    )
    return f"{candidate} {follower}" if follower in _FOLLOWERS else candidate


def _joins_what_follows(word: str) -> bool:
    if word in _REFUSED_BEFORE:
        return True
    is_command = word.startswith("\\") and word[1:].isalpha()
    return is_command and word not in _HARMLESS_COMMANDS


def _strip_edges(word: str) -> str:
    word = word.strip(_EDGES).rstrip(".?").strip(_EDGES)
    return word[:-1] if word.endswith("$") and not word.startswith("$") else word


def _hedged(words: list[str], place: int) -> bool:
    """Whether another number and an "or" stand shortly before."""
    window = words[max(0, place - _HEDGE_WINDOW) : place]
    lowered = [word.strip(_EDGES).casefold() for word in window]
    if not any(word in ("or", "and/or", "either") for word in lowered):
        return False
    return any(char.isdigit() for word in window for char in word)


def _is_number(text: str) -> bool:
    try:
        return parse_number(text) is not None
    except OverLimitError:
        return True
