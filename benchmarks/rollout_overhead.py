"""What a loop of three rounds costs beside a plain rollout, and our scheduler in each call.

Run: python benchmarks/rollout_overhead.py --help

The policy says a fixed line at once, so that all the time is ours. It is taken apart by who spends
it: `policy` is the stand-in itself, `tokens` the tokenizer and the chat template, `prompts` the
templates of the loop, `world` the environment and its verifier, and `scheduler` all the rest:
coroutines, seeds, limits, streams of tokens and trajectories. Times are CPU times,
medians over rounds in which each agent is measured in turn; those by part come from runs of their
own, in which the clock itself takes a little, to the account of the scheduler.
"""

import argparse
import asyncio
import json
import platform
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gym_reason import make
from gym_reason.agents.build import bind_agent, make_agent
from gym_reason.agents.conversation import ChatEncoder
from gym_reason.agents.policy import SamplingParams
from gym_reason.agents.refine.prompts import PromptBook
from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.rollout import EnvPool, EpisodeLimits, TextEnv, run_groups
from gym_reason.types import Completion, Message, Task

ENV = "gym_reason/Arithmetic-v0"
AGENTS = {
    "answer": "answer",
    "3 rounds": "self-refine:rounds=3",
    "best of 7": "best-of-n:n=7",
}
"""What is measured: a loop of three rounds asks seven times, and so does the last."""
WATCHED = ("tokens", "prompts", "world")
TARGET_MS = 0.2
LINE = "The sum of both is 42."


class InstantPolicy:
    """Says one line, whatever it is asked."""

    version = 0

    def __init__(self, encoder: ChatEncoder) -> None:
        """Make the completion once."""
        ids = encoder.encode_words(LINE)
        self._completion = Completion(ids, (-0.5,) * len(ids), LINE, "stop")
        self.calls = 0

    async def sample(self, prompt_ids: Sequence[int], params: SamplingParams) -> Completion:
        """Return the line, after all others that wait had their turn."""
        await asyncio.sleep(0)
        self.calls += 1
        return self._completion


class Stopwatch:
    """Sums up the time spent inside some functions, those that they call themselves left out."""

    def __init__(self) -> None:
        """Start at zero."""
        self.seconds: dict[str, float] = defaultdict(float)
        self._inside: list[str] = []

    def watch(self, owner: Any, name: str, label: str) -> None:
        """Measure a function of an object or a class from now on."""
        plain: Callable[..., Any] = getattr(owner, name)

        def timed(*arguments: Any, **keywords: Any) -> Any:
            if self._inside:
                return plain(*arguments, **keywords)
            self._inside.append(label)
            started = time.thread_time()
            try:
                return plain(*arguments, **keywords)
            finally:
                self.seconds[label] += time.thread_time() - started
                self._inside.pop()

        setattr(owner, name, timed)


def play(spec: str, episodes: int, watched: bool) -> dict[str, float]:
    """Return the CPU seconds of some episodes at once, in all and by who spent them."""
    encoder = ChatEncoder(build_character_tokenizer("".join(map(chr, range(32, 127))) + "\n"))
    policy = InstantPolicy(encoder)
    agent = make_agent(spec, policy, SamplingParams(max_tokens=64))
    tasks = [
        Task(str(number), (Message("user", f"{number}+1="),), "42") for number in range(episodes)
    ]
    envs = EnvPool(lambda: make(ENV, operation="add"))
    clock = Stopwatch()
    # An environment is made once and used for many episodes: making it is not measured.
    idle = [envs.take() for _ in range(episodes)]
    for env in idle:
        if watched:
            for name in ("reset", "step"):
                clock.watch(env, name, "world")
        envs.give_back(env)
    if watched:
        for name in ("encode_prompt", "encode_extension", "encode_words", "decode"):
            clock.watch(encoder, name, "tokens")
    render = PromptBook.render
    if watched:
        clock.watch(PromptBook, "render", "prompts")

    def agent_for(env: TextEnv, task: Task) -> Any:
        return bind_agent(agent, env, task)

    try:
        started = time.thread_time()
        asyncio.run(
            run_groups(envs, agent_for, tasks, 1, range(episodes), encoder, EpisodeLimits())
        )
        total = time.thread_time() - started
    finally:
        PromptBook.render = render  # type: ignore[method-assign]
        envs.close()
    return {"total": total, "calls": float(policy.calls), **clock.seconds}


def time_sleeps(calls: int) -> float:
    """Return the seconds that the policy itself takes for so many calls."""
    encoder = ChatEncoder(build_character_tokenizer(LINE_ALPHABET))
    policy, params = InstantPolicy(encoder), SamplingParams()

    async def ask() -> None:
        for _ in range(calls):
            await policy.sample((), params)

    started = time.thread_time()
    asyncio.run(ask())
    return time.thread_time() - started


LINE_ALPHABET = "".join(sorted(set(LINE)))


def measure(options: argparse.Namespace) -> list[dict[str, object]]:
    """Return a row for each agent."""
    plain: dict[str, list[dict[str, float]]] = defaultdict(list)
    apart: dict[str, list[dict[str, float]]] = defaultdict(list)
    asked: list[float] = []
    for number in range(options.rounds + 1):
        for name, spec in AGENTS.items():
            runs = play(spec, options.episodes, False), play(spec, options.episodes, True)
            if number:  # the first round warms up
                plain[name].append(runs[0])
                apart[name].append(runs[1])
        if number:
            asked.append(time_sleeps(10_000) / 10_000)
    rows: list[dict[str, object]] = []
    for name, spec in AGENTS.items():
        calls = plain[name][0]["calls"]
        total = statistics.median(run["total"] for run in plain[name])
        own = [run["total"] - sum(run.get(label, 0.0) for label in WATCHED) for run in apart[name]]
        parts = {
            label: statistics.median(run.get(label, 0.0) for run in apart[name])
            for label in WATCHED
        }
        parts["policy"] = statistics.median(asked) * calls
        parts["scheduler"] = statistics.median(own) - parts["policy"]
        rows.append(
            {
                "agent": name,
                "spec": spec,
                "calls_per_episode": calls / options.episodes,
                "episodes_per_second": options.episodes / total,
                "ms_per_call": 1e3 * total / calls,
                **{f"{label}_ms_per_call": 1e3 * value / calls for label, value in parts.items()},
            }
        )
    return rows


def main() -> int:
    """Parse the options, measure, and print or write what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--episodes", type=int, default=1000, help="at once (default: 1000)")
    parser.add_argument("--rounds", type=int, default=5, help="medians are over these")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--out", type=Path, help="write JSON to this file")
    options = parser.parse_args()
    rows = measure(options)
    result = {
        "python": platform.python_version(),
        "episodes": options.episodes,
        "rounds": options.rounds,
        "target_ms": TARGET_MS,
        "results": rows,
    }
    text = json.dumps(result, indent=2)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    if options.json:
        print(text)
        return 0
    names = ("scheduler", "tokens", "prompts", "world", "policy")
    print(f"{'':>10} {'episodes/s':>10} {'calls':>5} {'ms/call':>8}", end=" ")
    print(" ".join(f"{name:>9}" for name in names))
    for row in rows:
        parts = " ".join(f"{row[f'{name}_ms_per_call']:9.3f}" for name in names)
        print(
            f"{row['agent']:>10} {row['episodes_per_second']:10.0f} {row['calls_per_episode']:5.0f}"
            f" {row['ms_per_call']:8.3f} {parts}"
        )
    print(f"The scheduler is to take less than {TARGET_MS} ms of a call.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
