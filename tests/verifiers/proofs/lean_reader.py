"""A second reader of Lean's tokens, one token at a time and with a table of notations.

It follows the order in which Lean's own reader decides (white space and comments first, then
literals, then the longer of a name and a notation) and shares no code with the lexer.
"""

from collections.abc import Iterator

CORE = ("(", ")", "[", "]", "{", "}", "<-", "<", "-", "/", "#", ".", "!", "?", "\u2039", "¬", "λ",
        "⟨", "⟩", "*", "+", "⁻¹", "²", "@[", ":=", "=>", "|", "«")  # fmt: skip
TABLES = (
    CORE,
    (*CORE, "⁻¹'", "''"),
    (*CORE, "<--", "-->", "<-/", "</-", "#eval", "'", "⁻¹'"),
)


class UnreadableError(Exception):
    """Lean stops here with an error, so that the proof fails."""


def read_tokens(text: str, table: tuple[str, ...]) -> Iterator[str]:
    """Yield the tokens of a text; literals as their first character alone."""
    place = skip_space(text, 0)
    while place < len(text):
        end, shown = read_token(text, place, table)
        yield shown
        place = skip_space(text, end)


def skip_space(text: str, place: int) -> int:
    while place < len(text):
        if text[place].isspace():
            place += 1
        elif text.startswith("--", place):
            end = text.find("\n", place)
            place = len(text) if end < 0 else end
        elif text.startswith("/-", place) and text[place + 2 : place + 3] not in ("-", "!"):
            place = skip_comment(text, place + 2)
        else:
            break
    return place


def skip_comment(text: str, place: int) -> int:
    depth = 1
    while depth:
        two = text[place : place + 2]
        if len(two) < 2:
            raise UnreadableError("a comment does not end")
        depth += (two == "/-") - (two == "-/")
        place += 2 if two in ("/-", "-/") else 1
    return place


def read_token(text: str, place: int, table: tuple[str, ...]) -> tuple[int, str]:
    first, following = text[place], text[place + 1 : place + 2]
    if first == '"':
        return read_string(text, place + 1), first
    if first == "'" and following != "'":
        return read_character(text, place + 1), first
    if first.isascii() and first.isdigit():
        end = place
        while end < len(text) and text[end].isascii() and text[end].isdigit():
            end += 1
        if text[place:end] == "0" and text[end : end + 1] in ("x", "X"):
            end += 1
            while text[end : end + 1] and text[end] in "0123456789abcdefABCDEF":
                end += 1
        return end, "0"
    hashes = len(text[place + 1 :]) - len(text[place + 1 :].lstrip("#"))
    if first == "r" and text.startswith('"', place + 1 + hashes):
        closing = '"' + "#" * hashes
        end = text.find(closing, place + 2 + hashes)
        if end < 0:
            raise UnreadableError("a raw string does not end")
        return end + len(closing), '"'
    name = read_name(text, place)
    notations = [one for one in table if text.startswith(one, place)]
    longest = max(map(len, notations), default=0)
    if max(name - place, longest) == 0:
        raise UnreadableError(f"no token begins with {first!r}")
    end = max(name, place + longest)
    return end, text[place:end]


def read_string(text: str, place: int) -> int:
    while place < len(text) and text[place] != '"':
        place += 2 if text[place] == "\\" else 1
    if place >= len(text):
        raise UnreadableError("a string does not end")
    return place + 1


def read_character(text: str, place: int) -> int:
    end = place + (2 if text[place : place + 1] == "\\" else 1)
    if text[end : end + 1] != "'":
        raise UnreadableError("a character does not end")
    return end + 1


def read_name(text: str, place: int) -> int:
    """Return the end of the name at `place`, which is `place` where there is none."""
    while True:
        start = place
        if text.startswith("«", place):
            end = text.find("»", place)
            if end < 0:
                raise UnreadableError("« without »")
            place = end + 1
        elif is_letter(text[place : place + 1]):
            while place < len(text) and (
                is_letter(text[place])
                or text[place] in "0123456789'!?"
                or "₀" <= text[place] <= "₉"
            ):
                place += 1
        if place == start:
            return place
        following = text[place + 1 : place + 2]
        if not (text.startswith(".", place) and (is_letter(following) or following == "«")):
            return place
        place += 1


def is_letter(character: str) -> bool:
    """Return whether a name may begin so, among the letters that the tests use."""
    return character != "" and (
        (character.isascii() and character.isalpha()) or character in ("_", "\u03b1")
    )
