"""Processes of one run, as a launcher starts them, forked from one that has imported everything."""

import multiprocessing
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gym_reason.cli import COMMANDS, main
from gym_reason.errors import GymReasonError
from gym_reason.trainers.distributed.launch import open_world
from gym_reason.trainers.distributed.world import World

# The forked processes import this module by its name.
sys.path.append(str(Path(__file__).resolve().parents[3]))
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        *("accelerate", "torch.distributed.fsdp", "gym_reason.trainers.distributed.processes"),
        *("gym_reason.trainers.train", *(f"gym_reason.cli.{name}" for name in COMMANDS)),
    ]
)
PATIENCE_S = 120.0
"""Longest that a test waits for its processes."""

SMALL = (
    *("model.threads=1", "model.matmul=highest", "model.size=0.1m", "model.cache_bytes=20000000"),
    # Partial credit: a model that knows nothing earns some now and then.
    *("env.id=gym_reason/Digits-v0", "env.kwargs={operation='sort',count=2}"),
    *("model.alphabet=0123456789s=", "evaluation.problems=3", "checkpoint.keep=100"),
    *("cold_start.steps=2", "cold_start.problems=10", "cold_start.batch_rows=5"),
    *("rl.steps=2", "rl.tasks_per_step=3", "rl.samples_per_task=5", "rl.minibatch_rows=7"),
    *("rl.filter=keep_all", "sampling.max_tokens=8"),
)
"""Settings of a run that takes a second; its rows cannot be shared out evenly."""
FSDP = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2"}


@dataclass
class Ranks:
    """Processes that have been started."""

    processes: list[Any]
    """By rank."""
    outputs: list[Path]
    """What each has printed."""
    patience_s: float = PATIENCE_S
    """Longest that `wait` waits."""

    def wait(self) -> list[int]:
        """Return the exit codes, once all have ended; what outlasts a test's patience is killed."""
        until = time.monotonic() + self.patience_s
        for process in self.processes:
            process.join(max(until - time.monotonic(), 0.0))
            if process.is_alive():
                process.kill()
                process.join()
        return [process.exitcode for process in self.processes]

    def said(self, rank: int) -> str:
        """Return what a process has printed."""
        return self.outputs[rank].read_text("utf-8")


def start(
    folder: Path,
    count: int,
    work: Callable[..., None],
    *arguments: object,
    environment: Mapping[str, str] | None = None,
    patience_s: float = PATIENCE_S,
) -> Ranks:
    """Start processes that meet and call `work`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    outputs = [folder / f"rank-{rank}-{port}.txt" for rank in range(count)]
    processes = []
    for rank, output in enumerate(outputs):
        launched = {
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": str(count),
            "LOCAL_WORLD_SIZE": str(count),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            "OMP_NUM_THREADS": "1",
            **(environment or {}),
        }
        arguments_of_rank = (launched, str(output), work, *arguments)
        process = CONTEXT.Process(target=_run, args=arguments_of_rank)
        process.start()
        processes.append(process)
    return Ranks(processes, outputs, patience_s)


def _run(launched: dict[str, str], output: str, work: Callable[..., None], *rest: object) -> None:
    os.environ.update(launched)
    file = os.open(output, os.O_WRONLY | os.O_CREAT)
    os.dup2(file, 1)
    os.dup2(file, 2)
    work(*rest)


def train(words: Sequence[str]) -> None:
    """Be `gym-reason train` with these words."""
    sys.exit(main(["train", *words]))


def meet(work: Callable[[World], None]) -> None:
    """Call `work` with the world of the process, and end as the command does."""
    try:
        with open_world() as world:
            work(world)
    except GymReasonError as error:
        print(f"gym-reason: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
