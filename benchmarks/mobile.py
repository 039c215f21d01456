"""Steps a second of a phone: the data alone, with the list of elements, with pixels, in a browser.

    python benchmarks/mobile.py --out benchmarks/results/mobile.json

The gestures are random: touches anywhere, drags, texts, keys, apps brought to the front; the tasks
are drawn from all templates, a new one every 20 gestures. Each part runs in turns with the others,
several rounds, and the median counts.

Beside it, MiniWoB++ in the same Chromium, where `.venv-miniwob` or MINIWOB_PYTHON names a Python
with the package `miniwob` and a chromedriver: random clicks on its task `click-test-2`.
"""

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium

import gym_reason  # noqa: F401 - registers the environments
from gym_reason.envs.mobile.apps import APPS
from gym_reason.envs.mobile.devices.base import Device
from gym_reason.envs.mobile.devices.sim import SimDevice
from gym_reason.envs.mobile.gestures import Drag, Gesture, OpenApp, Press, Tap, TypeText
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.observe import Observer
from gym_reason.envs.mobile.tasks.draw import Choice, draw_mobile_task

ROOT = Path(__file__).resolve().parent.parent
GESTURES_PER_TASK = 20
MINIWOB = """
import sys, time, random
import gymnasium, miniwob
gymnasium.register_envs(miniwob)
from miniwob.action import ActionTypes
env = gymnasium.make("miniwob/click-test-2-v1", render_mode=None)
env.reset(seed=0)
rng, count, started = random.Random(0), int(sys.argv[1]), time.perf_counter()
resets = 0.0
for _ in range(count):
    action = env.unwrapped.create_action(
        ActionTypes.CLICK_COORDS, coords=[rng.uniform(5, 155), rng.uniform(60, 200)])
    _, _, terminated, truncated, _ = env.step(action)
    if terminated or truncated:
        before = time.perf_counter()
        env.reset()
        resets += time.perf_counter() - before
print(count / (time.perf_counter() - started - resets))
env.close()
"""


def main() -> None:
    """Measure every part in turns and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20_000, help="of a round, without a browser")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    parts: dict[str, Callable[[int, int], float]] = {
        "sim, data alone": lambda seed, steps: play(SimDevice(), seed, steps, lambda device: None),
        "sim, list of elements": measure_elements,
        "sim, 360 x 800 pixels": lambda seed, steps: measure_pixels(seed, steps // 8),
        "environment, text in and out": lambda seed, steps: measure_env(seed, steps // 8),
        "resets of the environment": lambda seed, steps: measure_resets(seed, steps // 40),
    }
    if shutil.which("chromium"):
        parts["chromium, data alone"] = lambda seed, steps: measure_chromium(seed, 150)
    miniwob = find_miniwob()
    if miniwob is not None:
        parts["MiniWoB++, click-test-2"] = lambda seed, steps: measure_miniwob(miniwob, 60)
    found: dict[str, list[float]] = {name: [] for name in parts}
    for number in range(args.rounds):
        for name, measure in parts.items():
            found[name].append(measure(number, args.steps))
            print(f"{name:32} {found[name][-1]:12,.0f} a second", file=sys.stderr)
    rows = {name: round(statistics.median(rates), 1) for name, rates in found.items()}
    print(f"median of {args.rounds} rounds, a second")
    for name, rate in rows.items():
        print(f"{name:32} {rate:12,.0f}")
    if args.out is not None:
        record = {"machine": describe_machine(), "rounds": args.rounds, "per_second": rows}
        record["every_round"] = {
            name: [round(one, 1) for one in all_] for name, all_ in found.items()
        }
        args.out.write_text(json.dumps(record, indent=1) + "\n", "utf-8")


def play(device: Device, seed: int, steps: int, look_at: Callable[[Device], Any]) -> float:
    """Return gestures a second on drawn tasks, with what is looked at after each."""
    rng = random.Random(seed)
    worlds = [draw_mobile_task(seed * 1000 + one, Choice()).draft.world for one in range(64)]
    gestures = [draw_gesture(rng) for _ in range(steps)]
    seconds = 0.0
    for first in range(0, steps, GESTURES_PER_TASK):
        device.load(worlds[first // GESTURES_PER_TASK % len(worlds)], Look())
        started = time.perf_counter()
        for gesture in gestures[first : first + GESTURES_PER_TASK]:
            device.act(gesture)
            look_at(device)
        seconds += time.perf_counter() - started
    return steps / seconds


def draw_gesture(rng: random.Random) -> Gesture:
    """Return a random gesture."""
    kind = rng.random()
    if kind < 0.75:
        return Tap(rng.randrange(360), rng.randrange(24, 800))
    if kind < 0.85:
        return Drag(
            rng.randrange(360), rng.randrange(80, 740), rng.randrange(360), rng.randrange(800)
        )
    if kind < 0.9:
        return TypeText(rng.choice(("hello", "42", "Buy milk")))
    if kind < 0.93:
        return Press("back")
    return OpenApp(rng.choice(list(APPS)))


def measure_elements(seed: int, steps: int) -> float:
    """Return gestures a second, each followed by the list of elements as text."""
    observer = Observer("elements")
    return play(SimDevice(), seed, steps, lambda device: observer.describe(device.observe(), ""))


def measure_pixels(seed: int, steps: int) -> float:
    """Return gestures a second, each followed by an array of pixels."""
    from gym_reason.envs.mobile.render.paint import paint_array

    return play(SimDevice(), seed, steps, lambda device: paint_array(device.observe(), Look()))


def measure_env(seed: int, steps: int) -> float:
    """Return steps a second of the environment, JSON in and the list of elements out."""
    rng = random.Random(seed)
    env: Any = gymnasium.make("gym_reason/Mobile-v0", max_turns=10_000).unwrapped
    env.reset(seed=seed)
    actions = [
        json.dumps(
            {"action": "tap", "x": rng.randrange(360), "y": rng.randrange(800), "coord_space": "px"}
        )
        for _ in range(steps)
    ]
    started = time.perf_counter()
    for action in actions:
        env.step(action)
    return steps / (time.perf_counter() - started)


def measure_resets(seed: int, resets: int) -> float:
    """Return resets a second of the environment, each on a task that is drawn for it."""
    env: Any = gymnasium.make("gym_reason/Mobile-v0").unwrapped
    for number in range(200):  # the worlds around the tasks are drawn once
        env.reset(seed=10_000 + number)
    started = time.perf_counter()
    for number in range(resets):
        env.reset(seed=seed * 100_000 + number)
    return resets / (time.perf_counter() - started)


def measure_chromium(seed: int, steps: int) -> float:
    """Return gestures a second in a browser, in one context."""
    from gym_reason.envs.mobile.devices.chromium import ChromiumDevice

    device = ChromiumDevice()
    try:
        play(device, seed, 20, lambda device: None)
        return play(device, seed, steps, lambda device: None)
    finally:
        device.close()


def find_miniwob() -> Path | None:
    """Return a Python with MiniWoB++; None where there is none."""
    named = os.environ.get("MINIWOB_PYTHON")
    python = Path(named) if named else ROOT / ".venv-miniwob" / "bin" / "python"
    return python if python.exists() and shutil.which("chromedriver") else None


def measure_miniwob(python: Path, steps: int) -> float:
    """Return steps a second of MiniWoB++."""
    done = subprocess.run(
        [str(python), "-c", MINIWOB, str(steps)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"MiniWoB++ failed: {done.stderr[-1000:]}")
    return float(done.stdout.split()[-1])


def describe_machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    names = [line.split(":")[1].strip() for line in lines if "model name" in line]
    return {"cpu": names[0] if names else platform.processor(), "cores": os.cpu_count()}


if __name__ == "__main__":
    main()
