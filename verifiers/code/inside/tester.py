"""The tests' side of function tests: runs trusted test code against a program elsewhere.

Every name under test is a stand-in that sends its arguments over the link and returns the plain
data that comes back. The program's process is never trusted: whatever is not a well-formed answer
ends the tests as failed, even where the test code would swallow the exception.
"""

import ast
import builtins
import json
import linecache
import os
import random
import socket
import sys
import types
from typing import Any

from gym_reason.verifiers.code.inside.remote import (
    MAX_SHOWN_CHARS,
    FaultError,
    Link,
    RemoteClass,
    TestsError,
)
from gym_reason.verifiers.sandbox.inside.server import REPORT

_FILE_NAME = "tests.py"


def run(job: dict[str, Any], extras: list[int]) -> int:
    """Run `job["setup"]` and then `job["code"]` with stand-ins for `job["entries"]`; report.

    The report is a JSON object: `total` and `passed` asserts, `failures`, `fault` where the program
    broke the rules, `error` where the tests could not be run.
    """
    report: dict[str, Any] = {"total": 0, "passed": 0, "failures": [], "fault": "", "error": ""}
    link = Link(socket.socket(fileno=extras[0]), job["entries"], "asyncio" in job["code"])
    tests = _Tests(job, link, report)
    try:
        tests.run()
    except FaultError as fault:
        report["fault"] = str(fault)
    except BaseException as error:
        report["error"] = f"{type(error).__name__}: {error}"[:MAX_SHOWN_CHARS]
    report["fault"] = report["fault"] or link.fault
    report["passed"] = len(tests.passed)
    content = json.dumps(report).encode("ascii")
    with open(REPORT, "wb") as pipe:
        pipe.write(content)
    return 0


class _Tests:
    def __init__(self, job: dict[str, Any], link: Link, report: dict[str, Any]) -> None:
        self.job = job
        self.link = link
        self.report = report
        self.passed: set[int] = set()
        self.lines: dict[int, int] = {}
        self.module = types.ModuleType("tests")
        self.names = self.module.__dict__

    def run(self) -> None:
        sys.modules["tests"] = self.module
        # The same program and tests give the same verdict.
        random.seed(0)
        self.names["__builtins__"] = builtins
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
        exec(compile(self.job["setup"], "setup.py", "exec", dont_inherit=True), self.names)
        source = self.job["code"]
        linecache.cache[_FILE_NAME] = (len(source), None, source.splitlines(True), _FILE_NAME)
        tree = ast.parse(source, _FILE_NAME)
        marker = _MarkAsserts()
        # Each with its notes, so that one which fails takes them along.
        parts = [marker.visit(ast.Module([statement], [])) for statement in tree.body]
        self.lines = marker.lines
        self.report["total"] = marker.count
        self.names["__passed__"] = self._pass
        self.link.load()
        for name in self.job["entries"]:
            self.names[name] = self._stand_in(name)
        for part in parts:
            code = compile(ast.fix_missing_locations(part), _FILE_NAME, "exec", dont_inherit=True)
            self._run_statement(code, part.body[0])
            if self.report["failures"] and not self.job["every"]:
                break
        link = self.link
        if not (link.asked or link.values or link.exceptions or self.report["failures"]):
            raise TestsError("they never ask the program for anything")

    def _stand_in(self, name: str) -> Any:
        if name in self.link.exceptions:
            return self.link.exceptions[name]
        if name in self.link.values:
            return self.link.values[name]
        if name in self.link.classes:
            return RemoteClass(self.link, name)

        def call(*arguments: Any, **keywords: Any) -> Any:
            return self.link.ask(name, arguments, keywords)

        call.__name__ = name
        return call

    def _pass(self, number: int) -> None:
        self.passed.add(number)
        self.link.calls.clear()

    def _run_statement(self, code: types.CodeType, statement: ast.stmt) -> None:
        try:
            exec(code, self.names)
        except Exception as error:
            traceback = error.__traceback__
            line = statement.lineno
            while traceback is not None:
                if traceback.tb_frame.f_code.co_filename == _FILE_NAME:
                    line = traceback.tb_lineno
                traceback = traceback.tb_next
            # In a loop it may have passed before.
            self.passed.discard(self.lines.get(line, -1))
            self.report["failures"].append(
                {
                    "line": line,
                    "test": linecache.getline(_FILE_NAME, line).strip()[:MAX_SHOWN_CHARS],
                    "error": type(error).__name__,
                    "calls": [said for _, said in self.link.calls[-3:]],
                }
            )
            self.link.calls.clear()


class _MarkAsserts(ast.NodeTransformer):
    """Puts a note behind each assert that it was passed; `assert False` itself tests nothing."""

    def __init__(self) -> None:
        self.count = 0
        self.lines: dict[int, int] = {}
        """The assert on each line."""

    def visit_Assert(self, node: ast.Assert) -> list[ast.stmt]:
        if isinstance(node.test, ast.Constant):
            return [node]
        if isinstance(node.test, ast.Tuple):
            raise TestsError(f"line {node.lineno} asserts a tuple, which always holds")
        call = ast.Call(ast.Name("__passed__", ast.Load()), [ast.Constant(self.count)], keywords=[])
        last = node.end_lineno or node.lineno
        self.lines |= dict.fromkeys(range(node.lineno, last + 1), self.count)
        self.count += 1
        return [node, ast.copy_location(ast.Expr(call), node)]
