"""The cold start: supervised training on demonstrations that the environment makes and verifies.

Demonstrations are played through the environment, so they have the token stream that the policy
will meet, for any number of turns, and one that the verifier refuses never enters.
"""

import itertools
import time
from collections.abc import Sequence

import torch

from gym_reason.errors import UsageError
from gym_reason.seeding import derive_rng
from gym_reason.trainers.distributed.shares import share_passes
from gym_reason.trainers.formulas.aggregation import token_mean
from gym_reason.trainers.model.batch import TokenBatch, make_batch
from gym_reason.trainers.model.logprobs import score_tokens
from gym_reason.trainers.model.optimiser import (
    learning_rate,
    make_optimiser,
    set_learning_rate,
    take_step,
)
from gym_reason.trainers.session import Session, check_finite
from gym_reason.trainers.supervised.demonstrations import play_demonstrations
from gym_reason.types import Json, Task

STAGE = "cold_start"
DRAWS_TO_BALANCE = 20
"""Problems that are drawn for each that is kept, where kinds of them are to come equally often."""


def is_finished(session: Session) -> bool:
    """Return whether the cold start has taken all its steps."""
    return session.progress.done(STAGE) >= session.recipe.cold_start.steps


def run(session: Session) -> None:
    """Train on demonstrations until the stage is done; goes on where a checkpoint left off."""
    settings = session.recipe.cold_start
    progress, learner = session.progress, session.learner
    demonstrations = make_demonstrations(session)
    optimiser = make_optimiser(learner.model.parameters(), settings.optimiser)
    session.start_stage(STAGE, settings.steps, {"optimiser": optimiser})
    learner.model.train()
    while not is_finished(session):
        started = time.monotonic()
        step = progress.done(STAGE)
        session.seed_generators(STAGE, step)
        rng = derive_rng(session.recipe.seed, STAGE, "rows", step)
        rows = rng.integers(len(demonstrations), size=settings.batch_rows).tolist()
        batch = demonstrations.select(rows)
        lr = learning_rate(settings.optimiser, step, settings.steps)
        set_learning_rate(optimiser, lr)
        optimiser.zero_grad(set_to_none=True)
        loss = add_gradient(session, batch)
        check_finite(loss, "the loss", f"step {step} of the cold start")
        norm = take_step(session.world, optimiser, settings.optimiser.clip_norm)
        progress.count_step(STAGE)
        tokens = int(batch.mask_NT.sum())
        progress.tokens += tokens
        seconds = time.monotonic() - started
        row: dict[str, Json] = {
            "stage": STAGE,
            "step": progress.done(STAGE),
            "loss": loss,
            "lr": lr,
            "grad_norm": norm,
            "tokens_per_s": tokens / seconds,
            "seconds": seconds,
        }
        session.finish_step(row, last=is_finished(session))
    learner.model.train(False)
    learner.engine.refresh()


def add_gradient(session: Session, batch: TokenBatch) -> float:
    """Add the gradient of this process's rows, and return the loss of all."""
    learner = session.learner
    weights_NT = token_mean(batch.mask_NT, batch.mask_NT.shape[1])
    loss = 0.0
    for one in share_passes(session.world, batch.lengths, lambda rows: [rows]):
        part = batch.select(one.items)
        index_N = torch.tensor(one.items, device=learner.device)
        with learner.mixed_precision():
            logps_NT = score_tokens(learner.model, part.ids_NL, start=part.start).logps_NT
        own = -(logps_NT * weights_NT[index_N, : logps_NT.shape[1]]).sum()
        one.weigh(own).backward()  # type: ignore[no-untyped-call]
        loss += own.item() if one.counts else 0.0
    return session.world.add_figures({"loss": loss}, "the loss of the cold start")["loss"]


def make_demonstrations(session: Session) -> TokenBatch:
    """Return the demonstrations of the recipe as one batch."""
    settings = session.recipe.cold_start
    level = 0 if session.curriculum is not None else None
    draws = DRAWS_TO_BALANCE if settings.balance else 1
    tasks = session.draw_tasks(draws * settings.problems, STAGE, "tasks", level=level)
    if settings.balance:
        tasks = deal_evenly(tasks, settings.balance, settings.problems)
    envs = session.envs(level)
    traces = play_demonstrations(
        session, tasks, settings.think_share, envs, STAGE, mend_share=settings.mend_share
    )
    return make_batch(traces, session.learner.pad_id, session.learner.device)


def deal_evenly(tasks: Sequence[Task], key: str, count: int) -> tuple[Task, ...]:
    """Return `count` of the tasks, of each kind as many as of the others, if there are so many.

    Args:
        tasks: Where they are taken from, the first ones of each kind first.
        key: Whose value in a task's `meta` is its kind.
        count: How many.

    Raises:
        UsageError: A task has no such key.
    """
    kinds: dict[str, list[Task]] = {}
    for task in {task.id: task for task in tasks}.values():
        if key not in task.meta:
            known = ", ".join(sorted(task.meta)) or "nothing"
            raise UsageError(f"cold_start.balance = {key!r}, not in a task's meta", known)
        kinds.setdefault(str(task.meta[key]), []).append(task)
    dealt = itertools.zip_longest(*(kinds[kind] for kind in sorted(kinds)))
    return tuple(task for task in itertools.chain.from_iterable(dealt) if task)[:count]
