r"""Where the answer stands in a text.

In this order, after the last `</think>`; the first that is present decides:

1. `<answer>...</answer>`
2. the last `\boxed{...}` or `\fbox{...}` with balanced braces
3. GSM8K's `#### x`
4. `the answer is x`, where no `not` and the like stands in front of it
5. the whole text, where it is a number, or where a short line of words is asked for
6. in the lenient profile, the last number of the text, or the last formula between dollar signs in
   a sentence where something else than a number is asked for

Where one of the first two is there several times with different contents, the strict profile
takes all of them, as a list, which equals no single reference; the lenient one takes the last,
except that boxes with nothing but "or", "and" or punctuation between them are one list.
"""

import re
from dataclasses import dataclass
from typing import Literal

from gym_reason.text import after_thinking
from gym_reason.verifiers.math.context import WINDOW, bare
from gym_reason.verifiers.math.last_formula import find_last_formula
from gym_reason.verifiers.math.last_number import find_last_number
from gym_reason.verifiers.math.numbers import (
    Number,
    OverLimitError,
    parse_number,
    tidy,
)
from gym_reason.verifiers.math.wording import denies

Profile = Literal["strict", "lenient"]
Source = Literal["answer_tag", "boxed", "hash", "phrase", "whole", "last_number", "last_formula"]

MAX_CHARS = 20_000
"""Only this many characters at the end of a text are looked at."""
MAX_WHOLE_CHARS = 200
"""A longer text without a marker is no answer of words."""
MAX_BETWEEN_BOXES = 40
"""Boxes further apart are never one list."""

_BOX_TOKEN = re.compile(r"\\(?:boxed|fbox)\s?\{|\\.|[{}]", re.DOTALL)
_BETWEEN_BOXES = re.compile(
    r"(?:[\s$,;.()\[\]\\*]|\\q?quad)*(?:or|and|and/or|\\text\{ ?(?:or|and) ?\}|\u548c|\u6216)?"
    r"(?:[\s$,;.()\[\]\\*]|\\q?quad)*"
)
_PHRASE = re.compile(
    r"\banswer\b[*_]{0,2} ?(?:is\b|:|=)[*_]{0,2} ?:?"
    r"|\u7b54\u6848[*_]{0,2} ?(?:\u662f|\u4e3a|:|\uff1a)[*_]{0,2} ?[:\uff1a]?",
    re.IGNORECASE,
)
# A comma or a bracket ends it too, unless what follows takes the answer back.
_PHRASE_END = re.compile(
    r"\n|[.;] |\.$|[\u3002\uff0c]| (?:because|since|as|which|so|where|when)\b"
    r"|(?:, | \()(?=[A-Za-z])(?!(?:or|and|but|not|maybe|perhaps|possibly)\b)",
    re.IGNORECASE,
)

_CLAUSE_END = re.compile(r"[\n.,:;!?]|\b(?:so|then|therefore|thus|hence)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer and where it was found."""

    text: str
    """The answer as written."""
    source: Source
    """What marked it."""


def extract(
    text: str, profile: Profile = "lenient", *, number_expected: bool = True
) -> Answer | None:
    """Return the answer that `text` gives, or None where it gives none.

    Args:
        text: What the policy wrote.
        profile: `strict` takes no unmarked number out of a longer text.
        number_expected: Whether the reference is a number; if not, a short text is an answer whole.
    """
    visible = after_thinking(text)
    if visible is None:
        return None
    visible = _tail(visible)
    marked = _find_marked(visible, profile)
    if marked is not None:
        if marked.source == "phrase" and profile == "lenient":
            return _narrow(marked, number_expected)
        return marked
    whole = visible.strip()
    if not whole:
        return None
    if _is_number(whole):
        return Answer(whole, "whole")
    if not number_expected:
        formula = find_last_formula(whole) if profile == "lenient" else None
        if formula is not None:
            return Answer(formula, "last_formula")
        short = len(whole) <= MAX_WHOLE_CHARS and "\n" not in whole
        return Answer(whole, "whole") if short else None
    if profile == "lenient" and number_expected:
        number = find_last_number(whole)
        return None if number is None else Answer(number, "last_number")
    return None


def _narrow(marked: Answer, number_expected: bool) -> Answer:
    """Return the only number, or the only formula, of a sentence that announces the answer."""
    if number_expected and not _is_number(marked.text):
        words = [word for word in marked.text.split() if any(char.isdigit() for char in word)]
        number = find_last_number(marked.text) if len(words) == 1 else None
        return marked if number is None else Answer(number, "phrase")
    formula = None if number_expected else find_last_formula(marked.text)
    return marked if formula is None else Answer(formula, "phrase")


def extract_reference(text: str) -> str:
    """Return the answer in a reference: what a marker names, or the whole of it."""
    marked = _find_marked(text, "lenient")
    return (marked.text if marked else text).strip()


def _tail(text: str) -> str:
    if len(text) <= MAX_CHARS:
        return text
    # The cut may fall inside a number: what is left of that word must not be read as one.
    return text[-MAX_CHARS:].partition(" ")[2] if " " in text[-MAX_CHARS:] else ""


def _find_marked(text: str, profile: Profile) -> Answer | None:
    tagged = _find_tagged(text, profile)
    if tagged is not None:
        inner = _open_boxes(tagged, profile)
        return Answer(_find_phrase(inner) or inner, "answer_tag")
    boxed = _find_boxed(text, profile)
    if boxed is not None:
        return Answer(boxed, "boxed")
    hashed = _find_hash(text)
    if hashed is not None:
        return Answer(hashed, "hash")
    phrase = _find_phrase(text)
    return None if phrase is None else Answer(phrase, "phrase")


def _find_tagged(text: str, profile: Profile) -> str | None:
    contents: list[str] = []
    for piece in text.split("<answer>")[1:]:
        content, closing, _ = piece.partition("</answer>")
        if closing:
            contents.append(content.strip())
    if not contents:
        return None
    return _join_differing(contents) if profile == "strict" else contents[-1]


def _find_boxed(text: str, profile: Profile) -> str | None:
    boxes = _scan_boxes(text)
    if not boxes:
        return None
    chosen = _choose_boxes(text, boxes, profile)
    return _join_differing([_open_boxes(box.content, profile) for box in chosen])


def _choose_boxes(text: str, boxes: "list[_Box]", profile: Profile) -> "list[_Box]":
    """Return all boxes in the strict profile, else the last with those that it makes a list of."""
    first = 0 if profile == "strict" else len(boxes) - 1
    while first and _are_one_list(text[boxes[first - 1].end : boxes[first].start]):
        first -= 1
    return boxes[first:]


def _are_one_list(between: str) -> bool:
    return len(between) <= MAX_BETWEEN_BOXES and _BETWEEN_BOXES.fullmatch(between) is not None


def _join_differing(contents: list[str]) -> str:
    """Return the contents as one list without repetitions, which is never one number."""
    if len(contents) == 1:
        return contents[0]
    return ", ".join({_value_or_text(content): content for content in contents}.values())


def _value_or_text(content: str) -> Number | str:
    try:
        return parse_number(content) or tidy(content)
    except OverLimitError:
        return tidy(content)


@dataclass(frozen=True, slots=True)
class _Box:
    start: int
    content: str
    end: int


def _scan_boxes(text: str) -> list[_Box]:
    """Return the outermost closed boxes, in order, in one pass."""
    open_braces: list[tuple[int, int]] = []
    closed: list[tuple[int, int, int]] = []
    for token in _BOX_TOKEN.finditer(text):
        if token[0] == "}":
            if open_braces:
                start, content_start = open_braces.pop()
                if start >= 0:
                    while closed and closed[-1][0] > start:
                        closed.pop()
                    closed.append((start, content_start, token.start()))
        elif token[0] == "{":
            open_braces.append((-1, token.end()))
        elif token[0].endswith("{") and len(token[0]) > 2:
            open_braces.append((token.start(), token.end()))
    return [_Box(start, text[first:last], last + 1) for start, first, last in closed]


def _open_boxes(content: str, profile: Profile) -> str:
    """Return what stands in the boxes inside a box or a tag, where there are any."""
    for _ in range(4):
        if "\\boxed" not in content and "\\fbox" not in content:
            break
        boxes = _scan_boxes(content)
        if not boxes:
            break
        chosen = _choose_boxes(content, boxes, profile)
        content = _join_differing([box.content for box in chosen])
    return content.strip()


def _find_hash(text: str) -> str | None:
    start = text.rfind("####")
    if start < 0:
        return None
    line, _, after = text[start:].lstrip("#").partition("\n")
    line = line.strip()
    # Markdown has headings of this depth too; they are neither numbers nor the end.
    return line if line and (not after.strip() or _is_number(line)) else None


def _find_phrase(text: str) -> str | None:
    found = None
    for found in _PHRASE.finditer(text):  # noqa: B007
        pass
    if found is None:
        return None
    clause = _CLAUSE_END.split(text[: found.start()])[-1]
    if any(denies(bare(word)) for word in clause.split()[-WINDOW:]):
        return None
    rest = text[found.end() :].lstrip()
    end = _PHRASE_END.search(rest)
    return (rest[: end.start()] if end else rest).strip() or None


def _is_number(text: str) -> bool:
    try:
        return parse_number(text) is not None
    except OverLimitError:
        return True
