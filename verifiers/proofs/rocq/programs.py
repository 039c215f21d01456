"""Coq's programs in a sandbox: where they are, how they are started, what they say."""

import re
import shutil
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from gym_reason.errors import RunError, UsageError
from gym_reason.verifiers.proofs.interactive.process import MAX_OUTPUT_BYTES, ProverProcess
from gym_reason.verifiers.proofs.interactive.system import Theorem
from gym_reason.verifiers.proofs.rocq.files import PREAMBLE, read_preamble, write_preamble
from gym_reason.verifiers.sandbox.limits import MIB

MEMORY_BYTES = 1_024 * MIB
"""What a process of Coq and its like may use."""
PREAMBLE_LIMIT_S = 60.0
"""Longest that a preamble may take to compile."""
PURPOSE = "a sandbox for Coq"
"""What bubblewrap is needed for, in the message where it is missing."""
LOG_BYTES = 100_000
"""Most that is kept of what a program says."""
_FILE_BLOCKS = MAX_OUTPUT_BYTES // 512
_FINDLIB = Path("/etc/ocamlfind.conf")
_PROCESSES = 16
_REMEDY = "scripts/install-system-deps --only coq"
_LOCATION = re.compile(r'File "[^"]*/(\w+)\.v", line (\d+), characters [\d-]+:\s*')
_ECHO = re.compile(r"^Toplevel input, characters [\d-]+:\n(?:>.*\n)*", re.MULTILINE)

OPTIONS = ("-q", "-w", "none", "-color", "no", "-native-compiler", "no")
"""Options of coqtop and coqc: no start-up file, no warnings, no compiler to machine code."""


def find_program(name: str) -> Path:
    """Return where one of Coq's programs is. Raises RunError."""
    program = shutil.which(name)
    if program is None:
        raise RunError(f"{name} is not installed", "the package coq", _REMEDY)
    return Path(program).resolve()


def start_program(
    name: str, arguments: tuple[str, ...], files: Mapping[str, bytes] | None = None
) -> ProverProcess:
    """Start one of Coq's programs. Raises RunError."""
    return _start(find_program(name), (str(find_program(name)), *arguments), files or {})


def run_shell(
    script: str, files: Mapping[str, bytes], limit_s: float
) -> tuple[list[int], list[bytes]]:
    """Run a shell script that writes a line of numbers, and after it as many parts as they say.

    The line holds exit statuses, a `/`, and the sizes of the parts.

    Raises:
        RunError: Coq or bubblewrap is missing, or the sandbox does not work.
        TimeoutError: It takes longer than `limit_s`.
        OutputLimitError: It says too much.
    """
    program = find_program("coqc")
    process = _start(program, ("/bin/sh", "-c", script, "sh", str(program.parent)), files)
    try:
        content, _ = process.read_to_end(limit_s)
        counters = process.read_counters()
    finally:
        process.close()
    if counters.killed_for_memory:
        raise MemoryError
    line, _, rest = content.partition(b"\n")
    numbers = re.fullmatch(r"([\d ]+)/([\d ]+)", line.decode("ascii", "replace"))
    if numbers is None:
        said = " ".join(content.decode(errors="replace").split())[:300]
        raise RunError(f"a sandbox for Coq does not work: {said}", "bubblewrap that works")
    statuses, lengths = (list(map(int, numbers[group].split())) for group in (1, 2))
    parts: list[bytes] = []
    for length in lengths:
        parts.append(rest[:length])
        rest = rest[length:]
    return statuses, parts


@lru_cache(maxsize=64)
def compile_preamble(theorem: Theorem) -> dict[str, bytes]:
    """Return the compiled file of what a theorem's preamble declares; none where it does not.

    Raises:
        RunError: Coq does not work here.
        UsageError: Coq cannot read the preamble.
    """
    if not read_preamble(theorem)[1]:
        return {}
    script = write_compile(PREAMBLE)
    files = {f"{PREAMBLE}.v": write_preamble(theorem).encode()}
    try:
        (status, *_), (log, compiled) = run_shell(script, files, PREAMBLE_LIMIT_S)
    except (TimeoutError, MemoryError) as error:
        raise UsageError(f"the preamble takes too much: {type(error).__name__}") from None
    if status:
        raise UsageError(f"Coq refuses the preamble: {read_error(log.decode(errors='replace'))}")
    return {f"{PREAMBLE}.vo": compiled}


def write_compile(module: str) -> str:
    """Return a script for `run_shell` that compiles a file: its parts are the log and the result.

    A file that cannot be compiled leaves an empty result.
    """
    return (
        f"{write_run('coqc', *OPTIONS, '-noglob', f'{module}.v')}; "
        f"test -f {module}.vo || : >{module}.vo; "
        f'echo "$(cat coqc.status) / $(wc -c <coqc.log) $(wc -c <{module}.vo)"; '
        f"cat coqc.log {module}.vo"
    )


def write_run(program: str, *arguments: str) -> str:
    """Return a piece of such a script that runs one of Coq's programs.

    It leaves PROGRAM.log and PROGRAM.status. Who writes more than the log may hold, or a file
    larger than any result, is ended by a signal, and leaves room on the disk.
    """
    command = f'"$1/{program}" {" ".join(arguments)}'
    return (
        f"(ulimit -f {_FILE_BLOCKS}; {command}; echo $? >{program}.status) 2>&1 </dev/null "
        f"| head -c {LOG_BYTES} >{program}.log"
    )


def read_error(output: str) -> str:
    """Return what Coq says is wrong, without where it says it was."""
    text = _ECHO.sub("", _LOCATION.sub("", output))
    _, found, message = text.partition("Error:")
    return " ".join((message if found else text).split())[:1_500]


def read_line(output: str) -> int:
    """Return the line that an error of the compiler names; 0 where it names none."""
    found = _LOCATION.search(output)
    return int(found[2]) if found else 0


def _start(program: Path, argv: tuple[str, ...], files: Mapping[str, bytes]) -> ProverProcess:
    readable = [] if program.is_relative_to("/usr") else [program.parents[1]]
    environment = {}
    if _FINDLIB.is_file():
        files = {**files, "ocamlfind.conf": _FINDLIB.read_bytes()}
        environment["OCAMLFIND_CONF"] = "/tmp/ocamlfind.conf"
    return ProverProcess(
        argv,
        memory_bytes=MEMORY_BYTES,
        files=files,
        readable=readable,
        environment=environment,
        processes=_PROCESSES,
        purpose=PURPOSE,
    )
