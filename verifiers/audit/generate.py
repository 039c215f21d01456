"""Small sets of cases, for verifiers that come without tasks of their own."""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import TypeAlias

import numpy as np

from gym_reason.errors import UsageError
from gym_reason.seeding import content_id, derive_rng
from gym_reason.types import Message, Task
from gym_reason.verifiers.audit.cases import Case, Contract
from gym_reason.verifiers.audit.mutations import write_number
from gym_reason.verifiers.audit.state_cases import state_cases

_WORDS = (
    "Paris", "blue whale", "Wednesday", "photosynthesis", "E = mc^2", "caf\u00e9", "\u6771\u4eac",
    "no", "left-handed", "Ada Lovelace", "x >= 3", "a, b and c", "NaCl", "7 dwarfs",
)  # fmt: skip

_PROGRAMS = (
    (
        "add",
        "def add(a, b):\n    return a + b\n",
        "assert add(1, 2) == 3\nassert add(-5, 7) == 2\n",
    ),
    (
        "reverse_words",
        "def reverse_words(text):\n    return ' '.join(reversed(text.split()))\n",
        "assert reverse_words('a b c') == 'c b a'\nassert reverse_words('one') == 'one'\n",
    ),
    (
        "evens",
        "def evens(numbers):\n    return [n for n in numbers if n % 2 == 0]\n",
        "assert evens([1, 2, 3, 4]) == [2, 4]\nassert evens([6]) == [6]\n",
    ),
    (
        "mean",
        "def mean(numbers):\n    return sum(numbers) / len(numbers)\n",
        "assert abs(mean([1, 2, 6]) - 3.0) < 1e-9\nassert abs(mean([5]) - 5.0) < 1e-9\n",
    ),
    (
        "is_prime",
        "def is_prime(n):\n    return n > 1 and all(n % d for d in range(2, int(n**0.5) + 1))\n",
        "assert is_prime(7) is True\nassert is_prime(9) is False\nassert is_prime(1) is False\n",
    ),
)
_SUM_PROGRAM = "print(sum(int(word) for word in input().split()))\n"
_SUM_CASES = [{"in": "1 2 3\n", "out": "6\n"}, {"in": "40 2\n", "out": "42\n"}]


def generated_cases(contract: Contract, count: int, seed: int = 0) -> tuple[Case, ...]:
    """Return cases for a verifier of a family that needs no tasks of its user's.

    Args:
        contract: What the verifier promises; its families choose the cases.
        count: Most cases.
        seed: Seed of the draws.

    Raises:
        UsageError: Where there are none for its families.
    """
    makers: dict[str, Callable[[int], Iterator[Case]]] = {
        "math.digits": lambda seed: _math_cases(seed, (_whole, _large, _decimal)),
        "math": _math_cases,
        "text": _text_cases,
        "countdown": _countdown_cases,
        "code": _code_cases,
        "format.think": lambda _: _format_cases("<think>Two and two.</think>4"),
        "format.answer": lambda _: _format_cases("So it is <answer>4</answer>"),
        "format.no_think": lambda _: _format_cases("4"),
        "format.json": lambda _: _json_cases(),
        "state": state_cases,
    }
    if "shape" in contract.families:
        raise UsageError(
            "a verifier that judges the shape of a text alone",
            "one that says what is right and what is wrong",
            "compare the rewards of texts with gym-reason verify",
        )
    for family, make in makers.items():
        if family in contract.families:
            found: dict[str, Case] = {}
            for case in itertools.islice(make(seed), 20 * count):
                found.setdefault(case.task.id, replace(case, tolerance=contract.tolerance))
                if len(found) >= count:
                    break
            return tuple(found.values())
    raise UsageError(
        f"no tasks to audit a verifier of {', '.join(sorted(contract.families))} with",
        f"tasks, or one of the families {', '.join(makers)}",
        "give --rows FILE.jsonl, an environment, or --family",
    )


def _case(
    prompt: str,
    reference: str,
    solutions: tuple[str, ...] | None = None,
    answer: str | None = None,
    equal: tuple[str, ...] = (),
    different: tuple[str, ...] = (),
) -> Case:
    task = Task(content_id("audit", prompt, reference), (Message("user", prompt),), reference)
    solved = (reference,) if solutions is None else solutions
    return Case(task, solved, reference if answer is None else answer, equal, different)


def _draw(rng: np.random.Generator, low: int, high: int) -> int:
    return int(rng.integers(low, high + 1))


def _whole(rng: np.random.Generator, digits: int) -> Case:
    left, right = _draw(rng, 1, 10**digits), _draw(rng, -(10**digits), 10**digits)
    return _case(f"Compute {left} + ({right}).", str(left + right))


def _large(rng: np.random.Generator, digits: int) -> Case:
    left, right = _draw(rng, 100, 10 ** (digits + 2)), _draw(rng, 11, 9999)
    sign = -1 if digits == 2 else 1
    return _case(f"Compute {left} * {sign * right}.", str(sign * left * right))


def _fraction(rng: np.random.Generator, digits: int) -> Case:
    value = Fraction(_draw(rng, -60, 60), _draw(rng, 2, 10 * digits))
    value += Fraction(1, 3) if value.denominator == 1 else 0
    sign = "-" if value < 0 else ""
    return _case(
        "Write the sum as a fraction in lowest terms.",
        f"{sign}\\frac{{{abs(value.numerator)}}}{{{value.denominator}}}",
    )


def _decimal(rng: np.random.Generator, digits: int) -> Case:
    value = Fraction(2 * _draw(rng, 0, 10 ** (digits + 1)) + 1, 10 ** min(digits, 3) * 2)
    return _case("Measure the length in metres.", write_number(value))


def _set(rng: np.random.Generator, digits: int) -> Case:
    first, step = _draw(rng, -9, 9), _draw(rng, 1, 9)
    numbers = [str(first + place * step) for place in range(2 + digits % 3)]
    factors = "".join(f"(x - ({number}))" for number in numbers)
    return _case(f"Solve {factors} = 0.", f"\\{{{', '.join(numbers)}\\}}")


def _tuple(rng: np.random.Generator, digits: int) -> Case:
    x, y = _draw(rng, 1, 20), Fraction(_draw(rng, 22, 60), 2)
    return _case("Where do the two lines meet?", f"({x}, {write_number(y)})")


def _interval(rng: np.random.Generator, digits: int) -> Case:
    low, width = _draw(rng, -20, 20), _draw(rng, 1, 20)
    left, right = (("[", ")"), ("(", "]"), ("[", "]"))[digits % 3]
    return _case("Where is the function positive?", f"{left}{low}, {low + width}{right}")


def _choice(rng: np.random.Generator, digits: int) -> Case:
    letter = "ABCDE"[_draw(rng, 0, 4)]
    return _case(f"Which of (A) to (E) is right in question {_draw(rng, 1, 10**6)}?", letter)


def _surd(rng: np.random.Generator, digits: int) -> Case:
    factor, root = _draw(rng, 2, 9), int(rng.choice([2, 3, 5, 7, 11]))
    reference = f"{factor}\\sqrt{{{root}}}"
    equal = (
        f"\\sqrt{{{factor**2 * root}}}",
        f"\\sqrt{{{root}}} \\cdot {factor}",
        f"{factor}*sqrt({root})",
    )
    different = (
        f"{factor + 1}\\sqrt{{{root}}}",
        f"{factor}\\sqrt{{{root + 1}}}",
        f"-{factor}\\sqrt{{{root}}}",
        f"\\sqrt{{{factor * root}}}",
        f"{factor}{root}",
    )
    return _case("How long is the diagonal?", reference, equal=equal, different=different)


def _polynomial(rng: np.random.Generator, digits: int) -> Case:
    a, b = _draw(rng, 1, 9), _draw(rng, 1, 9)
    middle, last = a + b, a * b
    reference = f"x^2 + {middle}x + {last}"
    equal = (
        f"x^2+{middle}x+{last}",
        f"{last} + {middle}x + x^2",
        f"(x+{a})(x+{b})",
        f"x^{{2}} + {middle} \\cdot x + {last}",
        f"x*x + {middle}*x + {last}",
    )
    different = (
        f"x^2 + {middle}x - {last}",
        f"x^2 - {middle}x + {last}",
        f"x^2 + {middle + 1}x + {last}",
        f"x^3 + {middle}x + {last}",
        f"y^2 + {middle}y + {last}",
        f"(x-{a})(x-{b})",
        f"x^2 + {middle} + {last}",
    )
    return _case("Expand the product.", reference, equal=equal, different=different)


_Maker: TypeAlias = Callable[[np.random.Generator, int], Case]
_ALL_KINDS: tuple[_Maker, ...] = (
    _whole, _large, _fraction, _decimal, _set, _tuple, _interval, _surd, _polynomial, _choice,
)  # fmt: skip


def _math_cases(seed: int, makers: tuple[_Maker, ...] = _ALL_KINDS) -> Iterator[Case]:
    """Yield the kinds of answers in turn, without an end."""
    for index in itertools.count():
        rng = derive_rng(seed, "audit", index)
        digits = 1 + index // len(makers) % 4
        yield makers[index % len(makers)](rng, digits)


def _text_cases(seed: int) -> Iterator[Case]:
    for word in _WORDS:
        yield _case("Complete the sentence.", word)
    for index in range(1000):
        rng = derive_rng(seed, "audit", index)
        text = "".join(str(_draw(rng, 0, 9)) for _ in range(1 + index % 8))
        yield _case(f"Which digits are hidden in place {index}?", text)


def _countdown_cases(seed: int) -> Iterator[Case]:
    for index in range(1000):
        rng = derive_rng(seed, "audit", index)
        a, b, c = (_draw(rng, 6, 25) for _ in range(3))
        solution, target = (
            (f"({a}+{b})*{c}", (a + b) * c),
            (f"{a}*{b}+{c}", a * b + c),
            (f"{a}*{b}-{c}", a * b - c),
        )[index % 3]
        numbers = sorted((a, b, c))
        if target in numbers:
            continue
        given = " ".join(map(str, numbers))
        prompt = f"Reach {target} with the numbers {given}."
        yield _case(prompt, f"{given} = {target}", (solution,), solution)


def _code_cases(seed: int) -> Iterator[Case]:
    for entry, program, tests in _PROGRAMS:
        reference = json.dumps({"type": "assert", "entry": entry, "code": tests})
        yield _case(f"Write {entry}.", reference, (program,), "")
    stdio = json.dumps({"type": "stdio", "cases": _SUM_CASES})
    yield _case("Print the sum of the numbers on the line.", stdio, (_SUM_PROGRAM,), "")


def _format_cases(solution: str) -> Iterator[Case]:
    yield _case("What is 2 + 2?", "4", (solution,), "")


def _json_cases() -> Iterator[Case]:
    schema = {
        "type": "object",
        "properties": {"answer": {"type": "integer"}},
        "required": ["answer"],
        "additionalProperties": False,
    }
    solution = '{"answer": 4}'
    equal = (f"\n{solution}\n", '{\n  "answer": 4\n}', f"```json\n{solution}\n```", '{"answer":4}')
    different = (
        '{"answer": "4"}', '{"answer": 4.5}', '{"answer": null}', '{"answer": true}', "{}", "[]",
        "4", "null", '{"answer": 4, "more": 1}', '[{"answer": 4}]', '{"Answer": 4}',
        '{"answer": 4', "{'answer': 4}", '{"answer": NaN}', "{answer: 4}",
        '{"answer": "x", "answer": 4} {"answer": 4}', '"{\\"answer\\": 4}"',
    )  # fmt: skip
    yield _case("Give the sum as JSON.", json.dumps(schema), (solution,), "", equal, different)
