"""A tool that runs a program in a sandbox and returns what it prints."""

import time
from collections.abc import Callable

from gym_reason.verifiers.code.extract import MAX_CHARS, extract_program
from gym_reason.verifiers.code.result import describe_end
from gym_reason.verifiers.sandbox import (
    MIB,
    BoxSpec,
    Job,
    Limits,
    SandboxLostError,
    borrow,
    choose_backend,
    run_job,
)
from gym_reason.verifiers.sandbox.boxes import check_backend
from gym_reason.verifiers.sandbox.limits import check_seconds

_SCRIPT = "gym_reason.verifiers.sandbox.inside.script:run"


def make_python(
    sandbox: str = "auto", timeout_s: float = 5.0, memory_mb: int = 256
) -> Callable[[str], str]:
    """Return a function that runs a Python program.

    It takes a program, or a text with one in a fence, and returns what the program prints; where
    the program fails, a first line `error: ...` and below it what it had printed. Each run is a
    fresh process, without a network, that sees no file but its own.

    Args:
        sandbox: `auto`, or a backend's name.
        timeout_s: Seconds of one run.
        memory_mb: Memory of one run, in MiB.

    Raises:
        RunError: Where no sandbox works here.
        UsageError: For limits under which nothing runs.
        UnknownNameError: Where no backend has the name.
    """
    seconds = check_seconds("timeout_s", timeout_s)
    # Asked now: a run must not go on for hours with a tool that always fails.
    backend = choose_backend() if sandbox == "auto" else check_backend(sandbox)
    spec = BoxSpec(backend, Limits(memory_bytes=memory_mb * MIB), ())

    def run_python(text: str) -> str:
        """Run a Python program and return what it prints."""
        program = extract_program(text, "python", ("py", "python3"))
        if program is None:
            return "error: no program was found"
        if len(program) > MAX_CHARS:
            return f"error: a program of {len(program)} characters; at most {MAX_CHARS}"
        try:
            return _run(spec, program, seconds)
        except SandboxLostError:
            # Once more in a fresh one: a sandbox may have been killed from outside.
            return _run(spec, program, seconds)

    return run_python


def _run(spec: BoxSpec, program: str, seconds: float) -> str:
    with borrow(spec) as sandbox:
        finished = run_job(sandbox, Job(_SCRIPT, {"source": program}), time.monotonic() + seconds)
    printed = finished.stdout.decode("utf-8", "replace").rstrip()
    if finished.limit is None and not finished.exit_code:
        return printed
    return f"error: {describe_end(finished)}" + (f"\n{printed}" if printed else "")
