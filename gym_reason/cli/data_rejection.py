"""`gym-reason data rejection`: sample or read responses, judge them, and keep the verified ones."""

import argparse
import contextlib
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gym_reason.cli import default_workers
from gym_reason.cli.data_inputs import filter_specs
from gym_reason.cli.data_output import Bar, Outcome
from gym_reason.cli.rows import read_fields
from gym_reason.config import apply_overrides
from gym_reason.envs.base import sample_tasks, unwrap
from gym_reason.errors import UsageError
from gym_reason.registry import make
from gym_reason.seeding import derive_seed
from gym_reason.trainers.data.drops import DropLog
from gym_reason.types import Task

if TYPE_CHECKING:
    from gym_reason.trainers.data.rejection import Candidate

DEFAULT_TASKS = 256


def run_rejection(args: argparse.Namespace) -> int:
    """Keep the responses that a verifier passes."""
    from gym_reason.trainers.data.rejection import RejectionSettings, keep_verified
    from gym_reason.trainers.data.text_filters import make_filters

    outcome = Outcome(args, DropLog())
    filters = make_filters(filter_specs(args.filter))
    settings = RejectionSettings(
        args.max_per_task, args.pick, args.min_score, filters, derive_seed(args.seed, "pick")
    )
    gather = gather_from_file if args.verifier is not None else gather_from_environment
    with Bar("responses", quiet=args.json) as bar, contextlib.ExitStack() as stack:
        candidates = gather(args, outcome.log, stack, bar)
        rows, counts = keep_verified(candidates, settings, outcome.log)
    outcome.found |= {"pass_rate": counts.pass_rate, "passed": counts.passed}
    outcome.found |= {"tasks": counts.tasks, "tasks_solved": counts.solved}
    return outcome.finish(rows)


def gather_from_file(
    args: argparse.Namespace, log: DropLog, stack: contextlib.ExitStack, bar: Bar
) -> "Sequence[Candidate]":
    """Return the responses of a file, judged by the verifier that was named."""
    from gym_reason.trainers.data import candidates
    from gym_reason.verifiers.pool import VerifierPool

    if len(args.words) != 1 or args.policy is not None:
        raise UsageError("--verifier with a policy or further words", "one file of responses")
    columns = read_fields(args.field, candidates.FIELDS, "reference=answer")
    workers = args.workers or default_workers()
    pool = stack.enter_context(
        VerifierPool(args.verifier, workers, args.timeout, modules=args.load)
    )
    return list(candidates.judge_file(Path(args.words[0]), columns, pool, log, bar.show))


def gather_from_environment(
    args: argparse.Namespace, log: DropLog, stack: contextlib.ExitStack, bar: Bar
) -> "Sequence[Candidate]":
    """Return what a policy answers to tasks of an environment, judged in worker processes."""
    from gym_reason.agents.build import make_actor
    from gym_reason.agents.policy import SamplingParams
    from gym_reason.trainers.data import candidates
    from gym_reason.verifiers.pool import VerifierPool

    env_id, *settings = args.words
    if args.policy is None:
        raise UsageError(
            f"{env_id} without a policy or a verifier", "--policy PATH for an environment",
            "or --verifier NAME for a file",
        )  # fmt: skip
    if args.field:
        raise UsageError("--field with an environment", "it with a file and --verifier")
    kwargs = {**apply_overrides({}, settings), "split": args.split}
    tasks = draw_tasks(env_id, kwargs, args.tasks, args.seed)
    verifier = candidates.verifier_of(env_id, kwargs)
    workers = args.workers if args.workers is not None else default_workers()
    pool = None
    if workers > 0:
        pool = stack.enter_context(VerifierPool(verifier, workers, args.timeout, modules=args.load))
    envs = candidates.make_envs(env_id, kwargs, pool)
    stack.callback(envs.close)
    actor = make_actor(args.policy, "answer", SamplingParams(args.max_tokens, args.temperature))
    done = 0

    def count(_: object) -> None:
        nonlocal done
        done += 1
        bar.show(done, len(tasks) * args.samples)

    source = {"source": env_id, "teacher_id": args.policy}
    seed = derive_seed(args.seed, "rejection", env_id)
    return [
        dataclasses.replace(candidate, row={**candidate.row, **source})
        for candidate in candidates.play_candidates(
            envs, actor.agent_for, actor.encoder, tasks, args.samples, seed, count
        )
    ]


def draw_tasks(env_id: str, kwargs: dict[str, Any], count: int | None, seed: int) -> list[Task]:
    """Return tasks of an environment, each once: all of a data set, or a draw."""
    env = make(env_id, **kwargs)
    try:
        finite = unwrap(env).tasks()
        if finite is not None and count is None:
            return list({task.id: task for task in finite}.values())
        drawn = sample_tasks(env, count or DEFAULT_TASKS, derive_seed(seed, "rejection", "tasks"))
        return list({task.id: task for task in drawn}.values())
    finally:
        env.close()
