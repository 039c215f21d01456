"""What a program is tested by: the two forms, and how a reference writes them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from gym_reason.errors import DataError
from gym_reason.types import Json
from gym_reason.verifiers.code.compare import check_comparison

MAX_CASES = 10_000


@dataclass(frozen=True, slots=True)
class AssertTests:
    """Python asserts on functions or classes that the program defines.

    As a reference: `{"type": "assert", "entry": "add", "code": "assert add(1, 2) == 3"}`.
    """

    entries: tuple[str, ...]
    """Names that the program must define."""
    code: str
    """Trusted test code; every assert in it must pass at least once."""
    setup: str = ""
    """Trusted code that runs before, with what the tests need besides the entries."""


@dataclass(frozen=True, slots=True)
class Case:
    """One input and what is expected for it."""

    input: str
    """Standard input."""
    output: str
    """Expected standard output."""


@dataclass(frozen=True, slots=True)
class StdioTests:
    """Inputs of a program and the outputs that are expected.

    As a reference: `{"type": "stdio", "cases": [{"in": "1 2", "out": "3"}], "compare": "lines"}`.
    """

    cases: tuple[Case, ...]
    """Run one by one, each in a fresh process."""
    compare: str = "lines"
    """`lines`, `exact`, `tokens`, `float:TOLERANCE`, or `checker`."""
    checker: str = ""
    """For `checker`: trusted Python code that defines `check(input, output, expected) -> bool`."""


def read_tests(reference: str, meta: Mapping[str, Json]) -> AssertTests | StdioTests:
    """Return the tests that a reference holds.

    A reference is a JSON object as the classes above show it, or bare test code in Python; the
    names that such code tests are then `meta["entry"]`.

    Raises:
        DataError: Where it is neither.
    """
    try:
        parsed = json.loads(reference)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        parsed = {"type": "assert", "code": reference, "entry": meta.get("entry")}
    kind = parsed.get("type")
    if kind == "assert":
        return _read_asserts(parsed)
    if kind == "stdio":
        return _read_stdio(parsed)
    raise DataError(f"tests of type {kind!r}", "assert or stdio")


def _read_asserts(parsed: Mapping[str, object]) -> AssertTests:
    entry = parsed.get("entry")
    entries = [entry] if isinstance(entry, str) else entry
    if (
        not isinstance(entries, list)
        or not entries
        or not all(isinstance(name, str) and name.isidentifier() for name in entries)
    ):
        raise DataError(
            f"assert tests with the entry {entry!r}", "the name of a function, or a list of names"
        )
    code = _text(parsed, "code")
    if not code.strip():
        raise DataError("assert tests without code", "code with asserts")
    return AssertTests(tuple(entries), code, _text(parsed, "setup", ""))


def _read_stdio(parsed: Mapping[str, object]) -> StdioTests:
    cases = parsed.get("cases")
    if not isinstance(cases, list) or not 0 < len(cases) <= MAX_CASES:
        raise DataError("stdio tests without cases", f"a list of 1 to {MAX_CASES} cases")
    read = []
    for case in cases:
        if not isinstance(case, dict):
            raise DataError(f"a case of type {type(case).__name__}", '{"in": text, "out": text}')
        read.append(Case(_text(case, "in", ""), _text(case, "out")))
    compare = check_comparison(_text(parsed, "compare", "lines"))
    checker = _text(parsed, "checker", "")
    if (compare == "checker") != bool(checker):
        raise DataError(f"the comparison {compare!r}", "code in `checker` with it, or neither")
    return StdioTests(tuple(read), compare, checker)


def _text(parsed: Mapping[str, object], name: str, default: str | None = None) -> str:
    value = parsed.get(name, default)
    if not isinstance(value, str):
        raise DataError(f"tests with a {name!r} of type {type(value).__name__}", "text")
    return value
