"""`gym-reason eval`: measure a policy on environments."""

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gym_reason.cli import add_common_arguments, print_json
from gym_reason.config import apply_overrides
from gym_reason.envs.base import sample_tasks, unwrap
from gym_reason.errors import DataError, UsageError
from gym_reason.evaluate import (
    EvalSummary,
    ResultFile,
    TaskResult,
    compare_results,
    evaluate_tasks,
    summarise,
)
from gym_reason.records import explain_os_errors, to_json, write_atomic
from gym_reason.registry import environments, make
from gym_reason.rollout import EnvPool, EpisodeLimits
from gym_reason.seeding import derive_seed
from gym_reason.types import Json, Task

if TYPE_CHECKING:
    from gym_reason.agents.build import Actor

DEFAULT_PROBLEMS = 512


def add_parser(subparsers: Any) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "eval",
        help="measure a policy on environments",
        description="Play episodes and report accuracy, its interval, pass@k, lengths, outcomes.",
    )
    parser.add_argument(
        "words",
        nargs="+",
        metavar="ENV_ID|key=value",
        help="environments; then their arguments, such as digits=2",
    )
    parser.add_argument(
        "--policy",
        required=True,
        metavar="PATH|engine:NAME",
        help="a model directory, checkpoint or run; "
        "engine:oracle, engine:random, engine:wrong, engine:empty",
    )
    parser.add_argument(
        "--agent",
        action="append",
        metavar="NAME[:key=value,...]",
        help="the agent around the policy (default: answer); several are compared on the same "
        "problems: gym-reason agents list",
    )
    parser.add_argument(
        "--budget",
        type=int,
        metavar="N",
        help="most tokens of a loop's turn, for a comparison at equal cost",
    )
    parser.add_argument(
        "--samples", type=int, default=1, metavar="N", help="episodes a problem (default: 1)"
    )
    parser.add_argument("--k", default="", metavar="1,4,8", help="also report pass@k")
    parser.add_argument(
        "--limit",
        type=int,
        metavar="N",
        help=f"problems (default: a whole data set, or {DEFAULT_PROBLEMS} of an endless one)",
    )
    parser.add_argument(
        "--split",
        default="",
        help="the environment's split (default: test, where it makes its own problems)",
    )
    parser.add_argument(
        "--temperature", type=float, help="default: 0 (greedy) for one sample, 1 for more"
    )
    parser.add_argument(
        "--max-tokens",
        type=int,
        default=256,
        metavar="N",
        help="most tokens of a turn (default: 256)",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep each problem's result here")
    parser.add_argument("--resume", action="store_true", help="go on with the results in --out")
    add_common_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run the sub-command."""
    from gym_reason.agents.build import make_actors
    from gym_reason.agents.policy import SamplingParams

    env_ids = [word for word in args.words if "=" not in word]
    kwargs = apply_overrides({}, [word for word in args.words if "=" in word])
    check_arguments(args, env_ids)
    params = SamplingParams(args.max_tokens, choose_temperature(args), seed=args.seed)
    agents = [with_budget(agent, args.budget) for agent in args.agent or ["answer"]]
    actors = make_actors(args.policy, agents, params)
    jobs = [
        prepare_job(args, env_id, kwargs, agent, len(agents) > 1)
        for env_id in env_ids
        for agent in agents
    ]
    rows: list[dict[str, Json]] = []
    results: list[list[TaskResult]] = []
    for number, job in enumerate(jobs):
        summary, found = evaluate_job(args, job, actors[number % len(agents)])
        results.append(found)
        row: dict[str, Json] = to_json(summary)
        if not args.json:
            print_summary(summary)
        if number % len(agents):
            first = number - number % len(agents)
            difference, (low, high) = compare_results(results[first], found)
            row |= {"better_by": difference, "better_interval": [low, high]}
            if not args.json:
                print(
                    f"  better than {agents[0]} by {100 * difference:+.1f} points "
                    f"(95% interval {100 * low:+.1f} to {100 * high:+.1f}, problem by problem)"
                )
        rows.append(row)
    if args.json:
        print_json(rows[0] if len(rows) == 1 else {"results": rows})
    return 0


def with_budget(agent: str, budget: int | None) -> str:
    """Return an agent's spec with the tokens that its turn may use up."""
    if budget is None:
        return agent
    return f"{agent}{',' if ':' in agent else ':'}tokens={budget}"


def check_arguments(args: argparse.Namespace, env_ids: list[str]) -> None:
    """Refuse what cannot be run, before a model is loaded.

    Raises UsageError or UnknownNameError.
    """
    if not env_ids:
        raise UsageError("no environment", "at least one id", "see gym-reason envs list")
    for env_id in env_ids:
        environments.get(env_id)
        if env_ids.count(env_id) > 1:
            raise UsageError(f"{env_id} twice", "each environment once")
    for name in ("samples", "max_tokens"):
        if getattr(args, name) < 1:
            raise UsageError(f"--{name.replace('_', '-')} {getattr(args, name)}", "1 or more")
    if args.limit is not None and args.limit < 1:
        raise UsageError(f"--limit {args.limit}", "1 or more")
    if not 0.0 <= choose_temperature(args) < math.inf:
        raise UsageError(f"--temperature {args.temperature}", "0 or more")
    if args.resume and args.out is None:
        raise UsageError("--resume without --out", "the folder to go on with", "add --out DIR")
    parse_ks(args.k, args.samples)


def parse_ks(text: str, samples: int) -> list[int]:
    """Return the k of `--k`. Raises UsageError for one that is no number or over the samples."""
    try:
        ks = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise UsageError(f"--k {text}", "whole numbers such as 1,4,8") from None
    for k in ks:
        if not 1 <= k <= samples:
            raise UsageError(
                f"--k {k} with --samples {samples}", "k from 1 to the number of samples"
            )
    return ks


def choose_temperature(args: argparse.Namespace) -> float:
    """Return the temperature asked for, or greedy for one sample and 1 for more."""
    return float(args.samples > 1 if args.temperature is None else args.temperature)


@dataclass(frozen=True, slots=True)
class Job:
    """One environment to evaluate on."""

    env_id: str
    """Its id."""
    envs: EnvPool
    """Where episodes take it from."""
    tasks: list[Task]
    """The problems, each once."""
    repeated: int
    """How many were left out because another one is the same."""
    file: ResultFile | None
    """Where the results go."""
    done: dict[str, TaskResult]
    """Results that are there already, by task."""
    agent: str
    """The agent around the policy."""
    stem: str
    """Name of its files, without an ending."""


def prepare_job(
    args: argparse.Namespace, env_id: str, kwargs: dict[str, Any], agent: str, compared: bool
) -> Job:
    """Draw the problems and open the results, so that what is wrong is told before any episode."""
    envs, drawn = draw_tasks(args, env_id, kwargs)
    tasks = distinct_tasks(drawn)
    repeated = len(drawn) - len(tasks)
    stem = file_stem(f"{env_id}--{agent}" if compared else env_id)
    file = open_results(args, stem, agent, kwargs)
    done = {result.task_id: result for result in file.read()} if file and args.resume else {}
    return Job(env_id, envs, tasks[: args.limit], repeated, file, done, agent, stem)


def evaluate_job(
    args: argparse.Namespace, job: Job, actor: "Actor"
) -> tuple[EvalSummary, list[TaskResult]]:
    """Play the episodes on one environment, keep the results where asked, and sum them up."""
    started = time.monotonic()
    done = dict(job.done)
    todo = [task for task in job.tasks if task.id not in done]
    with show_progress(job.env_id, len(todo) * args.samples) as (bar, task_id):
        for result in evaluate_tasks(
            job.envs,
            actor.agent_for,
            todo,
            args.samples,
            derive_seed(args.seed, job.env_id),
            actor.encoder,
            limits=EpisodeLimits(judge_rounds=True),
            on_episode=lambda _: bar.advance(task_id),
        ):
            done[result.task_id] = result
            if job.file is not None:
                job.file.append(result)
    job.envs.close()
    results = [done[task.id] for task in job.tasks]
    name = actor.name if job.agent == "answer" else f"{actor.name}, {job.agent}"
    summary = summarise(
        job.env_id,
        name,
        results,
        args.samples,
        parse_ks(args.k, args.samples),
        started,
    )
    unreadable = sum(not actor.reads(task) for task in job.tasks)
    summary = replace(summary, unreadable=unreadable, repeated=job.repeated, oracle=actor.oracle)
    if args.out is not None:
        text = json.dumps(to_json(summary), indent=1, ensure_ascii=False) + "\n"
        write_atomic(args.out / f"{job.stem}.summary.json", text)
    return summary, results


def draw_tasks(
    args: argparse.Namespace, env_id: str, kwargs: dict[str, Any]
) -> tuple[EnvPool, list[Task]]:
    """Return the environments and the problems: a finite set, or a draw from an endless one."""
    arguments = dict(kwargs)
    first = make(env_id, **arguments)
    finite = unwrap(first).tasks()
    if args.split or (finite is None and "split" not in arguments):
        arguments["split"] = args.split or "test"
        first.close()
        first = make(env_id, **arguments)
        finite = unwrap(first).tasks()
    pool = EnvPool(lambda: make(env_id, **arguments))
    pool.give_back(first)
    if finite is not None:
        return pool, list(finite)
    drawn = sample_tasks(first, args.limit or DEFAULT_PROBLEMS, derive_seed(0, "held-out"))
    return pool, list({task.id: task for task in drawn}.values())


def distinct_tasks(tasks: Sequence[Task]) -> list[Task]:
    """Return each task once, in order. Raises DataError where two different ones share a name."""
    chosen: dict[str, Task] = {}
    for task in tasks:
        first = chosen.setdefault(task.id, task)
        if (first.prompt, first.reference) != (task.prompt, task.reference):
            raise DataError(
                f"two different tasks are called {task.id!r}",
                "a name of its own for each",
                "name another id column, or none",
            )
    return list(chosen.values())


def open_results(
    args: argparse.Namespace, stem: str, agent: str, kwargs: dict[str, Any]
) -> ResultFile | None:
    """Return the file for the results.

    Raises UsageError where it exists without `--resume`, or was made with other settings.
    """
    if args.out is None:
        return None
    with explain_os_errors(args.out):
        args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / f"{stem}.jsonl"
    if path.exists() and not args.resume:
        raise UsageError(
            f"{path} exists", "a new folder", "go on with --resume, or name another --out"
        )
    file = ResultFile(path)
    names = ("policy", "samples", "split", "max_tokens", "seed")
    settings = {name: getattr(args, name) for name in names}
    settings |= {"agent": agent, "temperature": choose_temperature(args), "env": kwargs}
    file.check_settings(settings | {"weights": describe_weights(args.policy)})
    return file


def describe_weights(policy: str) -> str:
    """Return what tells the weights of a policy from others under the same path."""
    from gym_reason.agents.models import resolve_model_folder

    if policy.startswith("engine:"):
        return ""
    folder = resolve_model_folder(policy)
    files = sorted((*folder.glob("*.safetensors"), *folder.glob("*.bin")))
    stats = [(file.name, file.stat()) for file in files]
    return " ".join(f"{name}:{stat.st_size}:{stat.st_mtime_ns}" for name, stat in stats)


def file_stem(name: str) -> str:
    """Return an environment's id, or that and an agent, as a file name."""
    return name.replace("/", "--").replace(":", "--").replace("=", "-").replace(",", "-")


class show_progress:
    """A progress bar on stderr, where that is a terminal."""

    def __init__(self, label: str, total: int) -> None:
        """Count to `total`."""
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(label, total=total)

    def __enter__(self) -> tuple[Progress, Any]:
        """Start to draw."""
        self._bar.start()
        return self._bar, self._task

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""
        self._bar.stop()


def print_summary(summary: EvalSummary) -> None:
    """Print what was found."""
    low, high = summary.interval
    print(f"{summary.env}: {summary.accuracy:.1%} right (95% interval {low:.1%} to {high:.1%})")
    print(
        f"  {summary.tasks} problems x {summary.samples} episodes "
        f"by {summary.policy} in {summary.seconds:.1f} s"
    )
    for k, value in summary.pass_at.items():
        print(f"  pass@{k} {value:.1%}")
    if summary.oracle:
        print("  ORACLE: this agent hears the reference; compare it with no other")
    if len(summary.rounds) > 1:
        by_round = ", ".join(f"{value:.1%}" for value in summary.rounds)
        print(f"  by round {by_round}; fixed {summary.fixed:.1%}, broken {summary.broken:.1%}")
    outcomes = ", ".join(f"{name} {count}" for name, count in summary.outcomes.items())
    print(f"  reward {summary.reward:.3f}, {summary.tokens:.1f} tokens an episode; {outcomes}")
    remarks = {
        "episodes that could not be scored and count neither way": summary.unscorable,
        "episodes counted as wrong, with no room to answer after the prompt": summary.without_room,
        "problems with characters that the tokenizer lacks": summary.unreadable,
        "problems left out as repeated": summary.repeated,
    }
    for remark, count in remarks.items():
        if count:
            print(f"  {remark}: {count}")
