r"""A recipe over many seeds, and a control with as much time for supervised training alone.

    python benchmarks/demo_seeds.py demo --seeds 10 --out benchmarks/results/demo_seeds.json \
        --plot docs/images/demo-seeds.svg

Every run is the command a user would type, in a process of its own. The plot needs matplotlib
(extra `report`).
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

INK, FAINT, CONTROL = "#1f6f6f", "#9cc5c1", "#b4552d"


def main() -> None:
    """Run every seed, print a table, and draw the curves."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("recipe", nargs="?", default="demo")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--threads", type=int, default=2, help="threads of a run")
    parser.add_argument("--control-seeds", type=int, default=2, help="seeds of the control")
    parser.add_argument("--control-steps", type=int, default=0, help="0 for no control")
    parser.add_argument("--runs", type=Path, default=Path("runs/seeds"))
    parser.add_argument("--out", type=Path, help="results as JSON")
    parser.add_argument("--plot", type=Path, help="curves as SVG")
    parser.add_argument("--redraw", type=Path, help="draw these results again; run nothing")
    args = parser.parse_args()
    if args.redraw is not None:
        draw(json.loads(args.redraw.read_text("utf-8")), args.plot)
        return
    control_words = [f"cold_start.steps={args.control_steps}", "rl.steps=0"]
    control_seeds = args.control_seeds if args.control_steps else 0
    with ThreadPoolExecutor(args.jobs) as pool:
        jobs = [pool.submit(run_seed, args, seed, []) for seed in range(args.seeds)]
        more = [pool.submit(run_seed, args, seed, control_words) for seed in range(control_seeds)]
        runs, control = [job.result() for job in jobs], [job.result() for job in more]
    print_table(args.recipe, runs)
    if control:
        print_table(f"{args.recipe}, supervised only", control)
    record = {
        "recipe": args.recipe,
        "overrides": args.overrides,
        "machine": {"cpu": cpu_name(), "cores": os.cpu_count()},
        "threads": args.threads,
        "jobs": args.jobs,
        "runs": runs,
        "control": control,
    }
    if args.out is not None:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(write_compactly(record), "utf-8")
    if args.plot is not None:
        draw(record, args.plot)


def run_seed(args: argparse.Namespace, seed: int, words: Sequence[str]) -> dict[str, Any]:
    """Train one seed and return its summary."""
    folder = args.runs / f"{args.recipe}{'-control' if words else ''}-{seed}"
    command = [sys.executable, "-m", "gym_reason", "train", args.recipe, "--json"]
    command += [
        "--out",
        str(folder),
        f"seed={seed}",
        f"model.threads={args.threads}",
        *args.overrides,
        *words,
    ]
    output, processor_seconds = run_command(command)
    result: dict[str, Any] = json.loads(output)
    result["processor_seconds"] = round(processor_seconds, 1)
    result["curves"] = {key: rl_curve(result["run"], key) for key in ("accuracy", "length")}
    print(
        f"{folder.name}: {result['accuracy_after']:.1%} in {result['seconds']:.0f} s",
        file=sys.stderr,
    )
    return result


def run_command(command: Sequence[str]) -> tuple[str, float]:
    """Run a command and return its output and the seconds of processor that it took.

    A machine that does other things meanwhile makes a run longer, and its processor seconds hardly.
    Those of sandboxes, which end with the run, are not in them.
    """
    with tempfile.TemporaryFile("w+") as errors:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
            assert process.stdout is not None
            output = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(command)} failed: {errors.read()[-2000:]}")
    return output, usage.ru_utime + usage.ru_stime


def write_compactly(record: dict[str, Any]) -> str:
    """Return a record as JSON with each row of numbers on one line."""
    text = json.dumps(record, indent=1)
    return re.sub(r"\[[-+.e\d,\s]*\]", lambda row: " ".join(row[0].split()), text) + "\n"


def print_table(title: str, results: Sequence[dict[str, Any]]) -> None:
    """Print each seed and the spread."""
    print(f"{title}: seed, before, cold start, after, tokens before -> after, RL steps, seconds")
    for row in results:
        cold, steps = row["accuracy_cold_start"], row["steps"].get("rl", 0)
        print(
            f"{row['seed']:>4}  {row['accuracy_before']:6.1%}  "
            f"{'-' if cold is None else format(cold, '6.1%')}  {row['accuracy_after']:6.1%}  "
            f"{row['length_before']:.1f} -> {row['length_after']:.1f}  {steps}  "
            f"{row['seconds']:.0f} ({row['processor_seconds']:.0f} of processor)"
        )
    after = [row["accuracy_after"] for row in results]
    seconds = [row["seconds"] for row in results]
    print(
        f"after: lowest {min(after):.1%}, median {statistics.median(after):.1%}, "
        f"highest {max(after):.1%}; seconds: median {statistics.median(seconds):.0f}, "
        f"highest {max(seconds):.0f}"
    )


def rl_curve(run: str, key: str) -> list[float]:
    """Return one figure of every RL step of a run."""
    rows = map(json.loads, Path(run, "metrics.jsonl").read_text("utf-8").splitlines())
    return [round(float(row[key]), 4) for row in rows if row["stage"] == "rl"]


def draw(record: dict[str, Any], path: Path) -> None:
    """Draw accuracy and length over the RL steps: every seed thin, their median bold.

    A run that ended early counts in the median as it ended.
    """
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "gym_reason"
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9.6, 3.6), constrained_layout=True)
    panels = [
        (left, "accuracy", "Sampled accuracy", 100.0),
        (right, "length", "Tokens an answer", 1.0),
    ]
    for axis, key, label, scale in panels:
        curves = [[scale * value for value in run["curves"][key]] for run in record["runs"]]
        longest = max(map(len, curves))
        for curve in curves:
            axis.plot(range(1, len(curve) + 1), curve, color=FAINT, linewidth=0.8)
            axis.plot([len(curve)], curve[-1:], ".", color=FAINT, markersize=5)
        padded = [curve + curve[-1:] * (longest - len(curve)) for curve in curves]
        medians = [statistics.median(values) for values in zip(*padded, strict=True)]
        median_label = f"median of {len(curves)} seeds"
        axis.plot(range(1, longest + 1), medians, color=INK, linewidth=2.2, label=median_label)
        axis.set_xlabel("RL step")
        axis.set_title(label, loc="left", fontsize=11)
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="y", alpha=0.25)
    left.yaxis.set_major_formatter(lambda value, _: f"{value:.0f}%")
    left.set_ylim(0, 103)
    right.set_ylim(bottom=0)
    if record["control"]:
        level = 100 * statistics.median(run["accuracy_after"] for run in record["control"])
        left.axhline(level, color=CONTROL, linestyle="--", linewidth=1.4)
        left.annotate(
            "supervised training for the same time",
            (longest, level),
            (0, 4),
            textcoords="offset points",
            color=CONTROL,
            fontsize=9,
            ha="right",
        )
    left.legend(frameon=False, loc="lower right", fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


def cpu_name() -> str:
    """Return the processor's name as the system gives it."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    return next((line.split(":")[1].strip() for line in lines if "model name" in line), "unknown")


if __name__ == "__main__":
    main()
