"""Metamath: databases read and verified by our kernel, beside the program `metamath`.

    python benchmarks/metamath.py FILE.mm... --out benchmarks/results/metamath.json

Both read each file and check every proof in it, in turns within a round. Ours is timed inside a
running interpreter; the program, with its start. Everything is on one core.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

from gym_reason.envs.proofs.metamath import Metamath
from gym_reason.verifiers.proofs.metamath import check_proofs, read_database


def main() -> None:
    """Measure every file and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--replay", action="store_true", help="replay every known proof too")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    rows = [measure_file(path, args.rounds, args.replay) for path in args.files]
    total = {
        "file": "all",
        "proofs": sum(row["proofs"] for row in rows),
        "ours_s": sum(row["ours_s"] for row in rows),
    }
    if all(row["program_s"] is not None for row in rows):
        total["program_s"] = sum(row["program_s"] for row in rows)
        total["ratio"] = total["ours_s"] / total["program_s"]
    for row in [*rows, total]:
        print("  ".join(f"{key} {show(value)}" for key, value in row.items()))
    if args.out:
        machine = {
            "python": platform.python_version(),
            "kernel": platform.release(),
            "cores": os.cpu_count(),
        }
        content = {"machine": machine, "rounds": args.rounds, "rows": [*rows, total]}
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(content, indent=1) + "\n")


def measure_file(path: Path, rounds: int, replay: bool) -> dict[str, Any]:
    """Return the verdicts and the median times of one file."""
    program = shutil.which("metamath")
    reading, checking, whole = [], [], []
    accepted, program_accepts = False, None
    proofs = 0
    for _ in range(rounds):
        start = time.perf_counter()
        database = read_database(path)
        read = time.perf_counter()
        accepted = not list(check_proofs(database))
        reading.append(read - start)
        checking.append(time.perf_counter() - read)
        proofs = sum(1 for _ in database.theorems)
        if program:
            start = time.perf_counter()
            program_accepts = run_program(program, path)
            whole.append(time.perf_counter() - start)
    ours = statistics.median(a + b for a, b in zip(reading, checking, strict=True))
    row: dict[str, Any] = {
        "file": path.name,
        "proofs": proofs,
        "read_s": statistics.median(reading),
        "check_s": statistics.median(checking),
        "ours_s": ours,
        "program_s": statistics.median(whole) if whole else None,
        "ratio": ours / statistics.median(whole) if whole else None,
        "same_verdict": accepted is program_accepts if whole else None,
    }
    if replay:
        for direction in ("backwards", "forwards"):
            row |= replay_proofs(path, direction)
    return row


def run_program(program: str, path: Path) -> bool:
    """Return whether the program `metamath` verifies every proof of a file."""
    done = subprocess.run(
        [program, f'read "{path.name}"', "verify proof *", "exit"],
        cwd=path.parent,
        input="exit\ny\n",
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return "All proofs in the database were verified" in done


def replay_proofs(path: Path, direction: str) -> dict[str, Any]:
    """Return how many known proofs solve their task, and how many steps a second they take."""
    env = Metamath(database=path, direction=direction, split="all")
    tasks = env.tasks() or ()
    solved, steps, seconds = 0, 0, 0.0
    for task in tasks:
        actions = env.demonstrate(task)
        env.reset(options={"task": task})
        start = time.perf_counter()
        for action in actions:
            reward = env.step(action)[1]
        seconds += time.perf_counter() - start
        steps += len(actions)
        solved += reward == 1.0
    return {f"{direction}_solved": solved / len(tasks), f"{direction}_steps_per_s": steps / seconds}


def show(value: object) -> str:
    """Return a value with three significant digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
