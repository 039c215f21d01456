r"""The parser of formulas and terms.

    formula  = junction [("->" | "<->") formula]          from the right; "<->" binds least
    junction = conjunction {"|" conjunction}
    atom     = "~" atom | "forall" names "," formula | "exists" names "," formula | "False"
             | Predicate ["(" terms ")"] | term "=" term | term "!=" term | "(" formula ")"
    term     = product {"+" product};  product = factor {"*" factor}
    factor   = number | variable | function "(" terms ")" | "S" factor | "(" term ")"

Predicates begin with a capital letter, functions and variables with a small one. The symbols of
mathematics are read too, and `/\\` and `\\/` for `&` and `|`.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from gym_reason.verifiers.proofs.natural.syntax import (
    ARITHMETIC,
    FALSUM,
    MAX_DEPTH,
    PLUS,
    SUCCESSOR,
    TIMES,
    And,
    Apply,
    Atom,
    Equal,
    Exists,
    ForAll,
    Formula,
    Implies,
    LogicError,
    Or,
    Term,
    Variable,
    abstract,
    equivalence,
    functions_of,
    negation,
    numeral,
    predicates_of,
)

MAX_CHARACTERS = 4000
"""Longest text that is read as a formula."""

KEYWORDS = frozenset({"forall", "exists", "False", "S", "as", "at", "by", "in", "with", "theorem"})
"""Names that no variable, function, predicate or hypothesis may have."""

_TOKEN = re.compile(
    r"\s*(?:([A-Za-z_][A-Za-z0-9_']*|[0-9]+)"
    r"|(<->|->|<-|/\\|\\/|!=|:=|[()\[\],.:=+*~&|])"
    r"|([\u2190\u2192\u2194\u2200\u2203\u2227\u2228\u00ac\u22a5\u2260\u00b7\u00d7]))"
)
_SAME_SIGN = {
    "/\\": "&", "\\/": "|", "\u2192": "->", "\u2190": "<-", "\u2194": "<->", "\u2227": "&",
    "\u2228": "|", "\u00ac": "~", "\u2200": "forall", "\u2203": "exists", "\u22a5": "False",
    "\u2260": "!=", "\u00b7": "*", "\u00d7": "*",
}  # fmt: skip
_AFTER_A_TERM = frozenset({"=", "!=", "+", "*"})


@dataclass(frozen=True, slots=True)
class Signature:
    """The symbols that a statement uses, with their numbers of arguments."""

    functions: Mapping[str, int] = field(default_factory=dict)
    """Functions other than those of arithmetic."""
    predicates: Mapping[str, int] = field(default_factory=dict)
    """Predicates and propositions."""


def signature_of(formula: Formula) -> Signature:
    """Return the symbols of a formula."""
    functions = {name: n for name, n in functions_of(formula).items() if name not in ARITHMETIC}
    return Signature(functions, predicates_of(formula))


def parse_formula(
    text: str, variables: Collection[str] = (), signature: Signature | None = None
) -> Formula:
    """Return the formula that a text writes.

    Args:
        text: The text.
        variables: Names that may stand free in it.
        signature: The only symbols it may use; None for any, used consistently.

    Raises:
        LogicError: For anything else.
    """
    parser = Parser(split_tokens(text), variables, signature)
    formula = parser.read_formula()
    parser.expect_end()
    return formula


def parse_term(
    text: str, variables: Collection[str] = (), signature: Signature | None = None
) -> Term:
    """Return the term that a text writes. Raises LogicError."""
    parser = Parser(split_tokens(text), variables, signature)
    term = parser.read_term()
    parser.expect_end()
    return term


def split_tokens(text: str) -> list[str]:
    """Return the names, numbers and signs of a text. Raises LogicError."""
    if len(text) > MAX_CHARACTERS:
        raise LogicError(f"the line is longer than {MAX_CHARACTERS} characters")
    tokens: list[str] = []
    position, text = 0, text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise LogicError(f"{text[position:].lstrip()[:1]!r} is no symbol")
        token = match[1] or match[2] or match[3]
        tokens.append(_SAME_SIGN.get(token, token))
        position = match.end()
    return tokens


def is_name(token: str) -> bool:
    """Return whether a token may name a variable, a function, a predicate or a hypothesis."""
    return bool(token) and (token[0].isalpha() or token[0] == "_") and token not in KEYWORDS


class Parser:
    """Recursive descent over tokens; nesting is bounded."""

    def __init__(
        self, tokens: list[str], variables: Collection[str], signature: Signature | None
    ) -> None:
        """Start before the first token."""
        self.tokens = tokens
        self.position = 0
        self.known = signature
        self._bound: list[str] = []
        self._free = frozenset(variables)
        self._functions = dict(signature.functions if signature else {})
        self._predicates = dict(signature.predicates if signature else {})
        self._closing = _match_parentheses(tokens)
        self._depth = 0

    def peek(self, ahead: int = 0) -> str:
        """Return a token that was not read yet, or an empty text behind the last."""
        place = self.position + ahead
        return self.tokens[place] if place < len(self.tokens) else ""

    def take(self, token: str) -> bool:
        """Read a token if it comes next."""
        if self.peek() != token:
            return False
        self.position += 1
        return True

    def expect(self, token: str) -> None:
        """Read a token. Raises LogicError where another comes next."""
        if not self.take(token):
            raise LogicError(f"{token!r} is missing before {self._where()}")

    def expect_end(self) -> None:
        """Raises LogicError unless everything was read."""
        if self.peek():
            raise LogicError(f"{self.peek()!r} does not belong there")

    def read_name(self, kind: str = "name") -> str:
        """Read a name. Raises LogicError."""
        name = self.peek()
        if not is_name(name):
            raise LogicError(f"a {kind} is missing before {self._where()}")
        self.position += 1
        return name

    def read_formula(self) -> Formula:
        """Read a formula. Raises LogicError."""
        self._go_deeper()
        left = self._read_implication()
        while self.take("<->"):
            left = equivalence(left, self._read_implication())
        self._depth -= 1
        return left

    def _read_implication(self) -> Formula:
        parts = [self._read_junction()]
        while self.take("->"):
            parts.append(self._read_junction())
        formula = parts.pop()
        while parts:
            formula = Implies(parts.pop(), formula)
        return formula

    def _read_junction(self) -> Formula:
        parts = [self._read_conjunction()]
        while self.take("|"):
            parts.append(self._read_conjunction())
        formula = parts.pop()
        while parts:
            formula = Or(parts.pop(), formula)
        return formula

    def _read_conjunction(self) -> Formula:
        parts = [self._read_atom()]
        while self.take("&"):
            parts.append(self._read_atom())
        formula = parts.pop()
        while parts:
            formula = And(parts.pop(), formula)
        return formula

    def _read_atom(self) -> Formula:
        token = self.peek()
        if token == "~":
            count = 0
            while self.take("~"):
                count += 1
            formula = self._read_atom()
            for _ in range(count):
                formula = negation(formula)
            return formula
        if token in ("forall", "exists"):
            return self._read_quantifier()
        if self.take("False"):
            return FALSUM
        closing = self._closing.get(self.position)
        if token == "(" and closing is None:
            raise LogicError("')' is missing before the end")
        if closing is not None and self.peek(closing + 1 - self.position) not in _AFTER_A_TERM:
            self.position += 1
            formula = self.read_formula()
            self.expect(")")
            return formula
        if is_name(token) and token[0].isupper() and token not in self._free:
            return self._read_predicate()
        return self._read_equation()

    def _read_quantifier(self) -> Formula:
        make = ForAll if self.peek() == "forall" else Exists
        self.position += 1
        names: list[str] = []
        while not names or is_name(self.peek()):
            name = self.read_name("variable")
            if not (name[0].islower() or name[0] == "_") or name in self._functions:
                raise LogicError(f"{name!r} cannot be a variable")
            names.append(name)
        if not self.take("."):
            self.expect(",")
        self._bound += names
        formula = self.read_formula()
        del self._bound[-len(names) :]
        for name in reversed(names):
            # A free variable of the same name is hidden behind this one and cannot be in the body.
            formula = make(abstract(formula, Variable(f"{name}#")), name)
        return formula

    def _read_predicate(self) -> Formula:
        name = self.read_name("predicate")
        arguments = self._read_arguments() if self.peek() == "(" else ()
        self._note(self._predicates, name, len(arguments), "predicate")
        return Atom(name, arguments)

    def _read_equation(self) -> Formula:
        left = self.read_term()
        if self.take("!="):
            return negation(Equal(left, self.read_term()))
        if self.peek() != "=":
            raise LogicError(f"'=' is missing before {self._where()}")
        self.position += 1
        return Equal(left, self.read_term())

    def read_term(self) -> Term:
        """Read a term. Raises LogicError."""
        self._go_deeper()
        term = self._read_product()
        while self.take("+"):
            term = Apply(PLUS, (term, self._read_product()))
        self._depth -= 1
        return term

    def _read_product(self) -> Term:
        term = self.read_factor()
        while self.take("*"):
            term = Apply(TIMES, (term, self.read_factor()))
        return term

    def read_factor(self) -> Term:
        """Read a term that needs no parentheses around it, or has them. Raises LogicError."""
        token = self.peek()
        if token.isdecimal():
            self.position += 1
            if len(token) > 3:
                raise LogicError(f"the number {token[:6]} is larger than {MAX_DEPTH - 1}")
            return numeral(int(token))
        if self.take("("):
            term = self.read_term()
            self.expect(")")
            return term
        if self.take(SUCCESSOR):
            self._go_deeper()
            term = Apply(SUCCESSOR, (self.read_factor(),))
            self._depth -= 1
            return term
        name = self.read_name("term")
        if name in self._bound:
            return Variable(f"{name}#")
        if name in self._free:
            return Variable(name)
        if self.peek() == "(" and name[0].islower():
            arguments = self._read_arguments()
            self._note(self._functions, name, len(arguments), "function")
            return Apply(name, arguments)
        raise LogicError(f"{name} is no variable here")

    def _read_arguments(self) -> tuple[Term, ...]:
        self.expect("(")
        arguments = [self.read_term()]
        while self.take(","):
            arguments.append(self.read_term())
        self.expect(")")
        return tuple(arguments)

    def _note(self, table: dict[str, int], name: str, count: int, kind: str) -> None:
        if name not in table:
            if self.known is not None:
                raise LogicError(f"there is no {kind} {name} in the statement")
            table[name] = count
        if table[name] != count:
            raise LogicError(f"{name} has {table[name]} arguments elsewhere, {count} here")

    def _go_deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise LogicError(f"more than {MAX_DEPTH} parts are nested")

    def _where(self) -> str:
        return repr(self.peek()) if self.peek() else "the end"


def _match_parentheses(tokens: list[str]) -> dict[int, int]:
    """Return the place of each opening parenthesis with that of the one that closes it."""
    opened: list[int] = []
    closing: dict[int, int] = {}
    for place, token in enumerate(tokens):
        if token == "(":
            opened.append(place)
        elif token == ")" and opened:
            closing[opened.pop()] = place
    return closing
