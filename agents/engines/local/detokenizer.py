"""Text from token ids: by table where that is exact, and piece by piece for stop strings."""

from collections.abc import Sequence
from itertools import product
from typing import Any

TABLE_LIMIT = 128
"""Largest vocabulary whose pairs of tokens are all checked for a table."""

UNKNOWN = "\ufffd"
"""Text of a token that the model has and its tokenizer has not."""


class Detokenizer:
    """Decodes completions, special tokens as their names.

    A verifier that reads the text must see all that was emitted: with special tokens left out,
    `6<bos>3` would read as 63.
    """

    def __init__(self, tokenizer: Any) -> None:
        """Build a table of one string per token where that is exact."""
        self._tokenizer = tokenizer
        self._size = len(tokenizer)
        self._table = _build_table(tokenizer)

    @property
    def by_table(self) -> bool:
        """Whether decoding is a look-up."""
        return self._table is not None

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of these tokens."""
        table = self._table
        if table is not None:
            size = len(table)
            return "".join([table[index] if index < size else UNKNOWN for index in ids])
        if ids and max(ids) >= self._size:
            parts: list[list[int]] = [[]]
            for index in ids:
                if index < self._size:
                    parts[-1].append(index)
                else:
                    parts.append([])
            return UNKNOWN.join(map(self._decode, parts))
        return self._decode(ids)

    def _decode(self, ids: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(
            list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return text


class StopSearch:
    """Looks for stop strings in the text of one completion, token by token."""

    def __init__(self, detokenizer: Detokenizer, stop: Sequence[str]) -> None:
        """Look for any of `stop`."""
        self.found = False
        self._detokenizer = detokenizer
        self._stop = tuple(stop)
        self._longest = max(map(len, self._stop))
        self._ids: list[int] = []
        self._text = ""
        self._stable = 0
        self._read = 0

    def feed(self, token: int) -> bool:
        """Add a token; return whether the text now holds a stop string."""
        self._ids.append(token)
        # A token's text may depend on the few before it, so the tail is decoded with its left
        # neighbours; an unfinished character shows as U+FFFD and is left for later.
        before = self._detokenizer.decode(self._ids[self._stable : self._read])
        after = self._detokenizer.decode(self._ids[self._stable :])
        if after.endswith("\ufffd") or len(after) <= len(before):
            return False
        tail = max(0, len(self._text) - self._longest + 1)
        self._text += after[len(before) :]
        self._stable, self._read = self._read, len(self._ids)
        self.found = cut(self._text[tail:], self._stop) is not None
        return self.found

    def text(self) -> str:
        """Return the text before the first stop string."""
        whole = self._detokenizer.decode(self._ids)
        end = cut(whole, self._stop)
        return whole if end is None else whole[:end]


def cut(text: str, stop: Sequence[str]) -> int | None:
    """Return where the earliest stop string begins, or None."""
    return min((at for at in (text.find(item) for item in stop) if at >= 0), default=None)


def _build_table(tokenizer: Any) -> list[str] | None:
    """Return one string per id, or None where no table is exact.

    It is exact where every pair of tokens decodes to their two strings joined; large vocabularies
    are not tried.
    """
    size = len(tokenizer)
    if size > TABLE_LIMIT:
        return None
    options = {"skip_special_tokens": False, "clean_up_tokenization_spaces": False}
    table = tokenizer.batch_decode([[index] for index in range(size)], **options)
    pairs = [list(pair) for pair in product(range(size), repeat=2)]
    texts = tokenizer.batch_decode(pairs, **options)
    if any(text != table[a] + table[b] for (a, b), text in zip(pairs, texts, strict=True)):
        return None
    return list(table)
