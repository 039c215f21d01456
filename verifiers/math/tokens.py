r"""Cuts an answer, in LaTeX or plain text, into tokens. One pass, one regular expression.

What is only layout goes: `\left`, `\right`, `\big`, spacing commands, dollar signs, `&` beside a
relation. Names are brought to one form: `\cdot`, `\times` and `*` are `*`; `\leq` and `<=` are
`<=`; `\frac`, `\dfrac` and `\tfrac` are `frac`. What the grammar does not know raises
`UnreadableError` at once, so that no half-read answer is ever compared.
"""

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction

from gym_reason.text import fold_characters
from gym_reason.verifiers.math.tree import UnreadableError
from gym_reason.verifiers.math.vocabulary import (
    CLOSING,
    CONSTANTS,
    FUNCTION_NAMES,
    GREEK,
    JOINTS,
    LAYOUT,
    OPENING,
    OPERATORS,
    RELATIONS,
    SETS,
    SHORT_WORDS,
    STRUCTURE,
    SUBSCRIPTS,
    SUPERSCRIPTS,
)

MAX_CHARS = 10_000
"""A longer answer is not read."""
MAX_TOKENS = 3_000
"""An answer of more tokens is not read."""
MAX_LITERAL_DIGITS = 1_000
"""A number of more digits is not read inside a formula."""

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|\\q?quad|\\[,;:!\ >()\[\]]|~)
    | (?P<environment>\\(?:begin|end)\s?\{[a-zA-Z]+\*?\})
    | (?P<text>\\(?:text|textbf|textit|textrm|textnormal|mathrm|mathbf|mathit|mathsf|mbox|boldsymbol
        |operatorname\*?|bm|rm|bf)\s?\{(?P<content>[^{}]{0,200})\})
    | (?P<blackboard>\\(?:mathbb|Bbb)\s?(?:\{[A-Z]\}|[A-Z]))
    | (?P<marked>\\(?:vec|hat|tilde|bar|overline|overrightarrow|widehat|widetilde|dot)\s?
        \{\s?(?P<under>[A-Za-z0-9]{1,3}|\\[a-z]+)\s?\})
    | (?P<degree>\^\s?(?:\{\s?\\circ\s?\}|\\circ(?![a-zA-Z]))|\\degree(?![a-zA-Z])|\u00b0)
    | (?P<repeating>[0-9]*\.[0-9]*(?:\\(?:overline|bar|dot)\s?\{[0-9]+\}|\([0-9]+\)))
    | (?P<pointed>[1-9][0-9]{0,2}(?:\.[0-9]{3}){2,}(?![0-9.]))
    | (?P<grouped>[0-9]{1,3}(?:(?:,|\{,\}|,\\!|\\,|'|(?<=[0-9])\ )[0-9]{3})+(?![0-9])(?:\.[0-9]+)?)
    | (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,5}(?![0-9A-Za-z]))?|\.[0-9]+)
    | \\(?P<command>[a-zA-Z]+)
    | \\(?P<escaped>[{}|$%\\&\#_])
    | (?P<dots>\.\.\.+|\u2026)
    | (?P<double><=|>=|==|!=|=<|:=|\*\*|->)
    | (?P<letters>[A-Za-z]+)
    | (?P<superscript>[\u2070\u00b9\u00b2\u00b3\u2074-\u2079\u207b\u207f]+)
    | (?P<subscript>[\u2080-\u2089]+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_WORD_RUN = re.compile(
    r"arcsin|arccos|arctan|sinh|cosh|tanh|sqrt|sin|cos|tan|sec|csc|cot|log|ln|exp|pi"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A token. `kind` says what it is, `text` which."""

    kind: str
    """number, symbol, word, function, constant, operator, relation, open, close, bar, separator,
    joint, structure, begin, end, cell, row, degree, set, based, dots, mid, finish."""
    text: str
    """Its one form."""
    spaced: bool
    """Whether white space stands in front of it."""
    value: Fraction | None = None
    """Of a number."""
    whole: bool = False
    """Whether a number is written in digits alone."""


FINISH = Token("finish", "", False)


def tokenize(text: str) -> list[Token]:
    """Return the tokens of `text`, with `FINISH` at the end.

    Raises:
        UnreadableError: Where a character or a command is unknown, or a cap is passed.
    """
    if len(text) > MAX_CHARS:
        raise UnreadableError(f"longer than {MAX_CHARS} characters")
    text = _fold(text)
    tokens: list[Token] = []
    spaced = False
    depth = 0
    # "(1, 234)" is a pair; "(1,234, 5)" holds a grouped number, as its other comma has a space.
    wide_commas = ", " in text
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise UnreadableError("unknown characters")
        kind = match.lastgroup or ""
        if kind == "grouped" and not _is_grouping(match[0], depth, wide_commas):
            match = _TOKEN_UNGROUPED.match(text, position)
            if match is None:
                raise UnreadableError("unknown characters")
            kind = "number"
        position = match.end()
        if kind == "space":
            spaced = True
            continue
        if match[0] == "$":
            continue
        before = len(tokens)
        _READERS.get(kind, _read_other)(match, spaced, tokens)
        for token in tokens[before:]:
            depth += (token.kind == "open") - (token.kind == "close")
        spaced = False
        if len(tokens) > MAX_TOKENS:
            raise UnreadableError(f"more than {MAX_TOKENS} tokens")
    tokens.append(FINISH)
    return tokens


_TOKEN_UNGROUPED = re.compile(r"[0-9]+(?:\.[0-9]+)?")


def _fold(text: str) -> str:
    if text.isascii():
        return text
    return fold_characters(text).translate({0x3001: ",", 0xFF0C: ",", 0x3002: " ", 0x2044: "/"})


def _is_grouping(written: str, depth: int, wide_commas: bool) -> bool:
    return not (depth and "," in written and "{" not in written and "\\" not in written) or (
        wide_commas
    )


def number_token(value: Fraction, spaced: bool, whole: bool = False) -> Token:
    """Return the token of a number."""
    return Token("number", "", spaced, value, whole)


def _read_number(match: re.Match[str], spaced: bool, tokens: list[Token]) -> None:
    written = match[0]
    if len(written) > MAX_LITERAL_DIGITS:
        raise UnreadableError(f"a number of more than {MAX_LITERAL_DIGITS} digits")
    exponent = written.lower().partition("e")[2]
    if exponent and abs(int(exponent)) > MAX_LITERAL_DIGITS:
        raise UnreadableError(f"an exponent beyond {MAX_LITERAL_DIGITS}")
    tokens.append(Token("number", written, spaced, Fraction(written), written.isdigit()))


def _read_grouped(match: re.Match[str], spaced: bool, tokens: list[Token]) -> None:
    digits = re.sub(r"[^0-9.]", "", match[0])
    if len(digits) > MAX_LITERAL_DIGITS:
        raise UnreadableError(f"a number of more than {MAX_LITERAL_DIGITS} digits")
    tokens.append(Token("number", digits, spaced, Fraction(digits), digits.isdigit()))


def _read_pointed(match: re.Match[str], spaced: bool, tokens: list[Token]) -> None:
    digits = match[0].replace(".", "")
    if len(digits) > MAX_LITERAL_DIGITS:
        raise UnreadableError(f"a number of more than {MAX_LITERAL_DIGITS} digits")
    tokens.append(number_token(Fraction(digits), spaced, True))


def _read_repeating(match: re.Match[str], spaced: bool, tokens: list[Token]) -> None:
    if len(match[0]) > MAX_LITERAL_DIGITS:
        raise UnreadableError(f"a number of more than {MAX_LITERAL_DIGITS} digits")
    whole, _, rest = match[0].partition(".")
    fixed = re.match(r"[0-9]*", rest)
    places = fixed[0] if fixed else ""
    cycle = re.sub(r"[^0-9]", "", rest[len(places) :])
    value = Fraction(int(whole + places or "0"), 10 ** len(places)) + Fraction(
        int(cycle), (10 ** len(cycle) - 1) * 10 ** len(places)
    )
    tokens.append(number_token(value, spaced))


def _read_text(match: re.Match[str], spaced: bool, tokens: list[Token]) -> None:
    content = " ".join((match["content"] or "").split())
    if not content:
        return
    if content in JOINTS:
        tokens.append(Token("joint", JOINTS[content], True))
    elif content in FUNCTION_NAMES or len(content) == 1 or re.fullmatch(r"[0-9.,/ ]+", content):
        tokens.extend(tokenize(content)[:-1])
    else:
        tokens.append(Token("word", content.casefold(), spaced))


def _read_environment(match: re.Match[str], spaced: bool, tokens: list[Token]) -> None:
    kind, _, name = match[0][1:-1].partition("{")
    tokens.append(Token(kind.strip(), name.rstrip("*"), spaced))


def _read_blackboard(match: re.Match[str], spaced: bool, tokens: list[Token]) -> None:
    name = match[0].rstrip("}")[-1]
    if name not in SETS:
        raise UnreadableError(f"unknown set {name}")
    tokens.append(Token("set", SETS[name], spaced))


def _read_marked(match: re.Match[str], spaced: bool, tokens: list[Token]) -> None:
    command = match[0][1:].partition("{")[0].strip()
    under = match["under"]
    if under.isdigit():
        raise UnreadableError("a mark over digits")
    tokens.append(Token("symbol", f"{command} {under}", spaced))


def _read_letters(match: re.Match[str], spaced: bool, tokens: list[Token]) -> None:
    run = match[0]
    if run in JOINTS:
        tokens.append(Token("joint", JOINTS[run], spaced))
    elif run.casefold() in SHORT_WORDS:
        tokens.append(Token("word", run.casefold(), spaced))
    elif run in FUNCTION_NAMES:
        tokens.append(Token("function", FUNCTION_NAMES[run], spaced))
    elif run in CONSTANTS:
        tokens.append(Token("constant", CONSTANTS[run], spaced))
    elif run == "mod":
        raise UnreadableError("a remainder is not evaluated")
    elif run in GREEK:
        tokens.append(Token("symbol", run, spaced))
    else:
        tokens.extend(_split_run(run, spaced))


def _split_run(run: str, spaced: bool) -> list[Token]:
    """Split letters into variables and names: `xy`, `2sinx`; a longer run is a word."""
    pieces: list[Token] = []
    position = letters = 0
    while position < len(run):
        known = _WORD_RUN.match(run, position)
        if known:
            name = known[0]
            kind = "constant" if name == "pi" else "function"
            pieces.append(Token(kind, FUNCTION_NAMES.get(name, name), spaced))
            position = known.end()
        else:
            pieces.append(_letter(run[position], spaced))
            position += 1
            letters += 1
        spaced = False
    if letters > (3 if letters == len(run) else 2):
        return [Token("word", run.casefold(), True)]
    return pieces


def _letter(letter: str, spaced: bool) -> Token:
    return Token("constant" if letter in "ei" else "symbol", letter, spaced)


def _read_command(match: re.Match[str], spaced: bool, tokens: list[Token]) -> None:
    name = match["command"]
    if name in LAYOUT:
        return
    for table, kind in (
        (STRUCTURE, "structure"),
        (OPERATORS, "operator"),
        (RELATIONS, "relation"),
        (FUNCTION_NAMES, "function"),
        (CONSTANTS, "constant"),
        (OPENING, "open"),
        (CLOSING, "close"),
        (JOINTS, "joint"),
    ):
        if name in table:
            text = table[name]
            tokens.append(Token("bar" if text == "|" else kind, text, spaced))
            return
    if name in GREEK:
        name = {"varepsilon": "epsilon", "varphi": "phi", "vartheta": "theta"}.get(name, name)
        tokens.append(Token("symbol", name, spaced))
    elif name in ("emptyset", "varnothing"):
        tokens.append(Token("set", "empty", spaced))
    elif name in ("ldots", "cdots", "dots", "dotsc", "dotsb"):
        tokens.append(Token("dots", "...", spaced))
    elif name in ("mid", "vert"):
        tokens.append(Token("bar", "|", spaced))
    else:
        raise UnreadableError(f"the command \\{name} is not in the grammar")


def _read_other(match: re.Match[str], spaced: bool, tokens: list[Token]) -> None:
    text = match[0]
    escaped = match["escaped"]
    if escaped == "\\":
        tokens.append(Token("row", text, spaced))
    elif escaped == "%":
        tokens.append(Token("operator", "%", spaced))
    elif escaped in ("$", "#", "&", "_"):
        raise UnreadableError(f"{text} is not in the grammar")
    elif text == "\\|":
        raise UnreadableError("a norm is not in the grammar")
    elif text == "**":
        tokens.append(Token("operator", "^", spaced))
    else:
        tokens.append(_punctuation(text, spaced))


def _punctuation(text: str, spaced: bool) -> Token:
    for table, kind in ((OPERATORS, "operator"), (RELATIONS, "relation"), (OPENING, "open"),
                        (CLOSING, "close"), (JOINTS, "joint")):  # fmt: skip
        if text in table:
            return Token(kind, table[text], spaced)
    simple = {",": "separator", ";": "separator", "|": "bar", "&": "cell", ":": "mid"}
    if text in simple:
        return Token(simple[text], text, spaced)
    if text == "\u221a":
        return Token("function", "sqrt", spaced)
    if text == "\u221e":
        return Token("constant", "infinity", spaced)
    if text in "\u2205\u00d8":
        return Token("set", "empty", spaced)
    if text == "\u211d":
        return Token("set", "reals", spaced)
    name = unicodedata.name(text, "") if len(text) == 1 else text
    greek = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER ([A-Z]+)", name)
    if greek:
        word = greek[2].replace("LAMDA", "LAMBDA")
        word = word.lower() if greek[1] == "SMALL" else word.capitalize()
        return Token("constant" if word == "pi" else "symbol", word, spaced)
    raise UnreadableError(f"the character {name or ascii(text)} is not in the grammar")


def _read_superscript(match: re.Match[str], spaced: bool, tokens: list[Token]) -> None:
    tokens.append(Token("operator", "^", spaced))
    tokens.append(Token("open", "{", False))
    tokens.extend(tokenize(match[0].translate(SUPERSCRIPTS))[:-1])
    tokens.append(Token("close", "}", False))


def _read_subscript(match: re.Match[str], spaced: bool, tokens: list[Token]) -> None:
    tokens.append(Token("operator", "_", spaced))
    tokens.append(Token("open", "{", False))
    tokens.extend(tokenize(match[0].translate(SUBSCRIPTS))[:-1])
    tokens.append(Token("close", "}", False))


def _read_dots(match: re.Match[str], spaced: bool, tokens: list[Token]) -> None:
    tokens.append(Token("dots", "...", spaced))


def _read_degree(match: re.Match[str], spaced: bool, tokens: list[Token]) -> None:
    tokens.append(Token("degree", "", spaced))


_READERS = {
    "number": _read_number,
    "grouped": _read_grouped,
    "pointed": _read_pointed,
    "repeating": _read_repeating,
    "text": _read_text,
    "environment": _read_environment,
    "blackboard": _read_blackboard,
    "marked": _read_marked,
    "letters": _read_letters,
    "command": _read_command,
    "superscript": _read_superscript,
    "subscript": _read_subscript,
    "dots": _read_dots,
    "degree": _read_degree,
}
