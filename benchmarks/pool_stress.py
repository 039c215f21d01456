"""The worker pool under submissions that hang and crash. Prints one line of JSON.

    python benchmarks/pool_stress.py --rows 100000 --workers 2 --timeout 0.1

One row in a hundred hangs and one in a hundred kills its worker, each time; all of them differ, so
that none is known from before. Every tenth of these leaves a process behind in a session of its
own. The line says how many rows came back in their place, what the outcomes were, how many differ
from what the row asks for (on a busy machine an ordinary row can miss a short deadline), the memory
of this process after a quarter of the rows, at the end and at its peak, and how many processes are
left once the pool is closed. The exit code is 1 where a row is missing, out of place or an orphan
is left.
"""

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from gym_reason.registry import register_verifier
from gym_reason.types import Outcome, Task, Verdict
from gym_reason.verifiers.pool import VerifierPool

EXPECTED = {"hang": Outcome.TIMEOUT, "crash": Outcome.UNSCORABLE, "row": Outcome.PASS}


@register_verifier("stress")
class StressVerifier:
    """Hangs, dies or passes, as the submission says."""

    name = "stress"

    def verify(self, task: Task, submission: str) -> Verdict:
        """Obey."""
        order, number = submission.split()
        if order != "row" and int(number) % 1_000 < 100:
            subprocess.Popen(["sleep", task.reference], start_new_session=True)
        if order == "hang":
            time.sleep(3_600)
        if order == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        return Verdict(1.0, True, Outcome.PASS, {"number": float(number)})


def order_of(number: int) -> str:
    """Return what row `number` does."""
    return {37: "hang", 71: "crash"}.get(number % 100, "row")


def rss_mb() -> float:
    """Return the memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * resource.getpagesize() / 1e6, 1)


def processes_with(word: str) -> int:
    """Return how many processes have `word` in their command line."""
    count = 0
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            count += word.encode() in path.read_bytes().split(b"\0")
        except OSError:
            continue
    return count


def run(rows: int, workers: int, timeout_s: float) -> dict[str, object]:
    """Send the rows through a pool and return what happened."""
    # A number that names this run: what it leaves behind sleeps for so many seconds.
    mark = f"86399.{os.getpid():07d}"

    def items() -> Iterator[tuple[Task, str]]:
        for number in range(rows):
            yield Task(str(number), (), mark), f"{order_of(number)} {number}"

    outcomes: Counter[str] = Counter()
    answered = out_of_place = unexpected = 0
    memory: list[float] = []
    start = time.perf_counter()
    with VerifierPool("stress", workers, timeout_s, modules=[__file__]) as pool:
        for number, verdict in enumerate(pool.verify_many(items())):
            answered += 1
            outcomes[verdict.outcome.value] += 1
            unexpected += verdict.outcome is not EXPECTED[order_of(number)]
            out_of_place += verdict.parts.get("number", number) != number
            if number in (rows // 4, rows - 1):
                memory.append(rss_mb())
    seconds = time.perf_counter() - start
    return {
        "rows": rows,
        "answered": answered,
        "out_of_place": out_of_place,
        "unexpected": unexpected,
        "outcomes": dict(sorted(outcomes.items())),
        "workers": workers,
        "timeout_s": timeout_s,
        "seconds": round(seconds, 1),
        "rows_per_second": round(rows / seconds),
        "rss_quarter_mb": memory[0],
        "rss_end_mb": memory[-1],
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, 1),
        "orphans": processes_with(mark),
    }


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=0.1, help="seconds for one row")
    args = parser.parse_args()
    result = run(args.rows, args.workers, args.timeout)
    print(json.dumps(result))
    whole = result["answered"] == args.rows and not result["out_of_place"]
    return 0 if whole and not result["orphans"] else 1


if __name__ == "__main__":
    sys.exit(main())
