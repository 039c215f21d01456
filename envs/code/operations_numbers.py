"""Operations on whole numbers, and those whose reference is a recursive function."""

import math
from collections.abc import Callable

from gym_reason.envs.code.tree import Operation

_SMALL = (2, 3, 5, 7)


def _number(
    name: str,
    gives: str,
    code: str,
    words: str,
    apply: Callable[..., object],
    constants: tuple[int, ...] = (),
    takes: tuple[str, ...] = ("int",),
    topic: str = "arithmetic",
) -> Operation:
    return Operation(name, topic, takes, gives, code, words, apply, constants)


def _formula(
    name: str,
    code: str,
    words: str,
    apply: Callable[..., object],
    constants: tuple[int, ...] = (),
    takes: tuple[str, ...] = ("int",),
) -> Operation:
    return _number(name, "int", code, words, apply, constants, takes, "formulas")


def _pair(name: str, code: str, words: str, apply: Callable[..., object]) -> Operation:
    return _formula(name, code, words, apply, (), ("int", "int"))


def _recursion(
    name: str,
    takes: tuple[str, ...],
    gives: str,
    code: str,
    words: str,
    apply: Callable[..., object],
    helper: str,
    constants: tuple[int, ...] = (),
) -> Operation:
    return Operation(name, "recursion", takes, gives, code, words, apply, constants, helper)


def _is_prime(n: int) -> bool:
    return n > 1 and all(n % i for i in range(2, math.isqrt(n) + 1))


def _sequence(n: int, k: int) -> int:
    before, now = 0, 1
    for _ in range(n % 12):
        before, now = now, now + k * before
    return before


def _growth(n: int, k: int) -> int:
    total = k
    for i in range(1, n % 10 + 1):
        total = 2 * total + i
    return total


def _digital_root(n: int) -> int:
    return (abs(n) - 1) % 9 + 1 if n else 0


def _halvings(n: int) -> int:
    return abs(n).bit_length()


def _collatz(n: int) -> int:
    number, steps = n % 30 + 1, 0
    while number != 1:
        number = number // 2 if number % 2 == 0 else 3 * number + 1
        steps += 1
    return steps


def _weave(xs: list[int], ys: list[int]) -> list[int]:
    shorter = min(len(xs), len(ys))
    mixed = [number for pair in zip(xs, ys, strict=False) for number in pair]
    return mixed + xs[shorter:] + ys[shorter:]


def _outside_in(xs: list[int]) -> list[int]:
    half = (len(xs) + 1) // 2
    return _weave(xs[:half], xs[half:][::-1])


def _fold(xs: list[int], k: int) -> int:
    total = 0
    for x in reversed(xs):
        total = x - k * total
    return total


_ARITHMETIC = (
    _formula("add", "{0} + {k}", "{0} plus {k}", lambda n, k: n + k, (1, 3, 5, 10)),
    _formula("subtract", "{0} - {k}", "{0} minus {k}", lambda n, k: n - k, (1, 2, 4, 10)),
    _formula("multiply", "{0} * {k}", "{0} times {k}", lambda n, k: n * k, _SMALL),
    _formula("square", "{0} * {0}", "the square of {0}", lambda n: n * n),
    _formula("absolute", "abs({0})", "the absolute value of {0}", abs),
    _formula(
        "remainder",
        "{0} % {k}",
        "the remainder, never negative, of {0} divided by {k}",
        lambda n, k: n % k,
        (3, 4, 7, 10, 11),
    ),
    _formula(
        "quotient",
        "{0} // {k}",
        "{0} divided by {k}, rounded down",
        lambda n, k: n // k,
        _SMALL,
    ),
    _formula(
        "at_least",
        "max({0}, {k})",
        "the larger of {0} and {k}",
        lambda n, k: max(n, k),
        (0, 5, 12, 30),
    ),
    _formula(
        "at_most",
        "min({0}, {k})",
        "the smaller of {0} and {k}",
        lambda n, k: min(n, k),
        (10, 20, 50),
    ),
    _number(
        "triangle",
        "int",
        "sum(range({0} + 1))",
        "the sum of the whole numbers from 1 to {0}, or 0 if {0} is less than 1",
        lambda n: n * (n + 1) // 2 if n > 0 else 0,
    ),
    _number(
        "sum_of_multiples",
        "int",
        "sum(x for x in range(1, {0} % 50) if x % {k} == 0)",
        "the sum of the multiples of {k} that are positive and less than ({0} modulo 50)",
        lambda n, k: sum(range(k, n % 50, k)),
        (2, 3, 5, 7),
    ),
    _number(
        "digit_sum",
        "int",
        "sum(int(ch) for ch in str(abs({0})))",
        "the sum of the decimal digits of {0}",
        lambda n: sum(map(int, str(abs(n)))),
    ),
    _number(
        "largest_digit",
        "int",
        "max(int(ch) for ch in str(abs({0})))",
        "the largest decimal digit of {0}",
        lambda n: max(map(int, str(abs(n)))),
    ),
    _number(
        "turn_digits",
        "int",
        "int(str(abs({0}))[::-1])",
        "the absolute value of {0} with its decimal digits in reverse order",
        lambda n: int(str(abs(n))[::-1]),
    ),
    _number(
        "count_divisors",
        "int",
        "sum(1 for x in range(1, {0} % 60 + 1) if ({0} % 60) % x == 0)",
        "the number of positive divisors of ({0} modulo 60), where 0 has none",
        lambda n: sum((n % 60) % x == 0 for x in range(1, n % 60 + 1)),
    ),
    _number(
        "is_prime",
        "bool",
        "{0} > 1 and all({0} % x != 0 for x in range(2, int({0} ** 0.5) + 1))",
        "whether {0} is a prime number",
        _is_prime,
    ),
    _number(
        "digits",
        "ints",
        "[int(ch) for ch in str(abs({0}))]",
        "the list of the decimal digits of {0}, first digit first",
        lambda n: [int(ch) for ch in str(abs(n))],
    ),
    _number(
        "divisors",
        "ints",
        "[x for x in range(1, {0} % 60 + 1) if ({0} % 60) % x == 0]",
        "the list of the positive divisors of ({0} modulo 60) in ascending order, where 0 has none",
        lambda n: [x for x in range(1, n % 60 + 1) if (n % 60) % x == 0],
    ),
    _number(
        "numbers_up_to",
        "ints",
        "list(range({0} % {k}))",
        "the list of the whole numbers from 0 on that are less than ({0} modulo {k})",
        lambda n, k: list(range(n % k)),
        (7, 9, 12),
    ),
    _pair("sum", "{0} + {1}", "the sum of {0} and {1}", lambda n, m: n + m),
    _pair("difference", "{0} - {1}", "{0} minus {1}", lambda n, m: n - m),
    _pair("times", "{0} * {1}", "the product of {0} and {1}", lambda n, m: n * m),
    _pair(
        "distance", "abs({0} - {1})", "the distance between {0} and {1}", lambda n, m: abs(n - m)
    ),
    _pair("larger", "max({0}, {1})", "the larger of {0} and {1}", lambda n, m: max(n, m)),
    _pair("smaller", "min({0}, {1})", "the smaller of {0} and {1}", lambda n, m: min(n, m)),
)
_RECURSIVE = (
    _recursion(
        "sequence",
        ("int",),
        "int",
        "sequence({0} % 12, {k})",
        "the value F({0} modulo 12), where F(0) = 0, F(1) = 1 and F(i) = F(i - 1) + {k} * F(i - 2)",
        _sequence,
        "def sequence(i, k):\n    if i < 2:\n        return i\n"
        "    return sequence(i - 1, k) + k * sequence(i - 2, k)",
        (1, 2, 3),
    ),
    _recursion(
        "growth",
        ("int",),
        "int",
        "growth({0} % 10, {k})",
        "the value G({0} modulo 10), where G(0) = {k} and G(i) = 2 * G(i - 1) + i",
        _growth,
        "def growth(i, k):\n    if i == 0:\n        return k\n    return 2 * growth(i - 1, k) + i",
        (0, 1, 2, 3),
    ),
    _recursion(
        "common_divisor",
        ("int", "int"),
        "int",
        "divide(abs({0}), abs({1}))",
        "the greatest common divisor of {0} and {1}, where that of 0 and 0 is 0",
        math.gcd,
        "def divide(x, y):\n    if y == 0:\n        return x\n    return divide(y, x % y)",
    ),
    _recursion(
        "digital_root",
        ("int",),
        "int",
        "root(abs({0}))",
        "the number that is left when the absolute value of {0} is replaced by the sum of its "
        "decimal digits until it has one digit",
        _digital_root,
        "def root(x):\n    if x < 10:\n        return x\n"
        "    return root(sum(int(ch) for ch in str(x)))",
    ),
    _recursion(
        "halvings",
        ("int",),
        "int",
        "halvings(abs({0}))",
        "how often the absolute value of {0} can be halved, rounded down, until it is 0",
        _halvings,
        "def halvings(x):\n    if x == 0:\n        return 0\n    return 1 + halvings(x // 2)",
    ),
    _recursion(
        "collatz",
        ("int",),
        "int",
        "collatz({0} % 30 + 1)",
        "how many steps lead from 1 plus ({0} modulo 30) to 1, where a step halves an even number "
        "and makes 3 * i + 1 of an odd number i",
        _collatz,
        "def collatz(i):\n    if i == 1:\n        return 0\n"
        "    return 1 + collatz(i // 2 if i % 2 == 0 else 3 * i + 1)",
    ),
    _recursion(
        "weave",
        ("ints", "ints"),
        "ints",
        "weave({0}, {1})",
        "the list of the elements of {0} and {1} by turns, the first of {0} first, with what is "
        "left of the longer one at the end",
        _weave,
        "def weave(x, y):\n    if not x:\n        return y\n    return [x[0]] + weave(y, x[1:])",
    ),
    _recursion(
        "outside_in",
        ("ints",),
        "ints",
        "peel({0})",
        "the list of the first element of {0}, the last, the second, the last but one and so on",
        _outside_in,
        "def peel(x):\n    if len(x) < 2:\n        return x\n"
        "    return [x[0], x[-1]] + peel(x[1:-1])",
    ),
    _recursion(
        "fold",
        ("ints",),
        "int",
        "fold({0}, {k})",
        "the value H of the list {0}, where H of no elements is 0 and H of any other list is its "
        "first element minus {k} times H of the rest",
        _fold,
        "def fold(x, k):\n    if not x:\n        return 0\n    return x[0] - k * fold(x[1:], k)",
        (1, 2, 3),
    ),
)

OPERATIONS: tuple[Operation, ...] = (*_ARITHMETIC, *_RECURSIVE)
"""Operations on numbers, and recursive ones."""
