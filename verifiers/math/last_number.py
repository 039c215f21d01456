"""The last number of a text, where it stands alone and nothing beside it takes it back."""

from gym_reason.verifiers.math.context import EDGES, bare, spoiled_before, spoiled_behind
from gym_reason.verifiers.math.numbers import OverLimitError, parse_number
from gym_reason.verifiers.math.wording import MULTIPLIERS

_OPERATORS = {"+", "-", "*", "/", "^", "\u00d7", "\u00f7", "\u00b1", "+-", "+/-", "x", "mod"}
_FUNCTIONS = {"log", "ln", "lg", "exp", "sqrt", "sin", "cos", "tan", "cot", "sec", "csc"}
_REFUSED_BEFORE = _OPERATORS | _FUNCTIONS
# Commands that join nothing to the number behind them; any other may be a part of it.
_HARMLESS_COMMANDS = {
    "\\quad", "\\qquad", "\\approx", "\\rightarrow", "\\implies", "\\therefore", "\\to",
    "\\longrightarrow", "\\boldsymbol", "\\text",
}  # fmt: skip
_FOLLOWERS = frozenset({"%", "percent", "pct", *MULTIPLIERS})


def find_last_number(text: str) -> str | None:
    """Return the last number of `text` as written, or None.

    None too where the last digits are part of a formula (`2x`, `3 + 2`, `twice 5`), of a list
    (`5, 6`), of a choice (`5 or 6`), of a bound (`at least 5`) or of a denial (`it cannot be 5`): a
    guess there would reward hedging.
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
    behind = [] if words[place][-1] in ".,;:!?" else words[place + 1 :]
    if spoiled_behind(behind):
        return None
    if before and before[-1].isdigit():
        # `1 234` and `3 1/2` are one number; `5 6` is none.
        joined = f"{_strip_edges(before)} {candidate}"
        return joined if _is_number(joined) and not spoiled_before(words[: place - 1]) else None
    if _joins_what_follows(before.casefold()) or (
        before[-1:] in tuple("+-*/^,;") and any(char.isdigit() for char in before)
    ):
        return None
    if not _is_number(candidate) or spoiled_before(words[:place]):
        return None
    follower = bare(behind[0]) if behind else ""
    return f"{candidate} {follower}" if follower in _FOLLOWERS else candidate


def _joins_what_follows(word: str) -> bool:
    if word in _REFUSED_BEFORE:
        return True
    is_command = word.startswith("\\") and word[1:].isalpha()
    return is_command and word not in _HARMLESS_COMMANDS


def _strip_edges(word: str) -> str:
    word = word.strip(EDGES).rstrip(".?").strip(EDGES)
    return word[:-1] if word.endswith("$") and not word.startswith("$") else word


def _is_number(text: str) -> bool:
    try:
        return parse_number(text) is not None
    except OverLimitError:
        return True
