"""The grammar of answers: what is read, what is refused, and that it always ends."""

import contextlib
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.verifiers.math.answers import read_answer
from gym_reason.verifiers.math.parser import parse
from gym_reason.verifiers.math.tokens import MAX_CHARS, MAX_TOKENS
from gym_reason.verifiers.math.tree import (
    INFINITY,
    MINUS_ONE,
    Based,
    Choice,
    Constant,
    Function,
    Interval,
    Listing,
    Matrix,
    Node,
    Number,
    PlusMinus,
    Power,
    Product,
    Quantity,
    Relation,
    Set,
    SetOperation,
    Sum,
    Symbol,
    Tuple,
    UnreadableError,
)


def number(value: str | int) -> Number:
    return Number(Fraction(value))


X, Y = Symbol("x"), Symbol("y")
ONE, TWO, THREE, HALF = number(1), number(2), number(3), number("1/2")
INVERSE_OF_TWO = Power(TWO, MINUS_ONE)

TREES: dict[str, Node] = {
    "x": X,
    "12.50": number("25/2"),
    "1,234": number(1234),
    "1{,}234.5": number("2469/2"),
    "3\\frac{1}{2}": number("7/2"),
    "-3 1/2": number("-7/2"),
    "0.1\\overline{6}": number("1/6"),
    "0.(3)": number("1/3"),
    "50\\%": HALF,
    "\\frac12": Product((ONE, INVERSE_OF_TWO)),
    "\\frac{1}{2}": Product((ONE, INVERSE_OF_TWO)),
    "1/2x": Product((Product((ONE, INVERSE_OF_TWO)), X)),
    "2x": Product((TWO, X)),
    "xy": Product((X, Y)),
    "x-y": Sum((X, Product((MINUS_ONE, Y)))),
    "-2^2": Product((MINUS_ONE, Power(TWO, TWO))),
    "2^3^x": Power(TWO, Power(THREE, X)),
    "2^-1": Power(TWO, MINUS_ONE),
    "x²": Power(X, TWO),
    "x**2": Power(X, TWO),
    "\\sqrt2": Power(TWO, HALF),
    "√2": Power(TWO, HALF),
    "sqrt(x)": Power(X, HALF),
    "\\sqrt[3]{x}": Power(X, number("1/3")),
    "sin x": Function("sin", (X,)),
    "\\sin^{2}x": Power(Function("sin", (X,)), TWO),
    "\\sin^{-1}x": Function("asin", (X,)),
    "\\sin 2x\\cos y": Product((Function("sin", (Product((TWO, X)),)), Function("cos", (Y,)))),
    "\\sin(x)y": Product((Function("sin", (X,)), Y)),
    "exp(x)": Power(Constant("e"), X),
    "\\mathrm{e}^x": Power(Constant("e"), X),
    "\\log_2 x": Function("log", (X, TWO)),
    "\\binom{x}{2}": Function("binomial", (X, TWO)),
    "x!": Function("factorial", (X,)),
    "|x|": Function("abs", (X,)),
    "2|x|": Product((TWO, Function("abs", (X,)))),
    "||x|-1|": Function("abs", (Sum((Function("abs", (X,)), MINUS_ONE)),)),
    "f(x)": Function("f", (X,)),
    "h(x+1)": Product((Symbol("h"), Sum((X, ONE)))),
    "x_{12}": Symbol("x_12"),
    "x'": Symbol("x'"),
    "\\vec{v}": Symbol("vec v"),
    "\u03b1": Symbol("alpha"),
    "\\pm x": PlusMinus(X, False),
    "1\\mp x": Sum((ONE, PlusMinus(X, True))),
    "1010_2": Based("1010", 2),
    "17_{10}": number(17),
    "(1,2)": Tuple((ONE, TWO), "()"),
    "(1,234)": Tuple((ONE, number(234)), "()"),
    "(1,234, 5)": Tuple((number(1234), number(5)), "()"),
    "[1,2]": Interval(ONE, TWO, True, True),
    "(1;2]": Interval(ONE, TWO, False, True),
    "[1,2,3]": Tuple((ONE, TWO, THREE), "[]"),
    "\\langle 1,2\\rangle": Tuple((ONE, TWO), "<>"),
    "\\{1,2\\}": Set((ONE, TWO)),
    "{1,2}": Set((ONE, TWO)),
    "\\emptyset": Set(()),
    "1, 2 and 3": Listing((ONE, TWO, THREE), ","),
    "1 \\text{ or } 2": Listing((ONE, TWO), "or"),
    "[1,2]\\cup\\{3\\}": SetOperation("union", (Interval(ONE, TWO, True, True), Set((THREE,)))),
    "1<x\\le 2": Relation((ONE, X, TWO), ("<", "<=")),
    "x\\in[1,2]": Relation((X, Interval(ONE, TWO, True, True)), ("in",)),
    "\\infty": INFINITY,
    "\\begin{pmatrix}1\\\\2\\end{pmatrix}": Matrix(((ONE,), (TWO,))),
    "\\left[\\begin{array}{cc}1&2\\end{array}\\right]": Matrix(((ONE, TWO),)),
    "[[1,2],[3,x]]": Matrix(((ONE, TWO), (THREE, X))),
}


@pytest.mark.parametrize(("text", "tree"), TREES.items())
def test_the_tree_of_a_text(text: str, tree: Node) -> None:
    assert parse(text) == tree
    assert parse(f"${text}$") == tree


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "+", "1+", "*2", "2 3", "x2", "2^", "^2", "_2", "2 3/2", "--2", "(1", "1)", "()",
        "(1,)", "[1)2", "(1,2)+3", "\\{1\\}^2", "x=", "=x", "1 if 2", "a and b or c", "1,,2", "5!!",
        "\\frac", "\\frac{1}", "\\frac{}{}", "\\sqrt", "\\sqrt{}", "\\sqrt[0]{2}",
        "\\begin{pmatrix}",
        "\\begin{pmatrix}1&2\\\\3\\end{pmatrix}", "\\begin{vmatrix}1\\end{vmatrix}", "12_2",
        "\\int_0^1 x", "\\sum_{k=1}^n k", "\\lim x", "7 \\mod 3", "\\foo", "x.y", "a@b",
        "\\|x\\|", "\\sin(1,2)", "no solutions", "x\\text{ apples}", "\x00",
        "__import__('os')", "lambda: 1", "\ud800", "1&2", "1\\\\2", "x:1",
    ],
)  # fmt: skip
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(UnreadableError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("5\\sqrt{2}\\text{ cm}", Quantity(Product((number(5), Power(TWO, HALF))), "", "cm")),
        ("\\sqrt{2} cm^2", Quantity(Power(TWO, HALF), "", "cm^2")),
        ("\\$\\sqrt{2}", Quantity(Power(TWO, HALF), "$", "")),
        ("x^\\circ", Quantity(X, "\u00b0", "")),
        ("(B) x", Choice("B", X)),
        ("\\textbf{(B)}\\ 2", Choice("B", TWO)),
        ("B. x", Choice("B", X)),
        ("答案是x", X),
        ("the answer is x.", X),
        ("**x**", X),
    ],
)
def test_what_stands_around_a_formula_is_taken_off(text: str, tree: Node) -> None:
    assert read_answer(text).tree == tree


@pytest.mark.parametrize(
    "text",
    [
        "x" * (MAX_CHARS + 1),
        "x+" * (MAX_TOKENS // 2) + "x",
        "(" * 41 + "x" + ")" * 41,
        "\\sqrt{" * 41 + "x" + "}" * 41,
        "2^" * 41 + "x",
        "x+" + "9" * 1_001,
        "x+1e1001",
        "(" + "1, " * 200 + "1)",
        "\\begin{matrix}" + "1&" * 100 + "1\\end{matrix}",
    ],
    ids=lambda text: text[:12],
)
def test_caps_refuse_what_is_too_much(text: str) -> None:
    with pytest.raises(UnreadableError):
        parse(text)


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(UnreadableError):
        parse(text)


pieces = st.sampled_from(
    ["x", "2", "12", "\\frac", "\\sqrt", "{", "}", "(", ")", "[", "]", "|", "+", "-", "*", "/", "^",
     "_", "!", "%", ",", ";", "=", "<", "\\le", "\\in", "\\cup", "\\{", "\\}", "\\pm", "\\sin",
     "\\log", "\\pi", "\\infty", "and", "or", " ", "\\text{cm}", "\\begin{pmatrix}", "&", "\\\\",
     "\\end{pmatrix}", "1/2", "...", "^\\circ", "°", "²", "'", "\\binom", "f", "e", "i", "\\mid",
     ":"]
)  # fmt: skip


@given(st.lists(pieces, max_size=25))
def test_any_row_of_tokens_is_read_or_refused(parts: list[str]) -> None:
    for text in ("".join(parts), " ".join(parts)):
        reading = read_answer(text)
        assert (reading.tree is None) is bool(reading.reason)


def written(tree: Node) -> str:
    """Return an expression in LaTeX, with every bracket that it could need."""
    if isinstance(tree, Number):
        value = f"\\frac{{{tree.value.numerator}}}{{{tree.value.denominator}}}"
        return f"({tree.value.numerator})" if tree.value.denominator == 1 else f"({value})"
    if isinstance(tree, Symbol):
        return tree.name
    if isinstance(tree, Sum):
        return "(" + "+".join(map(written, tree.terms)) + ")"
    if isinstance(tree, Product):
        return "(" + "\\cdot ".join(map(written, tree.factors)) + ")"
    if isinstance(tree, Power):
        return f"({written(tree.base)})^{{{written(tree.exponent)}}}"
    assert isinstance(tree, Function)
    return f"\\{tree.name}({written(tree.arguments[0])})"


whole_numbers = st.integers(-20, 20).map(number)
trees = st.recursive(
    whole_numbers | st.sampled_from([X, Y]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(Sum),
        st.tuples(inner, inner).map(Product),
        st.builds(Power, inner, st.integers(2, 4).map(number)),
        inner.map(lambda argument: Function("sin", (argument,))),
    ),
    max_leaves=8,
)


@given(trees)
def test_a_written_tree_is_read_back(tree: Node) -> None:
    assert parse(written(tree)) == tree
