"""A run that is a Python program, in the interpreter that is warm already."""

import atexit
import contextlib
import linecache
import os
import sys
import threading
import types
from typing import Any

from gym_reason.verifiers.sandbox.inside import confine, landlock
from gym_reason.verifiers.sandbox.inside.server import REPORT

FILE_NAME = "program.py"


def run(job: dict[str, Any], extras: list[int]) -> int:
    """Run `job["source"]` as `__main__` and return its exit code."""
    os.close(REPORT)
    confine.leave_first_place()
    renew_streams()
    hide_folders()
    code = _run_main(job["source"])
    # As the interpreter does at its end: threads, then exit functions, then the buffers.
    shutdown = getattr(threading, "_shutdown", None)
    if shutdown is not None:
        shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def renew_streams() -> None:
    """Open the standard streams anew: the warm interpreter's belong to the server."""
    sys.stdin = open(0, encoding="utf-8", errors="surrogateescape")  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = open(  # noqa: SIM115
        2, "w", encoding="utf-8", errors="backslashreplace", buffering=1
    )
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]


def hide_folders() -> None:
    """Let a program list its own folders alone: the host's are many, and none of its business."""
    own = ["/tmp", "/dev/shm", os.getcwd()]
    landlock.hide_folders(["/dev", "/proc", *filter(None, sys.path)], own)


def prepare_module(name: str, source: str) -> types.ModuleType:
    """Return an empty module under `name`, with the source where tracebacks look for it."""
    module = types.ModuleType(name)
    module.__file__ = os.path.abspath(FILE_NAME)
    module.__dict__["__builtins__"] = __builtins__
    sys.modules[name] = module
    sys.argv = [FILE_NAME]
    os.environ.update(HOME=os.getcwd(), PATH="/usr/local/bin:/usr/bin:/bin")
    random = sys.modules.get("random")
    if random is not None:
        # The same program and input give the same verdict.
        random.seed(0)
    linecache.cache[FILE_NAME] = (len(source), None, source.splitlines(True), FILE_NAME)
    return module


def write_source(source: str) -> None:
    """Put a program where it says that it lies, for those that read or start themselves."""
    with contextlib.suppress(OSError), open(FILE_NAME, "wb") as file:
        file.write(source.encode("utf-8", "surrogatepass"))


def _run_main(source: str) -> int:
    module = prepare_module("__main__", source)
    write_source(source)
    try:
        exec(compile(source, FILE_NAME, "exec", dont_inherit=True), module.__dict__)
    except SystemExit as stop:
        if stop.code is None or isinstance(stop.code, int):
            return int(stop.code or 0) & 0xFF
        print(stop.code, file=sys.stderr)
        return 1
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    return 0
