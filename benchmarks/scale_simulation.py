r"""How many workers pay: a discrete-event simulation of rollouts on a cluster.

    python benchmarks/scale_simulation.py --out benchmarks/results/scale_simulation.json \
        --plot docs/images/scale-simulation.svg

No cluster is run. Three settings are simulated, step by step, episode by episode: the demo on
machines like this one, with costs that are measured here first; the same with answers whose tests
take seconds; and a model of 7 billion weights, whose costs are assumptions. Every input is in the
output, with where it comes from. `--inputs FILE` takes the measured costs from an earlier output.
The picture needs matplotlib (extra `report`).

What is simulated is what `trainers/ray` does: each worker is given its part of the tasks; a decode
step takes a fixed time and some more for each row; a row that ends leaves the
batch; its answer waits for a free verifier; the update begins once every verdict is there, and new
weights go out after it. With `ahead`, the next step's episodes are played during the update.
"""

import argparse
import dataclasses
import heapq
import itertools
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

INK, FAINT, CONTROL = "#1f6f6f", "#9cc5c1", "#b4552d"
STEPS = 12
"""Simulated steps of a point; the first is left out."""
WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
PAYS = 1.25
"""Twice the workers pay where they bring this much more."""


@dataclass(frozen=True, slots=True)
class Costs:
    """The inputs of a simulation, in seconds unless said otherwise."""

    name: str
    """What is simulated."""
    source: str
    """Where the numbers come from."""
    tasks: int
    """Of a step."""
    samples: int
    """Of a task."""
    median_tokens: float
    """Length of an answer: log-normal, with this median ..."""
    spread: float
    """... this standard deviation of its logarithm ..."""
    most_tokens: int
    """... and cut here."""
    decode_s: float
    """A decode step, whatever the rows."""
    row_s: float
    """More for each row."""
    most_rows: int
    """Of an engine at a time; further ones wait."""
    verify_median_s: float
    """A verdict: log-normal, with this median ..."""
    verify_spread: float
    """... this standard deviation of its logarithm ..."""
    verify_most_s: float
    """... and this limit."""
    episode_s: float
    """Of the trainer's own process for an episode, one after the other."""
    message_s: float
    """A part on its way out and back."""
    update_token_s: float
    """The update, for each token."""
    weight_bytes: float
    """What goes out after an update."""
    network_bytes_per_s: float
    """To one worker; Ray passes objects on, so that the time grows with the logarithm."""
    pack_s: float
    """Packing the weights, and loading them again."""


@dataclass(frozen=True, slots=True)
class Way:
    """How the workers are used."""

    label: str
    """For the picture."""
    verifiers: float
    """Processors that judge, for each worker."""
    ahead: bool = False
    """Whether the next step's episodes are played during the update."""


DEMO_WAYS = (Way("in turn", 1), Way("ahead", 1, ahead=True))
SLOW_WAYS = (
    Way("in turn, 1 sandbox a worker", 1),
    Way("in turn, 16 sandboxes a worker", 16),
    Way("ahead, 16 sandboxes a worker", 16, ahead=True),
)
LARGE_WAYS = (
    Way("in turn, 4 sandboxes a worker", 4),
    Way("in turn, 32 sandboxes a worker", 32),
    Way("ahead, 32 sandboxes a worker", 32, ahead=True),
)


def main() -> None:
    """Simulate, print a table, and write and draw it."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--inputs", type=Path, help="take the measured costs from this output")
    parser.add_argument("--out", type=Path, help="results as JSON")
    parser.add_argument("--plot", type=Path, help="picture as SVG")
    args = parser.parse_args()
    if args.inputs is None:
        measured = measure()
    else:
        measured = Costs(**json.loads(args.inputs.read_text("utf-8"))["settings"][0]["inputs"])
    settings = [
        simulate_setting(measured, DEMO_WAYS),
        simulate_setting(judge_slowly(measured), SLOW_WAYS),
        simulate_setting(assume(), LARGE_WAYS),
    ]
    record = {
        "what": "a simulation: no cluster was run",
        "machine": {"machine": platform.machine(), "cores": os.cpu_count()},
        "steps": STEPS - 1,
        "settings": settings,
    }
    for setting in settings:
        print_table(setting)
    if args.out is not None:
        args.out.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    if args.plot is not None:
        draw(record, args.plot)


def assume() -> Costs:
    """Return costs of a model of 7 billion weights in bf16 on cards of about 80 GB."""
    return Costs(
        name="7 B weights, programs as answers (assumed)",
        source="assumptions: one card an engine; a decode step reads 15 GB at 2 TB/s and takes "
        "0.03 ms more a row; the update does 6 x 7e9 operations a token at 40% of 8 cards of 1e15 "
        "a second; 25 Gbit/s between nodes; tests take 2 s, and at most 20",
        tasks=128,
        samples=16,
        median_tokens=1500.0,
        spread=0.8,
        most_tokens=8192,
        decode_s=0.0075,
        row_s=3e-5,
        most_rows=256,
        verify_median_s=2.0,
        verify_spread=1.0,
        verify_most_s=20.0,
        episode_s=4e-4,
        message_s=2e-3,
        update_token_s=6 * 7e9 / (0.4 * 8 * 1e15),
        weight_bytes=15e9,
        network_bytes_per_s=25e9 / 8,
        pack_s=4.0,
    )


def measure() -> Costs:
    """Return the costs of the demo's step, as processor time of one thread of this machine."""
    from gym_reason.agents.engines.local import LocalEngine
    from gym_reason.agents.engines.ray.weights import count_bytes, load_weights, pack_weights
    from gym_reason.agents.models import build_preset
    from gym_reason.agents.policy import SamplingParams
    from gym_reason.agents.tokenizers import build_character_tokenizer
    from gym_reason.evaluate.machine import _rollout_probe
    from gym_reason.trainers.model.logprobs import score_tokens
    from gym_reason.types import Task
    from gym_reason.verifiers.math import MathVerifier

    torch.set_num_threads(1)
    tokenizer = build_character_tokenizer("0123456789+=<>/,think")
    model = build_preset("0.4m", len(tokenizer))
    engine = LocalEngine(model, tokenizer, stop_token_ids=())
    tokens = 32

    def sample(rows: int) -> float:
        prompts = [[1, *range(3, 11)]] * rows
        each = [SamplingParams(max_tokens=tokens, seed=seed) for seed in range(rows)]
        return take_time(lambda: engine.generate(prompts, each)) / tokens

    few, many = 8, 256
    few_s, many_s = sample(few), sample(many)
    row_s = (many_s - few_s) / (many - few)
    ids = torch.randint(3, len(tokenizer), (64, 40))

    def learn() -> None:
        score_tokens(model, ids).logps_NT.sum().backward()  # type: ignore[no-untyped-call]
        model.zero_grad()

    task, verifier = Task("1", (), "632"), MathVerifier()
    probe = _rollout_probe()
    return Costs(
        name="the demo, one thread a worker (measured)",
        source="processor time of one thread of this machine, the lowest of 5; lengths as in "
        "docs/demo.md; 1 Gbit/s between nodes and 1 ms a message are assumptions",
        tasks=64,
        samples=8,
        median_tokens=30.0,
        spread=0.15,
        most_tokens=48,
        decode_s=few_s - few * row_s,
        row_s=row_s,
        most_rows=512,
        verify_median_s=take_time(lambda: verifier.verify(task, "<think></think>631")),
        verify_spread=0.1,
        verify_most_s=1.0,
        episode_s=min(probe.measure() for _ in range(5)) / 1e3,
        message_s=1e-3,
        update_token_s=take_time(learn) / ids.numel(),
        weight_bytes=float(count_bytes(model)),
        network_bytes_per_s=1e9 / 8,
        pack_s=take_time(lambda: load_weights(model, pack_weights(model))),
    )


def take_time(work: Callable[[], object]) -> float:
    """Return the processor seconds of some work: the least of five times."""
    found = []
    for _ in range(6):
        started = time.process_time()
        work()
        found.append(time.process_time() - started)
    return min(found[1:])


def judge_slowly(costs: Costs) -> Costs:
    """Return the same costs, with answers whose tests take seconds."""
    return dataclasses.replace(
        costs,
        name="the demo's model, tests of 2 s",
        source=f"as above; that tests take 2 s, and at most 20, is an assumption ({costs.source})",
        verify_median_s=2.0,
        verify_spread=1.0,
        verify_most_s=20.0,
    )


def simulate_setting(costs: Costs, ways: Sequence[Way]) -> dict[str, Any]:
    """Return the figures of a setting for each number of workers, in each way."""
    found = []
    for way in ways:
        rows = [{"workers": workers, **simulate(costs, way, workers)} for workers in WORKERS]
        found.append(
            {**dataclasses.asdict(way), "pays_up_to": last_that_pays(rows), "points": rows}
        )
    return {"inputs": dataclasses.asdict(costs), "ways": found}


def simulate(costs: Costs, way: Way, workers: int) -> dict[str, Any]:
    """Return episodes a second, and what a step is made of, with some number of workers."""
    rng = np.random.default_rng(0)
    verifiers = max(1, round(way.verifiers * workers))
    steps = [play_step(costs, workers, verifiers, rng) for _ in range(STEPS)][1:]
    played_s = statistics.mean(step.seconds for step in steps)
    tokens = statistics.mean(step.tokens for step in steps)
    update_s = tokens * costs.update_token_s
    # Each machine that has the weights passes them on.
    hops = int(np.ceil(np.log2(workers + 1)))
    sync_s = costs.pack_s + hops * costs.weight_bytes / costs.network_bytes_per_s
    step_s = (max(played_s, update_s) if way.ahead else played_s + update_s) + sync_s
    busy = statistics.mean(step.busy_s for step in steps) / (workers * step_s)
    return {
        "episodes_per_s": round(costs.tasks * costs.samples / step_s, 4),
        "step_s": round(step_s, 4),
        "rollout_s": round(played_s, 4),
        "update_s": round(update_s, 4),
        "sync_s": round(sync_s, 4),
        "engines_busy": round(busy, 4),
    }


@dataclass(frozen=True, slots=True)
class PlayedStep:
    """The episodes of a step."""

    seconds: float
    """From the first part out to the last verdict in."""
    busy_s: float
    """Of all engines together."""
    tokens: int
    """Of all answers."""


def play_step(costs: Costs, workers: int, verifiers: int, rng: np.random.Generator) -> PlayedStep:
    """Play the episodes of a step: a part to each engine, answers to free verifiers."""
    answers: list[float] = []
    busy_s, tokens = 0.0, 0
    for part in np.array_split(np.arange(costs.tasks), min(costs.tasks, workers)):
        drawn = rng.lognormal(np.log(costs.median_tokens), costs.spread, len(part) * costs.samples)
        lengths = np.clip(drawn, 1, costs.most_tokens).astype(int)
        ends = end_times(costs, lengths)
        answers += (costs.message_s + ends).tolist()
        busy_s += float(ends.max())
        tokens += int(lengths.sum())
    free = [0.0] * verifiers
    driver_s = last_s = 0.0
    for answered in sorted(answers):
        # The trainer's process has a hand in every episode, one at a time.
        driver_s = max(driver_s, answered) + costs.episode_s
        began = max(heapq.heappop(free), driver_s)
        drawn_s = float(rng.lognormal(np.log(costs.verify_median_s), costs.verify_spread))
        took = min(drawn_s, costs.verify_most_s)
        heapq.heappush(free, began + took)
        last_s = max(last_s, began + took)
    return PlayedStep(last_s, busy_s, tokens)


def end_times(costs: Costs, lengths: NDArray[Any]) -> NDArray[Any]:
    """Return when each answer of a batch ends: rows that end leave, others take their places."""
    waiting = list(enumerate(lengths.tolist()))[::-1]
    rows: list[tuple[int, int]] = []
    ends = np.zeros(len(lengths))
    step, now = 0, 0.0
    while rows or waiting:
        while waiting and len(rows) < costs.most_rows:
            index, length = waiting.pop()
            heapq.heappush(rows, (step + length, index))
        following = rows[0][0]
        now += (following - step) * (costs.decode_s + costs.row_s * len(rows))
        step = following
        while rows and rows[0][0] == step:
            ends[heapq.heappop(rows)[1]] = now
    return ends


def last_that_pays(rows: Sequence[dict[str, Any]]) -> int:
    """Return the number of workers up to which every doubling brings `PAYS` times as much."""
    for fewer, more in itertools.pairwise(rows):
        if more["episodes_per_s"] < PAYS * fewer["episodes_per_s"]:
            return int(fewer["workers"])
    return int(rows[-1]["workers"])


def print_table(setting: dict[str, Any]) -> None:
    """Print a line for each number of workers, in each way."""
    print(f"\n{setting['inputs']['name']}\n  {setting['inputs']['source']}")
    for way in setting["ways"]:
        print(f"  {way['label']}: twice the workers pay up to {way['pays_up_to']}")
        print("    workers  episodes/s     step s    rollout  update   sync  engines busy")
        for row in way["points"]:
            print(
                f"    {row['workers']:7}  {row['episodes_per_s']:10.2f}  {row['step_s']:9.2f}"
                f"  {row['rollout_s']:9.2f} {row['update_s']:7.2f} {row['sync_s']:6.2f}"
                f"  {row['engines_busy']:12.0%}"
            )


def draw(record: dict[str, Any], path: Path) -> None:
    """Draw episodes a second over the number of workers, one panel a setting."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "gym_reason"
    from matplotlib import pyplot

    settings = record["settings"]
    figure, axes = pyplot.subplots(1, len(settings), figsize=(12.0, 4.6), constrained_layout=True)
    for axis, setting in zip(axes, settings, strict=True):
        ways = setting["ways"]
        colours = (INK, CONTROL) if len(ways) == 2 else (FAINT, INK, CONTROL)
        for way, colour in zip(ways, colours, strict=True):
            counts = [row["workers"] for row in way["points"]]
            speeds = [row["episodes_per_s"] for row in way["points"]]
            axis.plot(
                counts, speeds, "o-", color=colour, linewidth=2, markersize=4, label=way["label"]
            )
            last = way["pays_up_to"]
            axis.plot(
                [last], [speeds[counts.index(last)]], "o", color=colour, markersize=10,
                fillstyle="none",
            )  # fmt: skip
        axis.set_ylim(0, 1.06 * axis.get_ylim()[1])
        axis.set_xscale("log", base=2)
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:.0f}")
        axis.set_xlabel("workers")
        axis.set_title(setting["inputs"]["name"], loc="left", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="y", alpha=0.25)
        ring = "beyond it, twice as many hardly pay"
        axis.plot([], [], "o", color="black", markersize=10, fillstyle="none", label=ring)
        axis.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(-0.03, -0.16))
    axes[0].set_ylabel("episodes a second, simulated")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
