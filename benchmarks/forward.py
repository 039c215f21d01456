"""Time the fused training pass beside the model's own, forward and backward, on the same batch.

The two run in turns, so that the load of the machine falls on both.
Run as `python benchmarks/forward.py --threads 2`.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from transformers import PreTrainedModel

from gym_reason.agents.models import build_preset
from gym_reason.agents.shapes import PRESETS
from gym_reason.trainers.fused import fused_logits, supports

Pass = Callable[[torch.Tensor], torch.Tensor]


def time_pass(
    model: PreTrainedModel, run: Pass, ids_NL: torch.Tensor, start: int, dtype: torch.dtype
) -> tuple[float, torch.Tensor]:
    """Return the seconds of a forward and a backward pass, and the logits from `start` on."""
    model.zero_grad(set_to_none=True)
    began = time.perf_counter()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        logits = run(ids_NL[:, :-1]).float()
    log_probs = torch.log_softmax(logits, -1).gather(-1, ids_NL[:, 1 + start :, None])
    log_probs.mean().backward()  # type: ignore[no-untyped-call]
    return time.perf_counter() - began, logits.detach()


def compare(size: str, dtype: torch.dtype, options: argparse.Namespace) -> dict[str, object]:
    """Return the medians, their ratio and the greatest difference of the logits of one model."""
    torch.manual_seed(0)
    model, start = build_preset(size, options.vocabulary), options.prompt - 1
    if not supports(model):
        raise SystemExit(f"{size} is not supported")
    ids_NL = torch.randint(0, options.vocabulary, (options.rows, options.prompt + options.new))

    def own(ids: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = model(input_ids=ids, use_cache=False).logits
        return logits[:, start:]

    def fused(ids: torch.Tensor) -> torch.Tensor:
        return fused_logits(model, ids, start)

    passes: dict[str, Pass] = {"transformers": own, "fused": fused}
    seconds: dict[str, list[float]] = {name: [] for name in passes}
    logits: dict[str, torch.Tensor] = {}
    for round_index in range(options.rounds + 2):
        for name, run in passes.items():
            taken, logits[name] = time_pass(model, run, ids_NL, start, dtype)
            if round_index >= 2:
                seconds[name].append(taken)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    ratios = [
        own_s / fused_s
        for own_s, fused_s in zip(seconds["transformers"], seconds["fused"], strict=True)
    ]
    return {
        "size": size,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "dtype": str(dtype).removeprefix("torch."),
        "transformers_s": median["transformers"],
        "fused_s": median["fused"],
        "transformers_best_s": min(seconds["transformers"]),
        "fused_best_s": min(seconds["fused"]),
        "ratio": statistics.median(ratios),
        "logits_differ_by": (logits["transformers"] - logits["fused"]).abs().max().item(),
    }


def main() -> None:
    """Parse the options, run the comparison and print or write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="+", choices=PRESETS, default=["0.1m", "0.4m", "3m"])
    parser.add_argument("--dtypes", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--rows", type=int, default=128)
    parser.add_argument("--prompt", type=int, default=8, help="tokens without a loss")
    parser.add_argument("--new", type=int, default=32, help="tokens with a loss")
    parser.add_argument("--vocabulary", type=int, default=19)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--precision", default="medium", choices=["highest", "high", "medium"])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--out", type=Path, help="write JSON to this file")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_float32_matmul_precision(options.precision)
    rows = [
        compare(size, getattr(torch, dtype), options)
        for dtype in options.dtypes
        for size in options.sizes
    ]
    result = {
        "threads": options.threads,
        "matmul_precision": options.precision,
        "torch": torch.__version__,
        "batch": [options.rows, options.prompt + options.new],
        "results": rows,
    }
    text = json.dumps(result, indent=2)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    if options.json:
        print(text)
        return
    print(f"{options.threads} threads, matmul precision {options.precision}")
    for row in rows:
        print(
            f"{row['size']:>5} {row['dtype']:>8}: transformers {row['transformers_s']:.4f} s,"
            f" fused {row['fused_s']:.4f} s, {row['ratio']:.2f} times as fast"
        )


if __name__ == "__main__":
    main()
