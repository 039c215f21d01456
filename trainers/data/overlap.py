"""Words in a row that training data share with test data."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.data.examples import read_messages
from gym_reason.trainers.data.files import is_valid_text, read_table
from gym_reason.trainers.data.rouge import RougePool, split_words

DEFAULT_WORDS = 13
"""Words in a row that count as shared, as in the GPT-3 report (arXiv 2005.14165, appendix C)."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """What a text shares with the test data."""

    share: float
    """Share of its n-grams that are there too; 1.0 for a shorter text that is there as a whole."""
    example: str
    """The first one that is shared."""


class OverlapIndex:
    """The n-grams of some texts."""

    def __init__(self, texts: Iterable[str], words: int = DEFAULT_WORDS) -> None:
        """Index the texts; one of fewer than `words` words counts as a whole."""
        self.words = words
        self._grams: set[bytes] = set()
        for text in texts:
            self._grams.update(digest for digest, _ in self._digests(split_words(text)))

    def find(self, *texts: str) -> Overlap | None:
        """Return the most that one of some texts shares with those of the index; None for nothing.

        A text of fewer than `words` words is found where it is there as a whole.
        """
        shared = [overlap for text in texts if (overlap := self._find(text)) is not None]
        return max(shared, key=lambda overlap: overlap.share, default=None)

    def _find(self, text: str) -> Overlap | None:
        found = total = 0
        example = ""
        for digest, gram in self._digests(split_words(text)):
            total += 1
            if digest in self._grams:
                found += 1
                example = example or " ".join(gram)
        return Overlap(found / total, example) if found else None

    def _digests(self, words: Sequence[str]) -> Iterator[tuple[bytes, Sequence[str]]]:
        """Yield each n-gram and eight bytes that stand for it."""
        if not words:
            return
        for start in range(max(len(words) - self.words, 0) + 1):
            gram = words[start : start + self.words]
            yield hashlib.blake2b(" ".join(gram).encode(), digest_size=8).digest(), gram


class SimilarIndex:
    """Texts, to find those that a new one is a small change of."""

    def __init__(self, texts: Iterable[str], limit: float) -> None:
        """Keep the texts and the highest ROUGE-L F that counts as different."""
        self._texts = list(dict.fromkeys(texts))
        self._pool = RougePool(self._texts)
        self._limit = limit

    def find(self, text: str) -> str:
        """Return the score and the text that `text` is too like; empty for none."""
        score, place = self._pool.highest(text)
        return f"{score:.3f} with {self._texts[place]!r:.80}" if score > self._limit else ""


def read_test_texts(path: Path, column: str, log: DropLog) -> Iterator[str]:
    """Yield the texts of a column of a test file; rows without one go into `log`."""
    for line in read_table(path):
        value = line.row.get(column)
        if isinstance(value, list):
            try:
                value = "\n".join(message.content for message in read_messages(value))
            except ValueError:
                value = None
        if isinstance(value, str) and is_valid_text(value):
            yield value
        else:
            log.add(f"{line.where} of {path}", "a test row that cannot be read", line.row)
