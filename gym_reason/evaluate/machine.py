"""How fast this machine runs what evaluations and rollouts are made of.

Each figure is the median over rounds in which all of them are measured in turn, so that other load
falls on all alike; the spread is told beside it.
"""

import asyncio
import importlib.metadata
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from gym_reason.agents.answer import AnswerAgent
from gym_reason.agents.conversation import ChatEncoder
from gym_reason.agents.engines.inspection import inspect_torch
from gym_reason.agents.engines.local import LocalEngine
from gym_reason.agents.engines.precision import settle_machine
from gym_reason.agents.models import build_preset
from gym_reason.agents.policy import Policy, SamplingParams
from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.envs.base import ReasoningEnv, sample_tasks, unwrap
from gym_reason.registry import make
from gym_reason.rollout import EnvPool, EpisodeLimits, run_groups
from gym_reason.types import Completion, Task
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.builtin import make_verifier

ENVIRONMENTS = (
    "gym_reason/Arithmetic-v0",
    "gym_reason/Steps-v0",
    "gym_reason/Sudoku-v0",
    "gym_reason/NaturalDeductionSteps-v0",
)
"""Environments whose steps are counted: a bare one, one of several turns, and two that think."""
MATH_ANSWERS = (
    ("632", "632"),
    ("1/2", "0.5"),
    ("x^2+2x+1", "(x+1)^2"),
    ("\\sqrt{8}", "2\\sqrt{2}"),
)
"""References and answers that the verifier of mathematics compares."""
MODEL = "3m"
LIMIT_S = 30.0
"""No round begins after this, so that a slow or busy machine is done within a minute too."""
PROMPT_TOKENS, NEW_TOKENS = 16, 32


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast one thing is."""

    group: str
    """`environments`, `verifiers`, `engine` or `rollout`."""
    name: str
    """What is measured."""
    unit: str
    """What the value counts."""
    value: float
    """Median over the rounds."""
    low: float
    """The slowest round; for times the shortest."""
    high: float
    """The fastest round; for times the longest."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing that can be measured."""

    group: str
    """See `Speed`."""
    name: str
    """See `Speed`."""
    unit: str
    """See `Speed`."""
    measure: Callable[[], float]
    """Measures it once."""


def measure_machine(
    rounds: int, on_round: Callable[[int], None] = lambda number: None
) -> list[Speed]:
    """Return how fast this machine is.

    Args:
        rounds: How often each thing is measured, after one time that does not count; fewer where
            that takes more than LIMIT_S.
        on_round: Told the number of each finished round.
    """
    started = time.perf_counter()
    probes = make_probes()
    for probe in probes:
        probe.measure()
    found: list[list[float]] = [[] for _ in probes]
    for number in range(rounds):
        for probe, values in zip(probes, found, strict=True):
            values.append(probe.measure())
        on_round(number + 1)
        if time.perf_counter() - started > LIMIT_S:
            break
    return [
        Speed(
            probe.group,
            probe.name,
            probe.unit,
            statistics.median(values),
            min(values),
            max(values),
        )
        for probe, values in zip(probes, found, strict=True)
    ]


def describe_machine() -> dict[str, object]:
    """Return what the figures depend on."""
    facts = inspect_torch()
    return {
        "machine": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "torch": importlib.metadata.version("torch"),
        "threads": facts["threads"],
        "gpus": facts["devices"],
    }


def make_probes() -> list[Probe]:
    """Return all that is measured, ready to run."""
    return [*_environment_probes(), *_verifier_probes(), *_engine_probes(), _rollout_probe()]


def _environment_probes() -> list[Probe]:
    found: list[Probe] = []
    for env_id in ENVIRONMENTS:
        env = unwrap(make(env_id))
        tasks = sample_tasks(env, 20, seed=0)
        plays = [(task, env.demonstrate(task)) for task in tasks]
        name = env_id.partition("/")[2]
        measure = partial(count_per_second, partial(_play, env, plays))
        found.append(Probe("environments", name, "steps/s", measure))
    return found


def _play(env: ReasoningEnv, plays: Sequence[tuple[Task, Sequence[str]]]) -> int:
    """Play demonstrations and return how many steps they took."""
    steps = 0
    for task, actions in plays:
        env.reset(options={"task": task})
        for action in actions:
            env.step(action)
        steps += len(actions)
    return steps


def _verifier_probes() -> list[Probe]:
    math = make_verifier("math")
    pairs = [
        (Task(str(index), (), reference), answer)
        for index, (reference, answer) in enumerate(MATH_ANSWERS)
    ]
    countdown = unwrap(make("gym_reason/Countdown-v0"))
    plays = [
        (task, countdown.demonstrate(task)[-1]) for task in sample_tasks(countdown, 20, seed=0)
    ]
    return [
        Probe("verifiers", name, "verdicts/s", partial(count_per_second, partial(_verify, *work)))
        for name, work in (("math", (math, pairs)), ("countdown", (countdown.verifier, plays)))
    ]


def _verify(verifier: Verifier, pairs: Sequence[tuple[Task, str]]) -> int:
    for task, answer in pairs:
        verifier.verify(task, answer)
    return len(pairs)


def _engine_probes() -> list[Probe]:
    tokenizer = build_character_tokenizer("".join(map(chr, range(32, 127))))
    # Random weights stop anywhere, and all completions have to be equally long.
    settle_machine()
    engine = LocalEngine(build_preset(MODEL, len(tokenizer)), tokenizer, stop_token_ids=())
    params = SamplingParams(max_tokens=NEW_TOKENS)
    return [
        Probe(
            "engine",
            f"local, {MODEL} parameters, batch {batch}",
            "tokens/s",
            partial(count_per_second, partial(_generate, engine, batch, params)),
        )
        for batch in (1, 32)
    ]


def _generate(engine: LocalEngine, batch: int, params: SamplingParams) -> int:
    prompts = [[5 + index % 7] * PROMPT_TOKENS for index in range(batch)]
    return sum(len(completion.token_ids) for completion in engine.generate(prompts, params))


class InstantPolicy:
    """Says one line at once, so that what an episode takes is ours."""

    version = 0

    def __init__(self, encoder: ChatEncoder) -> None:
        """Make the completion once."""
        ids = encoder.encode_words("632")
        self._completion = Completion(ids, (-0.5,) * len(ids), "632", "stop")

    async def sample(self, prompt_ids: Sequence[int], params: SamplingParams) -> Completion:
        """Return the line, after all others that wait had their turn."""
        await asyncio.sleep(0)
        return self._completion


def _rollout_probe() -> Probe:
    encoder = ChatEncoder(build_character_tokenizer("".join(map(chr, range(32, 127)))))
    policy: Policy = InstantPolicy(encoder)
    tasks = sample_tasks(make(ENVIRONMENTS[0]), 256, seed=0)
    # Made by the first measurement, which does not count, and used again by the others.
    envs = EnvPool(partial(make, ENVIRONMENTS[0]))
    measure = partial(_roll_out, envs, policy, encoder, tasks)
    return Probe("rollout", f"overhead of an episode, {len(tasks)} at once", "ms", measure)


def _roll_out(envs: EnvPool, policy: Policy, encoder: ChatEncoder, tasks: Sequence[Task]) -> float:
    """Return the CPU milliseconds of an episode whose policy takes none."""
    agent = AnswerAgent(policy, SamplingParams())
    started = time.process_time()
    asyncio.run(
        run_groups(
            envs, lambda env, task: agent, tasks, 1, range(len(tasks)), encoder, EpisodeLimits()
        )
    )
    return 1e3 * (time.process_time() - started) / len(tasks)


def count_per_second(work: Callable[[], int], least_s: float = 0.2) -> float:
    """Return how much `work` gets done in a second of wall-clock time.

    Args:
        work: Does some of it and returns how much.
        least_s: It is repeated until this time has passed.
    """
    done, started = 0, time.perf_counter()
    while True:
        done += work()
        seconds = time.perf_counter() - started
        if seconds >= least_s:
            return done / seconds
