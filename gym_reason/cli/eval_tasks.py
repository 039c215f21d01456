"""Which problems an evaluation is on: drawn before any episode, each once."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from gym_reason.envs.base import sample_tasks, unwrap
from gym_reason.errors import DataError, UsageError
from gym_reason.registry import explain_unknown, make
from gym_reason.rollout import EnvPool
from gym_reason.seeding import derive_seed
from gym_reason.trajectories import task_key
from gym_reason.types import Task

DEFAULT_PROBLEMS = 512


@dataclass(frozen=True, slots=True)
class EnvJob:
    """One environment to evaluate on."""

    env_id: str
    """Its id."""
    envs: EnvPool
    """Where episodes take it from."""
    tasks: dict[str, Task]
    """The problems, each once, by their content."""
    repeated: int
    """How many were left out because another one is the same."""


def prepare_job(args: argparse.Namespace, env_id: str, kwargs: dict[str, Any]) -> EnvJob:
    """Draw the problems of one environment."""
    envs, drawn = draw_tasks(args, env_id, kwargs)
    tasks = distinct_tasks(drawn)
    repeated = len(drawn) - len(tasks)
    if args.tasks:
        names = split_names(args.tasks)
        tasks = {key: task for key, task in tasks.items() if task.id in names}
    return EnvJob(env_id, envs, dict(list(tasks.items())[: args.limit]), repeated)


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
    pool = EnvPool(partial(make, env_id, **arguments))
    pool.give_back(first)
    if finite is not None:
        return pool, list(finite)
    drawn = sample_tasks(first, args.limit or DEFAULT_PROBLEMS, derive_seed(0, "held-out"))
    return pool, list({task.id: task for task in drawn}.values())


def distinct_tasks(tasks: Sequence[Task]) -> dict[str, Task]:
    """Return each task once, in order, by its content.

    Raises DataError where two different ones share a name.
    """
    chosen: dict[str, Task] = {}
    names: dict[str, str] = {}
    for task in tasks:
        key = task_key(task)
        if names.setdefault(task.id, key) != key:
            raise DataError(
                f"two different tasks are called {task.id!r}",
                "a name of its own for each",
                "name another id column, or none",
            )
        chosen.setdefault(key, task)
    return chosen


def split_names(text: str) -> list[str]:
    """Return the names of `--tasks`."""
    return [name.strip() for name in text.split(",") if name.strip()]


def check_names(text: str, jobs: Sequence[EnvJob]) -> None:
    """Refuse a name of `--tasks` that no environment has a problem for. Raises UsageError."""
    found = {task.id for job in jobs for task in job.tasks.values()}
    for name in split_names(text):
        if name not in found:
            raise UsageError(*explain_unknown("problem", name, sorted(found)))
