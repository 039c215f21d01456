"""The verifier of countdown: does an expression reach the target with the numbers given?

An expression is read by the small parser below; nothing is evaluated as code, and all arithmetic is
exact.
"""

import re
from collections import Counter
from fractions import Fraction

from gym_reason.text import after_thinking, fold_characters
from gym_reason.types import Outcome, Task, Verdict
from gym_reason.verifiers.verdicts import unscorable

MAX_CHARACTERS = 256
"""Longest expression that is read."""
MAX_DEPTH = 32
"""Deepest nesting of parentheses that is read."""
MAX_DIGITS = 12
"""Longest number that is read."""

_TOKEN = re.compile(r"\s*(?:([0-9]+)|([-+*/()]))")
_SIGNS = str.maketrans({"\u00d7": "*", "\u00b7": "*", "\u00f7": "/"})
_ANSWER_TAGS = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_REFERENCE = re.compile(r"[0-9]+(?: [0-9]+)* = [0-9]+")


class ExpressionError(ValueError):
    """A text is no expression, or one without a value."""


def evaluate_expression(text: str) -> tuple[Fraction, tuple[int, ...]]:
    """Return the value of an expression and the numbers in it, in order.

    The expression holds whole numbers, `+ - * /` and parentheses; the sign before a number is not
    part of it.

    Raises:
        ExpressionError: For anything else, a division by zero, or more than the limits above.
    """
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(f"the expression is longer than {MAX_CHARACTERS} characters")
    parser = _Parser(_split_tokens(text))
    value = parser.read_sum(0)
    if parser.position < len(parser.tokens):
        raise ExpressionError(f"{parser.tokens[parser.position]!r} does not belong there")
    return value, tuple(parser.numbers)


class CountdownVerifier:
    """Accepts an expression that has the target's value and uses each number at most once.

    The reference is `3 7 25 50 = 152`: the numbers, then the target. The expression is what follows
    the last `</think>`, or stands in the last `<answer>` tags, or else on the last line; `= 152`
    may follow it.
    """

    name = "countdown"
    deterministic = True

    def __init__(self, use_all: bool = False, partial_credit: float = 0.0) -> None:
        """Make a verifier.

        Args:
            use_all: Whether every number must be used.
            partial_credit: Reward of an expression that keeps the rules and misses the target.
        """
        self.use_all = use_all
        self.partial_credit = partial_credit

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on the expression in `submission`."""
        if not _REFERENCE.fullmatch(task.reference):
            detail = f"the reference {task.reference!r} is not 'NUMBERS = TARGET'"
            return unscorable(detail)
        numbers_text, _, target_text = task.reference.partition(" = ")
        numbers = [int(number) for number in numbers_text.split()]
        text = find_expression(submission)
        if not text:
            return _fail(Outcome.NO_ANSWER, "there is no expression")
        try:
            value, used = _evaluate_answer(text)
        except ExpressionError as error:
            return _fail(Outcome.INVALID, str(error))
        extra = Counter(used) - Counter(numbers)
        if extra:
            return _fail(Outcome.FAIL, f"{min(extra)} is used more often than it is given")
        if self.use_all and len(used) < len(numbers):
            return _fail(Outcome.FAIL, "not every number is used")
        if value != int(target_text):
            feedback = f"the expression is worth {_written(value)}, not {target_text}"
            return _fail(Outcome.FAIL, feedback, self.partial_credit, 1.0)
        return Verdict(1.0, True, Outcome.PASS, {"answer": 1.0, "rules": 1.0})


def find_expression(submission: str) -> str:
    """Return the part of a submission that should be the expression, or an empty text."""
    answer = after_thinking(submission) or ""
    tagged = _ANSWER_TAGS.findall(answer)
    lines = (tagged[-1] if tagged else answer).strip().splitlines()
    return lines[-1].strip() if lines else ""


def _evaluate_answer(text: str) -> tuple[Fraction, tuple[int, ...]]:
    if len(text) > 2 * MAX_CHARACTERS:
        raise ExpressionError(f"the expression is longer than {MAX_CHARACTERS} characters")
    expression, equals, claimed = fold_characters(text).translate(_SIGNS).partition("=")
    value, used = evaluate_expression(expression)
    if equals and evaluate_expression(claimed)[0] != value:
        raise ExpressionError("the two sides of the equation differ")
    return value, used


def _fail(outcome: Outcome, feedback: str, reward: float = 0.0, rules: float = 0.0) -> Verdict:
    return Verdict(reward, False, outcome, {"answer": 0.0, "rules": rules}, feedback)


def _written(value: Fraction) -> str:
    text = str(value)
    return text if len(text) <= 40 else "something else"


def _split_tokens(text: str) -> list[str]:
    tokens: list[str] = []
    position, text = 0, text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ExpressionError(f"{text[position:].lstrip()[:1]!r} is no part of an expression")
        if len(match[1] or "") > MAX_DIGITS:
            raise ExpressionError(f"a number is longer than {MAX_DIGITS} digits")
        tokens.append(match[1] or match[2])
        position = match.end()
    return tokens


class _Parser:
    """Recursive descent: sum = product ((+|-) product)*, product = atom ((*|/) atom)*."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.position = 0
        self.numbers: list[int] = []

    def read_sum(self, depth: int) -> Fraction:
        value = self.read_product(depth)
        while (sign := self.peek()) in ("+", "-"):
            self.position += 1
            term = self.read_product(depth)
            value = value + term if sign == "+" else value - term
        return value

    def read_product(self, depth: int) -> Fraction:
        value = self.read_atom(depth)
        while (sign := self.peek()) in ("*", "/"):
            self.position += 1
            factor = self.read_atom(depth)
            if sign == "/" and factor == 0:
                raise ExpressionError("it divides by zero")
            value = value * factor if sign == "*" else value / factor
        return value

    def read_atom(self, depth: int) -> Fraction:
        token = self.peek()
        self.position += 1
        if token.isdecimal():
            self.numbers.append(int(token))
            return Fraction(int(token))
        if token != "(":
            raise ExpressionError(
                f"{token!r} stands where a number should" if token else "it ends too soon"
            )
        if depth >= MAX_DEPTH:
            raise ExpressionError(f"more than {MAX_DEPTH} parentheses are nested")
        value = self.read_sum(depth + 1)
        if self.peek() != ")":
            raise ExpressionError("a parenthesis is not closed")
        self.position += 1
        return value

    def peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""
