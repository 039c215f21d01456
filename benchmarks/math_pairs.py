"""Generated pairs of a reference and an answer, right or wrong by construction."""

import random
from collections.abc import Callable, Iterator
from fractions import Fraction

Pair = tuple[str, str]
Labelled = tuple[str, str, str, bool]
"""Family, reference, answer, and whether the answer is right."""


def make_plain(generator: random.Random, right: bool) -> Pair:
    """Return a pair of plain numbers or fractions."""
    kind = generator.randrange(4)
    value = generator.randint(2, 99_999)
    other = value if right else value + generator.choice([-10, -1, 1, 2, 100])
    if kind == 0:
        return str(value), f"\\boxed{{{other}}}"
    if kind == 1:
        return f"{value}", f"The answer is ${other:,}$."
    if kind == 2:
        return f"{value / 100:.2f}", f"\\boxed{{{other / 100:.2f}}}"
    below = generator.randint(2, 99)
    factor = generator.randint(1, 3)
    return (
        f"\\frac{{{value}}}{{{below}}}",
        f"\\boxed{{\\frac{{{other * factor}}}{{{below * factor}}}}}",
    )


def make_mixed(generator: random.Random, right: bool) -> Pair:
    """Return a pair of one of the forms that answers of competition problems take."""
    a, b, c = (generator.randint(2, 20) for _ in range(3))
    d = a if right else a + generator.choice([1, 2, 3])
    forms: list[Pair] = [
        make_plain(generator, right),
        (f"({a}, {b})", f"\\boxed{{\\left({d},{b}\\right)}}"),
        (f"\\{{{a}, {a + b}, {c + 50}\\}}", f"\\boxed{{\\{{{c + 50}, {d}, {a + b}\\}}}}"),
        (f"[{a}, {a + b})", f"\\boxed{{[{d}, {a + b})}}"),
        (f"x^2 + {a}x + {b}", f"\\boxed{{{b} + {d} x + x^{{2}}}}"),
        (f"(x + {a})(x - {b})", f"\\boxed{{x^2 + {d - b}x - {d * b}}}"),
        (f"{a}\\sqrt{{{b}}}", f"\\boxed{{\\sqrt{{{d * d * b}}}}}"),
        (f"\\frac{{{a}\\pi}}{{{b}}}", f"\\boxed{{{d}\\pi/{b}}}"),
        (f"2^{{{a}}}", f"\\boxed{{{2**d}}}"),
        (f"y = {a}x + {b}", f"\\boxed{{y - {b} = {d} x}}"),
        (f"x > {a}", f"\\boxed{{x \\in ({d}, \\infty)}}"),
        (f"\\frac{{x + {a}}}{{x^2 - 1}}", f"\\boxed{{\\frac{{x+{d}}}{{(x-1)(x+1)}}}}"),
        (f"\\begin{{pmatrix}}{a} & {b}\\\\{c} & 1\\end{{pmatrix}}",
         f"\\boxed{{\\begin{{bmatrix}}{d} & {b} \\\\ {c} & 1\\end{{bmatrix}}}}"),
        (f"{a}\\%", f"\\boxed{{{d}\\%}}"),
        (f"\\text{{({'ABCD'[a % 4]})}}", f"\\boxed{{{'ABCD'[(a + (0 if right else 1)) % 4]}}}"),
        (f"e^{{{a}}} - {b}", f"\\boxed{{-{b} + e^{{{d}}}}}"),
        (f"\\log_2 {2**a * 3}", f"\\boxed{{{d} + \\log_2 3}}"),
        (f"\\sin(2x) + {a}", f"\\boxed{{2\\sin x\\cos x + {d}}}"),
    ]  # fmt: skip
    return forms[generator.randrange(len(forms))]


def generate_families(generator: random.Random, rounds: int) -> Iterator[Labelled]:
    """Yield pairs of every family, `rounds` times."""
    for _ in range(rounds):
        for family in FAMILIES:
            for reference, answer, right in family(generator):
                yield family.__name__.replace("_", " "), reference, answer, right


Family = Iterator[tuple[str, str, bool]]


def integers(generator: random.Random) -> Family:
    """Whole numbers in several notations."""
    a = generator.randint(-(10**6), 10**6)
    yield str(a), generator.choice([f"{a:,}", f"{a}.0", f"${a}$"]), True
    yield str(a), str(a + generator.choice([-1, 1, 10])), False


def fractions(generator: random.Random) -> Family:
    """Fractions, reduced or not, and decimals."""
    value = Fraction(generator.randint(-60, 60), generator.randint(2, 24))
    other = value + Fraction(1, generator.randint(2, 50))
    bare = f"{value.numerator}/{value.denominator}"
    yield bare, f"\\frac{{{3 * value.numerator}}}{{{3 * value.denominator}}}", True
    yield bare, f"{other.numerator}/{other.denominator}", False
    yield "0.375", f"\\frac{{{3 * value.denominator}}}{{{8 * value.denominator}}}", True


def radicals(generator: random.Random) -> Family:
    """Square roots."""
    n, k = generator.randint(2, 30), generator.randint(2, 9)
    yield f"\\sqrt{{{n * k * k}}}", f"{k}\\sqrt{{{n}}}", True
    yield f"\\sqrt{{{n * k * k}}}", f"{k}\\sqrt{{{n + 1}}}", False
    yield f"\\frac{{{k}}}{{\\sqrt{{{n}}}}}", f"\\frac{{{k}\\sqrt{{{n}}}}}{{{n}}}", True


def polynomials(generator: random.Random) -> Family:
    """Products and sums of one variable."""
    a, b = generator.randint(1, 9), generator.randint(1, 9)
    yield f"(x+{a})(x-{b})", f"x^2+{a}x-{b}x-{a * b}", True
    yield f"(x+{a})(x-{b})", f"x^2+{a}x-{b}x-{a * b + 1}", False
    yield f"\\frac{{x^2-{a * a}}}{{x-{a}}}", f"x+{a}", True


def functions(generator: random.Random) -> Family:
    """Logarithms, exponentials, trigonometry."""
    n, k = generator.randint(2, 30), generator.randint(2, 9)
    yield f"\\ln {n**2}", f"2\\ln {n}", True
    yield f"\\ln {n}+\\ln {k}", f"\\ln {n + k}", n + k == n * k
    yield "\\cos 2x", "1-2\\sin^2 x", True
    yield f"e^{{{k}}}-{n}", f"-{n}+e^{{{k}}}", True


def sets_and_tuples(generator: random.Random) -> Family:
    """Without and with an order."""
    a, b, c = generator.sample(range(-20, 20), 3)
    yield f"\\{{{a},{b},{c}\\}}", f"\\{{{c},{a},{b}\\}}", True
    yield f"\\{{{a},{b},{c}\\}}", f"\\{{{a},{b}\\}}", False
    yield f"({a}, {b})", f"\\left({a}, {b}\\right)", True
    yield f"({a}, {b})", f"({b}, {a})", False
    yield str(a), f"{a}, {b}", False


def intervals(generator: random.Random) -> Family:
    """Intervals, unions and inequalities."""
    low, high = sorted(generator.sample(range(-20, 20), 2))
    yield f"({low}, {high}]", f"[{low}, {high}]", False
    yield f"({low},\\infty)", f"x>{low}", True
    yield f"x>{low}", f"x\\ge {low}", False
    left = f"(-\\infty,{low})"
    yield f"{left}\\cup({high},\\infty)", f"({high},\\infty)\\cup{left}", True


def chained_inequalities(generator: random.Random) -> Family:
    """An interval against an inequality with two signs."""
    low, high = sorted(generator.sample(range(-20, 20), 2))
    yield f"({low}, {high}]", f"{low}<x\\le {high}", True
    yield f"({low}, {high}]", f"{low}\\le x\\le {high}", False


def equations(generator: random.Random) -> Family:
    """Equations up to a factor and the side."""
    a, b = generator.randint(2, 9), generator.randint(2, 9)
    yield f"{a}x+{b}y=7", f"{2 * a}x+{2 * b}y=14", True
    yield f"y={a}x+{b}", f"{a}x+{b}=y", True
    yield f"y={a}x+{b}", f"y={a}x+{b + 1}", False
    yield f"x={a}", str(a), True


def question_again(generator: random.Random) -> Family:
    """The unevaluated question in place of the answer."""
    a, b = generator.randint(2, 30), generator.randint(2, 30)
    yield str(a * b), f"{a}\\cdot {b}", False
    yield str(a + b), f"{a}+{b}", False


def percents(generator: random.Random) -> Family:
    """Percents against their numbers."""
    a = generator.randint(2, 99)
    yield f"{a}\\%", f"{a / 100}", True
    yield f"{a}\\%", str(a), False


def units(generator: random.Random) -> Family:
    """A unit that is missing, and a wrong one."""
    a = generator.randint(2, 99)
    yield f"{a}\\text{{ cm}}", str(a), True
    yield f"{a}\\text{{ cm}}", f"{a}\\text{{ m}}", False


def large_powers(generator: random.Random) -> Family:
    """Numbers too large or too small for floating point to tell apart."""
    a = generator.randint(92, 120)
    yield f"2^{{{a}}}", f"2^{{{a + 1}}}", False
    yield f"\\frac{{1}}{{2^{{{a}}}}}", f"\\frac{{1}}{{2^{{{a + 1}}}}}", False


def plus_minus(generator: random.Random) -> Family:
    """Both signs, and one of them."""
    a = generator.randint(2, 99)
    yield f"\\pm {a}", f"{a}, -{a}", True
    yield f"\\pm {a}", str(a), False


FAMILIES: tuple[Callable[[random.Random], Family], ...] = (
    integers, fractions, radicals, polynomials, functions, sets_and_tuples, intervals,
    chained_inequalities, equations, question_again, percents, units, large_powers, plus_minus,
)  # fmt: skip
