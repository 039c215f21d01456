"""A tool that searches a local index of documents, by BM25."""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gym_reason.errors import DataError, UsageError

SUFFIXES = (".txt", ".md", ".markdown", ".rst")
"""Files of a folder that are read; others are left alone."""
PASSAGE_WORDS = 120
"""A passage is whole paragraphs up to about so many words."""

# Scripts without spaces between words give a word for each sign.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")
_SATURATION = 1.2
_LENGTH_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a document."""

    id: str
    """The document's id; behind the first part, `#` and the number of the part."""
    title: str
    """The document's."""
    text: str
    """What it says."""


class DocumentIndex:
    """Passages, and how well each fits a query.

    Source: Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009: BM25, with the
    inverse document frequency that is never negative.
    """

    def __init__(self, passages: Sequence[Passage]) -> None:
        """Count the words of the passages."""
        self.passages = tuple(passages)
        self._postings: dict[str, list[tuple[int, int]]] = {}
        self._lengths: list[int] = []
        for number, passage in enumerate(self.passages):
            counts = Counter(split_words(f"{passage.title} {passage.text}"))
            self._lengths.append(counts.total())
            for word, count in counts.items():
                self._postings.setdefault(word, []).append((number, count))
        self._mean_length = sum(self._lengths) / max(1, len(self._lengths))

    def find(self, query: str, most: int) -> list[tuple[Passage, float]]:
        """Return the passages that fit best with their scores; none that shares no word."""
        scores: dict[int, float] = {}
        for word in sorted(set(split_words(query))):
            postings = self._postings.get(word, ())
            rarity = math.log1p((len(self.passages) - len(postings) + 0.5) / (len(postings) + 0.5))
            for number, count in postings:
                share = (
                    1 - _LENGTH_SHARE + _LENGTH_SHARE * self._lengths[number] / (self._mean_length)
                )
                weight = count * (_SATURATION + 1) / (count + _SATURATION * share)
                scores[number] = scores.get(number, 0.0) + rarity * weight
        best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:most]
        return [(self.passages[number], score) for number, score in best]


def make_search(
    documents: str | Path, passages: int = 3, characters: int = 1_500
) -> Callable[[str], str]:
    """Return a function that searches documents for a text.

    It returns passages, the best first, each with its id in brackets and its title; one that is
    longer than its share of `characters` is cut. The documents are the caller's: whoever measures
    with them sees to it that they do not hold the answers.

    Args:
        documents: A folder, whose text and Markdown files are read with all below it, or a JSONL
            file whose rows have `id`, `title` and `text`.
        passages: Most passages that are returned.
        characters: Most characters of all of them together, about.

    Raises:
        UsageError: Where there is no such folder or file.
        DataError: For a file that cannot be read, or none with words in it.
    """
    index = DocumentIndex(list(read_passages(Path(documents))))
    if not index.passages:
        raise DataError(f"{documents} holds no text", f"files {', '.join(SUFFIXES)}, or rows")

    def search_documents(text: str) -> str:
        """Search the documents and return the passages that fit best, with their ids."""
        found = index.find(text, passages)
        if not found:
            return "nothing was found"
        share = max(80, characters // len(found))
        return "\n\n".join(_show(passage, share) for passage, _ in found)

    return search_documents


def split_words(text: str) -> list[str]:
    """Return the words of a text, in small letters."""
    return _WORD.findall(text.casefold())


def read_passages(documents: Path) -> Iterator[Passage]:
    """Yield the passages of a folder or a JSONL file. Raises UsageError, DataError."""
    if documents.is_dir():
        for path in sorted(documents.rglob("*")):
            if path.suffix.lower() in SUFFIXES and path.is_file():
                name = path.relative_to(documents).as_posix()
                yield from _split(name, path.stem, _read_text(path))
    elif documents.is_file():
        yield from _read_rows(documents)
    else:
        raise UsageError(f"no documents at {documents}", "a folder or a JSONL file")


def _read_rows(path: Path) -> Iterator[Passage]:
    known: set[str] = set()
    for number, line in enumerate(_read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"line {number} of {path}: {error}", "a JSON object") from None
        text = row.get("text") if isinstance(row, dict) else None
        if not isinstance(text, str):
            raise DataError(f"line {number} of {path} has no text", "a row with id, title, text")
        name = str(row.get("id", number))
        if name in known:
            raise DataError(f"line {number} of {path}: the id {name!r} again", "one id a row")
        known.add(name)
        yield from _split(name, str(row.get("title") or ""), text)


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: {error}", "a file in UTF-8") from None


def _split(name: str, title: str, text: str) -> Iterator[Passage]:
    """Yield whole paragraphs together, up to a number of words; a long one is cut between words."""
    parts: list[str] = []
    room = 0
    for paragraph in re.split(r"\n\s*\n", text):
        words = paragraph.split()
        for start in range(0, len(words), PASSAGE_WORDS):
            piece = words[start : start + PASSAGE_WORDS]
            if len(piece) > room:
                parts.append("")
                room = PASSAGE_WORDS
            parts[-1] = f"{parts[-1]}\n{' '.join(piece)}".strip()
            room -= len(piece)
    for number, part in enumerate(parts, 1):
        yield Passage(name if number == 1 else f"{name}#{number}", title, part)


def _show(passage: Passage, most: int) -> str:
    text = passage.text if len(passage.text) <= most else f"{passage.text[:most]}..."
    return f"[{passage.id}] {passage.title}".rstrip() + f"\n{text}"
