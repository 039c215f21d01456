"""What a GPU does with all of this, in one command and less than eight minutes.

    python benchmarks/gpu/run.py

A model of about 100 million parameters is built here, with bf16 matrix products. It imitates the
demo's sums for a while, and from there GRPO goes on until 95% are right: with the local engine,
with vLLM in the same process where vLLM is installed, and in TRL where that is (`TRL_PYTHON` or
`.venv-trl`), with the same batches, rewards and optimiser. Besides, tokens per second of each
engine alone. Every part is a process of its own with a limit: one that crashes or hangs loses its
own figures, and the end says what is missing.

The result is `benchmarks/results/gpu-NAME.json`, with the name of the GPU, written anew after each
part. On a CPU nothing is recorded unless `--out` names a file: that tests this script, and measures
nothing.

    python benchmarks/gpu/run.py --device cpu --size 0.1m --seconds 60
"""

import argparse
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from engines import Worker  # noqa: E402
from jobs import ROOT, JobError, describe_machine, find_trl_python, run_job  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results"
SHARES = {
    "cold_start": 0.16,
    "grpo_local": 0.22,
    "grpo_vllm": 0.24,
    "grpo_trl": 0.24,
    "generation_local": 0.08,
    "generation_vllm": 0.2,
    "generation_transformers": 0.12,
}
"""The parts in order, each with the most that it may take of the budget; together more than all."""
MACHINE_SHARE = 0.25
"""The most of the budget that it may take to find out what is here."""
WAYS = {"local": "local bf16", "vllm": "vllm bf16", "transformers": "transformers bf16"}


@dataclass
class Budget:
    """The seconds of the whole run, and what is found within them."""

    seconds: float
    out: Path | None
    record: dict[str, Any] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def limit(self, name: str) -> float:
        """Return how long a part may take: its share, and no more than is left."""
        return min(SHARES[name] * self.seconds, self.seconds - self.spent)

    def say(self, words: str) -> None:
        """Tell a person how far it is."""
        print(f"[{self.spent:4.0f} s of {self.seconds:.0f}] {words}", file=sys.stderr, flush=True)

    def keep(self, name: str, figures: dict[str, Any]) -> None:
        """Take figures into the record, and write it."""
        self.record.setdefault("parts", {})[name] = figures
        self.say(f"{name}: {json.dumps(figures)}")
        self.write()

    def leave_out(self, name: str, reason: str) -> None:
        """Take note of a part that there will be no figures of, and write that."""
        self.record.setdefault("left_out", {})[name] = reason
        self.say(f"{name} is left out: {reason}")
        self.write()

    def write(self) -> None:
        """Write the record whole."""
        self.record["spent_seconds"] = round(self.spent, 1)
        if self.out is not None:
            self.out.parent.mkdir(parents=True, exist_ok=True)
            partial = self.out.with_suffix(".partial")
            partial.write_text(json.dumps(self.record, indent=1) + "\n", "utf-8")
            partial.replace(self.out)


def main() -> int:
    """Run the parts, one after another, and print the record."""
    args = read_arguments()
    budget = Budget(args.seconds, args.out)
    try:
        job = {"device": args.device}
        limit_s = MACHINE_SHARE * args.seconds
        machine = run_job(sys.executable, FOLDER / "machine.py", job, limit_s=limit_s)
    except JobError as error:
        print(f"gpu/run.py: {error}", file=sys.stderr)
        return 1
    machine.pop("memory_mb", None)
    budget.record = {
        "device": machine.pop("device"),
        "machine": describe_machine(args.threads) | machine,
        "size": args.size,
        "budget_seconds": args.seconds,
        "parts": {},
        "left_out": {},
    }
    if args.device != "cpu" and budget.out is None:
        name = re.sub(r"[^a-z0-9]+", "-", budget.record["device"].lower()).strip("-")
        budget.out = RESULTS / f"gpu-{name}.json"
    with tempfile.TemporaryDirectory(prefix="gym-reason-gpu-") as scratch:
        try:
            run_parts(budget, args, Path(scratch))
        except KeyboardInterrupt:
            budget.leave_out("the rest", "Ctrl-C")
    print(json.dumps(budget.record, indent=1))
    if budget.out is not None:
        print(f"written to {budget.out}", file=sys.stderr)
    return 0 if budget.record["parts"] else 1


def read_arguments() -> argparse.Namespace:
    """Return what is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=480.0, help="of the whole run")
    parser.add_argument("--size", default="100m", help="a preset of embedded models")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--threads", type=int, default=4, help="of the CPU")
    parser.add_argument("--parts", nargs="+", choices=SHARES, default=list(SHARES))
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 16, 64, 256, 512])
    parser.add_argument("--prompt-tokens", type=int, default=16)
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="of the recipe")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def run_parts(budget: Budget, args: argparse.Namespace, scratch: Path) -> None:
    """Run what is asked for and can run, each within its limit."""
    model = scratch / "cold"
    job = {
        "device": args.device,
        "size": args.size,
        "threads": args.threads,
        "words": args.set,
        "model": str(model),
    }
    for name in args.parts:
        kind, _, who = name.partition("_")
        with bounded(budget, name) as limit_s:
            if who == "vllm" and not budget.record["machine"]["vllm"]:
                raise JobError("vLLM is not installed")
            if kind == "generation":
                figures = measure_generation(WAYS[who], args, limit_s)
            elif name == "cold_start":
                figures = train(budget, job | {"part": "cold_start"}, limit_s, scratch / name)
            elif not (model / "config.json").exists():
                raise JobError("there is no model: the cold start did not end")
            elif who == "trl":
                figures = train_in_trl(budget, job, limit_s)
            else:
                own = job | {"part": "grpo", "engine": who}
                figures = train(budget, own, limit_s, scratch / name)
            budget.keep(name, figures)


@contextmanager
def bounded(budget: Budget, name: str) -> Iterator[float]:
    """Give a part its limit in seconds; one that fails, or comes too late, is left out."""
    limit_s = budget.limit(name)
    try:
        if limit_s < 5.0:
            raise JobError(f"no time was left ({budget.seconds:.0f} s in all)")
        budget.say(f"{name}, at most {limit_s:.0f} s")
        yield limit_s
    except JobError as error:
        budget.leave_out(name, str(error))


def train(budget: Budget, job: dict[str, Any], limit_s: float, folder: Path) -> dict[str, Any]:
    """Return the figures of a training run of ours. Raises JobError."""
    own = job | {"run": str(folder), "stop_at_s": 0.85 * limit_s}
    return run_job(
        sys.executable, FOLDER / "parts.py", own, limit_s=limit_s, on_progress=budget.say
    )


def train_in_trl(budget: Budget, job: dict[str, Any], limit_s: float) -> dict[str, Any]:
    """Return the figures of TRL's training run. Raises JobError."""
    here = budget.record["machine"]
    python: Path | str | None = sys.executable if here["trl"] else find_trl_python()
    if python is None:
        raise JobError("TRL is not installed")
    lr = budget.record["parts"]["cold_start"]["rl_lr"]
    own = job | {"part": "until", "precision": "bf16", "lr": lr, "stop_at_s": 0.85 * limit_s}
    file = FOLDER.parent / "grpo_vs_trl" / "peer.py"
    say: Callable[[str], None] = budget.say
    return run_job(python, file, own, limit_s=limit_s, on_progress=say)


def measure_generation(way: str, args: argparse.Namespace, limit_s: float) -> dict[str, Any]:
    """Return tokens per second of an engine alone, by batch. Raises JobError without any.

    What does not fit the time is left out, from the largest batch on.
    """
    deadline = time.monotonic() + limit_s
    options = argparse.Namespace(
        model=args.size, vllm_python=sys.executable, threads=args.threads, device=args.device,
        prompt_tokens=args.prompt_tokens, new_tokens=args.new_tokens,
    )  # fmt: skip
    worker = Worker(way, options, limit_s)
    rates: dict[str, int] = {}
    try:
        for batch in args.batches:
            seconds = [worker.measure(batch, deadline - time.monotonic()) for _ in range(4)]
            # The first one makes room for keys and values.
            rates[str(batch)] = round(batch * args.new_tokens / statistics.median(seconds[1:]))
    except JobError:
        if not rates:
            raise
    finally:
        worker.close()
    return {"tokens_per_second_by_batch": rates, **worker.facts}


if __name__ == "__main__":
    sys.exit(main())
