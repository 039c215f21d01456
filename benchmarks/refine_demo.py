r"""A loop that was trained, beside best-of-N of a model trained as long without it.

    python benchmarks/refine_demo.py --seeds 3 --out benchmarks/results/refine_demo.json \
        --plot docs/images/refine-demo.svg

Two arms of each seed: the recipe `refine-demo`, whose agent is the loop `backtrack`, and the same
with the agent `answer`. Both models then answer the same held-out problems, by every agent that is
compared, at the temperature of training. Best-of-N chooses by the same calculator that the loop
hears. The plot needs matplotlib (extra `report`).
"""

import argparse
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from demo_seeds import CONTROL, FAINT, INK, cpu_name, run_command, write_compactly

RECIPE = "refine-demo"
ARMS = {"loop": "backtrack", "answer": "answer"}
AGENTS = (
    "best-of-n:n=2,by=equations",
    "best-of-n:n=3,by=equations",
    "best-of-n:n=3,by=likelihood",
    "vote:n=3",
    "answer",
    "backtrack",
)
KEPT = ("accuracy", "interval", "tokens", "rounds", "fixed", "broken", "latency")


def main() -> None:
    """Train and compare every seed, print a table, and draw it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--threads", type=int, default=2, help="threads of a run")
    parser.add_argument("--problems", type=int, default=512)
    parser.add_argument("--runs", type=Path, default=Path("runs/refine"))
    parser.add_argument("--out", type=Path, help="results as JSON")
    parser.add_argument("--plot", type=Path, help="accuracy and tokens as SVG")
    parser.add_argument("--redraw", type=Path, help="draw these results again; run nothing")
    args = parser.parse_args()
    if args.redraw is not None:
        draw(json.loads(args.redraw.read_text("utf-8")), args.plot)
        return
    with ThreadPoolExecutor(args.jobs) as pool:
        arms = [(seed, arm) for seed in range(args.seeds) for arm in ARMS]
        trained = dict(zip(arms, pool.map(lambda one: train(args, *one), arms), strict=True))
    rows = [
        {"seed": seed, **{arm: trained[seed, arm] for arm in ARMS}, **compare(args, seed)}
        for seed in range(args.seeds)
    ]
    record = {
        "recipe": RECIPE,
        "overrides": args.overrides,
        "machine": {"cpu": cpu_name(), "cores": os.cpu_count()},
        "threads": args.threads,
        "jobs": args.jobs,
        "problems": args.problems,
        "seeds": rows,
    }
    print_table(rows)
    if args.out is not None:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(write_compactly(record), "utf-8")
    if args.plot is not None:
        draw(record, args.plot)


def train(args: argparse.Namespace, seed: int, arm: str) -> dict[str, Any]:
    """Train one arm of one seed and return its summary."""
    command = [sys.executable, "-m", "gym_reason", "train", RECIPE, "--json"]
    command += ["--out", str(find_run(args, seed, arm)), f"agent={ARMS[arm]}", f"seed={seed}"]
    command += [f"model.threads={args.threads}", *args.overrides]
    output, processor_seconds = run_command(command)
    summary: dict[str, Any] = json.loads(output)
    summary["processor_seconds"] = round(processor_seconds, 1)
    print(f"seed {seed}, {arm}: {summary['accuracy_after']:.1%}", file=sys.stderr)
    return summary


def compare(args: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Return what every agent reaches with both models of a seed, on the same problems.

    The difference is that of the trained loop to each best-of-N of the other model, problem by
    problem.
    """
    words = [word for word in args.overrides if word.startswith("env.kwargs.")]
    command = [sys.executable, "-m", "gym_reason", "eval", "gym_reason/Arithmetic-v0"]
    command += ["operation=multiply", "digits=2", *(word[len("env.kwargs.") :] for word in words)]
    command += [f"--limit={args.problems}", "--temperature=1", "--max-tokens=48", "--json"]
    loop, answer = (str(find_run(args, seed, arm)) for arm in ARMS)
    found, differences = [], {}
    for agent in AGENTS:
        output, _ = run_command(
            [*command, "--policy", answer, "--policy", loop]
            + ["--agent", agent] + (["--agent", ARMS["loop"]] if agent != ARMS["loop"] else [])
        )  # fmt: skip
        said = json.loads(output)
        found += [
            {"model": "loop" if row["policy"] == loop else "answer", "agent": row["agent"]}
            | {key: row[key] for key in KEPT}
            for row in said["results"]
            if row["agent"] == agent
        ]
        for row in said["comparisons"]:
            if row["second"] == f"{loop}, {ARMS['loop']}":
                differences[agent] = {
                    "points": round(100 * row["difference"], 1),
                    "interval": [round(100 * end, 1) for end in row["interval"]],
                }
    return {"agents": found, "differences": differences}


def find_run(args: argparse.Namespace, seed: int, arm: str) -> Path:
    """Return the folder of an arm's run."""
    return Path(args.runs, f"{arm}-{seed}")


def print_table(rows: list[dict[str, Any]]) -> None:
    """Print accuracy and tokens of every agent with both models."""
    for row in rows:
        print(f"seed {row['seed']}: model trained as, agent, right, tokens")
        for one in row["agents"]:
            name = f"{one['model']:<7} {one['agent']:<28}"
            print(f"  {name} {one['accuracy']:6.1%} {one['tokens']:6.1f}")
        for agent, difference in row["differences"].items():
            low, high = difference["interval"]
            points = difference["points"]
            print(f"  trained loop less {agent}: {points:+.1f} ({low:+.1f} to {high:+.1f})")


def draw(record: dict[str, Any], path: Path) -> None:
    """Draw accuracy against tokens: every seed a point, a line through each agent's."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "gym_reason"
    from matplotlib import pyplot

    drawn = (
        ("loop", "backtrack", "trained loop", INK, "o"),
        ("answer", "backtrack", "loop around the model trained to answer", FAINT, "o"),
        ("answer", "best-of-n:n=2,by=equations", "best of 2", CONTROL, "s"),
        ("answer", "best-of-n:n=3,by=equations", "best of 3", CONTROL, "D"),
        ("answer", "answer", "one answer", CONTROL, "^"),
    )
    figure, axes = pyplot.subplots(figsize=(9.2, 3.6), layout="constrained")
    for model, agent, label, colour, marker in drawn:
        points = [
            (one["tokens"], 100 * one["accuracy"])
            for row in record["seeds"]
            for one in row["agents"]
            if (one["model"], one["agent"]) == (model, agent)
        ]
        axes.scatter(*zip(*points, strict=True), color=colour, marker=marker, s=42, label=label)
    axes.set_xlabel("tokens a problem")
    axes.set_ylabel("held-out problems solved, %")
    axes.set_xlim(left=0)
    axes.set_ylim(0, 100)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
