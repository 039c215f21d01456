"""The distillation stage: rows, a loss against the teacher, an optimiser step."""

import time

import torch

from gym_reason.trainers.distillation.data import is_pairwise, prepare_data, takes_scores
from gym_reason.trainers.distillation.losses import Work, score_loss, token_loss
from gym_reason.trainers.distillation.plan import Plan, Use, plan_step
from gym_reason.trainers.distillation.sampling import STAGE
from gym_reason.trainers.distillation.teachers import Teachers, open_teachers
from gym_reason.trainers.distributed.shares import Pass, share_micro_batches
from gym_reason.trainers.distributed.world import World
from gym_reason.trainers.formulas.aggregation import token_mean
from gym_reason.trainers.model.batch import TokenBatch, make_batch
from gym_reason.trainers.model.optimiser import (
    learning_rate,
    make_optimiser,
    set_learning_rate,
    take_step,
)
from gym_reason.trainers.session import Session, check_finite
from gym_reason.types import Json

__all__ = ["STAGE", "is_finished", "run"]


def is_finished(session: Session) -> bool:
    """Return whether the stage has taken all its steps."""
    return session.progress.done(STAGE) >= session.recipe.distill.steps


def run(session: Session) -> None:
    """Train the student until the stage is done; goes on where a checkpoint left off.

    Nothing is drawn from dropout: a student that is its teacher gets no gradient.
    """
    settings = session.recipe.distill
    progress, learner = session.progress, session.learner
    learner.model.train(False)
    teachers = open_teachers(session)
    data = prepare_data(session)
    parameters = [weight for weight in learner.model.parameters() if weight.requires_grad]
    optimiser = make_optimiser(parameters, settings.optimiser)
    session.start_stage(STAGE, settings.steps, {"optimiser": optimiser})
    learner.engine.refresh()
    while not is_finished(session):
        started = time.monotonic()
        step = progress.done(STAGE)
        session.seed_generators(STAGE, step)
        plan = plan_step(session, data, step)
        lr = learning_rate(settings.optimiser, step, settings.steps)
        set_learning_rate(optimiser, lr)
        optimiser.zero_grad(set_to_none=True)  # the stage before may have left its last gradient
        figures = take_gradient(session, teachers, plan)
        check_finite(figures["loss"], "the loss", f"step {step} of distillation")
        norm = take_step(session.world, optimiser, settings.optimiser.clip_norm)
        check_finite(norm, "the gradient's norm", f"step {step} of distillation")
        learner.engine.update_weights()
        progress.count_step(STAGE)
        tokens = sum(sum(row.mask) for row in plan.rows)
        progress.tokens += tokens
        seconds = time.monotonic() - started
        row: dict[str, Json] = {"stage": STAGE, "step": progress.done(STAGE), **figures}
        row |= {
            "fresh": plan.fresh,
            "lr": lr,
            "grad_norm": norm,
            "tokens_per_s": tokens / seconds,
            "seconds": seconds,
        }
        session.finish_step(row, last=is_finished(session))
    learner.engine.refresh()


def take_gradient(session: Session, teachers: Teachers, plan: Plan) -> dict[str, float]:
    """Add up the gradient of a step over its forward passes; return its loss and its figures."""
    settings, learner = session.recipe.distill, session.learner
    batch = make_batch([row.trace for row in plan.rows], learner.pad_id, learner.device)
    uses = [token_weights(batch, use) for use in (plan.imitate, plan.match, plan.prefer)]
    totals: dict[str, torch.Tensor] = {}
    limit, paired = settings.micro_batch_tokens, is_pairwise(settings)
    for one in plan_passes(session.world, batch, limit, paired):
        micro = one.items
        part = batch.select(micro)
        index_N = torch.tensor(micro, device=learner.device)
        width = part.mask_NT.shape[1]
        imitate_NT, match_NT, prefer_NT = (use_NT[index_N, :width] for use_NT in uses)
        rows = [plan.rows[at] for at in micro]
        work = Work(rows, part, imitate_NT, match_NT, prefer_NT)
        if takes_scores(settings):
            loss, figures = score_loss(session, work, len(plan.rows))
        else:
            loss, figures = token_loss(session, teachers, work)
        one.weigh(loss).backward()  # type: ignore[no-untyped-call]
        for name, value in {"loss": loss.detach(), **figures}.items() if one.counts else ():
            totals[name] = totals[name] + value if name in totals else value
    own = {name: value.item() for name, value in totals.items()}
    return session.world.add_figures(own, "the figures of a step of distillation")


def token_weights(batch: TokenBatch, use: Use) -> torch.Tensor:
    """Return each token's weight in a term of the loss, over the whole step."""
    chosen_N = torch.tensor(list(use.rows), dtype=batch.mask_NT.dtype, device=batch.mask_NT.device)
    return use.weight * token_mean(batch.mask_NT * chosen_N[:, None], batch.mask_NT.shape[1])


def plan_passes(world: World, batch: TokenBatch, limit_tokens: int, paired: bool) -> list[Pass]:
    """Return a process's passes over rows; those of a pair go through the same one."""
    if not paired:
        return share_micro_batches(world, batch.lengths, limit_tokens)
    longest = [max(pair) for pair in zip(batch.lengths[::2], batch.lengths[1::2], strict=True)]
    passes = share_micro_batches(world, longest, max(limit_tokens // 2, 1))
    return [
        Pass([2 * pair + side for pair in one.items for side in (0, 1)], one.counts)
        for one in passes
    ]
