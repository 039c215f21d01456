"""Expressions of school arithmetic and algebra, read into polynomials by precedence.

    sum     = product { ("+" | "-") product }
    product = factor { ("*" | "/") factor | factor-without-a-sign }
    factor  = { "+" | "-" } power
    power   = atom [ "%" ] [ "^" factor ]
    atom    = number | number number "/" number | variable | "(" sum ")"

A product without a sign needs its factors to touch: `2x`, `2(x + 1)`; one space may stand between
a number and a letter, since that may be a unit (`5 m`). It is refused behind a
division, where people disagree (`1/2x`), and behind a variable, which may be a function (`f(2)`).
"""

from collections.abc import Sequence
from fractions import Fraction

from gym_reason.verifiers.steps.line_tokens import Token
from gym_reason.verifiers.steps.polynomials import Polynomial, UnreadableError

MAX_TOKENS = 120
"""A longer expression is not read."""
MAX_DEPTH = 24
"""Deepest nesting that is read."""
MAX_DIGITS = 60
"""A longer number is not read."""


def read_expression(tokens: Sequence[Token], percent: Fraction = Fraction(1, 100)) -> Polynomial:
    """Return the value of an expression. Words in it are units and are passed over.

    Args:
        tokens: The expression.
        percent: What `%` multiplies by.

    Raises:
        UnreadableError: It is none, or over a cap.
    """
    kept = [token for token in tokens if token.kind != "word"]
    if not 0 < len(kept) <= MAX_TOKENS:
        raise UnreadableError("an empty or very long expression")
    reader = _Reader(kept, percent)
    value = reader.read_sum(0)
    if reader.place < len(kept):
        raise UnreadableError(f"{kept[reader.place].text!r} in an expression")
    return value


class _Reader:
    def __init__(self, tokens: list[Token], percent: Fraction) -> None:
        self.tokens = tokens
        self.percent = Polynomial.number(percent)
        self.place = 0

    def read_sum(self, depth: int) -> Polynomial:
        value = self._read_product(depth)
        while self._next_is("+-"):
            sign = self._take().text
            term = self._read_product(depth)
            value = value + term if sign == "+" else value - term
        return value

    def _read_product(self, depth: int) -> Polynomial:
        value = self._read_factor(depth)
        divided = False
        while True:
            if self._next_is("*/"):
                if self._take().text == "*":
                    value = value * self._read_factor(depth)
                else:
                    value = value / self._read_factor(depth)
                    divided = True
            elif self._touches():
                if divided:
                    raise UnreadableError("a product without a sign behind a division")
                value = value * self._read_power(depth)
            else:
                return value

    def _read_factor(self, depth: int) -> Polynomial:
        negative = False
        while self._next_is("+-"):
            negative ^= self._take().text == "-"
        value = self._read_power(depth)
        return -value if negative else value

    def _read_power(self, depth: int) -> Polynomial:
        if depth > MAX_DEPTH:
            raise UnreadableError("nested too deeply")
        value = self._read_atom(depth)
        if self._peek("percent"):
            self._take()
            value = value * self.percent
        if self._next_is("^"):
            self._take()
            value = value ** self._read_factor(depth + 1)
        return value

    def _read_atom(self, depth: int) -> Polynomial:
        token = self._take()
        if token.kind == "number":
            return Polynomial.number(self._read_mixed(token))
        if token.kind == "variable":
            return Polynomial.variable(token.text)
        if token.kind == "open":
            value = self.read_sum(depth + 1)
            if not self._peek("close"):
                raise UnreadableError("a bracket is never closed")
            self._take()
            return value
        raise UnreadableError(f"{token.text!r} in an expression")

    def _read_mixed(self, whole: Token) -> Fraction:
        """Return a number, with the fraction behind it where it is a mixed one (`3 1/2`)."""
        value = read_number(whole.text)
        ahead = self.tokens[self.place : self.place + 3]
        if [token.kind for token in ahead] != ["number", "operator", "number"]:
            return value
        if ahead[1].text != "/" or not all(t.text.isdigit() for t in (whole, ahead[0], ahead[2])):
            raise UnreadableError("two numbers in a row")
        above, below = read_number(ahead[0].text), read_number(ahead[2].text)
        if not 0 < above < below:
            raise UnreadableError("two numbers in a row")
        self.place += 3
        return value + above / below

    def _touches(self) -> bool:
        """Whether a factor follows without a sign."""
        if self.place >= len(self.tokens):
            return False
        before, after = self.tokens[self.place - 1], self.tokens[self.place]
        if after.kind not in ("variable", "open", "number"):
            return False
        gap = after.start - before.end
        if before.kind == "number" and after.kind == "variable" and gap <= 1:
            return True
        if gap or before.kind not in ("number", "close") or after.kind == "number":
            raise UnreadableError("two values in a row")
        return True

    def _peek(self, kind: str) -> bool:
        return self.place < len(self.tokens) and self.tokens[self.place].kind == kind

    def _next_is(self, signs: str) -> bool:
        return self._peek("operator") and self.tokens[self.place].text in signs

    def _take(self) -> Token:
        if self.place >= len(self.tokens):
            raise UnreadableError("the expression ends too early")
        token = self.tokens[self.place]
        self.place += 1
        return token


def read_number(text: str) -> Fraction:
    """Return the number that a token of the kind `number` is. Raises UnreadableError."""
    if len(text) > MAX_DIGITS:
        raise UnreadableError("a number is too long")
    return Fraction(text.replace(",", ""))
