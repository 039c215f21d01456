"""The verifiers beside their peers: math beside Math-Verify, code beside bare processes and docker.

    python benchmarks/verifiers.py --out benchmarks/results/verifiers.json

Both sides of a comparison run in turns within one run. `DOCKER_HOST` names the engine for
docker, `MATH_VERIFY_PYTHON` an interpreter that has Math-Verify already.
"""

import argparse
import json
import os
import platform
from pathlib import Path

import verifiers_code
import verifiers_math


def main() -> None:
    """Measure what was asked for, print the tables and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", choices=("math", "code"))
    parser.add_argument("--pairs", type=int, default=600, help="math: pairs of each mix")
    parser.add_argument("--checks", type=int, default=100, help="code: checks of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2, help="code: processes for the rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    results: dict[str, object] = {
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "kernel": platform.release(),
            "python": platform.python_version(),
        }
    }
    if args.only != "code":
        results["math"] = verifiers_math.measure(args.pairs, args.rounds, args.seed)
    if args.only != "math":
        results["code"] = verifiers_code.measure(args.checks, args.rounds, args.workers)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
