"""A tool that solves SMT-LIB 2 programs with z3, in a process of its own.

A solver may hang, use up all memory or end with a fault, and its language can read and write
files: each program gets a new process, that cannot open a file any more and is killed where it
takes too long.
"""

import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from gym_reason.errors import RunError
from gym_reason.text import after_thinking
from gym_reason.verifiers import processes
from gym_reason.verifiers.sandbox.limits import MIB, check_seconds

MAX_CHARS = 100_000
"""A longer program is not read."""
START_LIMIT_S = 60.0
"""Seconds in which the process must be ready: it imports z3, on a machine that may be busy."""
_MOST_AT_ONCE = max(2, os.cpu_count() or 2)


def make_solver(timeout_s: float = 5.0, memory_mb: int = 512) -> Callable[[str], str]:
    """Return a function that runs an SMT-LIB 2 program.

    It takes a program, or a text with one in a fence, and returns what z3 answers to its commands:
    `sat`, `unsat` or `unknown` and what else it asks for, such as a model. Where a command cannot
    be run, or a limit is reached, the answer is a line `error: ...`.

    Args:
        timeout_s: Seconds of one solve.
        memory_mb: Address space of its process, in MiB.

    Raises:
        RunError: Where the package z3-solver is not installed.
        UsageError: For a limit that is none.
    """
    seconds = check_seconds("timeout_s", timeout_s)
    if importlib.util.find_spec("z3") is None:
        raise RunError(
            "the tool 'solver' needs z3", "the package z3-solver", "pip install gym_reason[proofs]"
        )
    places = threading.BoundedSemaphore(_MOST_AT_ONCE)

    def solve(text: str) -> str:
        """Run a program in SMT-LIB 2 and return what the solver answers."""
        program = _find_program(text)
        if not program:
            return "error: no program was found"
        if len(program) > MAX_CHARS:
            return f"error: a program of {len(program)} characters; at most {MAX_CHARS}"
        with places:
            return _solve(program, seconds, memory_mb * MIB)

    return solve


def _find_program(text: str) -> str:
    """Return what stands in the last fence behind the thoughts; all of it where there is none."""
    said = after_thinking(text) or ""
    parts = said.split("```")
    if len(parts) < 3:
        return said.strip()
    first, _, rest = parts[(len(parts) - 1) // 2 * 2 - 1].partition("\n")
    # The first line of a fence is its mark, where it is no program yet.
    return rest.strip() if "(" not in first else f"{first}\n{rest}".strip()


def _solve(program: str, seconds: float, memory_bytes: int) -> str:
    command = [
        sys.executable,
        "-c",
        "import json, sys; sys.path[:] = json.loads(sys.argv[3]); "
        "exec(compile(open(sys.argv[4]).read(), sys.argv[4], 'exec'))",
        str(os.getpid()),
        str(memory_bytes),
        json.dumps(sys.path),
        str(Path(__file__).with_name("solver_child.py")),
        processes.__file__,
    ]
    process = processes.run_in_starter(
        subprocess.Popen,
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        return _talk(process, program, seconds)
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


def _talk(process: "subprocess.Popen[bytes]", program: str, seconds: float) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    timer = threading.Timer(START_LIMIT_S, process.kill)
    timer.daemon = True
    timer.start()
    ready = process.stdout.readline()
    timer.cancel()
    if ready != b"ready\n":
        raise RunError(f"the solver did not start: {ready.decode('ascii', 'replace').strip()}")
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        answer, _ = process.communicate(program.encode("utf-8", "replace"))
    finally:
        timer.cancel()
    if late.is_set():
        return f"error: the solver took more than {seconds:g} seconds"
    if process.returncode != 0:
        return "error: the solver ended early: it needs more memory than it may have, or failed"
    return answer.decode("utf-8", "replace").strip()
