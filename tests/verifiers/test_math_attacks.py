"""The rows that were made to hang, fill or hijack a grader: limits of time, memory and reach."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gym_reason.types import Outcome, Task
from gym_reason.verifiers.math import symbolic
from gym_reason.verifiers.pool import VerifierPool

CANARY = Path("/tmp/gym_reason_canary")
LIMIT_S = 2.0
LIMIT_BYTES = 10**9


def read_rows(shared_data: Path) -> list[dict[str, str]]:
    lines = (shared_data / "math_attacks.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("spec", ["math", "math:strict"])
def test_no_attack_reaches_the_deadline_or_kills_its_worker(shared_data: Path, spec: str) -> None:
    CANARY.unlink(missing_ok=True)
    rows = read_rows(shared_data)
    items = [(Task(row["id"], (), row["reference"]), row["submission"]) for row in rows]
    with VerifierPool(spec, workers=1, timeout_s=LIMIT_S) as pool:
        verdicts = list(pool.verify_many(items))
    assert len(verdicts) == len(rows) > 80
    for row, verdict in zip(rows, verdicts, strict=True):
        judged = (Outcome.PASS, Outcome.FAIL, Outcome.NO_ANSWER)
        assert verdict.outcome in judged, (row["id"], verdict)
        if row["expected"] != "either":
            assert verdict.correct is (row["expected"] == "correct"), (row["id"], verdict.detail)
    assert not CANARY.exists()


PROGRAM = r"""
import json, resource, sys
from gym_reason.types import Task
from gym_reason.verifiers import MathVerifier
from gym_reason.verifiers.math import symbolic
rows = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
nested, plain = r"\sqrt{3+2\sqrt2}", r"\boxed{1+\sqrt2}"
rows.append({"id": "needs sympy", "reference": nested, "submission": plain})
for row in rows:
    MathVerifier().verify(Task(row["id"], (), row["reference"]), row["submission"])
symbolic._pool.close()
# Its own ru_maxrss would begin with what the process held that started it.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(peak.split()[1])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts kilobytes as Linux does")
def test_neither_the_verifier_nor_its_child_ever_holds_a_gigabyte(shared_data: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(shared_data / "math_attacks.jsonl")],
        capture_output=True, text=True, check=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    own, child = (1024 * int(line) for line in done.stdout.split())
    assert 10**7 < own < LIMIT_BYTES
    # At least sympy, so that it is the child that was measured.
    assert 3 * 10**7 < child < LIMIT_BYTES
    assert symbolic.MEMORY_BYTES <= LIMIT_BYTES
