"""The script for a GPU, tried on a CPU: what fails is left out, and what is there is written."""

import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

CHILD = """
import os, sys, time
sys.path.insert(0, {folder!r})
from jobs import read_job, report, tell
job = read_job()
print("a library says something", flush=True)
tell(str(os.getpid()), {{"found": 1}} if job["how"] == "die" else None)
if job["how"] == "die":
    os.kill(os.getpid(), 9)
if job["how"] == "crash":
    raise ValueError("out of memory")
if job["how"] == "hang":
    time.sleep(60)
report(answer=job["how"])
"""
PARENT = """
import json, sys
from pathlib import Path
sys.path.insert(0, {folder!r})
from jobs import JobError, run_job
hear = lambda words: print(words, flush=True)
for how, limit_s in json.loads(sys.argv[1]):
    try:
        said = run_job(sys.executable, Path({child!r}), {{"how": how}}, limit_s=limit_s,
                       on_progress=hear)
        print(said.get("answer") or json.dumps(said))
    except JobError as error:
        print(error)
"""


def start(root: Path, folder: Path, *jobs: tuple[str, float]) -> "subprocess.Popen[str]":
    """Start a process that runs jobs in processes of theirs, and prints what it hears."""
    benchmarks, child = str(root / "benchmarks"), folder / "child.py"
    child.write_text(CHILD.format(folder=benchmarks))
    code = PARENT.format(folder=benchmarks, child=str(child))
    command = [sys.executable, "-c", code, json.dumps(jobs)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_job_that_crashes_or_hangs_loses_only_its_own(root: Path, tmp_path: Path) -> None:
    jobs = ("crash", 60.0), ("hang", 2.0), ("die", 60.0), ("work", 60.0)
    parent = start(root, tmp_path, *jobs)
    lines = parent.communicate(timeout=60)[0].splitlines()
    assert lines[1::2] == [
        "child ended with exit status 1: ValueError: out of memory",
        "child took more than its 2 s",
        '{"found": 1, "cut_short": "child ended by SIGKILL"}',
        "work",
    ]
    assert not any(is_running(int(pid)) for pid in lines[::2])


def test_a_job_ends_with_whoever_started_it(root: Path, tmp_path: Path) -> None:
    parent = start(root, tmp_path, ("hang", 60.0))
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert is_running(child)
    parent.kill()
    parent.communicate()
    for _ in range(500):
        if not is_running(child):
            return
        time.sleep(0.02)
    raise AssertionError("the child outlived its parent")


@pytest.mark.slow
def test_the_script_writes_what_it_has(root: Path, tmp_path: Path) -> None:
    if find_spec("vllm") or find_spec("trl"):
        pytest.skip("what this machine has would be run")
    out = tmp_path / "gpu.json"
    words = ["--device", "cpu", "--size", "0.1m", "--threads", "1", "--seconds", "3000"]
    words += ["--parts", "cold_start", "grpo_local", "grpo_vllm", "grpo_trl", "--out", str(out)]
    small = ["cold_start.steps=4", "cold_start.problems=16", "evaluation.problems=4"]
    small += ["rl.tasks_per_step=2", "sampling.max_tokens=8", "rl.steps=2", "rl.filter=keep_all"]
    done = subprocess.run(
        [sys.executable, str(root / "benchmarks" / "gpu" / "run.py"), *words, "--set", *small],
        capture_output=True,
        text=True,
        env=os.environ | {"TRL_PYTHON": str(tmp_path / "none"), "PYTHONPATH": str(root)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    record: dict[str, Any] = json.loads(out.read_text())
    assert record == json.loads(done.stdout)
    assert record["device"] == "cpu"
    parts = record["parts"]
    assert set(parts) == {"cold_start", "grpo_local"}
    assert parts["cold_start"]["steps"] == 4
    assert parts["grpo_local"]["steps"] == 2
    assert parts["grpo_local"]["generation_tokens_per_second"] > 0
    assert set(record["left_out"]) == {"grpo_vllm", "grpo_trl"}
    assert not list((root / "benchmarks" / "results").glob("gpu-cpu*"))
