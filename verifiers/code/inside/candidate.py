"""The submission's side of function tests: loads the program, then answers calls.

Everything that this process says may be forged by the program in it. It holds no test and no
expected value; the tests' side believes plain data alone.
"""

import os
import socket
import traceback
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
    try:
        code = compile(job["source"], script.FILE_NAME, "exec", dont_inherit=True)
        exec(code, module.__dict__)
    except BaseException as error:
        plain.send(link, {"failed": _describe(error)})
        return 1
    plain.send(link, {"loaded": [name for name in job["entries"] if name in module.__dict__]})
    objects: list[object] = []
    while True:
        try:
            message = plain.receive(link)
        except plain.ClosedError:
            return 0
        _answer(link, _handle(message, module.__dict__, objects))


def _answer(link: socket.socket, answer: dict[str, Any]) -> None:
    try:
        plain.send(link, answer)
    except plain.NotPlainError as error:
        plain.send(link, {"unfit": str(error)})


def _handle(
    message: dict[str, Any], names: dict[str, Any], objects: "list[object]"
) -> dict[str, Any]:
    arguments = plain.decode(message["args"])
    keywords = plain.decode(message["kwargs"])
    try:
        if "object" in message:
            target = getattr(objects[message["object"]], message["name"])
        else:
            target = names[message["name"]]
        result = target if message["get"] else target(*arguments, **keywords)
        if isinstance(target, type) and type(result) is target and not _is_plain(result):
            objects.append(result)
            return {"object": len(objects) - 1, "type": target.__name__}
        answer = {"value": plain.encode(result)}
        changed = _find_changed(message["args"], arguments)
        return {**answer, "changed": changed} if changed else answer
    except plain.NotPlainError as error:
        return {"unfit": str(error)}
    except BaseException as error:
        return {"raised": _describe(error)}


def _is_plain(value: object) -> bool:
    try:
        plain.encode(value)
    except plain.NotPlainError:
        return False
    return True


def _find_changed(sent: Any, arguments: list[Any]) -> list[list[Any]]:
    """Return the place and the new content of each list, set or dict that the call has changed."""
    changed = []
    for place, argument in enumerate(arguments):
        if isinstance(argument, (list, set, dict, bytearray)):
            now = plain.encode(argument)
            if now != sent[place]:
                changed.append([place, now])
    return changed


def _describe(error: BaseException) -> dict[str, Any]:
    """Return an exception's name, message and line, without running any code of the program."""
    kind = type(error)
    name, message = kind.__name__, ""
    if kind.__module__ == "builtins":
        arguments = BaseException.__getattribute__(error, "args")
        message = ", ".join(str(one) for one in arguments if type(one) in _QUOTABLE)
    else:
        # The tests may expect the built-in class that it is derived from.
        known = [base.__name__ for base in kind.__mro__ if base.__module__ == "builtins"]
        return {"name": known[0], "own_name": name, "message": "", "line": _find_line(error)}
    return {"name": name, "message": message[:MAX_MESSAGE_CHARS], "line": _find_line(error)}


def _find_line(error: BaseException) -> int:
    if isinstance(error, SyntaxError) and isinstance(error.lineno, int):
        return error.lineno
    frames = traceback.walk_tb(error.__traceback__)
    lines = [line for frame, line in frames if frame.f_code.co_filename == script.FILE_NAME]
    return lines[-1] if lines else 0
