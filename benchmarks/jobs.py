"""Work in processes of their own: one that crashes or hangs loses only what it was about to say.

A child says lines that begin with `@`, each with a JSON object behind it; whatever else libraries
print is left out. Imports nothing but the standard library: peers run in environments of their own.
"""

import contextlib
import ctypes
import json
import os
import platform
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

BENCHMARKS = Path(__file__).resolve().parent
ROOT = BENCHMARKS.parent
MARK = "@"
NO_LIMIT_S = 10.0**6


class JobError(Exception):
    """A child crashed, hung or ended without a word; the message is one line."""


class Child:
    """A process that says JSON objects, in a session of its own so that nothing of it is left."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None
    ):
        """Start it; `name` is what messages call it."""
        self.name = name
        path = os.pathsep.join(filter(None, (str(BENCHMARKS), os.environ.get("PYTHONPATH"))))
        self._errors = tempfile.TemporaryFile(  # noqa: SIM115 - closed by `close`
            "w+", encoding="utf-8", errors="replace"
        )
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            errors="replace",
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path, **(environment or {})},
            start_new_session=True,
        )
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Self:
        """Use it in a `with` block, which ends it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        self.close()

    def send(self, line: str) -> None:
        """Write a line to it. Raises JobError where it is gone."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
        except OSError:
            raise JobError(self._explain()) from None

    def read(self, limit_s: float = NO_LIMIT_S) -> dict[str, Any]:
        """Return what it says next. Raises JobError after `limit_s` seconds, or where it ended."""
        try:
            line = self._lines.get(timeout=max(limit_s, 0.01))
        except queue.Empty:
            raise JobError(f"{self.name} took more than {limit_s:.0f} s") from None
        if line is None:
            raise JobError(self._explain())
        said: dict[str, Any] = json.loads(line)
        return said

    def close(self) -> None:
        """End it and all that it started."""
        with contextlib.suppress(OSError, ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(ValueError):  # closed while it was read
            for line in self._process.stdout:
                if line.startswith(MARK):
                    self._lines.put(line[len(MARK) :])
        self._lines.put(None)

    def _explain(self) -> str:
        """Return how it ended, with the last line of its complaints."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10.0)
        code = self._process.poll()
        self._errors.seek(0)
        lines = [line.strip() for line in self._errors.read().splitlines() if line.strip()]
        how = "went silent" if code is None else f"ended with exit status {code}"
        if code is not None and code < 0:
            how = f"ended by {signal.Signals(-code).name}"
        how = f"{self.name} {how}"
        return f"{how}: {lines[-1][:300]}" if lines else how


def run_job(
    python: Path | str,
    file: Path,
    job: dict[str, Any],
    *,
    limit_s: float = NO_LIMIT_S,
    on_progress: Callable[[str], None] = lambda words: None,
) -> dict[str, Any]:
    """Run a script on a job, which it reads by `read_job`, and return what it reports.

    One that crashes, or is not done within `limit_s` seconds, leaves the latest figures that it
    told on the way, with the reason under `cut_short`. Raises JobError where it told none.
    """
    deadline = time.monotonic() + limit_s
    so_far: dict[str, Any] = {}
    with Child(file.stem, [str(python), str(file), json.dumps(job)]) as child:
        while True:
            try:
                said = child.read(deadline - time.monotonic())
            except JobError as error:
                late = time.monotonic() >= deadline
                slow = JobError(f"{file.stem} took more than its {limit_s:.0f} s")
                reason = slow if late else error
                if so_far:
                    return so_far | {"cut_short": str(reason)}
                raise reason from None
            if "progress" not in said:
                return said
            so_far = said.get("so_far") or so_far
            on_progress(str(said["progress"]))


def read_job() -> dict[str, Any]:
    """Return what this process is to do; it ends with whoever started it, however that ends."""
    die_with_parent = 1  # PR_SET_PDEATHSIG
    with contextlib.suppress(OSError, AttributeError):  # other systems than Linux have none
        ctypes.CDLL(None).prctl(die_with_parent, signal.SIGKILL)
    job: dict[str, Any] = json.loads(sys.argv[1])
    return job


def tell(words: str, so_far: Mapping[str, Any] | None = None) -> None:
    """Say how far the work is, and what its figures are until then."""
    said = {"progress": words, "so_far": dict(so_far or {})}
    print(f"\n{MARK}{json.dumps(said)}", flush=True)


def report(**result: Any) -> None:
    """Say what came of the work."""
    import resource

    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"\n{MARK}{json.dumps({**result, 'memory_mb': memory_mb})}", flush=True)


def find_trl_python() -> Path | None:
    """Return the Python of an environment with TRL that is there already; None where none is."""
    named = os.environ.get("TRL_PYTHON")
    python = Path(named) if named else ROOT / ".venv-trl" / "bin" / "python"
    return python if python.exists() else None


def describe_machine(threads: int | None = None) -> dict[str, Any]:
    """Return the processor, its cores and the load before a measurement."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    names = [line.split(":")[1].strip() for line in lines if "model name" in line]
    described: dict[str, Any] = {
        "cpu": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
    }
    if threads is not None:
        described["threads"] = threads
    return described | {"load_before": os.getloadavg()[0]}
