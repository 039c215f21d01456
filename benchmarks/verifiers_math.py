"""Math checks per second, ours and Math-Verify's, side by side on the same pairs.

Math-Verify runs in an environment of its own, made on first use in `.venv-math-verify`. Both sides
check the same pairs in turns, several rounds, each side in one warm process; half of the pairs are
right. Then both judge families of pairs whose truth is known by construction.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from math_pairs import Labelled, Pair, generate_families, make_mixed, make_plain

ROOT = Path(__file__).resolve().parent.parent
PEER = "math-verify[antlr4_13_2]==0.9.0"
MIXES: dict[str, Callable[[random.Random, bool], Pair]] = {
    "plain": make_plain,
    "mixed": make_mixed,
}


def measure(pairs: int, rounds: int, seed: int) -> dict[str, Any]:
    """Measure both mixes and judge the families; print as it goes.

    Args:
        pairs: Pairs of each mix; a tenth of it is how often each family is drawn.
        rounds: How often each side checks them.
        seed: Seed of the pairs.
    """
    generator = random.Random(seed)
    rows = []
    with Worker(Path(sys.executable), "ours") as ours, Worker(make_peer(), "peer") as peer:
        for name, make in MIXES.items():
            drawn = [make(generator, index % 2 == 0) for index in range(pairs)]
            rows.append({"mix": name, **compare(ours, peer, drawn, rounds)})
            print_row(rows[-1])
        families = count_right(ours, peer, list(generate_families(generator, pairs // 10)))
    for name, counts in families.items():
        print(f"{name:<22} ours {counts['ours']:4}  peer {counts['peer']:4}  of {counts['pairs']}")
    return {"peer": PEER, "mixes": rows, "families": families}


def compare(ours: "Worker", peer: "Worker", pairs: list[Pair], rounds: int) -> dict[str, Any]:
    """Return the medians of both sides over the rounds, and what each says of the pairs."""
    seconds: dict[str, list[float]] = {"ours": [], "peer": []}
    verdicts: dict[str, list[bool]] = {}
    latest: dict[str, list[float]] = {}
    for _ in range(rounds + 1):
        for name, worker in (("ours", ours), ("peer", peer)):
            times, verdicts[name] = worker.check(pairs)
            seconds[name].append(sum(times))
            latest[name] = times
    # The first round is for warming up.
    total = {name: statistics.median(values[1:]) for name, values in seconds.items()}
    right = [index % 2 == 0 for index in range(len(pairs))]
    return {
        "pairs": len(pairs),
        "ours_per_s": len(pairs) / total["ours"],
        "peer_per_s": len(pairs) / total["peer"],
        "ratio": total["peer"] / total["ours"],
        "ours_median_us": statistics.median(latest["ours"]) * 1e6,
        "peer_median_us": statistics.median(latest["peer"]) * 1e6,
        "ours_worst_ms": max(latest["ours"]) * 1e3,
        "peer_worst_ms": max(latest["peer"]) * 1e3,
        "ours_right": sum(map(bool.__eq__, verdicts["ours"], right)),
        "peer_right": sum(map(bool.__eq__, verdicts["peer"], right)),
    }


def count_right(
    ours: "Worker", peer: "Worker", labelled: list[Labelled]
) -> dict[str, dict[str, Any]]:
    """Return how many pairs of each family each side judges rightly, and where they err."""
    pairs = [(reference, f"\\boxed{{{answer}}}") for _, reference, answer, _ in labelled]
    said = {"ours": ours.check(pairs)[1], "peer": peer.check(pairs)[1]}
    families: dict[str, dict[str, Any]] = {}
    for index, (family, reference, answer, right) in enumerate(labelled):
        counts = families.setdefault(family, {"pairs": 0, "ours": 0, "peer": 0, "errors": []})
        counts["pairs"] += 1
        for side, verdicts in said.items():
            if verdicts[index] == right:
                counts[side] += 1
            elif len(counts["errors"]) < 4:
                counts["errors"].append([side, reference, answer, right])
    return families


def print_row(row: dict[str, Any]) -> None:
    """Print one line of the table."""
    print(
        f"{row['mix']:<8} ours {row['ours_per_s']:9.0f}/s  peer {row['peer_per_s']:7.0f}/s  "
        f"ratio {row['ratio']:6.1f}  "
        f"worst {row['ours_worst_ms']:.1f} / {row['peer_worst_ms']:.1f} ms  "
        f"right {row['ours_right']} / {row['peer_right']} of {row['pairs']}",
        flush=True,
    )


class Worker:
    """One side in a process of its own."""

    def __init__(self, python: Path, side: str) -> None:
        """Start it."""
        self.process = subprocess.Popen(
            [str(python), __file__, side],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "Worker":
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.process.communicate()

    def check(self, pairs: list[Pair]) -> tuple[list[float], list[bool]]:
        """Return the seconds of each check and its verdict."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(pairs) + "\n")
        self.process.stdin.flush()
        times, verdicts = json.loads(self.process.stdout.readline())
        return times, verdicts


def serve(check: Callable[[str, str], bool]) -> None:
    """Answer each line of pairs on standard input. No cache lives on between two checks."""
    for line in sys.stdin:
        times, verdicts = [], []
        for reference, answer in json.loads(line):
            forget()
            start = time.perf_counter()
            verdicts.append(check(reference, answer))
            times.append(time.perf_counter() - start)
        print(json.dumps([times, verdicts]), flush=True)


def check_ours() -> Callable[[str, str], bool]:
    """Return our check."""
    from gym_reason.types import Task
    from gym_reason.verifiers.math import MathVerifier

    verifier = MathVerifier()

    def check(reference: str, answer: str) -> bool:
        return verifier.verify(Task("", (), reference), answer).correct

    return check


def forget() -> None:
    """Empty every cache of the math verifier."""
    import functools

    for name, module in list(sys.modules.items()):
        if name.startswith("gym_reason.verifiers.math"):
            for value in vars(module).values():
                if isinstance(value, functools._lru_cache_wrapper):
                    value.cache_clear()
                elif isinstance(value, type):
                    for member in vars(value).values():
                        inner = getattr(member, "__func__", None)
                        if isinstance(inner, functools._lru_cache_wrapper):
                            inner.cache_clear()


def check_peer() -> Callable[[str, str], bool]:
    """Return Math-Verify's check."""
    import logging

    from math_verify import parse, verify

    logging.disable(logging.CRITICAL)

    def check(reference: str, answer: str) -> bool:
        return bool(verify(parse(f"${reference}$"), parse(answer)))

    return check


def make_peer() -> Path:
    """Return the interpreter of Math-Verify's environment, made where it is missing."""
    given = os.environ.get("MATH_VERIFY_PYTHON")
    if given:
        return Path(given)
    folder = ROOT / ".venv-math-verify"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", PEER], check=True)
    return python


if __name__ == "__main__":
    serve(check_ours() if sys.argv[1] == "ours" else check_peer())
