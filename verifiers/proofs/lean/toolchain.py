"""Where Lean and its REPL are, and a process of them in a sandbox."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from gym_reason.errors import RunError
from gym_reason.verifiers.proofs.interactive.process import ProverProcess
from gym_reason.verifiers.proofs.lean.protocol import (
    END,
    ProtocolError,
    Reply,
    Request,
    decode,
    encode,
)
from gym_reason.verifiers.sandbox.base import SandboxLostError

REPL_VARIABLE = "GYM_REASON_LEAN_REPL"
"""Names the REPL's program, or the folder where it was built."""
PROJECT_VARIABLE = "GYM_REASON_LEAN_PROJECT"
"""Names a Lake project whose libraries proofs may import."""
REMEDY = f"install Lean with elan, build its REPL and name it in {REPL_VARIABLE}: docs/lean.md"
"""What to do where there is none."""
PURPOSE = "a sandbox for Lean"
"""What bubblewrap is for, in a message."""

LIBRARY_BYTES = 12 << 30
"""Room besides for a project's libraries, which are mapped into memory: Mathlib has some 6 GB."""

_BUILT = (".lake/build/bin/repl", "build/bin/repl")
_PROBE_LIMIT_S = 20.0


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A Lean with its REPL."""

    program: Path
    """The REPL."""
    sysroot: Path
    """The folder of Lean itself."""
    libraries: tuple[Path, ...] = ()
    """The folders of compiled libraries, such as Mathlib's."""


class Transport(Protocol):
    """Something that answers like the REPL."""

    def ask(self, request: Request, limit_s: float) -> Reply:
        """Return the answer to a request.

        Raises:
            TimeoutError: It did not come within `limit_s` seconds.
            OutputLimitError: It is too long.
            SandboxLostError: The REPL has ended, or says what it never does.
        """
        ...

    def close(self) -> None:
        """End it."""
        ...


class Repl:
    """The REPL in a sandbox: without network, and with no files but the toolchain's."""

    def __init__(self, toolchain: Toolchain, memory_bytes: int) -> None:
        """Start one. Raises RunError where bubblewrap is missing."""
        lean = toolchain.sysroot
        folders = dict.fromkeys((lean, toolchain.program.parent, *toolchain.libraries))
        # Its standard error would come in the same stream as its replies, and a proof could write
        # replies there.
        self._process = ProverProcess(
            ["/bin/sh", "-c", 'exec "$0" 2>/dev/null', str(toolchain.program)],
            memory_bytes=memory_bytes + (LIBRARY_BYTES if toolchain.libraries else 0),
            readable=[folder for folder in folders if not folder.is_relative_to("/usr")],
            environment={
                "LEAN_SYSROOT": str(lean),
                "LEAN_PATH": os.pathsep.join(map(str, toolchain.libraries)),
                "LD_LIBRARY_PATH": f"{lean}/lib/lean:{lean}/lib",
                "PATH": f"{lean}/bin:/usr/bin:/bin",
                # Otherwise it starts a thread for each core.
                "LEAN_NUM_THREADS": "2",
            },
            purpose=PURPOSE,
        )

    def ask(self, request: Request, limit_s: float) -> Reply:
        """Return the answer to a request; see `Transport`."""
        self._process.send(encode(request))
        content = self._process.read_until(END, limit_s)
        try:
            return decode(content)
        except ProtocolError as error:
            raise SandboxLostError(f"the Lean REPL said what it never does: {error}") from None

    def close(self) -> None:
        """End the process."""
        self._process.close()


def find_toolchain(repl: str = "", project: str = "") -> Toolchain:
    """Return the Lean that is installed.

    Args:
        repl: The REPL's program, or the folder where it was built; where it is empty, what
            `GYM_REASON_LEAN_REPL` names, then what the project has built, then `repl` on the path.
        project: A Lake project; where it is empty, what `GYM_REASON_LEAN_PROJECT` names, if it is
            set.

    Raises:
        RunError: A part is missing.
    """
    project = project or os.environ.get(PROJECT_VARIABLE, "")
    repl = repl or os.environ.get(REPL_VARIABLE, "")
    return _find(repl, project, os.environ.get("PATH", ""), os.environ.get("LEAN_SYSROOT", ""))


@lru_cache(maxsize=16)
def _find(repl: str, project: str, path: str, sysroot: str) -> Toolchain:
    if project and not Path(project).is_dir():
        raise RunError(f"no folder {project}", "a Lake project", f"see {PROJECT_VARIABLE}")
    program = _find_program(repl, project, path)
    if not sysroot:
        folder = Path(project) if project else program.parent
        sysroot = _ask_prefix(folder, path)
    libraries = tuple(_find_libraries(Path(project))) if project else ()
    return Toolchain(program, Path(sysroot).resolve(), libraries)


def _find_program(repl: str, project: str, path: str) -> Path:
    for place in _places(repl, project):
        if place.is_file() and os.access(place, os.X_OK):
            return place.resolve()
    found = shutil.which(repl or "repl", path=path)
    if found is None:
        what = f"no Lean REPL at {repl}" if repl else "the Lean REPL is not installed"
        raise RunError(what, "its program", REMEDY)
    return Path(found).resolve()


def _places(repl: str, project: str) -> Iterator[Path]:
    """Yield where the program may lie."""
    if repl:
        yield Path(repl)
        yield from (Path(repl, built) for built in _BUILT)
    elif project:
        # What `lake exe repl` would run there; lake itself wants to write.
        for package in (".lake/packages/REPL", ".lake/packages/repl", "."):
            yield from (Path(project, package, built) for built in _BUILT)


def _ask_prefix(folder: Path, path: str) -> str:
    """Return the folder of the Lean that is in force in a folder: elan has one for each."""
    lean = shutil.which("lean", path=f"{path}{os.pathsep}{Path.home()}/.elan/bin")
    if lean is None:
        raise RunError("Lean 4 is not installed", "the program lean", REMEDY)
    try:
        result = subprocess.run(
            [lean, "--print-prefix"],
            cwd=folder,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=_PROBE_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RunError(f"{lean} --print-prefix does not work: {error}", "", REMEDY) from None
    prefix = result.stdout.strip()
    if result.returncode or not Path(prefix).is_dir():
        said = (prefix or result.stderr.strip())[:200]
        raise RunError(f"{lean} --print-prefix says {said!r}", "a folder", REMEDY)
    return prefix


def _find_libraries(project: Path) -> Iterator[Path]:
    """Yield the folders of compiled modules, in the layouts of Lake before and since 2025."""
    packages = project.resolve() / ".lake" / "packages"
    for folder in (project.resolve(), *(sorted(packages.iterdir()) if packages.is_dir() else ())):
        for built in (".lake/build/lib/lean", ".lake/build/lib"):
            if (folder / built).is_dir():
                yield folder / built
                break
