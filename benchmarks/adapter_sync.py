"""What an update costs with a LoRA adapter: all weights sent to vLLM, or the adapter alone.

Run: make test-vllm once, for the virtual environment of vLLM; then
python benchmarks/adapter_sync.py

vLLM in the process and as a server, each with both ways in processes of their own that take turns:
seconds and bytes of a sync, and tokens per second of sampling after it. Medians are reported.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from jobs import ROOT, Child, JobError, describe_machine

RESULTS = ROOT / "benchmarks" / "results" / "adapter_sync.json"
SIZES = {"3m": (4, 256, 32, 768), "30m": (10, 512, 64, 1536)}
"""Layers, hidden size, width of a head and of the inner layer."""
ROUTES = ("merged", "alone")
RANK = 8


def work(options: argparse.Namespace) -> None:
    """Answer each line of stdin with what a sync, and a batch after it, took."""
    import torch

    from gym_reason.agents.policy import SamplingParams

    torch.set_num_threads(options.threads)
    kind, size, route = options.work.split()
    engine, adapter = make_engine(kind, size, route)
    params = SamplingParams(options.new_tokens, 0.0)
    generator = torch.Generator().manual_seed(1)
    prompts = torch.randint(6, 18, (options.batch, 16), generator=generator).tolist()

    def measure() -> dict[str, float]:
        with torch.no_grad():
            for weight in adapter.model.parameters():
                if weight.requires_grad:
                    weight.add_(0.01 * torch.randn(weight.shape, generator=generator))
        engine.update_weights()
        started = time.perf_counter()
        said = engine.generate(prompts, params)
        seconds = time.perf_counter() - started
        tokens = sum(len(one.token_ids) for one in said)
        return {**engine.figures(), "tokens_per_second": tokens / seconds}

    measure()  # the first brings the weights that stay
    measure()
    print(f"\n@{json.dumps({'ready': True})}", flush=True)
    for _ in sys.stdin:
        print(f"\n@{json.dumps(measure())}", flush=True)
    engine.close()


def make_engine(kind: Any, size: str, route: str) -> tuple[Any, Any]:
    """Return an engine that follows an adapter, and the adapter."""
    from gym_reason.agents.engines.vllm.build import start_for_training
    from gym_reason.agents.engines.vllm.lora import LAYERS, LoraRoom
    from gym_reason.agents.engines.vllm.settings import VllmSettings
    from gym_reason.agents.models import build_qwen3
    from gym_reason.agents.tokenizers import build_character_tokenizer
    from gym_reason.trainers.model.adapter_settings import AdapterSettings
    from gym_reason.trainers.model.adapters import make_adapter

    tokenizer = build_character_tokenizer("0123456789+=")
    layers, hidden, head, inner = SIZES[size]
    model = build_qwen3(
        len(tokenizer), layers=layers, hidden=hidden, heads=8, kv_heads=4, head_dim=head,
        feed_forward=inner,
    )  # fmt: skip
    engine = start_for_training(
        kind, VllmSettings(prefix_caching=False), model, tokenizer, temperature=1.0, dtype=None,
        folder=Path(tempfile.mkdtemp()), lora=LoraRoom(RANK, LAYERS) if route == "alone" else None,
    )  # fmt: skip
    engine.stop_token_ids = ()
    adapter = make_adapter(model, AdapterSettings(kind="lora", rank=RANK), 1, None)
    engine.before_refresh = adapter.merge
    engine.follow_adapter(adapter.low_rank)
    return engine, adapter


def compare(kind: str, size: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return a row for each of the two ways."""
    children: dict[str, Child] = {}
    found: dict[str, list[dict[str, float]]] = {route: [] for route in ROUTES}
    environment = {"OMP_NUM_THREADS": str(options.threads)}
    try:
        for route in ROUTES:
            command = [str(options.vllm_python), __file__, "--work", f"{kind} {size} {route}"]
            for name in ("threads", "batch", "new_tokens"):
                command += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
            children[route] = Child(f"{kind} {size} {route}", command, environment)
            children[route].read()
        for _ in range(options.rounds):
            for route, child in children.items():
                child.send("again")
                found[route].append(child.read())
    except JobError as error:
        raise SystemExit(str(error)) from None
    finally:
        for child in children.values():
            child.close()
    rows = []
    for route in ROUTES:
        names = ("sync_seconds", "sync_bytes", "canary_gap", "tokens_per_second")
        medians = {name: statistics.median(one[name] for one in found[route]) for name in names}
        rows.append({"engine": kind, "model": size, "route": route, **medians})
    return rows


def main() -> int:
    """Measure, print a table and write the JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--new-tokens", type=int, default=16)
    parser.add_argument("--vllm-python", type=Path, default=ROOT / ".venv-vllm/bin/python")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--work", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options)
        return 0
    if not options.vllm_python.exists():
        parser.error(f"no {options.vllm_python}; make it with: make test-vllm")
    rows = []
    print(f"{'engine':8}{'model':7}{'sent':9}{'MB':>9}{'seconds':>10}{'tokens/s':>10}")
    for kind in ("vllm", "server"):
        for size in SIZES:
            for row in compare(kind, size, options):
                rows.append(row)
                print(
                    f"{row['engine']:8}{row['model']:7}{row['route']:9}"
                    f"{row['sync_bytes'] / 1e6:9.2f}{row['sync_seconds']:10.4f}"
                    f"{row['tokens_per_second']:10,.0f}",
                    flush=True,
                )
    facts = {name: getattr(options, name) for name in ("rounds", "batch", "new_tokens")}
    report = {**facts, "rank": RANK, **describe_machine(options.threads), "results": rows}
    options.out.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
