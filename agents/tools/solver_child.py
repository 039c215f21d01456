"""The process that runs one SMT-LIB 2 program. Run as a file, never imported.

It says `ready`, reads a program up to the end of its input, writes the solver's answers, and ends.
"""

import os
import resource
import runpy
import sys
from typing import Any

MAX_ANSWER_CHARS = 100_000


def main() -> None:
    """Serve one program."""
    parent, memory = int(sys.argv[1]), int(sys.argv[2])
    runpy.run_path(sys.argv[5])["die_with_parent"](parent)
    try:
        import z3
    except ImportError as error:
        print(f"z3 cannot be imported: {error}", flush=True)
        return
    # The language has commands that write to the standard streams: ours is elsewhere.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    answers.write("ready\n")
    answers.flush()
    program = sys.stdin.buffer.read().decode("utf-8", "replace")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    os.close(nowhere)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # It also has commands that read and write files: none can be opened from here on.
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    answers.write(_run(z3, program)[:MAX_ANSWER_CHARS])
    answers.flush()


def _run(z3: Any, program: str) -> str:
    """Return what the solver answers; a first line `error: ...` where a command cannot be run."""
    context = z3.Context()
    try:
        return str(z3.Z3_eval_smtlib2_string(context.ref(), program))
    except z3.Z3Exception as error:
        said = error.value
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    except MemoryError:
        text = "out of memory"
    # What ran before the mistake says nothing about the program that was meant.
    wrong = [line for line in text.splitlines() if line.startswith("(error ")] or [text]
    reason = wrong[0].removeprefix('(error "').removesuffix('")')
    return "error: " + " ".join(reason.split())


if __name__ == "__main__":
    main()
