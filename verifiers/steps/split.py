"""The steps of a solution, with their places in the text.

Every character that is neither white space nor part of a think tag belongs to exactly one step.
All ways of splitting take time linear in the text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from gym_reason.errors import UsageError
from gym_reason.text import THINK_CLOSE, THINK_OPEN

Boundary: TypeAlias = Literal["auto", "markers", "paragraphs", "lines", "sentences", "clauses"]
"""What separates steps. `markers`: lines that start with `Step 1:`, `1.` or `2)`; `paragraphs`:
blank lines, those in a code fence or a `$$` block apart; `clauses`: commas and semicolons too, each
of them; `auto`: the first of the other four, in this order, that makes two steps or more."""

Span: TypeAlias = tuple[int, int]

_THINK_TAG = re.compile(f"{re.escape(THINK_OPEN)}|{re.escape(THINK_CLOSE)}")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_MARKER = re.compile(
    r"[ \t]{0,8}(?:[#>*_-]{1,6}[ \t]{0,4})?"
    r"(?:step[ \t]{1,4}\d{1,4}\b|\(?\d{1,4}[.)\uff0e\u3001](?=[\s*_])|"
    r"\u7b2c[\d\u4e00-\u5341]{1,4}\u6b65)",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(
    "[.!?]+[\"')\\]*_\u201d\u2019]{0,4}(?=\\s)"
    "|[\u3002\uff01\uff1f]+[\u201d\u2019\u300d\uff09]{0,4}|\n"
)
_CLAUSE = re.compile(r"[,;\n]*+[^,;\n]+[,;\n]*+|[,;\n]+")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:e\.g|i\.e|cf|vs|eq|eqs|fig|mr|mrs|ms|dr|prof|approx|resp)$",
    re.IGNORECASE,
)
_LIST_NUMBER = re.compile(r"\s*\(?\d{1,4}$")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a text; `text[start:end]` of it is `content`."""

    start: int
    """Place of its first character."""
    end: int
    """Place behind its last character."""
    content: str
    """The step, without white space around it."""


def split_steps(text: str, by: Boundary = "auto") -> tuple[Step, ...]:
    """Return the steps of `text`, in order. Think tags separate steps and belong to none.

    Raises:
        UsageError: `by` is no boundary.
    """
    if by not in get_args(Boundary):
        raise UsageError(f"steps split by {by!r}", ", ".join(get_args(Boundary)))
    sections = list(_split_sections(text))
    if by != "auto":
        return _split_by(text, sections, by)
    steps: tuple[Step, ...] = ()
    for boundary in _ORDER:
        steps = _split_by(text, sections, boundary)
        if len(steps) > max(1, len(sections)):
            break
    return steps


def _split_by(text: str, sections: list[Span], by: Boundary) -> tuple[Step, ...]:
    splitter = _SPLITTERS[by]
    spans = (span for section in sections for span in splitter(text, section))
    return tuple(step for span in spans if (step := _trim(text, span)) is not None)


def _split_sections(text: str) -> Iterator[Span]:
    """Yield what stands between think tags and is more than white space."""
    start = 0
    for tag in _THINK_TAG.finditer(text):
        if text[start : tag.start()].strip():
            yield start, tag.start()
        start = tag.end()
    if text[start:].strip():
        yield start, len(text)


def _trim(text: str, span: Span) -> Step | None:
    piece = text[span[0] : span[1]]
    content = piece.strip()
    if not content:
        return None
    start = span[0] + len(piece) - len(piece.lstrip())
    return Step(start, start + len(content), content)


def _split_markers(text: str, section: Span) -> Iterator[Span]:
    """Yield a span for each marker, and one for what stands in front of the first."""
    start = section[0]
    for line in _LINE.finditer(text, *section):
        if line.start() > start and _MARKER.match(text, line.start(), line.end()):
            yield start, line.start()
            start = line.start()
    yield start, section[1]


def _split_paragraphs(text: str, section: Span) -> Iterator[Span]:
    start = section[0]
    in_code = in_formula = False
    for line in _LINE.finditer(text, *section):
        content = line[0].strip()
        if content.startswith("```") and content.count("```") == 1:
            in_code = not in_code
        elif content.count("$$") % 2 and not in_code:
            in_formula = not in_formula
        elif not content and not in_code and not in_formula:
            yield start, line.start()
            start = line.end()
    yield start, section[1]


def _split_lines(text: str, section: Span) -> Iterator[Span]:
    for line in _LINE.finditer(text, *section):
        yield line.span()


def _split_sentences(text: str, section: Span) -> Iterator[Span]:
    """Yield a span for each sentence; a line's end is one too."""
    start = section[0]
    for mark in _SENTENCE_END.finditer(text, *section):
        if mark[0] == "." and _is_inner_stop(text, start, mark.start()):
            continue
        yield start, mark.end()
        start = mark.end()
    yield start, section[1]


def _split_clauses(text: str, section: Span) -> Iterator[Span]:
    for clause in _CLAUSE.finditer(text, *section):
        yield clause.span()


def _is_inner_stop(text: str, start: int, stop: int) -> bool:
    """Whether the full stop at `stop` ends an abbreviation, or a number that opens a list."""
    before = text[max(start, stop - 12) : stop]
    if _ABBREVIATION.search(before):
        return True
    return stop - start <= 12 and _LIST_NUMBER.fullmatch(before) is not None


_ORDER: tuple[Boundary, ...] = ("markers", "paragraphs", "lines", "sentences")
_SPLITTERS = {
    "markers": _split_markers,
    "paragraphs": _split_paragraphs,
    "lines": _split_lines,
    "sentences": _split_sentences,
    "clauses": _split_clauses,
}
