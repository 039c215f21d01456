r"""Samples per second of evaluations by a chat server: ours, inspect-ai's and those of verifiers.

Run: python benchmarks/eval_throughput.py --inspect-python VENV/bin/python \
         --verifiers-python VENV/bin/python [--out FILE]

The same tasks are asked of the same server, which answers at once, by each tool in a process of its
own, in turn within each round. The time is that of the evaluation as the tool's own function does
it, logs on disk included; imports and the drawing of the tasks are left out for all. The server
counts its replies, and each tool has to have completed and asked as many as there are tasks.

The harnesses of verifiers 0.4 start a program for each sample, which would be most of the time.
Here it gets one that asks from the evaluation's own process, through the same interception server.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import types
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
STAND_IN = ROOT / "benchmarks" / "chat_stand_in.py"
ENV = "gym_reason/Arithmetic-v0"
CHILD_LIMIT_S = 600


def evaluate_ours(url: str, tasks: int, concurrency: int) -> tuple[float, int]:
    """Evaluate with our command and return the seconds and the completed samples."""
    import contextlib
    import io

    import torch  # noqa: F401 - what the command would import while it is measured

    import gym_reason.agents.build
    import gym_reason.trainers.teacher.model  # noqa: F401
    from gym_reason.cli import main

    policy = f"openai:{url}/v1,model=stand-in,concurrency={concurrency}"
    printed = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(printed):
        words = [ENV, "--policy", policy, "--limit", str(tasks), "--out", f"{folder}/run"]
        started = time.perf_counter()
        code = main(["eval", *words, "--max-tokens", "16", "--json"])
        seconds = time.perf_counter() - started
    assert code == 0
    (row,) = json.loads(printed.getvalue())["results"]
    return seconds, row["tasks"] - row["unscorable"]


def evaluate_inspect(url: str, tasks: int, concurrency: int) -> tuple[float, int]:
    """Evaluate with inspect-ai and return the seconds and the completed samples."""
    os.environ["STANDIN_BASE_URL"], os.environ["STANDIN_API_KEY"] = f"{url}/v1", "none"
    import inspect_ai
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.model import get_model
    from inspect_ai.scorer import match

    samples = [Sample(input=question, target=answer) for question, answer in draw_tasks(tasks)]
    model = get_model("openai-api/standin/stand-in")
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        (log,) = inspect_ai.eval(
            inspect_ai.Task(dataset=MemoryDataset(samples), scorer=match()),
            model=model,
            max_connections=concurrency,
            max_samples=concurrency,
            max_tokens=16,
            log_dir=folder,
            display="none",
        )
        seconds = time.perf_counter() - started
    assert log.status == "success", log.error
    assert log.results is not None
    return seconds, log.results.completed_samples


def evaluate_verifiers(url: str, tasks: int, concurrency: int) -> tuple[float, int]:
    """Evaluate with verifiers and return the seconds and the completed samples."""
    import asyncio

    # This repository has modules of the same name.
    ours = (ROOT, STAND_IN.parent)
    sys.path = [path for path in sys.path if Path(path or ".").resolve() not in ours]
    from verifiers.v1.cli.eval.runner import run_eval
    from verifiers.v1.configs.cli.eval import EvalConfig

    sys.modules["sums"] = make_verifiers_plugin(draw_tasks(tasks))
    with tempfile.TemporaryDirectory() as folder:
        config = EvalConfig(
            env={"taskset": {"id": "sums"}, "agent": {"runtime": {"type": "subprocess"}}},
            model="stand-in",
            client={"base_url": f"{url}/v1", "api_key_var": "STANDIN_API_KEY"},
            sampling={"max_tokens": 16},
            max_concurrent=concurrency,
            push=False,
            rich=None,
            output_dir=Path(folder),
        )
        started = time.perf_counter()
        episodes = asyncio.run(run_eval(config))
        seconds = time.perf_counter() - started
    return seconds, sum(episode.ok for episode in episodes)


def make_verifiers_plugin(rows: list[tuple[str, str]]) -> types.ModuleType:
    """Return a module with a task set and a harness, as verifiers finds them by its name."""
    import httpx
    import verifiers.v1 as package
    from verifiers.v1.runtimes import ProgramResult

    class SumData(package.TaskData):
        answer: str

    class Sum(package.Task[SumData, package.State, package.TaskConfig]):
        @package.reward
        async def right(self, trace: Any) -> float:
            return float(trace.last_reply.strip() == self.data.answer)

    class SumTaskset(package.Taskset[Sum, package.TasksetConfig]):
        def load(self) -> Any:
            for index, (question, answer) in enumerate(rows):
                data = SumData(id=str(index), prompt=question, answer=answer)
                yield Sum(data, self.config.task)

    client = httpx.AsyncClient(timeout=CHILD_LIMIT_S, limits=httpx.Limits(max_connections=None))

    class DirectHarness(package.Harness[package.HarnessConfig]):
        APPENDS_SYSTEM_PROMPT, EXECUTES_CODE, NEEDS_CONTAINER = True, False, False

        async def launch(
            self,
            ctx: Any,
            trace: Any,
            runtime: Any,
            endpoint: str,
            secret: str,
            mcp_urls: Any,
            data: Any,
            tool_interception_url: Any = None,
        ) -> Any:
            reply = await client.post(
                f"{endpoint}/chat/completions",
                json={"model": ctx.model, "messages": [{"role": "user", "content": data.prompt}]},
                headers={"Authorization": f"Bearer {secret}"},
            )
            reply.raise_for_status()
            return ProgramResult(0, "", "")

    plugin = types.ModuleType("sums")
    vars(plugin).update(SumTaskset=SumTaskset, DirectHarness=DirectHarness)
    vars(plugin)["__all__"] = ["SumTaskset", "DirectHarness"]
    return plugin


SIDES = {"ours": evaluate_ours, "inspect": evaluate_inspect, "verifiers": evaluate_verifiers}
"""What evaluates, by its name."""


def draw_tasks(count: int) -> list[tuple[str, str]]:
    """Return the prompts and references of the tasks that our command evaluates."""
    rows: list[list[str]] = json.loads(os.environ["THROUGHPUT_TASKS"])
    return [(prompt, reference) for prompt, reference in rows[:count]]


def count_replies(url: str) -> int:
    """Return how many completions the server has given."""
    with urllib.request.urlopen(f"{url}/count") as response:
        found: int = json.load(response)
    return found


def run_child(python: str, side: str, url: str, options: argparse.Namespace, at_once: int) -> float:
    """Return the samples per second of one tool, in a process of its own."""
    before = count_replies(url)
    words = ["--side", side, "--url", url, "--tasks", str(options.tasks)]
    with tempfile.NamedTemporaryFile("w+") as tasks_file:
        done = subprocess.run(
            [python, __file__, *words, "--concurrency", str(at_once)],
            capture_output=True,
            text=True,
            timeout=CHILD_LIMIT_S,
            env={**os.environ, "THROUGHPUT_TASKS": options.drawn},
            cwd=Path(tasks_file.name).parent,
            check=False,
        )
    if done.returncode:
        raise SystemExit(f"{side} failed:\n{done.stderr[-2000:]}")
    seconds, completed = json.loads(done.stdout.splitlines()[-1])
    asked = count_replies(url) - before
    assert completed == asked == options.tasks, (side, completed, asked, options.tasks)
    return float(options.tasks / seconds)


def compare(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return a row for each concurrency."""
    from gym_reason import make
    from gym_reason.envs.base import sample_tasks
    from gym_reason.seeding import derive_seed

    # As `gym-reason eval` draws them.
    drawn = sample_tasks(make(ENV, split="test"), options.tasks, derive_seed(0, "held-out"))
    pairs = [[task.prompt[-1].content, task.reference] for task in drawn]
    options.drawn = json.dumps(pairs)
    sides = {"ours": sys.executable}
    for side in ("inspect", "verifiers"):
        if python := getattr(options, f"{side}_python"):
            sides[side] = python
    server = subprocess.Popen(
        [sys.executable, str(STAND_IN), "--latency", str(options.latency)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        rows: list[dict[str, Any]] = []
        for at_once in options.at_once:
            speeds: dict[str, list[float]] = {side: [] for side in sides}
            for _ in range(options.rounds):
                for side, python in sides.items():
                    speeds[side].append(run_child(python, side, url, options, at_once))
            row: dict[str, Any] = {"concurrency": at_once, "samples_per_second": speeds}
            ours = statistics.median(speeds["ours"])
            for side in (side for side in speeds if side != "ours"):
                row[f"times_{side}"] = ours / statistics.median(speeds[side])
            rows.append(row)
        return rows
    finally:
        server.terminate()
        server.wait(10)


def main() -> int:
    """Parse the options, compare, and print or write what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--at-once", type=int, nargs="+", default=[32, 128])
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before a reply")
    parser.add_argument("--inspect-python", help="a Python that has inspect-ai")
    parser.add_argument("--verifiers-python", help="a Python that has verifiers")
    parser.add_argument("--out", type=Path, help="write JSON to this file")
    for name, kind in (("--side", str), ("--url", str), ("--concurrency", int)):
        parser.add_argument(name, type=kind, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        evaluate = SIDES[options.side]
        print(json.dumps(evaluate(options.url, options.tasks, options.concurrency)))
        return 0
    result = {
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
        "tasks": options.tasks,
        "latency_s": options.latency,
        "results": compare(options),
    }
    text = json.dumps(result, indent=2)
    if options.out:
        options.out.write_text(text + "\n", "utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
