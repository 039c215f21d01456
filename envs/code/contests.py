"""Records with inputs and outputs: LiveCodeBench, APPS, CodeContests."""

import base64
import binascii
import json
import math
import pickletools
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from gym_reason.envs.code.fields import (
    Record,
    check_list,
    parse_json,
    read_difficulty,
    read_id,
    read_json,
    read_optional,
    read_text,
)
from gym_reason.errors import DataError
from gym_reason.types import Json

MAX_UNPACKED_BYTES = 512 << 20
"""Largest packed tests that are unpacked."""

_PLAIN_OPCODES = {"PROTO", "FRAME", "MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT", "STOP"}
_TEXT_OPCODES = {"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE"}
_LANGUAGES = {"python": (3, "PYTHON3"), "cpp": (2, "CPP")}
_EQUAL = """
def same(found, expected):
    if isinstance(found, tuple):
        found = list(found)
    if isinstance(found, list) and isinstance(expected, list):
        pairs = zip(found, expected)
        return len(found) == len(expected) and all(same(one, other) for one, other in pairs)
    if type(found) is float or type(expected) is float:
        numbers = isinstance(found, (int, float)) and isinstance(expected, (int, float))
        return numbers and abs(found - expected) <= 1e-6 * max(1.0, abs(expected))
    return found == expected
"""
"""Tuples count as lists, and floats that are close as equal, as the judges of these sites do."""
_EITHER = f"""{_EQUAL}

def accepts(found, expected):
    wrapped = isinstance(expected, list) and len(expected) == 1
    return same(found, expected) or wrapped and same(found, expected[0])
"""


def read_livecodebench(row: Mapping[str, Any], language: str) -> Record:
    """Return a record with `question_content`, `public_test_cases` and `private_test_cases`.

    The private tests may be packed, as the collection publishes them: JSON in a pickled text,
    compressed, in base 64. The text is read out of it; nothing is unpickled.
    """
    question = read_text(row, "question_content")
    starter = read_optional(row, "starter_code")
    public = _read_cases(read_json(row, "public_test_cases"), "public_test_cases")
    private = _read_cases(_unpack(row, "private_test_cases"), "private_test_cases")
    kinds = {str(case.get("testtype", "stdin")) for case in (*public, *private)}
    if kinds == {"functional"}:
        metadata = read_json(row, "metadata")
        name = metadata.get("func_name") if isinstance(metadata, dict) else None
        if not isinstance(name, str) or not name.isidentifier():
            raise DataError(f"the func_name {name!r} in 'metadata'", "the name of a method")
        owner = "Solution" if not starter or "class Solution" in starter else ""
        shown = [_parse_call(case) for case in public]
        tests = _call_tests([*shown, *map(_parse_call, private)], name, owner, "same", _EQUAL)
        seen = _call_tests(shown, name, owner, "same", _EQUAL) if shown else None
    elif kinds == {"stdin"}:
        shown_cases = [(case["input"], case["output"]) for case in public]
        hidden = [(case["input"], case["output"]) for case in private]
        tests = _stdio_tests([*shown_cases, *hidden])
        seen = _stdio_tests(shown_cases) if shown_cases else None
    else:
        raise DataError(f"tests of the types {sorted(kinds)}", "stdin, or functional")
    return Record(
        id=read_id(row, "question_id"),
        prompt=_write_prompt(question, starter, language, stdio=kinds == {"stdin"}),
        tests=tests,
        public=seen,
        solution=read_optional(row, "solution"),
        starter=starter,
        difficulty=read_difficulty(row),
    )


def read_apps(row: Mapping[str, Any], language: str) -> Record:
    """Return a record with `question` and `input_output`, which may name a function in `fn_name`.

    The first test is the public one: the collection keeps none apart.
    """
    question = read_text(row, "question")
    starter = read_optional(row, "starter_code")
    tests = read_json(row, "input_output")
    if not isinstance(tests, dict):
        raise DataError("'input_output' is no object", '{"inputs": [...], "outputs": [...]}')
    inputs = check_list(tests.get("inputs"), "inputs")
    outputs = check_list(tests.get("outputs"), "outputs")
    if len(inputs) != len(outputs):
        raise DataError(f"{len(inputs)} inputs and {len(outputs)} outputs", "as many of both")
    name = tests.get("fn_name")
    solutions = read_json(row, "solutions") if row.get("solutions") else []
    solution = (
        next((one for one in solutions if isinstance(one, str)), "")
        if (isinstance(solutions, list))
        else ""
    )
    if name is None:
        cases = [
            (_join_lines(one), _join_lines(other))
            for one, other in zip(inputs, outputs, strict=True)
        ]
        hidden, public = _stdio_tests(cases), _stdio_tests(cases[:1])
    else:
        if not isinstance(name, str) or not name.isidentifier():
            raise DataError(f"the fn_name {name!r}", "the name of a function")
        owner = "Solution" if "class Solution" in f"{starter}{solution}" else ""
        calls = [
            (check_list(one, "inputs", 0), other)
            for one, other in zip(inputs, outputs, strict=True)
        ]
        hidden = _call_tests(calls, name, owner, "accepts", _EITHER)
        public = _call_tests(calls[:1], name, owner, "accepts", _EITHER)
    return Record(
        id=read_id(row, "problem_id", "id", "task_id", prefix="apps/"),
        prompt=_write_prompt(question, starter, language, stdio=name is None, name=name),
        tests=hidden,
        public=public,
        solution=solution if language == "python" else "",
        starter=starter,
        difficulty=read_difficulty(row),
    )


def read_codecontests(row: Mapping[str, Any], language: str) -> Record:
    """Return a record with `name`, `description` and public, private and generated tests."""
    description = read_text(row, "description")
    public = _read_columns(row, "public_tests")
    hidden = [*_read_columns(row, "private_tests"), *_read_columns(row, "generated_tests")]
    if not public and not hidden:
        raise DataError("no tests", "public_tests, private_tests or generated_tests")
    return Record(
        id=read_id(row, "name"),
        prompt=_write_prompt(description, "", language, stdio=True),
        tests=_stdio_tests([*public, *hidden]),
        public=_stdio_tests(public) if public else None,
        solution=_find_solution(row.get("solutions"), language),
        difficulty=read_difficulty(row),
    )


def _write_prompt(
    question: str, starter: str, language: str, *, stdio: bool, name: str | None = None
) -> str:
    parts = [question.strip()]
    if starter:
        parts.append(f"Start with\n\n```{language}\n{starter.rstrip()}\n```")
    elif name:
        parts.append(f"Write the function `{name}`.")
    if stdio:
        parts.append("The program reads standard input and writes standard output.")
    return "\n\n".join(parts)


def _stdio_tests(cases: Sequence[tuple[str, str]]) -> dict[str, Json]:
    rows: list[Json] = [{"in": one, "out": other} for one, other in dict.fromkeys(cases)]
    return {"type": "stdio", "cases": rows, "compare": "tokens"}


def _call_tests(
    calls: Sequence[tuple[list[Any], Any]], name: str, owner: str, compare: str, setup: str
) -> dict[str, Json]:
    target = f"{owner}().{name}" if owner else name
    lines = [
        f"assert {compare}({target}({', '.join(map(_write_value, arguments))}), "
        f"{_write_value(result)})"
        for arguments, result in calls
    ]
    code = "\n".join(dict.fromkeys(lines))
    return {"type": "assert", "entry": owner or name, "setup": setup, "code": code}


def _write_value(value: Any) -> str:
    """Return a value of JSON as Python."""
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if isinstance(value, list):
        return f"[{', '.join(map(_write_value, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {_write_value(v)}" for k, v in value.items()) + "}"
    return repr(value)


def _parse_call(case: Mapping[str, Any]) -> tuple[list[Any], Any]:
    """Return the arguments, one a line of JSON, and the result of a functional test."""
    lines = [line for line in case["input"].split("\n") if line.strip()]
    return [parse_json(line, "input") for line in lines], parse_json(case["output"], "output")


def _read_cases(value: Any, name: str) -> list[dict[str, Any]]:
    cases = check_list([] if value is None else value, name, 0)
    for case in cases:
        if not isinstance(case, dict) or not all(
            isinstance(case.get(part), str) for part in ("input", "output")
        ):
            raise DataError(f"a case in {name!r} has no input or no output", "both, as texts")
    return cases


def _read_columns(row: Mapping[str, Any], name: str) -> list[tuple[str, str]]:
    """Return tests, which stand in two columns or in one list of pairs."""
    value = read_json(row, name)
    if isinstance(value, dict):
        inputs = check_list(value.get("input"), f"{name}.input", 0)
        outputs = check_list(value.get("output"), f"{name}.output", len(inputs))
        if len(inputs) != len(outputs):
            raise DataError(f"{len(inputs)} inputs and {len(outputs)} outputs in {name!r}", "pairs")
        pairs = zip(inputs, outputs, strict=True)
        return [(_join_lines(one), _join_lines(other)) for one, other in pairs]
    return [(case["input"], case["output"]) for case in _read_cases(value, name)]


def _find_solution(value: Any, language: str) -> str:
    """Return the first solution in a language, from two columns or a list of pairs."""
    pairs: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        columns = [value.get(name) for name in ("language", "solution")]
        if all(isinstance(column, list) for column in columns):
            pairs = list(zip(*columns, strict=False))
    elif isinstance(value, list):
        pairs = [(r.get("language"), r.get("solution")) for r in value if isinstance(r, dict)]
    known = _LANGUAGES.get(language, ())
    return next((text for kind, text in pairs if kind in known and isinstance(text, str)), "")


def _join_lines(value: Any) -> str:
    """Return a text, or the lines of a list as one. Raises DataError."""
    lines = value if isinstance(value, list) else [value]
    if not all(isinstance(line, str | int | float) for line in lines):
        raise DataError("an input or an output that is no text", "texts, or lists of lines")
    return "\n".join(map(str, lines))


def _unpack(row: Mapping[str, Any], name: str) -> Any:
    value = row.get(name)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        pass
    try:
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(base64.b64decode(value, validate=True), MAX_UNPACKED_BYTES)
    except (binascii.Error, ValueError, zlib.error):
        raise DataError(f"{name!r} is neither JSON nor packed", "one of the two") from None
    if unpacker.unconsumed_tail:
        raise DataError(f"{name!r} unpacks to more than {MAX_UNPACKED_BYTES} bytes", "less")
    return parse_json(_pickled_text(content, name), name)


def _pickled_text(content: bytes, name: str) -> str:
    """Return the text in a pickle that holds one text and nothing else; nothing is run."""
    found: list[str] = []
    try:
        for opcode, argument, _ in pickletools.genops(content):
            if opcode.name in _TEXT_OPCODES:
                found.append(str(argument))
            elif opcode.name not in _PLAIN_OPCODES:
                raise DataError(f"{name!r} packs a pickle with {opcode.name}", "one text")
    except ValueError:
        found = []
    if len(found) != 1:
        raise DataError(f"{name!r} packs no single text", "one text")
    return found[0]
