"""GRPO, ours and TRL's, side by side: the same model, prompts, lengths, rewards and optimiser.

    python benchmarks/grpo_vs_trl --threads 2 --out benchmarks/results/grpo_vs_trl.json

TRL runs in an environment of its own, made on first use in `.venv-trl`. Three parts:

- `loss`: the loss of one fixed batch under each side, which must agree;
- `step`: one step of fixed work: 16 prompts x 8 samples x 32 tokens, no early stop, every group
  with a signal, so that nothing can be skipped;
- `run`: a training run as a user has it: the demo's sums from one cold-started model, 64 prompts x
  8 samples, early stops, rewards right or wrong. What our side leaves out there is shown apart.

Both sides run in turns, several rounds, each in a fresh process.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from jobs import ROOT, JobError, describe_machine, find_trl_python, run_job  # noqa: E402

TRL = "trl==1.16.0"
ALPHABET = "0123456789+=,"
PARTS = ("loss", "step", "run")


def main() -> None:
    """Measure every size and precision and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=12, help="steps of a round, 4 for warm-up")
    parser.add_argument("--sizes", default="0.1m,0.4m,3m")
    parser.add_argument("--precisions", default="fp32,bf16")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    python = make_trl_environment()
    results: dict[str, Any] = {"machine": describe_sides(args.threads)}
    for part in args.parts.split(","):
        results[part] = []
        for size in args.sizes.split(","):
            with tempfile.TemporaryDirectory() as folder:
                make_model(size, Path(folder), trained=part == "run", threads=args.threads)
                for precision in args.precisions.split(","):
                    row = compare(args, python, part, precision, Path(folder))
                    results[part].append({"size": size, "precision": precision, **row})
                    print(json.dumps(results[part][-1]), flush=True)
    if args.out is not None:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


def compare(
    args: argparse.Namespace, trl: Path, part: str, precision: str, model: Path
) -> dict[str, Any]:
    """Run the sides in turns; return the loss of each, or the medians of steps, with memory."""
    ours = Path(sys.executable)
    sides: dict[str, tuple[Path, str]] = {"ours": (ours, "ours.py"), "trl": (trl, "peer.py")}
    if part == "run":
        sides["ours_skipping_nothing"] = (ours, "ours.py")
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
    for _ in range(1 if part == "loss" else args.rounds):
        for name, (python, file) in sides.items():
            job = {
                "part": part,
                "model": str(model),
                "threads": args.threads,
                "precision": precision,
                "steps": args.steps,
                "skip": name != "ours_skipping_nothing",
            }
            try:
                found[name].append(run_job(python, FOLDER / file, job))
            except JobError as error:
                raise SystemExit(f"{name}: {error}") from None
    if part == "loss":
        return {name: results[0]["losses"] for name, results in found.items()}
    row: dict[str, Any] = {}
    for name, results in found.items():
        seconds = [value for result in results for value in result["seconds"][4:]]
        samples = results[0]["samples"]
        row[name] = {
            "step_s": round(statistics.median(seconds), 4),
            "samples_per_s": round(samples / statistics.fmean(seconds), 1),
            "memory_mb": max(result["memory_mb"] for result in results),
        }
    row["ratio"] = round(row["ours"]["samples_per_s"] / row["trl"]["samples_per_s"], 2)
    return row


def make_model(size: str, folder: Path, *, trained: bool, threads: int) -> None:
    """Write an embedded model: random, or after the demo's cold start."""
    from gym_reason.agents.models import build_preset, save_model
    from gym_reason.agents.tokenizers import build_character_tokenizer
    from gym_reason.trainers.observer import SilentObserver
    from gym_reason.trainers.recipe import load_recipe
    from gym_reason.trainers.train import train

    tokenizer = build_character_tokenizer(ALPHABET)
    if not trained:
        save_model(build_preset(size, len(tokenizer)), tokenizer, folder)
        return
    words = [f"model.size={size}", f"model.threads={threads}", "rl.steps=0"]
    words += ["checkpoint.every_steps=1000", "evaluation.problems=64"]
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(scratch, "run")
        train(load_recipe("demo", words), run, SilentObserver())
        for file in (run / "checkpoints/last/model").iterdir():
            (folder / file.name).write_bytes(file.read_bytes())


def make_trl_environment() -> Path:
    """Return the Python of an environment with TRL and our torch; make it on first use."""
    import torch

    found = find_trl_python()
    if found is not None:
        return found
    folder = ROOT / ".venv-trl"
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    version = torch.__version__.partition("+")[0]
    for package in (f"torch=={version}", TRL):
        subprocess.run([str(python), "-m", "pip", "install", "-q", package], check=True)
    return python


def describe_sides(threads: int) -> dict[str, Any]:
    """Return what the figures were measured on."""
    import torch

    return describe_machine(threads) | {"torch": torch.__version__, "trl": TRL}


if __name__ == "__main__":
    main()
