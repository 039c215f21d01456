"""One GRPO step, ours and TRL's, side by side: same model, prompts, lengths, rewards and threads.

    python benchmarks/grpo_vs_trl.py --threads 2 --out benchmarks/results/grpo_vs_trl.json

TRL runs in an environment of its own, made on first use in `.venv-trl`. A step is 16 prompts x 8
samples x 32 tokens (no early stop), rewards, advantages and one optimiser step on all 128 rows.
Both sides run in turns, several rounds, each in a fresh process; the first steps of a process are
not counted. Nothing is skipped on our side: groups without signal are kept, so that both do the
same work.
"""

import argparse
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TRL = "trl==1.16.0"
PROMPTS, SAMPLES, NEW_TOKENS = 16, 8, 32
ALPHABET = "0123456789+=,"
PRECISIONS = ("fp32", "bf16")


def main() -> None:
    """Measure every size and precision and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--steps", type=int, default=12, help="steps of a round, 4 of them for warm-up"
    )
    parser.add_argument("--sizes", default="0.1m,0.4m,3m")
    parser.add_argument("--precisions", default=",".join(PRECISIONS))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--worker", choices=("ours", "trl"), help=argparse.SUPPRESS)
    parser.add_argument("--model", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--medium", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        seconds = (step_ours if args.worker == "ours" else step_trl)(args)
        print("RESULT " + json.dumps(seconds))
        return
    python = make_trl_environment()
    rows = []
    for size in args.sizes.split(","):
        with tempfile.TemporaryDirectory() as folder:
            save_tiny_model(size, Path(folder))
            for precision in args.precisions.split(","):
                rows.append(compare(args, python, size, precision, Path(folder)))
                print_row(rows[-1])
    if args.out is not None:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(
            json.dumps({"machine": describe_machine(args), "rows": rows}, indent=1) + "\n"
        )


def compare(
    args: argparse.Namespace, trl_python: Path, size: str, precision: str, model: Path
) -> dict[str, Any]:
    """Run the sides in turns and return the medians of their steps and the ratios."""
    sides = {
        "ours": (Path(sys.executable), "ours", False),
        "trl": (trl_python, "trl", False),
        "trl_medium": (trl_python, "trl", True),
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(args.rounds):
        for name, (python, worker, medium) in sides.items():
            command = [str(python), __file__, "--worker", worker, "--model", str(model)]
            command += ["--threads", str(args.threads), "--steps", str(args.steps)]
            command += ["--precisions", precision, *(["--medium"] if medium else [])]
            done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
            line = next((x for x in done.stdout.splitlines() if x.startswith("RESULT ")), None)
            if line is None:
                raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")
            seconds[name] += json.loads(line[7:])[4:]
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        "size": size,
        "precision": precision,
        **{f"{name}_s": round(value, 4) for name, value in medians.items()},
        "ratio": round(medians["trl"] / medians["ours"], 2),
        "ratio_to_medium": round(medians["trl_medium"] / medians["ours"], 2),
    }


def print_row(row: dict[str, Any]) -> None:
    """Print one line of the table."""
    print(
        f"{row['size']:>5} {row['precision']}: ours {row['ours_s']:.3f} s, "
        f"TRL {row['trl_s']:.3f} s ({row['ratio']:.2f}x), "
        f"TRL with our matmul setting {row['trl_medium_s']:.3f} s "
        f"({row['ratio_to_medium']:.2f}x)",
        flush=True,
    )


def reward_of(text: str) -> float:
    """Return a reward that any text has and that differs between samples."""
    return sum(map(ord, text)) % 7 / 6


def prompts() -> list[str]:
    """Return the prompts, all of one width."""
    return [f"{100 + 37 * i}+{999 - 41 * i}=" for i in range(PROMPTS)]


def step_ours(args: argparse.Namespace) -> list[float]:
    """Return the seconds of each step of our RL loop, from the environment to the update."""
    from gym_reason.agents.engines.local import LocalEngine
    from gym_reason.trainers import rl
    from gym_reason.trainers.checkpoint import Progress
    from gym_reason.trainers.optimiser import make_optimiser
    from gym_reason.trainers.recipe import load_recipe
    from gym_reason.trainers.run_folder import RunFolder
    from gym_reason.trainers.session import (
        Session,
        SilentObserver,
        build_learner,
        prepare_machine,
    )
    from gym_reason.trainers.stop import StopRequest
    from gym_reason.types import Message, Outcome, Task, Verdict

    class TextReward:
        """Scores any text."""

        name = "text_reward"

        def verify(self, task: Task, submission: str) -> Verdict:
            """Return the reward of the text."""
            return Verdict(reward_of(submission), False, Outcome.FAIL)

    recipe = load_recipe(
        "demo",
        [
            *(f"model.path={args.model}", f"model.threads={args.threads}", "model.device=cpu"),
            *(f"model.precision={args.precisions}", f"sampling.max_tokens={NEW_TOKENS}"),
            *(f"rl.tasks_per_step={PROMPTS}", f"rl.samples_per_task={SAMPLES}"),
            *("rl.minibatches=1", "rl.filter=keep_all"),
        ],
    )
    prepare_machine(recipe.model)
    learner = build_learner(recipe.model, 0, None)
    learner.engine = LocalEngine(learner.model, learner.tokenizer, stop_token_ids=())
    tasks = tuple(Task(text, (Message("user", text),), "0") for text in prompts())
    seconds = []
    with (
        tempfile.TemporaryDirectory() as folder,
        RunFolder(Path(folder)) as run,
        StopRequest() as stop,
    ):
        session = Session(recipe, run, learner, Progress(), SilentObserver(), stop)
        pool = session.envs()
        make = pool._make_env

        def make_scored() -> Any:
            env = make()
            env.unwrapped.verifier = TextReward()  # type: ignore[attr-defined]
            return env

        pool._make_env = make_scored
        optimiser = make_optimiser(learner.model.parameters(), recipe.rl.optimiser)
        for step in range(args.steps):
            started = time.perf_counter()
            agent = session.policy_agent(1.0)
            groups = session.play(agent, tasks, SAMPLES, "bench", step)
            window = rl.make_window(session, groups)
            assert window is not None
            rl.update(session, optimiser, window, None, step)
            learner.engine.update_weights()
            seconds.append(time.perf_counter() - started)
            assert all(t.completion_tokens == NEW_TOKENS for g in groups for t in g.trajectories)
    return seconds


def step_trl(args: argparse.Namespace) -> list[float]:
    """Return the seconds of each step of TRL's GRPOTrainer."""
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    torch.set_num_threads(args.threads)
    if args.medium:
        torch.set_float32_matmul_precision("medium")
    stamps: list[float] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        """Notes when each step begins."""

        def on_step_end(self, *_: Any, **__: Any) -> None:
            """Note the time."""
            stamps.append(time.perf_counter())

    model = AutoModelForCausalLM.from_pretrained(args.model, attn_implementation="eager")
    rows = [{"prompt": text} for _ in range(args.steps + 2) for text in prompts()]
    with tempfile.TemporaryDirectory() as folder:
        config = GRPOConfig(
            output_dir=folder,
            per_device_train_batch_size=PROMPTS * SAMPLES,
            num_generations=SAMPLES,
            max_completion_length=NEW_TOKENS,
            generation_kwargs={"min_new_tokens": NEW_TOKENS},
            max_steps=args.steps + 1,
            learning_rate=3e-4,
            beta=0.0,
            use_cpu=True,
            bf16=args.precisions == "bf16",
            gradient_checkpointing=False,
            report_to=[],
            logging_steps=1000,
            save_strategy="no",
            disable_tqdm=True,
        )
        trainer = GRPOTrainer(
            model=model,
            reward_funcs=lambda completions, **_: [reward_of(text) for text in completions],
            args=config,
            train_dataset=Dataset.from_list(rows),
            processing_class=AutoTokenizer.from_pretrained(args.model),
            callbacks=[Clock()],
        )
        trainer.train()
    return [b - a for a, b in itertools.pairwise(stamps)]


def save_tiny_model(size: str, folder: Path) -> None:
    """Write an embedded model with random weights."""
    from gym_reason.agents.models import build_preset, save_model
    from gym_reason.agents.tokenizers import build_character_tokenizer

    tokenizer = build_character_tokenizer(ALPHABET)
    save_model(build_preset(size, len(tokenizer)), tokenizer, folder)


def make_trl_environment() -> Path:
    """Return the Python of an environment with TRL and our torch; make it on first use."""
    import torch

    named = os.environ.get("TRL_PYTHON")
    if named:
        return Path(named)
    folder = ROOT / ".venv-trl"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        version = torch.__version__.partition("+")[0]
        for package in (f"torch=={version}", TRL):
            subprocess.run([str(python), "-m", "pip", "install", "-q", package], check=True)
    return python


def describe_machine(args: argparse.Namespace) -> dict[str, Any]:
    """Return what the figures were measured on."""
    import torch

    model = next(
        (
            x.split(":")[1].strip()
            for x in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in x
        ),
        platform.processor(),
    )
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "threads": args.threads,
        "torch": torch.__version__,
        "trl": TRL,
        "work": f"{PROMPTS} prompts x {SAMPLES} samples x {NEW_TOKENS} tokens",
        "load_before": os.getloadavg()[0],
    }


if __name__ == "__main__":
    main()
