"""Where the two sides of an equation begin and end in a line of prose.

A side reaches from its `=` up to the first word or sign that is no part of an expression; words
behind a number are its unit. A side is *clean* where nothing beside it can change its meaning:
`half of 10 + 2 = 7` has a left side that is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gym_reason.verifiers.steps.line_tokens import Token

MAX_UNIT_WORDS = 3
"""More words behind a number are no unit."""

_EXPRESSION = frozenset({"number", "variable", "operator", "percent", "open", "close"})
_MEANING_WORDS = (
    "of half halve twice thrice double triple times plus minus more less fewer than by divided "
    "multiplied per percent third quarter fourth fifth dozen dozens hundred thousand million "
    "billion trillion over squared cubed mod modulo choose remainder sum product difference ratio "
    "square root sqrt log ln exp sin cos tan gcd lcm max min average mean from cents halves thirds "
    "quarters fifths tenths full whole complete rounded if suppose assume whether unless not"
)
_SENTENCE_WORDS = (
    "and or so is are was were the then which that this these he she it they we you has have had "
    "for in on at to as if but because since with while when where into each every if not"
)
_CHANGES_MEANING = frozenset(_MEANING_WORDS.split())
_NEVER_UNITS = _CHANGES_MEANING | frozenset(_SENTENCE_WORDS.split())
_FUNCTIONS = frozenset({"sqrt", "log", "ln", "exp", "sin", "cos", "tan", "gcd", "lcm"})
_TAKES_BACK = frozenset({"wrong", "incorrect", "false", "not", "no", "wait", "oops", "rather"})
_REACH = 4
_QUOTES = frozenset("\"'\u2019\u201d*_|>")


@dataclass(frozen=True, slots=True)
class Run:
    """One side of an equation."""

    tokens: tuple[Token, ...]
    """Its tokens; empty where there is no expression."""
    clean: bool
    """Whether nothing beside it can change its meaning."""

    @property
    def units(self) -> frozenset[str]:
        """The units of its numbers, singular."""
        words = (token.text.lower() for token in self.tokens if token.kind == "word")
        return frozenset(word[:-1] if len(word) > 2 and word[-1] == "s" else word for word in words)

    @property
    def has_operator(self) -> bool:
        """Whether there is something to work out."""
        return any(token.kind in ("operator", "open") for token in self.tokens[1:])

    @property
    def has_variable(self) -> bool:
        """Whether there is an unknown."""
        return any(token.kind == "variable" for token in self.tokens)


def find_left_side(segment: Sequence[Token]) -> Run:
    """Return the side that ends where `segment`, the tokens in front of an `=`, ends."""
    start, clean, place = 0, True, 0
    while place < len(segment):
        token = segment[place]
        if token.kind in _EXPRESSION:
            place += 1
            continue
        after = _skip_words(segment, place) if token.kind == "word" else place + 1
        if token.kind != "word" or not _are_unit(segment, place, after):
            start, clean = after, _starts_cleanly(segment, place, after)
        place = after
    opened = _find_unmatched(segment, start)
    if opened is not None:
        start, clean = opened + 1, True
    tokens = segment[start:]
    before = segment[start - 1] if 0 < start < len(segment) else None
    if before and _is_function(before, tokens[0]):
        return Run((), False)
    if tokens and tokens[0].kind == "operator":
        glued = len(tokens) > 1 and tokens[1].start == tokens[0].end
        if tokens[0].text not in "+-" or not glued:
            return Run((), False)
        clean = clean and not (before and before.kind == "word")
    kinds = [token.kind for token in tokens if token.kind != "word"]
    if before and before.kind == "word" and kinds == ["number"]:
        clean = False  # `add 4 to his 8 = 12`: a number behind words is the end of a phrase.
    return Run(tuple(tokens), clean)


def find_right_side(segment: Sequence[Token]) -> Run:
    """Return the side that starts where `segment`, the tokens behind an `=`, starts."""
    end, clean, place, depth = len(segment), True, 0, 0
    while place < len(segment):
        token = segment[place]
        if token.kind == "close" and depth == 0:
            end = place
            break
        depth += (token.kind == "open") - (token.kind == "close")
        if token.kind in _EXPRESSION:
            place += 1
            continue
        if token.kind == "word":
            after = _skip_words(segment, place)
            if _are_unit(segment, place, after):
                place = after
                continue
        end, clean = place, _ends_cleanly(segment, place)
        break
    if depth > 0:
        opened = _find_first_unclosed(segment, end)
        clean = opened > 0 and segment[opened].start > segment[opened - 1].end
        end = opened
    while end > 0 and segment[end - 1].kind == "operator":
        end, clean = end - 1, False
    return Run(tuple(segment[:end]), clean)


def _skip_words(segment: Sequence[Token], place: int) -> int:
    while place < len(segment) and segment[place].kind == "word":
        place += 1
    return place


def _are_unit(segment: Sequence[Token], start: int, end: int) -> bool:
    """Whether the words from `start` to `end` are the unit of what stands in front of them."""
    if start == 0 or segment[start - 1].kind not in ("number", "percent", "close"):
        return False
    if end - start > MAX_UNIT_WORDS:
        return False
    if any(token.text.lower() in _NEVER_UNITS for token in segment[start:end]):
        return False
    return end == len(segment) or segment[end].kind in ("operator", "close", "stop")


def _is_function(before: Token, first: Token) -> bool:
    r"""Whether a sign or a word takes what follows as its argument: `\sqrt{16}`, `sin 0`.

    Words of a script without spaces (Chinese) touch what follows and take nothing.
    """
    if before.kind not in ("word", "other"):
        return False
    touches = before.end == first.start and before.text[-1] < "\u3040"
    return touches or before.text.lower() in _FUNCTIONS


def _starts_cleanly(segment: Sequence[Token], start: int, end: int) -> bool:
    """Whether the tokens from `start` to `end`, in front of a side, leave its meaning alone."""
    last = segment[end - 1]
    if end >= len(segment) or segment[end].start == last.end or last.kind == "other":
        return False
    before = segment[start - 1].kind if start else ""
    if before == "operator":
        return False  # The expression goes on beyond the words: `4 + his 3 + 2 = 9`.
    if last.kind == "stop":
        # `14, 400` and `7 : 3` may be one value.
        return not (last.text in ",:" and before == segment[end].kind == "number")
    if last.text.lower() == "and" and before == "number" and _is_fraction(segment, end):
        return False  # `1 and 1/4`
    return last.text.lower() not in _CHANGES_MEANING


def _ends_cleanly(segment: Sequence[Token], place: int) -> bool:
    """Whether the token at `place`, which ends a side, leaves its meaning alone."""
    token = segment[place]
    apart = place == 0 or token.start > segment[place - 1].end
    if any(other.text.lower() in _TAKES_BACK for other in segment[place : place + _REACH]):
        return False
    following = segment[place + 1] if place + 1 < len(segment) else None
    if token.kind == "word":
        if token.text.lower() == "and" and following is not None:
            return apart and not _is_fraction(segment, place + 1)
        return apart and token.text.lower() not in _CHANGES_MEANING
    if token.kind == "stop":
        if token.text in "?!":
            return False  # a question, or a factorial
        return following is None or following.start > token.end or following.kind == "close"
    return token.text in _QUOTES


def _is_fraction(segment: Sequence[Token], place: int) -> bool:
    """Whether `1/3`, `(1/3)` or `a half` stands at `place`."""
    token = segment[place]
    signs = [other.text for other in segment[place + 1 : place + 3]]
    return (
        token.kind == "open"
        or (token.kind == "number" and signs[:1] == ["/"])
        or token.text.lower() in ("a", "half", "one")
    )


def _find_unmatched(segment: Sequence[Token], start: int) -> int | None:
    """Return the place of the last bracket that is opened and not closed again."""
    opened: list[int] = []
    for place in range(start, len(segment)):
        if segment[place].kind == "open":
            opened.append(place)
        elif segment[place].kind == "close" and opened:
            opened.pop()
    return opened[-1] if opened else None


def _find_first_unclosed(segment: Sequence[Token], end: int) -> int:
    opened: list[int] = []
    for place in range(end):
        if segment[place].kind == "open":
            opened.append(place)
        elif segment[place].kind == "close" and opened:
            opened.pop()
    return opened[0] if opened else end
