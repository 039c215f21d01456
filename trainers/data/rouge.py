"""ROUGE-L: how much of two texts is a common subsequence of words.

Source: Lin 2004, "ROUGE: a package for automatic evaluation of summaries", section 3. With L the
length of the longest common subsequence of two texts of m and n words, recall is L/m, precision L/n
and F their harmonic mean, 2L / (m + n), which is the same both ways round.
"""

import re
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]

_WORD = re.compile(r"[^\W_]+")
_WITHOUT_SPACES = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_LANE_BITS = 64
_BITS_OF_BYTE = np.array([byte.bit_count() for byte in range(256)], dtype=np.uint8)


def split_words(text: str) -> list[str]:
    """Return the words of a text without their case; marks between words do not count.

    Scripts that put no space between words give one word for each character.
    """
    words = _WORD.findall(text.casefold())
    if text.isascii():
        return words
    found: list[str] = []
    for word in words:
        found.extend(word if _WITHOUT_SPACES.search(word) else (word,))
    return found


def lcs_length(left: Sequence[object], right: Sequence[object]) -> int:
    """Return the length of the longest common subsequence.

    One bit for each item of `left`; each item of `right` costs one addition of whole numbers.

    Source: Hyyro 2004, "Bit-parallel LCS-length computation revisited".
    """
    places: dict[object, int] = {}
    for place, item in enumerate(left):
        places[item] = places.get(item, 0) | 1 << place
    ones = (1 << len(left)) - 1
    state = ones
    for item in right:
        matched = state & places.get(item, 0)
        state = (state + matched | state - matched) & ones
    return len(left) - state.bit_count()


def rouge_l(left: str, right: str) -> float:
    """Return the ROUGE-L F of two texts, in [0, 1]; 0 where one has no word."""
    return score_words(split_words(left), split_words(right))


def score_words(left: Sequence[str], right: Sequence[str]) -> float:
    """Return the ROUGE-L F of two lists of words."""
    if not left or not right:
        return 0.0
    return 2.0 * lcs_length(left, right) / (len(left) + len(right))


class RougePool:
    """Texts that a new one is compared with, all at once.

    A text is a row of word numbers. A candidate of up to 64 words is compared with every row in
    one pass over the columns, one 64-bit lane for each row; a longer one row by row.
    """

    def __init__(self, texts: Sequence[str] = ()) -> None:
        """Start with some texts."""
        self._numbers: dict[str, int] = {}
        self._words = np.zeros((16, 16), dtype=np.int32)  # 0 is no word
        self._lengths = np.zeros(16, dtype=np.int64)
        self._count = 0
        for text in texts:
            self.add(text)

    def __len__(self) -> int:
        """Return how many texts there are."""
        return self._count

    def add(self, text: str) -> None:
        """Put a text into the pool."""
        ids = [self._numbers.setdefault(word, len(self._numbers) + 1) for word in split_words(text)]
        self._make_room(len(ids))
        self._words[self._count, : len(ids)] = ids
        self._lengths[self._count] = len(ids)
        self._count += 1

    def scores(self, text: str) -> Floats:
        """Return the ROUGE-L F of `text` with each text of the pool, in their order."""
        words = split_words(text)
        lengths = self._lengths[: self._count]
        if not words:
            return np.zeros(self._count)
        common = (
            self._common_in_lanes(words)
            if len(words) <= _LANE_BITS
            else self._common_one_by_one(words)
        )
        # A text without words shares none; its sum with this one's length is never 0.
        return 2.0 * common / (lengths + len(words))

    def highest(self, text: str) -> tuple[float, int]:
        """Return the highest score and the place of the text that has it; (0, -1) without any."""
        scores = self.scores(text)
        if not len(scores):
            return 0.0, -1
        place = int(scores.argmax())
        return float(scores[place]), place

    def _common_in_lanes(self, words: Sequence[str]) -> Floats:
        masks = np.zeros(len(self._numbers) + 1, dtype=np.uint64)
        for place, word in enumerate(words):
            number = self._numbers.get(word)
            if number is not None:
                masks[number] |= np.uint64(1 << place)
        state: npt.NDArray[np.uint64] = np.full(self._count, 2**64 - 1, dtype=np.uint64)
        longest = int(self._lengths[: self._count].max(initial=0))
        for column in range(longest):
            matched = state & masks[self._words[: self._count, column]]
            # What overflows is no bit of a lane that counts.
            np.bitwise_or(state + matched, state - matched, out=state)
        low = np.uint64((1 << len(words)) - 1)
        bits = _BITS_OF_BYTE[(~state & low).view(np.uint8)]
        shared: Floats = bits.reshape(self._count, 8).sum(1, dtype=np.float64)
        return shared

    def _common_one_by_one(self, words: Sequence[str]) -> Floats:
        ids = [self._numbers.get(word, -1) for word in words]
        rows = zip(self._words[: self._count], self._lengths[: self._count], strict=True)
        return np.array([lcs_length(ids, row[:length].tolist()) for row, length in rows], float)

    def _make_room(self, width: int) -> None:
        rows, columns = self._words.shape
        if self._count < rows and width <= columns:
            return
        shape = (2 * rows if self._count == rows else rows, max(columns, width))
        words, lengths = np.zeros(shape, dtype=np.int32), np.zeros(shape[0], dtype=np.int64)
        words[:rows, :columns], lengths[:rows] = self._words, self._lengths
        self._words, self._lengths = words, lengths
