"""What the words beside an unmarked answer do to it: some deny it, some make it another one."""

from gym_reason.verifiers.math.wording import (
    COMPARISONS,
    MULTIPLIERS,
    NUMBER_WORDS,
    OPERATIONS,
    PARTS,
    changes_number,
    denies,
)

WINDOW = 5
"""How many words in front of an answer, or behind it, may take it back."""
EDGES = "*_`,;:()[]\"'~|\u2248"
"""What may cling to a word and is no part of it."""

_CONCLUDING = frozenset({"so", "therefore", "thus", "hence", "finally", "=", "\\implies"})
_FILLING_WORDS = "the a an of that this its value number as many much just only by"
_FILLING = frozenset(_FILLING_WORDS.split())
_ALTERNATIVES = frozenset({"or", "and/or", "either"})
_BESIDE_WORDS = "or not than but no except without excluding instead"
_BESIDE = frozenset(_BESIDE_WORDS.split())
# A rounded answer is one: `about 4` gives 4.
_ROUNDED = frozenset({"about", "around", "approximately"})
_COMPUTED = (COMPARISONS | OPERATIONS | NUMBER_WORDS | PARTS | {"negative"}) - _ROUNDED
_UNCERTAIN = frozenset({"may", "might", "could"})
_BEING_WORDS = "is are was were isn't aren't wasn't can cannot can't seems looks"
_BEING = frozenset(_BEING_WORDS.split())
_PER_NUMBER = frozenset({"mille", "mil", "cent", *MULTIPLIERS})


def spoiled_before(words: list[str]) -> bool:
    """Whether the words in front of an answer deny it, hedge it, or compute with it."""
    clause = _last_clause(words)
    if any(denies(word) for word in clause):
        return True
    if _ALTERNATIVES & set(clause) and any(map(_has_digit, clause)):
        return True
    return _computes(words) or _is_series(clause)


def spoiled_behind(words: list[str]) -> bool:
    """Whether the words behind an answer deny it or make it another one."""
    behind: list[str] = []
    for word in words[:WINDOW]:
        behind.append(bare(word))
        if word[-1] in ".!?;":
            break
    if not behind:
        return False
    if changes_number(behind[0]) or (behind[0] == "per" and set(behind[1:2]) & _PER_NUMBER):
        return True
    return behind[0] in _BEING and any(map(denies, behind))


def bare(word: str) -> str:
    """Return a word in lower case without punctuation."""
    return word.strip(EDGES).rstrip(".?!").strip(EDGES).casefold()


def _last_clause(words: list[str]) -> list[str]:
    """Return the last words, in lower case, back to where something else was said."""
    clause: list[str] = []
    for word in reversed(words[-WINDOW:]):
        # What stands in front of `3,` was said of that number.
        if word[-1] in ".!?;" or (word[-1] == "," and _has_digit(word)):
            break
        clause.append(bare(word))
        if clause[-1] in _CONCLUDING:
            break
    return clause[::-1]


def _computes(words: list[str]) -> bool:
    """Whether the nearest word of content in front is one that computes, as in `half of the 4`."""
    for word in reversed(words):
        if word[-1] in ".:;!?":
            return False
        name = bare(word)
        if name in _FILLING:
            continue
        return name in _COMPUTED or name in _BESIDE
    return False


def _is_series(clause: list[str]) -> bool:
    """Whether an answer is the end of `1 to 4` or `3 and 4`, or what something may be."""
    if not clause:
        return False
    if clause[-1] == "be" and _UNCERTAIN & set(clause):
        return True
    if clause[-1] not in ("to", "through", "and"):
        return False
    first = clause[-2] if len(clause) > 1 else ""
    return _has_digit(first) or first in NUMBER_WORDS or (clause[-1] == "to" and "from" in clause)


def _has_digit(word: str) -> bool:
    return any(char.isdigit() for char in word)
