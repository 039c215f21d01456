"""Tokens per second of the engines side by side: local, transformers' generation, vLLM on the CPU.

Run: make test-vllm once, for the virtual environment of vLLM; then python benchmarks/engines.py

The same model and prompts, greedy and without an early end. Each engine has a process of its own
that stays up, and they take turns, one round and one batch size at a time, so that other load on
the machine falls on all of them. Medians of the time on the clock are reported.
"""

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jobs import NO_LIMIT_S, ROOT, Child, JobError, describe_machine

RESULTS = ROOT / "benchmarks" / "results" / "engines.json"
WAYS = ("local", "local bf16", "transformers", "transformers bf16", "vllm", "vllm bf16")
ALPHABET = "0123456789+="


class Worker:
    """An engine in a process of its own."""

    def __init__(
        self,
        way: str,
        options: argparse.Namespace,
        limit_s: float = NO_LIMIT_S,
    ) -> None:
        """Start it and wait until it has warmed up. Raises JobError where it does not."""
        python = options.vllm_python if way.startswith("vllm") else sys.executable
        command = [str(python), __file__, "--work", way]
        for name in ("model", "threads", "prompt_tokens", "new_tokens", "device"):
            command += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
        self.way = way
        self._child = Child(way, command, {"OMP_NUM_THREADS": str(options.threads)})
        try:
            self.facts: dict[str, str] = self._child.read(limit_s)
        except JobError:
            self._child.close()
            raise

    def measure(self, batch: int, limit_s: float = NO_LIMIT_S) -> float:
        """Return the seconds that a batch took. Raises JobError."""
        self._child.send(str(batch))
        return float(self._child.read(limit_s)["seconds"])

    def close(self) -> None:
        """End the process."""
        self._child.close()


def work(options: argparse.Namespace) -> None:
    """Answer with the seconds of each batch whose size is read from stdin."""
    import torch
    import transformers

    torch.set_num_threads(options.threads)
    complete = make_way(options.work, options)
    for batch in (2, 2):
        complete(make_prompts(batch, options.prompt_tokens))
    facts = {"torch": torch.__version__, "transformers": transformers.__version__}
    if options.work.startswith("vllm"):
        from gym_reason.agents.engines.inspection import inspect_vllm

        found = inspect_vllm()
        facts["vllm"] = f"{found['package']} {found['version']}"
    print(f"\n@{json.dumps(facts)}", flush=True)
    for line in sys.stdin:
        prompts = make_prompts(int(line), options.prompt_tokens)
        started = time.perf_counter()
        complete(prompts)
        print(f'\n@{{"seconds": {time.perf_counter() - started}}}', flush=True)


def make_prompts(batch: int, tokens: int) -> list[list[int]]:
    """Return different prompts, the same in every process."""
    import torch

    generator = torch.Generator().manual_seed(batch)
    found: list[list[int]] = torch.randint(6, 18, (batch, tokens), generator=generator).tolist()
    return found


def make_way(way: str, options: argparse.Namespace) -> Callable[[list[list[int]]], None]:
    """Return what completes prompts in one way."""
    import torch

    from gym_reason.agents.engines.local import LocalEngine
    from gym_reason.agents.models import build_preset
    from gym_reason.agents.policy import SamplingParams
    from gym_reason.agents.tokenizers import build_character_tokenizer

    name, _, precision = way.partition(" ")
    dtype = torch.bfloat16 if precision else torch.float32
    tokenizer = build_character_tokenizer(ALPHABET)
    model: Any = build_preset(options.model, len(tokenizer)).to(options.device)
    count = options.new_tokens
    if name == "transformers":
        model = model.to(dtype)

        def generate(prompts: list[list[int]]) -> None:
            ids = torch.tensor(prompts, device=options.device)
            mask = torch.ones_like(ids)
            limits = {"max_new_tokens": count, "min_new_tokens": count, "do_sample": False}
            # Brought here, which waits for a GPU.
            result = model.generate(ids, attention_mask=mask, **limits).cpu()
            assert result.shape == (len(prompts), ids.shape[1] + count)

        return generate
    if name == "local":
        engine: Any = LocalEngine(model, tokenizer, stop_token_ids=(), dtype=dtype)
    else:
        engine = _make_vllm(model, tokenizer, dtype)
    params = SamplingParams(max_tokens=count, temperature=0.0)

    def complete(prompts: list[list[int]]) -> None:
        said = engine.generate(prompts, params)
        assert all(len(completion.token_ids) == count for completion in said)

    return complete


def _make_vllm(model: Any, tokenizer: Any, dtype: Any) -> Any:
    import tempfile

    from gym_reason.agents.engines.vllm.build import start_for_training
    from gym_reason.agents.engines.vllm.settings import VllmSettings

    # Without prefix caching: a batch that was seen before must not be cheaper.
    settings = VllmSettings(prefix_caching=False)
    engine = start_for_training(
        "vllm", settings, model, tokenizer,
        temperature=1.0, dtype=dtype, folder=Path(tempfile.gettempdir()),
    )  # fmt: skip
    engine.stop_token_ids = ()
    return engine


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """Return the report of all engines."""
    workers: list[Worker] = []
    seconds: dict[tuple[str, int], list[float]] = {}
    try:
        for way in options.ways:
            workers.append(Worker(way, options))
        for _ in range(options.rounds):
            for batch in options.batches:
                for worker in workers:
                    seconds.setdefault((worker.way, batch), []).append(worker.measure(batch))
    except JobError as error:
        raise SystemExit(str(error)) from None
    finally:
        for worker in workers:
            worker.close()
    rows = []
    for batch in options.batches:
        rates = {
            way: batch * options.new_tokens / statistics.median(seconds[way, batch])
            for way in options.ways
        }
        base = rates.get("transformers", 0.0)
        for way, rate in rates.items():
            ratio = round(rate / base, 2) if base else None
            rows.append({"engine": way, "batch": batch, "tokens_per_second": round(rate),
                         "ratio": ratio})  # fmt: skip
    return {
        "model": options.model,
        "prompt_tokens": options.prompt_tokens,
        "new_tokens": options.new_tokens,
        "rounds": options.rounds,
        **describe_machine(options.threads),
        "machine": platform.machine(),
        "versions": {worker.way: worker.facts for worker in workers},
        "results": rows,
    }


def print_table(report: dict[str, Any], ways: Sequence[str], batches: Sequence[int]) -> None:
    """Print tokens per second, a row an engine."""
    rates = {(row["engine"], row["batch"]): row["tokens_per_second"] for row in report["results"]}
    print(f"{'tokens/s at batch':20}" + "".join(f"{batch:>10}" for batch in batches))
    for way in ways:
        print(f"{way:20}" + "".join(f"{rates[way, batch]:>10,}" for batch in batches))


def main() -> int:
    """Measure, print a table and write the JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="3m")
    parser.add_argument("--device", default="cpu", help="for example cuda")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--prompt-tokens", type=int, default=16)
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 16, 64, 256])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--vllm-python", type=Path, default=ROOT / ".venv-vllm/bin/python")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--work", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options)
        return 0
    if any(way.startswith("vllm") for way in options.ways) and not options.vllm_python.exists():
        parser.error(f"no {options.vllm_python}; make it with: make test-vllm")
    report = compare(options)
    print_table(report, options.ways, options.batches)
    options.out.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
