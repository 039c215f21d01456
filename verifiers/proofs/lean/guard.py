"""What a proof in Lean may hold: tactics and terms, and nothing that changes what is checked.

A proof is put between parentheses behind the pinned statement, so a text whose brackets are
balanced cannot end the theorem: a command inside them is a syntax error. The rest is a second
wall: no command, no attribute and no option, no way to run code of the proof's own, none of the
constants that stand for an unproved claim, and none of the spellings that Lean may read otherwise
than the lexer here.
"""

import re
import unicodedata
from collections.abc import Iterator

from gym_reason.verifiers.proofs.interactive.verifier import MAX_CHARACTERS
from gym_reason.verifiers.proofs.lean.lexer import Kind, LeanTextError, Token, tokenize
from gym_reason.verifiers.proofs.lean.words import COMMANDS, RUN_CODE, UNPROVED

MAX_DEPTH = 100
"""Most brackets inside each other."""

_PAIRS = {"(": ")", "[": "]", "{": "}", "⟨": "⟩", "⦃": "⦄"}
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLAIN_PART = re.compile(r"\w+")
_DOUBTFUL = (
    ("'\"", "a quotation mark beside a prime"),
    ("\"'", "a quotation mark beside a prime"),
    ("@[", "an attribute"),
    ("eval%", "eval%"),
    ("`", "a quotation of syntax"),
)
_CODE_CATEGORIES = ("Cc", "Cf", "Cs", "Co", "Zs", "Zl", "Zp")


def check_proof(text: str) -> None:
    """Accept a proof, or one of its steps, before it is given to Lean.

    Comments and strings may say what they like: Lean does not read them as code.

    Raises:
        LeanTextError: With what no proof may hold, and the line.
    """
    if not text.strip():
        raise LeanTextError("there is no proof")
    if len(text) > MAX_CHARACTERS:
        raise LeanTextError(f"more than {MAX_CHARACTERS} characters")
    _check_characters(text)
    tokens = tokenize(text)
    _check_comments(text, tokens)
    _check_literals(tokens)
    _check_words(tokens)
    _check_spellings(tokens)
    _check_brackets(tokens)
    if all(token.kind in (Kind.SPACE, Kind.COMMENT) for token in tokens):
        raise LeanTextError("there is no proof")


def _check_characters(text: str) -> None:
    """Refuse characters that are invisible or move others: a reader must see what Lean sees."""
    for line, content in enumerate(text.split("\n"), 1):
        for character in content:
            if character != " " and unicodedata.category(character) in _CODE_CATEGORIES:
                name = unicodedata.name(character, "a control character")
                raise LeanTextError(f"line {line}: the character U+{ord(character):04X} ({name})")


def _check_comments(text: str, tokens: list[Token]) -> None:
    """Refuse comments that Lean might read as something else.

    A notation may hold the characters of a comment's beginning, as in `<--x`, and is read first;
    after a space there is no notation to go on. `/--` and `/-!` begin documentation, which is code.
    """
    for edge in ("/-/", "-/-"):
        if edge in text:
            raise LeanTextError(f"{edge} may begin or end a comment")
    place = 0
    for token in tokens:
        if token.kind is Kind.COMMENT:
            if token.text.startswith(("/--", "/-!")):
                raise LeanTextError(f"line {token.line}: a comment that documents a declaration")
            if place and text[place - 1] not in " \n":
                raise LeanTextError(f"line {token.line}: a comment without a space before it")
        place += len(token.text)


def _check_literals(tokens: list[Token]) -> None:
    for before, token in _pairs(tokens):
        where = f"line {token.line}: "
        if token.kind is Kind.RAW_STRING:
            raise LeanTextError(f"{where}a raw string")
        if token.kind is Kind.STRING and "{" in token.text:
            # After s! and its like the braces hold code.
            raise LeanTextError(f"{where}a string with a brace")
        if token.kind is Kind.CHARACTER and '"' in token.text:
            raise LeanTextError(f"{where}a quotation mark beside a prime")
        if token.kind is Kind.SYMBOL and token.text == "'" and not before.text.endswith("¹"):
            raise LeanTextError(f"{where}a prime by itself")
        if before.kind is Kind.NUMBER and token.kind is Kind.IDENTIFIER:
            raise LeanTextError(f"{where}{before.text}{token.text:.20} is no number and no name")


def _check_words(tokens: list[Token]) -> None:
    for before, token in _pairs(tokens):
        if token.kind is not Kind.IDENTIFIER:
            continue
        where = f"line {token.line}: "
        for quoted in re.findall("«([^»]*)»", token.text):
            if not _PLAIN_PART.fullmatch(quoted):
                raise LeanTextError(f"{where}the name «{quoted:.40}»")
        # Letters and primes that Lean may not count to a name must not hide a word behind them.
        for word in _WORD.findall(token.text):
            if word in UNPROVED:
                raise LeanTextError(f"{where}{word}, which proves nothing")
            if word in RUN_CODE or word.startswith("unsafe"):
                raise LeanTextError(f"{where}{word}, which a proof may not use")
        for keyword in _keywords(token.text):
            if keyword in COMMANDS:
                raise LeanTextError(f"{where}{keyword}, which is no part of a proof")
        if before.text == "#":
            raise LeanTextError(f"{where}#{token.text:.40}, which is no part of a proof")
        if token.text == "stop":
            raise LeanTextError(f"{where}stop, which leaves goals unproved")


def _keywords(name: str) -> Iterator[str]:
    """Yield the words of a name that Lean could read as keywords: those after no dot."""
    for match in _WORD.finditer(name):
        if not name[: match.start()].endswith("."):
            yield match[0]


def _check_spellings(tokens: list[Token]) -> None:
    code = "".join(map(_code_of, tokens))
    # Where the notations f ⁻¹' s and f '' s are not in force, a prime begins a character.
    if re.search("(?:¹'|'')(?! [^'])", code):
        raise LeanTextError("a prime by itself, without a space behind it")
    for spelling, meaning in _DOUBTFUL:
        if spelling in code:
            raise LeanTextError(f"{meaning}: {spelling}")


def _code_of(token: Token) -> str:
    """Return a token without what a comment or a literal says."""
    if token.kind is Kind.COMMENT:
        return " "
    if token.kind is Kind.CHARACTER:
        return "'x'"
    return '""' if token.kind is Kind.STRING else token.text


def _check_brackets(tokens: list[Token]) -> None:
    """Refuse brackets that do not match: one too many would end the theorem."""
    expected: list[str] = []
    for token in tokens:
        if token.kind is not Kind.SYMBOL:
            continue
        if token.text in _PAIRS:
            expected.append(_PAIRS[token.text])
            if len(expected) > MAX_DEPTH:
                raise LeanTextError(f"line {token.line}: more than {MAX_DEPTH} open brackets")
        elif token.text in _PAIRS.values() and (not expected or expected.pop() != token.text):
            raise LeanTextError(f"line {token.line}: {token.text} without its opening bracket")
    if expected:
        raise LeanTextError(f"an opening bracket without its {expected[-1]}")


def _pairs(tokens: list[Token]) -> Iterator[tuple[Token, Token]]:
    """Yield each token after the one before it."""
    before = Token(Kind.SPACE, "\n", 1)
    for token in tokens:
        yield before, token
        before = token
