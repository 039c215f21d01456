"""Steps per second of the environments beside a bare Gymnasium text environment.

Run: python benchmarks/envs.py --help

Every way is measured in turn within a round, so that other load on the machine falls on all of
them; medians over the rounds are reported. Time is the CPU time of this process.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Text

import gym_reason
from gym_reason.agents.scripted import ScriptedAgent
from gym_reason.envs.base import sample_tasks, unwrap
from gym_reason.rollout import EnvPool, EpisodeLimits, TextEnv, run_groups
from gym_reason.types import Outcome, Task, Verdict

BARE = "bench/Bare-v0"
BASE = "bare Gymnasium, reset+step"
EPISODES, SAMPLES = 512, 8
DATASET_ROWS = 1000


class BareEnv(gymnasium.Env[str, str]):
    """The least that a text environment can be: one problem, one comparison."""

    def __init__(self) -> None:
        """Make the spaces that Gymnasium has for text."""
        self.observation_space = Text(16_384)
        self.action_space = Text(16_384)
        self._answer = ""

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Draw a sum."""
        super().reset(seed=seed)
        left, right = (int(number) for number in self.np_random.integers(100, 1000, size=2))
        self._answer = str(left + right)
        return f"{left}+{right}=", {}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Compare."""
        return "", float(action == self._answer), True, False, {}


class NoVerifier:
    """Takes every answer, to show what an environment costs without verification."""

    name = "none"
    _verdict = Verdict(1.0, True, Outcome.PASS)

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the same verdict whatever is submitted."""
        return self._verdict


def timed(work: Callable[[], int]) -> Callable[[], float]:
    """Return a function that does the work and returns the CPU seconds of one of its parts."""

    def run() -> float:
        start = time.process_time()
        count = work()
        return (time.process_time() - start) / count

    return run


def play_bare(count: int) -> Callable[[], float]:
    """Return the measurement of the bare environment."""
    env = gymnasium.make(BARE, disable_env_checker=True)

    def work() -> int:
        for _ in range(count):
            env.reset()
            env.step("1")
        return count

    return timed(work)


def play(env_id: str, count: int, **kwargs: object) -> Callable[[], float]:
    """Return the measurement of drawing tasks and stepping through their demonstrations."""
    env = gym_reason.make(env_id, **kwargs)
    source = unwrap(env)
    tasks = sample_tasks(env, 64, 0)
    scripts = {task.id: source.demonstrate(task) for task in tasks}
    turn = iter(range(sys.maxsize))

    def work() -> int:
        steps = 0
        while steps < count:
            env.reset()
            # The task is drawn as a trainer draws it; the script fits the task that replaces it.
            task = tasks[next(turn) % len(tasks)]
            env.reset(options={"task": task})
            for action in scripts[task.id]:
                env.step(action)
                steps += 1
        return steps

    return timed(work)


def make_envs(make: Callable[[], object], count: int = 50) -> Callable[[], float]:
    """Return the measurement of making an environment."""

    def work() -> int:
        for _ in range(count):
            make()
        return count

    return timed(work)


def roll_out() -> Callable[[], float]:
    """Return the measurement of whole episodes: reset, agent, verification, trajectory."""
    pool = EnvPool(lambda: gym_reason.make("gym_reason/Arithmetic-v0"))
    env = pool.take()
    tasks = sample_tasks(env, EPISODES // SAMPLES, 0)
    pool.give_back(env)

    def agent_for(env: TextEnv, task: Task) -> ScriptedAgent:
        return ScriptedAgent([task.reference])

    def work() -> int:
        limits = EpisodeLimits()
        groups = run_groups(pool, agent_for, tasks, SAMPLES, range(len(tasks)), None, limits)
        played = asyncio.run(groups)
        assert all(trajectory.correct for group in played for trajectory in group.trajectories)
        return EPISODES

    return timed(work)


def register_rows(folder: Path) -> str:
    """Register a dataset of sums and return its id."""
    rng = np.random.default_rng(0)
    rows = [
        {"question": f"What is {a} + {b}?", "answer": str(a + b)}
        for a, b in rng.integers(100, 10_000, size=(DATASET_ROWS, 2)).tolist()
    ]
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    gym_reason.register_dataset("bench/Rows-v0", path, prompt="question", reference="answer")
    return "bench/Rows-v0"


def measure_ways(dataset_id: str, count: int) -> dict[str, Callable[[], float]]:
    """Return, by name, functions that return CPU seconds: of a step, an episode or a `make`."""
    ids = [f"gym_reason/{name}-v0" for name in ("Arithmetic", "Countdown", "Steps", "Digits")]
    ways = {BASE: play_bare(count)}
    for env_id in (*ids, dataset_id):
        name = env_id.partition("/")[2].removesuffix("-v0")
        ways[f"{name}, reset+step"] = play(env_id, count)
        ways[f"{name}, unverified"] = play(env_id, count, verifier=NoVerifier())
    ways["bare Gymnasium, make"] = make_envs(lambda: gymnasium.make(BARE))
    ways["Arithmetic, make"] = make_envs(lambda: gym_reason.make(ids[0]))
    ways["Arithmetic, gymnasium.make"] = make_envs(lambda: gymnasium.make(ids[0]))
    ways[f"Arithmetic, run_groups of {EPISODES}"] = roll_out()
    return ways


def measure(rounds: int, count: int) -> list[dict[str, Any]]:
    """Return one row per way: microseconds, how many a second, and its time in bare steps."""
    with tempfile.TemporaryDirectory() as folder:
        ways = measure_ways(register_rows(Path(folder)), count)
        for run in ways.values():
            run()
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way, run in ways.items():
                seconds[way].append(run())
    rows = []
    for way, values in seconds.items():
        base = seconds["bare Gymnasium, make" if "make" in way else BASE]
        median = statistics.median(values)
        rows.append(
            {
                "way": way,
                "microseconds": round(median * 1e6, 2),
                "fastest_microseconds": round(min(values) * 1e6, 2),
                "per_second": round(1 / median),
                "ratio": round(
                    statistics.median(v / b for v, b in zip(values, base, strict=True)), 2
                ),
            }
        )
    return rows


def describe_machine() -> dict[str, object]:
    """Return what the figures depend on."""
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "gymnasium": gymnasium.__version__,
        "numpy": np.__version__,
        "gym_reason": gym_reason.__version__,
    }


def main() -> int:
    """Measure, print a table or JSON, and write the JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    parser.add_argument("--out", type=Path, help="also write the JSON to this file")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=1000, help="steps of a way in a round")
    options = parser.parse_args()
    gymnasium.register(BARE, entry_point=lambda **_: BareEnv())
    machine = describe_machine()
    rows = measure(options.rounds, options.steps)
    report = {**machine, "rounds": options.rounds, "steps": options.steps, "results": rows}
    if options.out:
        options.out.write_text(json.dumps(report, indent=2) + "\n")
    if options.json:
        print(json.dumps(report, indent=2))
        return 0
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    print(f"CPU time, median of {options.rounds} rounds; ratio to the bare environment\n")
    print(f"{'way':34} {'us':>9} {'fastest':>9} {'a second':>10} {'ratio':>7}")
    for row in rows:
        print(
            f"{row['way']:34} {row['microseconds']:9.2f} {row['fastest_microseconds']:9.2f} "
            f"{row['per_second']:10,} {row['ratio']:7.2f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
