"""Splitting Coq text into sentences, without its comments.

A sentence ends with a dot that a blank or the end follows; a bullet and a brace at its beginning
are sentences of their own. Strings and nested comments are read as Coq reads them: a string in a
comment hides what would end the comment. What comes out is free of comments and of line breaks, so
that whoever reads it next finds the same sentences.

Source: the reference manual of Coq 8.16, "Lexical conventions" and "Bullets".
"""

import re

_BLANKS = " \t\r\n"
_BULLET = re.compile(r"-+|\++|\*+")
_BRACE = re.compile(r"(?:\d+\s*:\s*)?\{(?![|}])|\}")
_PIECE = re.compile(r'\(\*|"|\.(?=[ \t\r\n]|$)', re.DOTALL)
_COMMENT_PIECE = re.compile(r'\(\*|\*\)|"')


class RefusedError(Exception):
    """A proof is refused, for a reason that whoever wrote it may know."""


def split_sentences(text: str) -> list[str]:
    """Return the sentences of `text`, each with its dot, bullets and braces alone.

    Raises:
        RefusedError: A comment, a string or a sentence has no end.
    """
    sentences: list[str] = []
    position = 0
    while True:
        position = _skip_blanks(text, position)
        if position == len(text):
            return sentences
        mark = _BULLET.match(text, position) or _BRACE.match(text, position)
        if mark is not None:
            sentences.append(re.sub(r"\s", "", mark[0]))
            position = mark.end()
            continue
        sentence, position = _read_sentence(text, position)
        sentences.append(sentence)


def _skip_blanks(text: str, position: int) -> int:
    """Return where the next thing that is neither blank nor comment begins."""
    while position < len(text):
        if text[position] in _BLANKS:
            position += 1
        elif text.startswith("(*", position):
            position = _end_of_comment(text, position)
        else:
            break
    return position


def _read_sentence(text: str, start: int) -> tuple[str, int]:
    parts: list[str] = []
    position = start
    while True:
        piece = _PIECE.search(text, position)
        if piece is None:
            raise RefusedError("a sentence does not end with a dot")
        parts.append(_on_one_line(text[position : piece.start()]))
        position = piece.end()
        if piece[0] == ".":
            # Joined with a blank where a comment stood, so that nothing new comes together.
            return "".join(parts).strip() + ".", position
        if piece[0] == "(*":
            position = _end_of_comment(text, piece.start())
            parts.append(" ")
        else:
            position = _end_of_string(text, piece.end())
            parts.append(text[piece.start() : position])


def _end_of_comment(text: str, start: int) -> int:
    depth, position = 0, start
    while True:
        piece = _COMMENT_PIECE.search(text, position)
        if piece is None:
            raise RefusedError("a comment has no end")
        position = piece.end()
        if piece[0] == '"':
            position = _end_of_string(text, position)
            continue
        depth += 1 if piece[0] == "(*" else -1
        if depth == 0:
            return position


def _end_of_string(text: str, start: int) -> int:
    """Return where a string ends that has begun before `start`; two quotes in it are one."""
    position = start
    while True:
        end = text.find('"', position)
        if end < 0:
            raise RefusedError("a string has no end")
        if not text.startswith('""', end):
            return end + 1
        position = end + 2


def _on_one_line(text: str) -> str:
    return text.translate(_TO_BLANK)


_TO_BLANK = {ord(char): " " for char in "\t\r\n"}
