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
import socket
import sys
import types
from typing import Any

from gym_reason.verifiers.code.inside import plain
from gym_reason.verifiers.sandbox.inside.server import REPORT

_FILE_NAME = "tests.py"
_MAX_SHOWN_CHARS = 200


class FaultError(BaseException):
    """The program broke off, or answered with something that is no plain data."""


class TestsError(BaseException):
    """The tests themselves cannot be run."""


class Link:
    """The calls to the program, in order, and what they returned."""

    def __init__(self, link: socket.socket) -> None:
        """Speak over `link`."""
        self.link = link
        self.fault = ""
        self.calls: list[tuple[str, str]] = []
        """Each call since the last assert, and its answer, as text."""

    def load(self, entries: list[str]) -> None:
        """Wait until the program is loaded. Raises FaultError."""
        answer = self._receive()
        if isinstance(answer.get("failed"), dict):
            raise self._fail(_describe_raised(answer["failed"], "the program"))
        loaded = answer.get("loaded")
        missing = [name for name in entries if not isinstance(loaded, list) or name not in loaded]
        if missing:
            raise self._fail(f"the program does not define {missing[0]}")

    def ask(
        self,
        name: str,
        arguments: tuple[Any, ...],
        keywords: dict[str, Any],
        target: int | None = None,
        get: bool = False,
    ) -> Any:
        """Return what a call comes to. Raises what it raised, or FaultError."""
        if self.fault:
            raise FaultError(self.fault)
        try:
            sent = plain.encode(list(arguments))
            message = {"name": name, "args": sent, "kwargs": plain.encode(keywords), "get": get}
        except plain.NotPlainError as error:
            raise TestsError(f"{name} is called with {error}, which is no plain data") from None
        if target is not None:
            message["object"] = target
        shown = name if get else _show_call(name, arguments, keywords)
        try:
            plain.send(self.link, message)
        except plain.ClosedError:
            raise self._fail("the program ended") from None
        answer = self._receive()
        return self._read(answer, shown, arguments)

    def _receive(self) -> dict[str, Any]:
        try:
            answer = plain.receive(self.link)
        except plain.ClosedError:
            raise self._fail("the program ended") from None
        except plain.NotPlainError as error:
            raise self._fail(f"the program sent {error}") from None
        if not isinstance(answer, dict):
            raise self._fail("the program sent a broken message")
        return answer

    def _read(self, answer: dict[str, Any], shown: str, arguments: tuple[Any, ...]) -> Any:
        if "unfit" in answer:
            raise self._fail(f"{shown} returned {str(answer['unfit'])[:_MAX_SHOWN_CHARS]}")
        if isinstance(answer.get("raised"), dict):
            said = _describe_raised(answer["raised"], shown)
            self.calls.append((shown, said))
            kind = getattr(builtins, str(answer["raised"].get("name")), None)
            if isinstance(kind, type) and issubclass(kind, Exception):
                raise _make_exception(kind, str(answer["raised"].get("message", "")))
            raise self._fail(said)
        if isinstance(answer.get("object"), int):
            return RemoteObject(self, answer["object"], str(answer.get("type"))[:100])
        try:
            value = plain.decode(answer["value"])
            for place, content in answer.get("changed", []):
                _replace_content(arguments[place], plain.decode(content))
        except (plain.NotPlainError, KeyError, ValueError, TypeError, IndexError):
            raise self._fail("the program sent a broken message") from None
        self.calls.append((shown, f"{shown} returned {_show(value)}"))
        return value

    def _fail(self, reason: str) -> FaultError:
        self.fault = reason
        return FaultError(reason)


class RemoteObject:
    """An object of a class under test: its attributes and methods live in the program."""

    __slots__ = ("_number", "_remote_link", "_type")

    def __init__(self, link: Link, number: int, kind: str) -> None:
        """Stand for the object `number` of the program."""
        self._remote_link, self._number, self._type = link, number, kind

    def __getattr__(self, name: str) -> Any:
        """Return a method that is called in the program."""
        if name.startswith("__"):
            raise AttributeError(name)
        return RemoteMethod(self._remote_link, self._number, name)

    def __eq__(self, other: object) -> bool:
        """Refuse: the program's idea of equality is not to be trusted."""
        raise self._remote_link._fail(f"an object of type {self._type} where data is compared")

    __ne__ = __eq__
    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        """Refuse for the same reason."""
        raise self._remote_link._fail(f"an object of type {self._type} where data is expected")


class RemoteMethod:
    """A method of an object in the program."""

    __slots__ = ("_link", "_name", "_number")

    def __init__(self, link: Link, number: int, name: str) -> None:
        """Stand for the method `name` of the object `number`."""
        self._link, self._number, self._name = link, number, name

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Call it."""
        return self._link.ask(self._name, arguments, keywords, self._number)


def run(job: dict[str, Any], extras: list[int]) -> int:
    """Run `job["setup"]` and then `job["code"]` with stand-ins for `job["entries"]`; report.

    The report is a JSON object: `total` and `passed` asserts, `failures`, `fault` where the program
    broke the rules, `error` where the tests could not be run.
    """
    report: dict[str, Any] = {"total": 0, "passed": 0, "failures": [], "fault": "", "error": ""}
    link = Link(socket.socket(fileno=extras[0]))
    try:
        _Tests(job, link, report).run()
    except FaultError as fault:
        report["fault"] = str(fault)
    except BaseException as error:
        report["error"] = f"{type(error).__name__}: {error}"[:_MAX_SHOWN_CHARS]
    report["fault"] = report["fault"] or link.fault
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
        self.module = types.ModuleType("tests")
        self.names = self.module.__dict__

    def run(self) -> None:
        sys.modules["tests"] = self.module
        self.names["__builtins__"] = builtins
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
        exec(compile(self.job["setup"], "setup.py", "exec", dont_inherit=True), self.names)
        source = self.job["code"]
        linecache.cache[_FILE_NAME] = (len(source), None, source.splitlines(True), _FILE_NAME)
        tree = ast.parse(source, _FILE_NAME)
        marker = _MarkAsserts()
        tree = marker.visit(tree)
        self.report["total"] = marker.count
        self.names["__passed__"] = self._pass
        self.link.load(self.job["entries"])
        for name in self.job["entries"]:
            self.names[name] = self._stand_in(name)
        for statement in tree.body:
            module = ast.fix_missing_locations(ast.Module([statement], []))
            self._run_statement(compile(module, _FILE_NAME, "exec", dont_inherit=True), statement)
            if self.report["failures"] and not self.job["every"]:
                break
        self.report["passed"] = len(self.passed)

    def _stand_in(self, name: str) -> Any:
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
            self.report["failures"].append(
                {
                    "line": line,
                    "test": linecache.getline(_FILE_NAME, line).strip()[:_MAX_SHOWN_CHARS],
                    "error": type(error).__name__,
                    "calls": [said for _, said in self.link.calls[-3:]],
                }
            )
            self.link.calls.clear()


class _MarkAsserts(ast.NodeTransformer):
    """Puts a note behind each assert that it was passed; `assert False` itself tests nothing."""

    def __init__(self) -> None:
        self.count = 0

    def visit_Assert(self, node: ast.Assert) -> list[ast.stmt]:
        if isinstance(node.test, ast.Constant):
            return [node]
        call = ast.Call(ast.Name("__passed__", ast.Load()), [ast.Constant(self.count)], keywords=[])
        self.count += 1
        return [node, ast.copy_location(ast.Expr(call), node)]


def _make_exception(kind: type[Exception], message: str) -> Exception:
    try:
        return kind(message)
    except TypeError:  # UnicodeDecodeError and its like want more.
        return kind.__new__(kind)


def _replace_content(target: Any, content: Any) -> None:
    """Give an argument that the program has changed its new content, in place."""
    if type(target) is not type(content):
        raise TypeError
    if isinstance(target, (list, bytearray)):
        target[:] = content
    elif isinstance(target, (set, dict)):
        target.clear()
        target.update(content)
    else:
        raise TypeError


def _describe_raised(raised: dict[str, Any], what: str) -> str:
    name = str(raised.get("own_name") or raised.get("name"))[:100]
    message = str(raised.get("message", ""))[:_MAX_SHOWN_CHARS]
    line = raised.get("line")
    place = f" in line {line}" if isinstance(line, int) and line > 0 else ""
    return f"{what} raised {name}{place}" + (f": {message}" if message else "")


def _show_call(name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> str:
    parts = [_show(one) for one in arguments]
    parts += [f"{key}={_show(value)}" for key, value in keywords.items()]
    return f"{name}({', '.join(parts)})"


def _show(value: object) -> str:
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # An integer beyond the digits that Python writes.
        return f"a large {type(value).__name__}"
    return text if len(text) <= _MAX_SHOWN_CHARS else text[:_MAX_SHOWN_CHARS] + "..."
