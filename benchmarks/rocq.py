"""Rocq: steps of a proof and whole proofs a second, on one core.

    python benchmarks/rocq.py --out benchmarks/results/rocq.json

The steps are those of the theorems that come with the package, one theorem after the other in one
session; both ends of the pipe are on the same core. Beside the time on the clock stands the
processor time of both ends, which another program on that core does not lengthen.
"""

import argparse
import functools
import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any

from gym_reason.envs.proofs.rocq import Rocq
from gym_reason.types import Task
from gym_reason.verifiers.proofs.interactive.system import Theorem, read_reference
from gym_reason.verifiers.proofs.rocq.programs import find_program
from gym_reason.verifiers.proofs.rocq.system import RocqSystem

LIA = Theorem("forall a b : nat, a < b -> 2 * a + 1 < 2 * b + 1", "From Coq Require Import Lia.")
PLAIN = Theorem("forall P Q : Prop, P /\\ Q -> Q /\\ P")


def main() -> None:
    """Measure sessions and checks and print the figures."""
    parser = argparse.ArgumentParser(description="Measure Rocq")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--out")
    args = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    tasks = Rocq(split="all").all_tasks()
    row: dict[str, Any] = {"theorems": len(tasks)}
    row |= measure_steps(tasks, args.rounds)
    row |= measure_sessions(args.rounds)
    row |= measure_checks(args.rounds)
    for key, value in row.items():
        print(f"{key:24} {value:.4g}" if isinstance(value, float) else f"{key:24} {value}")
    if args.out:
        machine = {
            "python": platform.python_version(),
            "kernel": platform.release(),
            "cores": os.cpu_count(),
            "coq": find_version(),
            "load_per_core": os.getloadavg()[0] / (os.cpu_count() or 1),
        }
        with open(args.out, "w", encoding="utf-8") as file:
            file.write(json.dumps({"machine": machine, "rounds": args.rounds, **row}, indent=1))
            file.write("\n")


def measure_steps(tasks: Sequence[Task], rounds: int) -> dict[str, Any]:
    """Return how fast the known proofs are replayed, and a step that fails."""
    session = RocqSystem().open(read_reference(tasks[0].reference))
    rates: list[float] = []
    cpu_rates: list[float] = []
    lemmas: list[float] = []
    failures: list[float] = []
    steps, resident = 0, []
    for _ in range(rounds):
        steps, spent, used = 0, 0.0, 0.0
        for task in tasks:
            session.start(read_reference(task.reference))
            start, before = time.perf_counter(), _used_cpu(session.pid)
            results = [session.step(step) for step in _steps_of(task)]
            seconds = time.perf_counter() - start
            used += _used_cpu(session.pid) - before
            assert results[-1].finished, task.meta["name"]
            steps, spent = steps + len(results), spent + seconds
            lemmas.append(seconds)
        rates.append(steps / spent)
        cpu_rates.append(steps / used)
        session.start(PLAIN)
        failures.append(time_call(functools.partial(session.step, "exact I.")))
        resident.append(_resident_mib(session.pid))
    session.close()
    return {
        "steps": steps,
        "steps_per_s": statistics.median(rates),
        "steps_per_cpu_s": statistics.median(cpu_rates),
        "lemma_s": statistics.median(lemmas),
        "failed_step_s": statistics.median(failures),
        "resident_mib_after_each_round": resident,
    }


def measure_sessions(rounds: int) -> dict[str, Any]:
    """Return what a session costs to open, to begin again, and to use `lia` in."""
    opened, again, lia = [], [], []
    for _ in range(rounds):
        start = time.perf_counter()
        session = RocqSystem().open(PLAIN)
        opened.append(time.perf_counter() - start)
        session.step("intros P Q H.")
        again.append(time_call(session.start))
        session.start(LIA)
        session.step("intros a b H.")
        lia.append(time_call(functools.partial(session.step, "lia.")))
        session.close()
    return {
        "open_s": statistics.median(opened),
        "start_again_s": statistics.median(again),
        "lia_s": statistics.median(lia),
    }


def measure_checks(rounds: int) -> dict[str, Any]:
    """Return what the last check of a proof costs, without a library and with one."""
    system = RocqSystem()
    plain: list[float] = []
    library: list[float] = []
    for number in range(rounds):
        # Another proof each time, since a verdict is remembered.
        other = f"do {number} idtac."
        plain.append(time_call(functools.partial(system.check, PLAIN, f"{other} tauto.")))
        library.append(time_call(functools.partial(system.check, LIA, f"{other} lia.")))
    assert system.check(PLAIN, "tauto.").correct
    assert system.check(LIA, "lia.").correct
    return {"check_s": statistics.median(plain), "check_with_lia_s": statistics.median(library)}


def time_call(function: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def find_version() -> str:
    """Return the version of Coq."""
    argv = [str(find_program("coqc")), "--print-version"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return done.stdout.split()[0]


def _steps_of(task: Task) -> tuple[str, ...]:
    script = task.meta["script"]
    assert isinstance(script, list)
    return tuple(map(str, script))


def _used_cpu(process: int) -> float:
    """Return the processor time of this process and of another one, in seconds."""
    with open(f"/proc/{process}/schedstat", encoding="utf-8") as file:
        return time.process_time() + int(file.read().split()[0]) / 1e9


def _resident_mib(process: int) -> int:
    with open(f"/proc/{process}/status", encoding="utf-8") as file:
        line = next(line for line in file if line.startswith("VmRSS"))
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    main()
