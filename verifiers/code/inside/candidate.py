"""The submission's side of function tests: loads the program, then answers calls.

Everything that this process says may be forged by the program in it. It holds no test and no
expected value; the tests' side believes plain data alone.
"""

import os
import socket
import traceback
import types
from typing import Any

from gym_reason.verifiers.code.inside import plain
from gym_reason.verifiers.sandbox.inside import script
from gym_reason.verifiers.sandbox.inside.server import REPORT

MAX_MESSAGE_CHARS = 500
_QUOTABLE = (str, int, float, bool, type(None))


def run(job: dict[str, Any], extras: list[int]) -> int:
    """Load `job["source"]` and answer calls until the other side closes the link, `extras[0]`."""
    os.close(REPORT)
    link = socket.socket(fileno=extras[0])
    script.renew_streams()
    script.hide_folders()
    module = script.prepare_module("program", job["source"])
    script.write_source(job["source"])
    names = module.__dict__
    try:
        code = compile(job["source"], script.FILE_NAME, "exec", dont_inherit=True)
        exec(code, names)
    except BaseException as error:
        plain.send(link, {"failed": _describe(error)})
        return 1
    loaded = [name for name in job["entries"] if name in names]
    exceptions = {name: _find_base(names[name]) for name in loaded if _is_exception(names[name])}
    values = {name: _encode_constant(names[name]) for name in loaded if not callable(names[name])}
    plain.send(link, {"loaded": loaded, "exceptions": exceptions, "values": values})
    program = _Program(names)
    while True:
        try:
            message = plain.receive(link)
        except plain.ClosedError:
            return 0
        try:
            plain.send(link, program.answer(message))
        except plain.NotPlainError as error:
            plain.send(link, {"unfit": str(error)})


class _Program:
    """The loaded program, and those of its objects that the tests may ask for."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names
        self.objects: list[Any] = []
        self.numbers: dict[int, int] = {}
        """The place of each object there, by its identity."""

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to one request."""
        arguments = [self._decode(one) for one in message["args"]]
        keywords = {name: self._decode(one) for name, one in message["kwargs"].items()}
        try:
            try:
                answer = self._obey(message, arguments, keywords)
            except BaseException as error:
                answer = {"raised": _describe(error)}
            sent = [*enumerate(message["args"]), *message["kwargs"].items()]
            changed = _find_changed(sent, {**dict(enumerate(arguments)), **keywords})
        except plain.NotPlainError as error:
            return {"unfit": str(error)}
        return {**answer, "changed": changed} if changed else answer

    def _obey(
        self, message: dict[str, Any], arguments: list[Any], keywords: dict[str, Any]
    ) -> dict[str, Any]:
        name, number = message["name"], message["object"]
        if message["do"] == "next":
            try:
                return self._present(next(self.objects[number]))
            except StopIteration:
                return {"stop": True}
        target = self._find(name, number)
        if message["do"] == "refer":
            return self._keep(target, "object")
        if message["do"] == "get":
            return self._present(target)
        result = target(*arguments, **keywords)
        if type(result) is types.CoroutineType:
            import asyncio

            return {**self._present(asyncio.run(result)), "awaited": True}
        return self._present(result, made=type(result) is target)

    def _find(self, name: str, number: int | None) -> Any:
        if number is None:
            return self.names[name]
        owner = self.objects[number]
        if name.startswith("__") and not hasattr(type(owner), name):
            # As the interpreter says where an operation has no method behind it.
            raise TypeError(f"{type(owner).__name__!r} object has no {name}")
        return getattr(owner, name)

    def _present(self, value: object, made: bool = False) -> dict[str, Any]:
        """Return a value as plain data, or what stands for it where it is none.

        Args:
            value: The value.
            made: Whether it is a new object of a class that was called.
        """
        try:
            return {"value": plain.encode(value)}
        except plain.NotPlainError as error:
            unfit = str(error)
        if not made and hasattr(type(value), "__next__"):
            return self._keep(value, "iterator")
        is_function = isinstance(value, (types.FunctionType, types.MethodType))
        is_function = is_function or isinstance(value, types.BuiltinFunctionType)
        return {**self._keep(value, "function" if is_function else "object"), "unfit": unfit}

    def _keep(self, value: object, kind: str) -> dict[str, Any]:
        number = self.numbers.setdefault(id(value), len(self.objects))
        if number == len(self.objects):
            self.objects.append(value)
        return {"object": number, "kind": kind, "type": type(value).__name__}

    def _decode(self, value: Any) -> Any:
        if isinstance(value, dict) and "o" in value:
            return self.objects[value["o"]]
        return plain.decode(value)


def _find_changed(sent: list[tuple[Any, Any]], now: dict[Any, Any]) -> list[list[Any]]:
    """Return the place and the new content of each list, set or dict that a call has changed."""
    changed = []
    for place, before in sent:
        if isinstance(now[place], (list, set, dict, bytearray)):
            content = plain.encode(now[place])
            if content != before:
                changed.append([place, content])
    return changed


def _encode_constant(value: object) -> Any:
    try:
        return plain.encode(value)
    except plain.NotPlainError:
        return None


def _is_exception(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Exception)


def _find_base(kind: type) -> str:
    """Return the name of the built-in class that an exception is derived from."""
    return next(base.__name__ for base in kind.__mro__ if base.__module__ == "builtins")


def _describe(error: BaseException) -> dict[str, Any]:
    """Return an exception's name, message and line, without running any code of the program."""
    kind = type(error)
    arguments = BaseException.__getattribute__(error, "args")
    message = ", ".join(str(one) for one in arguments if type(one) in _QUOTABLE)
    said: dict[str, Any] = {"name": _find_base(kind), "message": message[:MAX_MESSAGE_CHARS]}
    if kind.__module__ != "builtins":
        # The tests may expect the built-in class that it is derived from.
        said["own_name"] = kind.__name__
    return {**said, "line": _find_line(error)}


def _find_line(error: BaseException) -> int:
    if isinstance(error, SyntaxError) and isinstance(error.lineno, int):
        return error.lineno
    frames = traceback.walk_tb(error.__traceback__)
    lines = [line for frame, line in frames if frame.f_code.co_filename == script.FILE_NAME]
    return lines[-1] if lines else 0
