"""Files of the Metamath language: characters, tokens and comments.

Source: N. Megill and D. Wheeler, Metamath: A Computer Language for Mathematical Proofs (2019),
sections 4.1.1 and 4.1.2.
"""

import re
from functools import cached_property
from pathlib import Path
from typing import NoReturn

from gym_reason.errors import DataError

_FOREIGN = re.compile(rb"[^\x21-\x7e \t\r\n\f]")
_TOKEN = re.compile(r"[^ \t\r\n\f]+")


class SourceFile:
    """The tokens of one file without its comments, and the line of each."""

    def __init__(self, path: Path, content: bytes) -> None:
        """Split a file into tokens.

        Raises:
            DataError: For a character that the language does not have, or a broken comment.
        """
        self.path = path
        foreign = _FOREIGN.search(content)
        self._text = content.decode("latin-1")
        if foreign is not None:
            self._fail_at(
                foreign.start(),
                f"the character {self._text[foreign.start()]!a}",
                "printable ASCII and white space",
            )
        # All that remains that `split` takes for white space is white space of the language.
        words = self._text.split()
        self._kept: list[tuple[int, int]] = []
        self.tokens = self._strip_comments(words)

    def fail(self, index: int, found: str, expected: str = "", remedy: str = "") -> NoReturn:
        """Raise DataError for the token at `index`, naming the file and the line."""
        raise DataError(f"{self.path}, line {self.line_of(index)}: {found}", expected, remedy)

    def line_of(self, index: int) -> int:
        """Return the line of the token at `index`, or of the last token beyond the end."""
        if not self._lines:
            return 1
        word = index
        for start, end in self._kept:
            if word < end - start:
                return self._lines[start + word]
            word -= end - start
        return self._lines[-1]

    @cached_property
    def _lines(self) -> list[int]:
        """The line of every token, those of comments included."""
        lines: list[int] = []
        line, seen = 1, 0
        for match in _TOKEN.finditer(self._text):
            line += self._text.count("\n", seen, match.start())
            seen = match.start()
            lines.append(line)
        return lines

    def _strip_comments(self, words: list[str]) -> list[str]:
        tokens: list[str] = []
        position = 0
        while True:
            try:
                start = words.index("$(", position)
            except ValueError:
                start = len(words)
            self._keep(words, position, start, tokens)
            if start == len(words):
                return tokens
            try:
                end = words.index("$)", start + 1)
            except ValueError:
                self._fail_in_word(start, "a comment without an end", "$)")
            for place in range(start + 1, end):
                word = words[place]
                if "$" in word and ("$(" in word or "$)" in word):
                    self._fail_in_word(place, f"{word!r} inside a comment", "a comment without it")
            position = end + 1

    def _keep(self, words: list[str], start: int, end: int, tokens: list[str]) -> None:
        if start == end:
            return
        kept = words[start:end]
        if "$)" in kept:
            self._fail_in_word(start + kept.index("$)"), "'$)' outside a comment", "'$(' before it")
        self._kept.append((start, end))
        tokens += kept

    def _fail_in_word(self, word: int, found: str, expected: str) -> NoReturn:
        raise DataError(f"{self.path}, line {self._lines[word]}: {found}", expected)

    def _fail_at(self, offset: int, found: str, expected: str) -> NoReturn:
        line = 1 + self._text.count("\n", 0, offset)
        raise DataError(f"{self.path}, line {line}: {found}", expected)


def read_source(path: Path, content: str | bytes | None = None) -> SourceFile:
    """Return the tokens of a file, or of `content` in its place.

    Raises:
        DataError: Where the file cannot be read, or breaks a rule of characters and comments.
    """
    if content is None:
        try:
            content = path.read_bytes()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise DataError(f"cannot read {path}: {reason}", "a Metamath database") from error
    elif isinstance(content, str):
        content = content.encode("utf-8", "surrogatepass")
    return SourceFile(path, content)
