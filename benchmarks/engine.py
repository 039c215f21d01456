"""Tokens per second of the local engine beside transformers' own generation, on the same model.

Run: python benchmarks/engine.py --help

Each way is measured in turn within a round, so that other load on the machine falls on all of them;
medians over the rounds are reported. Time is the CPU time of this process, divided by its threads.
"""

import argparse
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
import transformers

from gym_reason.agents.engines.local import LocalEngine
from gym_reason.agents.engines.precision import choose_threads, use_fast_matmul
from gym_reason.agents.models import build_preset
from gym_reason.agents.policy import SamplingParams
from gym_reason.agents.tokenizers import build_character_tokenizer

ROWS, PROMPT_TOKENS, NEW_TOKENS = 128, 8, 32
TOKENIZER = build_character_tokenizer("0123456789+=")


def measure_ways(name: str, precision: str) -> dict[str, Callable[[], float]]:
    """Return, by name, functions that complete all prompts once and return the seconds it took."""
    model = build_preset(name, len(TOKENIZER))
    generator = torch.Generator().manual_seed(0)
    shape = (ROWS, PROMPT_TOKENS)
    ids = torch.randint(6, len(TOKENIZER), shape, generator=generator)
    prompts = ids.tolist()
    engine = LocalEngine(model, TOKENIZER, stop_token_ids=())
    params = [SamplingParams(max_tokens=NEW_TOKENS, seed=seed) for seed in range(ROWS)]

    def local() -> None:
        completions = engine.generate(prompts, params)
        assert all(len(completion.token_ids) == NEW_TOKENS for completion in completions)

    def generate(**options: Any) -> None:
        whole: Any = model
        result = whole.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=NEW_TOKENS,
            min_new_tokens=NEW_TOKENS,
            do_sample=True,
            **options,
        )
        assert result.shape == (ROWS, PROMPT_TOKENS + NEW_TOKENS)

    def timed(work: Callable[[], None], setting: str) -> Callable[[], float]:
        def run() -> float:
            torch.set_float32_matmul_precision(setting)
            start = time.process_time()
            work()
            return time.process_time() - start

        return run

    return {
        "local": timed(local, precision),
        "generate, dynamic cache": timed(generate, precision),
        "generate, static cache": timed(lambda: generate(cache_implementation="static"), precision),
        "local, precision highest": timed(local, "highest"),
        "generate, dynamic cache, precision highest": timed(generate, "highest"),
    }


def measure_peak(precision: str, size: int = 1024) -> float:
    """Return the GFLOP per second of CPU time of a large fp32 product."""
    torch.set_float32_matmul_precision(precision)
    left, right = torch.randn(size, size), torch.randn(size, size)
    _ = left @ right
    start = time.process_time()
    for _ in range(5):
        _ = left @ right
    return 5 * 2 * size**3 / (time.process_time() - start) / 1e9


def measure_model(name: str, rounds: int, precision: str, threads: int) -> list[dict[str, Any]]:
    """Return one row per way: its tokens per second, ratio to `generate`, share of the peak."""
    ways = measure_ways(name, precision)
    for run in ways.values():
        run()
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    peaks = []
    for _ in range(rounds):
        peaks.append(measure_peak(precision))
        for way, run in ways.items():
            seconds[way].append(run() / threads)
    parameters = build_preset(name, len(TOKENIZER)).num_parameters()
    peak = statistics.median(peaks) * threads
    base = seconds["generate, dynamic cache"]
    rows = []
    for way, values in seconds.items():
        rate = ROWS * NEW_TOKENS / statistics.median(values)
        ratio = statistics.median(b / v for b, v in zip(base, values, strict=True))
        rows.append(
            {
                "model": name,
                "parameters": parameters,
                "way": way,
                "tokens_per_second": round(rate),
                "ratio": round(ratio, 2),
                "peak_gflops": round(peak, 1),
                "share_of_peak": round(2 * parameters * rate / (peak * 1e9), 3),
            }
        )
    return rows


def main() -> int:
    """Measure, print a table or JSON, and write the JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    parser.add_argument("--out", type=Path, help="also write the JSON to this file")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", default="auto", choices=("auto", "highest", "medium"))
    parser.add_argument("--models", default="0.1m,0.4m,3m")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    cast(Any, transformers).logging.set_verbosity_error()
    choice, threads = use_fast_matmul(options.precision), choose_threads(options.threads)
    torch.set_num_threads(threads.threads)
    rows = [
        row
        for name in options.models.split(",")
        for row in measure_model(name, options.rounds, choice.precision, threads.threads)
    ]
    report = {
        "rows": ROWS,
        "prompt_tokens": PROMPT_TOKENS,
        "new_tokens": NEW_TOKENS,
        "rounds": options.rounds,
        "threads": threads.reason,
        "precision": str(choice),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "results": rows,
    }
    if options.out:
        options.out.write_text(json.dumps(report, indent=2) + "\n")
    if options.json:
        print(json.dumps(report, indent=2))
        return 0
    print(f"{ROWS} rows, {PROMPT_TOKENS} + {NEW_TOKENS} tokens, fp32, median of {options.rounds}")
    print(f"{threads.reason}\n{choice}\n")
    print(f"{'model':6} {'way':44} {'tokens/s':>9} {'ratio':>6} {'of peak':>8}")
    for row in rows:
        print(
            f"{row['model']:6} {row['way']:44} {row['tokens_per_second']:9,} "
            f"{row['ratio']:6.2f} {row['share_of_peak']:8.1%}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
