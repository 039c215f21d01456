"""Code checks: latency and rate of the sandboxes beside a bare interpreter and `docker run`.

Every way judges the same program by the same three asserts, in turns within a round. The isolation
of each way stands beside its figure: a bare interpreter has none and believes the exit code.
"""

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from gym_reason.errors import GymReasonError
from gym_reason.types import Task
from gym_reason.verifiers.code import CodeVerifier
from gym_reason.verifiers.pool import VerifierPool
from gym_reason.verifiers.sandbox import try_backend

PROGRAM = "def add(a, b):\n    return a + b\n"
ASSERTS = "assert add(1, 2) == 3\nassert add(-5, 7) == 2\nassert add(10**9, 1) == 10**9 + 1\n"
ASSERT_TASK = Task("a", (), json.dumps({"type": "assert", "entry": "add", "code": ASSERTS}))
SUM = "a, b = map(int, input().split())\nprint(a + b)\n"
STDIO_TASK = Task("s", (), json.dumps({"type": "stdio", "cases": [{"in": "1 2\n", "out": "3\n"}]}))
IMAGE = os.environ.get("GYM_REASON_DOCKER_IMAGE", "gym-reason-sandbox")


@dataclass
class Way:
    """One way to check a program."""

    name: str
    isolation: str
    check: Callable[[], None]
    verifier: str = ""
    """For ours: the spec, with which a pool measures the rate."""
    stdio: bool = False


def measure(checks: int, rounds: int, workers: int) -> dict[str, Any]:
    """Measure every way that works here; print as it goes.

    Args:
        checks: Checks of a round.
        rounds: How often each way has its turn.
        workers: Processes for the rate.
    """
    warnings.simplefilter("ignore")
    ways = [*bare_ways(), *our_ways()]
    for way in ways:
        way.check()
    latencies: dict[str, list[float]] = {way.name: [] for way in ways}
    rates: dict[str, list[float]] = {way.name: [] for way in ways}
    for _ in range(rounds):
        for way in ways:
            count = checks if "docker run" not in way.name else max(3, checks // 20)
            latencies[way.name] += [timed(way.check) for _ in range(count)]
            rates[way.name].append(measure_rate(way, count, workers))
    rows = [summarise(way, latencies[way.name], rates[way.name]) for way in ways]
    for row in rows:
        print(
            f"{row['way']:<36} median {row['median_ms']:7.2f} ms  p95 {row['p95_ms']:7.2f} ms  "
            f"{row['per_s']:7.1f}/s  {row['isolation']}"
        )
    return {"workers": workers, "ways": rows}


def bare_ways() -> list[Way]:
    """Return the peers: a process for each check, judged by its exit code."""
    source = PROGRAM + ASSERTS
    # Without `site`: what is installed here adds its own to the start of an interpreter.
    python = [os.path.realpath(sys.executable), "-I", "-S", "-c", source]
    ways = [Way("python -I -S, a process each", "none; exit code", lambda: run(python))]
    if shutil.which("bwrap"):
        command = ["bwrap", "--ro-bind", "/", "/", "--unshare-all", "--die-with-parent"]
        command += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
        if os.geteuid() == 0:
            isolation = "namespaces, but as root; exit code"
        else:
            isolation = "namespaces; exit code"
        ways.append(
            Way("bwrap python -I -S, a sandbox each", isolation, lambda: run([*command, *python]))
        )
    docker = ["docker", "run", "--rm", "--network", "none", "--read-only", "--cap-drop", "ALL"]
    docker += ["--security-opt", "no-new-privileges", "--memory", "256m", IMAGE]
    docker += ["python3", "-I", "-c", source]
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        run(docker)
        ways.append(
            Way("docker run, a container each", "container; exit code", lambda: run(docker))
        )
    return ways


def our_ways() -> list[Way]:
    """Return ours: every backend that works here, both forms of tests."""
    ways = []
    for backend in ("bubblewrap", "docker", "process"):
        try:
            isolation = try_backend(backend)
        except GymReasonError as error:
            print(f"{backend}: left out: {error}", file=sys.stderr)
            continue
        spec = f"code:{backend}"
        verifier = CodeVerifier(backend)
        ways += [
            Way(
                f"ours, {backend}, asserts",
                f"{isolation}; tests in a second sandbox",
                lambda verifier=verifier: expect(verifier.verify(ASSERT_TASK, PROGRAM).correct),
                spec,
            ),
            Way(
                f"ours, {backend}, stdio",
                isolation,
                lambda verifier=verifier: expect(verifier.verify(STDIO_TASK, SUM).correct),
                spec,
                stdio=True,
            ),
        ]
    return ways


def measure_rate(way: Way, count: int, workers: int) -> float:
    """Return checks per second with several workers."""
    if way.verifier:
        task, program = (STDIO_TASK, SUM) if way.stdio else (ASSERT_TASK, PROGRAM)
        with VerifierPool(way.verifier, workers) as pool:
            warm = [(task, program)] * workers * 8
            expect(all(verdict.correct for verdict in pool.verify_many(warm)))
            start = time.perf_counter()
            items = [(task, program)] * (count * workers)
            expect(all(verdict.correct for verdict in pool.verify_many(items)))
            return count * workers / (time.perf_counter() - start)
    with ThreadPoolExecutor(workers) as threads:
        start = time.perf_counter()
        list(threads.map(lambda _: way.check(), range(count * workers)))
        return count * workers / (time.perf_counter() - start)


def summarise(way: Way, latencies: list[float], rates: list[float]) -> dict[str, Any]:
    """Return one row of the table."""
    latencies = sorted(latencies)
    return {
        "way": way.name,
        "isolation": way.isolation,
        "median_ms": statistics.median(latencies) * 1e3,
        "p95_ms": latencies[int(len(latencies) * 0.95)] * 1e3,
        "per_s": statistics.median(rates),
    }


def run(command: list[str]) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)


def timed(check: Callable[[], None]) -> float:
    """Return the seconds that a check takes."""
    start = time.perf_counter()
    check()
    return time.perf_counter() - start


def expect(right: bool) -> None:
    """Stop where a check went wrong: a wrong verdict has no speed."""
    if not right:
        raise SystemExit("a check went wrong")
