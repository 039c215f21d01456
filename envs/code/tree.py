"""Small programs as trees of operations: what they compute, how they are written and described."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Value: TypeAlias = bool | int | str | list[int] | list[str]
"""What an operation takes and gives."""

TYPES = {"int": "int", "bool": "bool", "str": "str", "ints": "list[int]", "words": "list[str]"}
"""The types of values, and how an annotation writes them."""

ENTRY = "solve"
"""The name of every generated function."""

MAX_INTEGER = 10**9
MAX_ITEMS = 40
MAX_CHARS = 120

_ARGUMENTS = {"int": "nm", "str": "st", "ints": ("xs", "ys"), "words": ("words", "others")}
_LOCALS = "abcdefgh"


class TooLargeError(Exception):
    """A value on the way is too large for a small problem."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that a program can do with values."""

    name: str
    """Its name, unique."""
    topic: str
    """`lists`, `strings`, `formulas`, `arithmetic` or `recursion`."""
    takes: tuple[str, ...]
    """Types of its inputs."""
    gives: str
    """Type of its result."""
    code: str
    """An expression, or statements that assign `{out}`; `{0}` and `{1}` are inputs, `{k}` is the
    constant."""
    words: str
    """The result as a noun phrase, with the same places."""
    apply: Callable[..., Any]
    """Computes the result from the inputs and, where there is one, the constant."""
    constants: tuple[int | str, ...] = ()
    """The constants that it may have; none where this is empty."""
    helper: str = ""
    """Definitions that stand before the function."""


@dataclass(frozen=True, slots=True)
class Step:
    """One operation on values that are there already."""

    operation: Operation
    """What is done."""
    inputs: tuple[int, ...]
    """With which values: the arguments are numbered first, then the results of steps."""
    constant: int | str | None = None
    """With which constant."""


@dataclass(frozen=True, slots=True)
class Program:
    """A function: arguments, and steps each of which a later one or the result depends on."""

    arguments: tuple[str, ...]
    """Types of the arguments."""
    steps: tuple[Step, ...]
    """In order; the last one is the result."""

    @property
    def gives(self) -> str:
        """The type of the result."""
        return self.steps[-1].operation.gives

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all values: the arguments, then the results of steps."""
        seen: dict[str, int] = {}
        names = []
        for kind in self.arguments:
            names.append(_ARGUMENTS[kind][seen.get(kind, 0)])
            seen[kind] = seen.get(kind, 0) + 1
        return (*names, *_LOCALS[: len(self.steps)])

    def type_of(self, index: int) -> str:
        """Return the type of a value."""
        count = len(self.arguments)
        return self.arguments[index] if index < count else self.steps[index - count].operation.gives


def evaluate(program: Program, arguments: Sequence[Value]) -> Value:
    """Return what a program gives. Raises TooLargeError."""
    return trace(program, arguments)[-1]


def trace(program: Program, arguments: Sequence[Value]) -> list[Value]:
    """Return the result of each step. Raises TooLargeError."""
    values = list(arguments)
    for step in program.steps:
        inputs: list[Value] = [values[index] for index in step.inputs]
        if step.constant is not None:
            inputs.append(step.constant)
        result = step.operation.apply(*inputs)
        _check_size(result)
        values.append(result)
    return values[len(arguments) :]


def _check_size(value: Any) -> None:
    """Raise TooLargeError for a value that is too large. Most of a problem's cost is here."""
    if isinstance(value, list):
        if len(value) > MAX_ITEMS:
            raise TooLargeError
        if value:
            _check_size(max(value, key=len if isinstance(value[0], str) else abs))
    elif isinstance(value, str):
        if len(value) > MAX_CHARS:
            raise TooLargeError
    elif not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise TooLargeError


def write_header(program: Program) -> str:
    """Return the line that begins the function."""
    typed = zip(program.names, program.arguments, strict=False)
    arguments = ", ".join(f"{name}: {TYPES[kind]}" for name, kind in typed)
    return f"def {ENTRY}({arguments}) -> {TYPES[program.gives]}:"


def write_program(program: Program, *, comments: bool = False) -> str:
    """Return the program as Python, with comments that say before each step what it computes."""
    names, count = program.names, len(program.arguments)
    helpers = dict.fromkeys(step.operation.helper for step in program.steps)
    lines = [write_header(program)]
    for number, step in enumerate(program.steps):
        out, last = names[count + number], number == len(program.steps) - 1
        text = _fill(step.operation.code, step, names, out)
        if comments:
            lines.append(f"    # {_fill(step.operation.words, step, names, '')}")
        if "{out}" in step.operation.code:
            lines += [f"    {line}" for line in text.split("\n")]
            lines += [f"    return {out}"] if last else []
        else:
            lines.append(f"    return {text}" if last else f"    {out} = {text}")
    front = "".join(f"{helper}\n\n\n" for helper in helpers if helper)
    return front + "\n".join(lines) + "\n"


def describe_program(program: Program) -> str:
    """Return what the program computes, in English."""
    names, count = program.names, len(program.arguments)
    sentences = []
    for number, step in enumerate(program.steps):
        words = _fill(step.operation.words, step, names, "")
        last = number == len(program.steps) - 1
        sentences.append(f"Return {words}." if last else f"Let {names[count + number]} be {words}.")
    return " ".join(sentences)


def _fill(template: str, step: Step, names: Sequence[str], out: str) -> str:
    inputs = [names[index] for index in step.inputs]
    return template.format(*inputs, k=repr(step.constant), out=out)


def write_call(arguments: Sequence[Value]) -> str:
    """Return a call of the function."""
    return f"{ENTRY}({', '.join(map(repr, arguments))})"
