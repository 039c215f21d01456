"""Answers made to hang, crash or fool a grader: each ends, and none passes."""

import pytest

from gym_reason.types import Outcome, Task
from gym_reason.verifiers import MathVerifier
from gym_reason.verifiers.math.answers import read_answer

VERIFIER = MathVerifier()
REFERENCES = ["2", "\\sqrt{2}", "x+1", "(3,4)", "\\{3,4\\}", "x=3", "x>2", "\\infty"]
PAIRS = {
    "(": ")", "[": "]", "{": "}", "\\{": "\\}", "\\left(": "\\right)", "\\sqrt{": "}", "|": "|",
    "\\frac{1}{": "}", "\\sin(": ")", "2^{": "}", "e^{": "}", "\\text{": "}",
    "\\langle": "\\rangle",
    "x_{": "}", "-(": ")", "(1,": ")", "\\ln(": ")", "1+(": ")", "2(": ")", "\\binom{5}{": "}",
    "\\begin{pmatrix}": "\\end{pmatrix}", "(-": ")!", "\\sqrt[3]{": "}", "\\overline{": "}",
    "\\sin(2(": "+x))", "\\{x\\mid ": "\\}", "\\boxed{": "}",
}  # fmt: skip
NESTED = {f"{left}{depth}": left * depth + "z" + right * depth
          for left, right in PAIRS.items() for depth in (12, 38, 3_000)}  # fmt: skip
REPEATED = {
    f"{piece} x{count}": piece * count + end
    for piece, count, end in [
        ("-", 3_000, "1"), ("+1", 1_400, ""), ("\\pm", 900, "1"), ("1\\pm", 700, "1"), ("!",
        3_000, ""),
        ("5!", 500, ""), ("%", 900, ""), ("z'", 900, ""), ("2^", 900, "2"), ("_1", 900, ""),
        ("1/", 1_200, "3"), ("^\\circ", 900, ""), ("|z|", 800, ""), ("z", 2_999, ""), ("z ",
        2_999, ""),
        ("5,", 2_999, "5"), ("word ", 1_500, ""), ("\\", 9_999, ""), ("&", 2_999, ""), ("...",
        900, ""),
        ("=", 2_999, ""), ("<z", 900, ""), ("=z", 900, ""), ("1\\frac12", 800, ""), ("1,234,",
        1_500, "5"),
        ("\u221e", 2_999, ""), ("\u00b2", 2_999, ""), ("z\u0301", 2_999, ""), ("\0", 2_999, ""),
        ("\ud800", 2_999, ""), ("z+", 500_000, "1"), ("(", 1_000_000, ""), ("9", 1_000_000, ""),
        ("\\frac", 3_000, ""), ("\\sqrt", 3_000, ""), ("\\sin", 3_000, "z"), ("or ", 900, "3"),
        ("$", 9_000, ""),
        ("\\begin{pmatrix}", 900, ""), ("\\left(", 900, ""), ("\\in", 900, ""), ("\\cup(1,2)",
        900, ""),
        ("a. ", 3_000, ""), ("A) ", 3_000, ""),
    ]
}  # fmt: skip
LARGE = [
    "9^{9^{9^9}}", "9**9**9**9", "2^{10^{11}}", "10^{10^{10}}+1", "99999999999!", "((9!)!)!",
    "((99!)!)!",
    "\\binom{10^9}{10^8}", "1e999999", "10^{-10^{9}}", "\\sqrt[999999999]{7^{9999999}}",
    "7^{1/1000000007}",
    "z^{10^{15}}", "z^{99999999999999999999}", "(z+1)^{10^{12}}-z", "(1+i)^{99999999}",
    "\\sin(10^{400})",
    "\\sin(9^{9^9})", "e^{e^{e^{e^{e}}}}", "\\ln(9^{9^9})", "\\log_{9^{9^9}}2",
    "(a+b+c+d+e+f)^{60}",
    "(\\sqrt a+\\sqrt b+\\sqrt c+\\sqrt d)^9", "z^{z^{z^{z}}}",
    "\\sqrt2^{\\sqrt2^{\\sqrt2^{\\sqrt2}}}",
    "\\cosh(\\cosh(\\cosh(\\cosh(5))))", "3000!\\cdot z", "7^{9999999999}-7^{9999999998}",
    "z^{-10^9}",
    "+".join(f"\\frac{{1}}{{{n}^{{500}}}}" for n in range(2, 300)),
    "+".join(f"\\sqrt{{{n}}}" for n in range(2, 300)),
    "+".join(f"\\sin({n}z)" for n in range(2, 200)),
    "".join(f"\\sin({n}z)" for n in range(2, 200)),
    "+".join(f"{n}!" for n in range(2, 400)),
    "z" + "".join(f"\\cdot{n}!" for n in range(2, 300)),
    "\\{" + ",".join(map(str, range(1_000))) + "\\}",
    "\\{" + ",".join(f"\\sqrt{{{n}}}" for n in range(5, 200)) + "\\}",
    "\\cup".join(f"({n},{n + 1})" for n in range(200)),
    "\\cup".join(f"(\\sqrt{{{n}}},\\sqrt{{{n + 1}}})" for n in range(5, 50)),
]  # fmt: skip
TRICKS = [
    "nan", "NaN", "1/0", "0/0", "0^0", "z/0", "\\frac{}{}", "\\frac{0}{0}", "\\ln 0",
    "\\tan\\frac\\pi2",
    "\\infty-\\infty", "\\infty/\\infty", "0\\cdot\\infty", "1^\\infty", "\\frac{z-z}{z-z}",
    "z=z", "0=0",
    "1=1", "2=3", "x=x", "x+1=x+1=x", "\\{2,\\sqrt2,x+1,5\\}", "2,\\sqrt2,x+1", "(2,\\sqrt2,x+1)",
    "2 or \\sqrt2 or x+1", "x\\in\\mathbb{R}", "\\mathbb{R}", "(-\\infty,\\infty)", "x\\ne 0",
    "true", "any",
    "all of the above", "__import__('os')", "exec('1')", "x.__class__", "lambda x: x",
    "[i for i in (9,)]",
    "(lambda: 2)()", "open('f')", "2 if 1 else 3", "None", "0x2", "0b10", "2_0", "2j", "\u0662/0",
    "\u2160\u2160", "\u2461", "2\u20dd", "2\u0338", "\ufffd", "\\text{2 or 3}", "\\text{not }2",
    "\\neg 2",
    "2\\ldots", "2...", "?", "2?", "}{2}{", "$2$3$", "2\\\\3", "2&3", "\\u0032",
    "\\x32",
    "&#50;", "%32", "{{2}}{3}", "\\frac{2}{1}{3}", "\\sqrt[0]{4}", "\\sqrt[-1]{2}^0", "2^{}",
    "^2", "2^^2",
    "\\input{x}", "\\def\\x{2}\\x", "\\newcommand{\\a}{2}\\a", "\\char50", "\\verb|2|",
    "\\phantom{2}", "\\begin{cases}2\\\\3\\end{cases}", "\\max(2,3)", "\\underbrace{2}_{3}",
]  # fmt: skip
HOSTILE = [*NESTED.values(), *REPEATED.values(), *LARGE, *TRICKS]


@pytest.mark.parametrize("answer", HOSTILE, ids=lambda answer: ascii(answer[:24]))
def test_a_hostile_answer_ends_and_does_not_pass(answer: str) -> None:
    for reference in REFERENCES:
        verdict = VERIFIER.verify(Task("t", (), reference), f"\\boxed{{{answer}}}")
        assert verdict.outcome in (Outcome.FAIL, Outcome.NO_ANSWER), (reference, verdict.detail)
        assert verdict.reward == 0.0


@pytest.mark.parametrize(
    "answer",
    [answer for answer in HOSTILE if len(answer) < 10_000],
    ids=lambda answer: ascii(answer[:24]),
)
def test_a_hostile_reference_ends(answer: str) -> None:
    for found in ("2", "x+1"):
        VERIFIER.verify(Task("t", (), answer), f"\\boxed{{{found}}}")


@pytest.mark.parametrize(
    ("one", "other"),
    [("1/0", "2/0"), ("0/0", "1/0"), ("z/0", "y/0"), ("\\ln 0", "\\ln(1-1)"), ("0^0", "(1-1)^0"),
     ("\\frac{1}{z-z}", "\\frac{2}{z-z}"), ("\\tan 90^\\circ", "\\tan\\frac{\\pi}{2}"),
     ("(1/0, 2)", "(2/0, 2)"), ("\\{1/0\\}", "\\{2/0\\}"), ("\\infty-\\infty",
     "2(\\infty-\\infty)"),
     ("x=1/0", "x=2/0"), ("x>1/0", "x>2/0"), ("(0,1/0)", "(0,2/0)"), ("0=0", "1=1"), ("x=x", "y=y"),
     ("x=x+1", "0=1"), ("\\infty", "2\\infty"), ("\\frac{\\infty}{2}", "\\infty"),
     ("9^{9^{9^9}}", "9^{9^{9^9}}+1"), ("((99!)!)!", "((99!)!)!+1")],
)  # fmt: skip
def test_nothing_without_a_value_equals_anything_else(one: str, other: str) -> None:
    for reference, answer in ((one, other), (other, one)):
        verdict = VERIFIER.verify(Task("t", (), reference), f"\\boxed{{{answer}}}")
        assert not verdict.correct, verdict.detail


CONFUSABLES = {"x": "\u0445\u03c7\u00d7\u2179\ua7b5", "a": "\u0430\u0251\u03b1",
"e": "\u0435\u212e",
               "i": "\u0456\u2170\u0131", "o": "\u043e\u03bf"}  # fmt: skip


@pytest.mark.parametrize(("letter", "lookalikes"), CONFUSABLES.items())
def test_letters_that_look_alike_are_other_letters(letter: str, lookalikes: str) -> None:
    for lookalike in lookalikes:
        for form in ("{}+1", "2{}", "({},1)", "{}"):
            reference, answer = form.format(letter), form.format(lookalike)
            verdict = VERIFIER.verify(Task("t", (), reference), f"\\boxed{{{answer}}}")
            assert not verdict.correct, verdict.detail


def test_the_callers_stack_may_be_nearly_full() -> None:
    text = "\\sqrt{" * 30 + "z" + "}" * 30

    def descend(depth: int) -> bool:
        if depth:
            return descend(depth - 1)
        read_answer.cache_clear()
        return VERIFIER.verify(Task("t", (), "z+1"), f"\\boxed{{{text}}}").correct

    for depth in (0, 500, 700):
        assert descend(depth) is False
