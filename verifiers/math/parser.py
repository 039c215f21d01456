r"""Reads an answer into a tree: recursive descent by precedence, linear in the tokens.

From loose to tight::

    answer    = relation { ("," | ";" | "and" | "or") relation }
    relation  = sets { ("=" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "~") sets }
    sets      = sum { ("union" | "intersection" | "without") sum }
    sum       = product { ("+" | "-" | "plus-minus" | "minus-plus") product }
    product   = factor { ("*" | "/" | nothing) factor }
    factor    = [ "+" | "-" ] power
    power     = postfix [ "^" factor ]
    postfix   = primary { "!" | "%" | degree sign | "'" | "_" index }
    primary   = number | letter | constant | function argument | fraction | root | binomial
              | bracketed list | set | matrix | "|" sum "|"

Division and multiplication bind alike and from the left, written or not: `1/2x` is x/2. Two
numbers side by side are a mixed number (`3 1/2`, `3\frac{1}{2}`) or an error. Words never multiply.
Sums with a sign, integrals, limits, remainders and determinants are not in the grammar: an answer
that leaves them standing is not evaluated.
"""

from fractions import Fraction
from typing import NoReturn

from gym_reason.verifiers.math import brackets
from gym_reason.verifiers.math.functions import (
    based,
    divide,
    literal_fraction,
    read_applied,
    read_function,
    read_structure,
    value_of,
)
from gym_reason.verifiers.math.tokens import FINISH, Token, tokenize
from gym_reason.verifiers.math.tree import (
    REALS,
    Constant,
    Function,
    Listing,
    Node,
    Number,
    PlusMinus,
    Power,
    Product,
    Relation,
    RelationName,
    Set,
    SetOperation,
    Sum,
    Symbol,
    UnreadableError,
    negate,
)

MAX_NESTING = 40
"""Deepest nesting of brackets, arguments and exponents."""

_APPLIED_LETTERS = frozenset("fghFGH")
_STARTS_FACTOR = frozenset({"symbol", "constant", "function", "structure", "begin"})


def parse(text: str) -> Node:
    """Return the tree of an answer.

    Raises:
        UnreadableError: Where the text is outside the grammar or over a cap.
    """
    reader = Reader(tokenize(text))
    node = reader.read_answer()
    if reader.peek().kind != "finish":
        reader.refuse()
    return node


class Reader:
    """The tokens and how far they are read."""

    def __init__(self, tokens: list[Token]) -> None:
        """Start at the first of `tokens`, which end with `FINISH`."""
        self.tokens = tokens
        self.position = 0
        self.open_bars: list[bool] = [False]
        """For each open bracket, whether a bar would close an absolute value in it."""
        self._nesting = 0

    def peek(self) -> Token:
        """Return the next token."""
        return self.tokens[self.position]

    def take(self) -> Token:
        """Return the next token and go past it."""
        token = self.tokens[self.position]
        if token is not FINISH:
            self.position += 1
        return token

    def at(self, kind: str, text: str | None = None) -> bool:
        """Whether the next token is of a kind, and a text if given."""
        token = self.tokens[self.position]
        return token.kind == kind and (text is None or token.text == text)

    def expect(self, kind: str, text: str) -> None:
        """Go past a token that must be there."""
        if not self.at(kind, text):
            self.refuse()
        self.take()

    def refuse(self) -> NoReturn:
        """Say that the next token is out of place."""
        token = self.peek()
        place = "its end" if token is FINISH else repr(token.text or token.kind)
        raise UnreadableError(f"not readable at {place}")

    def read_answer(self) -> Node:
        """Read a list of one or more relations."""
        items = [self.read_relation()]
        joints: set[str] = set()
        while self.at("separator") or self.at("joint"):
            token = self.take()
            joints.add("," if token.kind == "separator" else token.text)
            if token.kind == "separator" and self.at("joint"):
                joints.add(self.take().text)
            items.append(self.read_relation())
        if len(items) == 1:
            return items[0]
        if {"and", "or"} <= joints:
            raise UnreadableError("both and and or")
        return Listing(
            tuple(items), "or" if "or" in joints else "and" if joints == {"and"} else ","
        )

    def read_relation(self) -> Node:
        """Read one side, or a chain of relations."""
        operands = [self._read_sets()]
        operators: list[RelationName] = []
        while self.at("relation"):
            operators.append(self.take().text)  # type: ignore[arg-type]  # the table says so
            operands.append(self._read_sets())
        return Relation(tuple(operands), tuple(operators)) if operators else operands[0]

    def _read_sets(self) -> Node:
        node = self.read_sum()
        while self.peek().kind == "operator" and self.peek().text in (
            "union",
            "intersection",
            "without",
        ):
            operator = self.take().text
            other = self.read_sum()
            if isinstance(node, SetOperation) and node.operator == operator != "without":
                node = SetOperation(node.operator, (*node.parts, other))
            else:
                node = SetOperation(operator, (node, other))  # type: ignore[arg-type]
        return node

    def read_sum(self) -> Node:
        """Read terms; sets and the like pass through alone."""
        terms: list[Node] = []
        sign = ""
        if self.peek().text in ("pm", "mp") and self.at("operator"):
            sign = self.take().text
        while True:
            term = self.read_product()
            if sign:
                value_of(term)
            if sign == "-":
                term = negate(term)
            elif sign in ("pm", "mp"):
                term = PlusMinus(term, sign == "mp")
            terms.append(term)
            if not self.at("operator") or self.peek().text not in ("+", "-", "pm", "mp"):
                break
            sign = self.take().text
        return terms[0] if len(terms) == 1 else Sum(tuple(map(value_of, terms)))

    def read_product(self, *, implicit_only: bool = False) -> Node:
        """Read factors; with `implicit_only` those that stand side by side, up to a function."""
        factors = [self._read_factor()]
        while True:
            token = self.peek()
            if token.kind == "operator" and token.text in "*/" and not implicit_only:
                self.take()
                factor = self._read_factor()
                if token.text == "/":
                    factors[-1:] = divide(factors, factor)
                    continue
            elif self._continues(implicit_only):
                mixed = self._read_mixed(factors[-1])
                if mixed is not None:
                    factors[-1] = mixed
                    continue
                factor = self._read_power()
            else:
                break
            factors.append(factor)
        return factors[0] if len(factors) == 1 else Product(tuple(map(value_of, factors)))

    def _continues(self, implicit_only: bool) -> bool:
        """Whether a factor without a sign in front of it follows."""
        token, before = self.peek(), self.tokens[self.position - 1]
        if token.kind == "function" and implicit_only:
            return False
        if token.kind == "open":
            return token.text in "({["
        if token.kind == "bar":
            return len(self.open_bars) == 1 and not self.open_bars[-1]
        if token.kind == "number":
            return before.kind in ("close", "number")
        return token.kind in _STARTS_FACTOR and not (
            before.kind == "number" and token.kind == "begin"
        )

    def _read_mixed(self, whole: Node) -> Node | None:
        """Read the fraction of a mixed number, whose whole part stands in front."""
        before, token = self.tokens[self.position - 1], self.peek()
        if before.kind != "number":
            return None
        if token.kind == "number":
            fraction = self._read_power()
            self.expect("operator", "/")
            fraction = divide([fraction], self._read_power())[0]
        elif token.text == "frac" and before.whole and isinstance(whole, Number):
            fraction = self._read_power()
            if literal_fraction(fraction) is None:
                return Product((whole, fraction))
        else:
            return None
        value = literal_fraction(fraction)
        if value is None or not isinstance(whole, Number) or not 0 < value < 1 or not before.whole:
            raise UnreadableError("two numbers side by side")
        return Number(whole.value - value if whole.value < 0 else whole.value + value)

    def _read_factor(self) -> Node:
        if not self.at("operator") or self.peek().text not in "+-":
            return self._read_power()
        negative = self.take().text == "-"
        node = value_of(self._read_power())
        return negate(node) if negative else node

    def _read_power(self) -> Node:
        node = self._read_postfix(self.read_primary())
        if not self.at("operator", "^"):
            return node
        self.take()
        self.enter()
        exponent = self._read_factor()
        self.leave()
        node = Power(value_of(node), value_of(exponent))
        return self._read_postfix(node) if self.at("operator", "!") else node

    def enter(self) -> None:
        """Note one more level of nesting."""
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise UnreadableError(f"nested more than {MAX_NESTING} deep")

    def leave(self) -> None:
        """Note one level of nesting less."""
        self._nesting -= 1

    def _read_postfix(self, node: Node) -> Node:
        while True:
            token = self.peek()
            if token.kind == "degree":
                self.take()
                node = Product((value_of(node), Constant("degree")))
            elif token.kind != "operator" or token.text not in "!%'_":
                return node
            else:
                written = self.tokens[self.position - 1]
                self.take()
                node = self._apply_postfix(node, token.text, written)

    def _apply_postfix(self, node: Node, operator: str, written: Token) -> Node:
        if operator == "%":
            value = value_of(node)
            hundredth = Fraction(1, 100)
            if isinstance(value, Number):
                return Number(value.value * hundredth)
            return Product((value, Number(hundredth)))
        if operator == "!":
            if self.at("operator", "!"):
                raise UnreadableError("a double factorial")
            return Function("factorial", (value_of(node),))
        if operator == "'":
            if not isinstance(node, Symbol):
                raise UnreadableError("a prime behind no letter")
            return Symbol(node.name + "'")
        index = brackets.read_index(self)
        if isinstance(node, Symbol):
            return Symbol(f"{node.name}_{index}")
        if isinstance(node, Number) and index.isdigit() and len(index) <= 2:
            return based(written, node, int(index))
        raise UnreadableError("an index behind no letter and no whole number")

    def read_primary(self) -> Node:
        """Read what no operator can cut."""
        token = self.peek()
        if token.kind == "number" and token.value is not None:
            self.take()
            return Number(token.value)
        if token.kind in ("symbol", "word"):
            self.take()
            if token.text in _APPLIED_LETTERS and self.at("open", "("):
                return read_applied(self, token.text)
            return Symbol(token.text)
        if token.kind == "constant":
            self.take()
            return Constant(token.text)  # type: ignore[arg-type]  # the table says so
        if token.kind == "dots":
            self.take()
            return Symbol("...")
        self.enter()
        node = self._read_compound(token)
        self.leave()
        return node

    def _read_compound(self, token: Token) -> Node:
        if token.kind == "function":
            self.take()
            return read_function(self, token.text)
        if token.kind == "structure":
            self.take()
            return read_structure(self, token.text)
        if token.kind == "open":
            return brackets.read_bracketed(self)
        if token.kind == "bar":
            return brackets.read_absolute(self)
        if token.kind == "begin":
            return brackets.read_matrix(self)
        if token.kind == "set":
            self.take()
            fixed: dict[str, Node] = {"reals": REALS, "empty": Set(())}
            return fixed.get(token.text) or Symbol(f"set {token.text}")
        self.refuse()
