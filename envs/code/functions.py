"""Records whose tests are Python code that calls a function: HumanEval, MBPP, LeetCode."""

import ast
import builtins
import doctest
from collections.abc import Iterator, Mapping
from typing import Any

from gym_reason.envs.code.fields import (
    Record,
    check_list,
    read_difficulty,
    read_id,
    read_optional,
    read_text,
)
from gym_reason.errors import DataError
from gym_reason.types import Json


def read_humaneval(row: Mapping[str, Any], language: str) -> Record:
    """Return a record with `task_id`, `prompt`, `entry_point`, `test` and `canonical_solution`.

    What the prompt defines is there for its tests too. The examples of its docstring are the public
    tests; where there is none that can be run, the first plain assert of the tests is.
    """
    del language
    prompt, test = read_text(row, "prompt"), read_text(row, "test")
    entry = _read_entry(row)
    solution = read_optional(row, "canonical_solution")
    tests: dict[str, Json] = {
        "type": "assert",
        "entry": entry,
        "setup": _close_function(prompt),
        "code": f"{test}\ncheck({entry})\n",
    }
    examples = list(_find_examples(prompt, entry)) or _first_assert(test, entry)
    public = {**tests, "code": "\n".join(examples)} if examples else None
    return Record(
        id=read_id(row, "task_id"),
        prompt=f"Complete this function:\n\n```python\n{prompt.rstrip()}\n```",
        tests=tests,
        public=public,
        solution=prompt + solution if solution else "",
        starter=prompt,
        difficulty=read_difficulty(row),
    )


def read_mbpp(row: Mapping[str, Any], language: str) -> Record:
    """Return a record with `task_id`, `text` or `prompt`, `test_list` and `code`.

    The first test is the public one: it alone says how the function is called.
    """
    del language
    question = read_optional(row, "text", "prompt")
    if not question.strip():
        raise DataError("no 'text' and no 'prompt'", "a text that is not blank")
    listed = _read_tests(row, "test_list", 1)
    challenges = _read_tests(row, "challenge_test_list", 0)
    imports = row.get("test_imports")
    setup = [read_optional(row, "test_setup_code")]
    setup += [str(line) for line in imports] if isinstance(imports, list) else []
    solution = read_optional(row, "code")
    tests: dict[str, Json] = {
        "type": "assert",
        "entry": _called_names([*listed, *challenges], solution),
        "setup": "\n".join(filter(None, setup)),
        "code": "\n".join([*listed, *challenges]),
    }
    return Record(
        id=read_id(row, "task_id", prefix="mbpp/"),
        prompt=f"{question.strip()}\n\nIt has to pass this test:\n\n{listed[0]}",
        tests=tests,
        public={**tests, "code": listed[0]},
        solution=solution,
    )


def read_leetcode(row: Mapping[str, Any], language: str) -> Record:
    """Return a record with `problem_description` or `query`, `starter_code`, `entry_point`, `test`.

    The entry point may be a method of a class, as `Solution().twoSum`; `prompt` holds what programs
    and tests may count on, and stands before the program.
    """
    del language
    question = read_optional(row, "problem_description", "query", "content")
    if not question.strip():
        raise DataError("no 'problem_description' and no 'query'", "a text that is not blank")
    entry, test = read_text(row, "entry_point"), read_text(row, "test")
    name = _entry_name(entry)
    starter = read_optional(row, "starter_code")
    # Starter code ends with the header of a method, whose body is what is asked for.
    setup = read_optional(row, "prompt")
    tests: dict[str, Json] = {
        "type": "assert",
        "entry": name,
        "setup": setup,
        "code": f"{test}\ncheck({entry})\n",
    }
    examples = _first_assert(test, entry)
    solution = read_optional(row, "completion", "solution")
    has_setup = not setup or solution.startswith(setup)
    start = f"\n\nStart with\n\n```python\n{starter.rstrip()}\n```" if starter else ""
    return Record(
        id=read_id(row, "task_id", "question_id", "slug"),
        prompt=f"{question.strip()}{start}",
        tests=tests,
        public={**tests, "code": "\n".join(examples)} if examples else None,
        solution=solution if has_setup or not solution else f"{setup}\n\n{solution}",
        starter=starter,
        difficulty=read_difficulty(row),
    )


def _read_entry(row: Mapping[str, Any]) -> str:
    entry = read_text(row, "entry_point")
    if not entry.isidentifier():
        raise DataError(f"the entry point {entry!r}", "the name of a function")
    return entry


def _entry_name(entry: str) -> str:
    """Return the name that a program has to define for an expression such as `Solution().f`."""
    try:
        tree = ast.parse(entry, mode="eval")
    except (SyntaxError, ValueError):
        tree = None
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)] if tree else []
    if len(names) != 1:
        raise DataError(f"the entry point {entry!r}", "a function, or a method of a class")
    return names[0]


def _close_function(prompt: str) -> str:
    """Return a prompt that ends in a function's header or docstring as code that can be run."""
    return f"{prompt.rstrip()}\n    pass\n"


def _find_examples(prompt: str, entry: str) -> Iterator[str]:
    """Yield the examples of the docstring of `entry` as asserts, where their results are data."""
    try:
        tree = ast.parse(_close_function(prompt))
    except (SyntaxError, ValueError):
        return
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef) or node.name != entry:
            continue
        try:
            examples = doctest.DocTestParser().get_examples(ast.get_docstring(node) or "")
        except ValueError:
            return
        for example in examples:
            source, wanted = example.source.strip(), example.want.strip()
            if "\n" not in source and f"{entry}(" in source and _is_data(wanted):
                yield f"assert {source} == {wanted}"


def _is_data(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False
    return "\n" not in text


def _first_assert(test: str, entry: str) -> list[str]:
    """Return the first assert of a function `check(candidate)` as one on the entry, or nothing."""
    try:
        tree = ast.parse(test)
    except (SyntaxError, ValueError):
        return []
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef) or node.name != "check" or not node.args.args:
            continue
        candidate = node.args.args[0].arg
        for statement in node.body:
            names = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}
            # Names of variables of the function would be missing outside of it.
            own = {name for name in names if not hasattr(builtins, name)} - {candidate}
            if isinstance(statement, ast.Assert) and candidate in names and not own:
                shown = ast.unparse(ast.Assert(statement.test))
                return [_replace_name(shown, candidate, entry)]
    return []


def _replace_name(source: str, name: str, expression: str) -> str:
    replacement = ast.parse(expression, mode="eval").body

    class Replace(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return replacement if node.id == name else node

    return ast.unparse(ast.fix_missing_locations(Replace().visit(ast.parse(source))))


def _read_tests(row: Mapping[str, Any], name: str, least: int) -> list[str]:
    value = row.get(name)
    listed = [] if value is None and not least else check_list(value, name, least)
    if not all(isinstance(test, str) for test in listed):
        raise DataError(f"{name!r} holds something that is no text", "asserts as texts")
    for test in listed:
        try:
            ast.parse(test)
        except (SyntaxError, ValueError):
            raise DataError(f"{name!r} holds {test[:60]!r}", "an assert in Python") from None
    return [test.strip() for test in listed]


def _called_names(tests: list[str], solution: str) -> list[str]:
    """Return what the tests call: all that the solution defines, or the first unknown name."""
    calls = [node for test in tests for node in ast.walk(ast.parse(test))]
    called = dict.fromkeys(
        node.func.id
        for node in calls
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    )
    try:
        tree = ast.parse(solution)
    except (SyntaxError, ValueError):
        tree = ast.Module([], [])
    kinds = (ast.FunctionDef, ast.ClassDef)
    defined = {node.name for node in tree.body if isinstance(node, kinds)}
    found = [name for name in called if name in defined]
    if not defined:
        found = [name for name in called if not hasattr(builtins, name)][:1]
    if not found:
        raise DataError(f"the test {tests[0][:60]!r}", "a call of what the solution defines")
    return found
