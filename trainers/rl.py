"""The RL loop: episodes, advantages, updates. It does not know which algorithm it runs.

The recipe names an advantage, a filter, a policy loss, an aggregation and a KL term; see
`formulas`.
"""

import copy
import time
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from gym_reason.errors import RunError
from gym_reason.records import open_atomic
from gym_reason.seeding import derive_rng
from gym_reason.trainers.batch import TokenBatch, make_batch, plan_micro_batches
from gym_reason.trainers.formulas import (
    ADVANTAGES,
    AGGREGATIONS,
    FILTERS,
    KL_ESTIMATORS,
    POLICY_LOSSES,
)
from gym_reason.trainers.formulas.policy_loss import ClipRange
from gym_reason.trainers.logprobs import token_logps
from gym_reason.trainers.optimiser import learning_rate, set_learning_rate
from gym_reason.trainers.session import Session, check_finite
from gym_reason.types import Group, Json, Outcome, TokenTrace, Trajectory

SOLVED_STEPS = 10
"""Steps over which `rl.solved_at` is measured."""


@dataclass(frozen=True, slots=True)
class Window:
    """The episodes of a step that enter its updates; N rows, one for each token stream."""

    batch: TokenBatch
    """Their tokens."""
    advantages_N: torch.Tensor
    """One advantage a row."""
    groups_used: int
    """Groups left by the filter."""


def run_rl(session: Session) -> torch.optim.Optimizer:
    """Train by RL until the recipe's steps are done; goes on where a checkpoint left off.

    Returns the optimiser, for the checkpoint that ends the stage.
    """
    settings = session.recipe.rl
    progress, learner = session.progress, session.learner
    optimiser = session.start_optimiser(settings.optimiser, progress.rl_steps)
    reference = make_reference(session) if settings.kl_weight > 0.0 else None
    session.observer.on_stage("rl", settings.steps, progress.rl_steps)
    while not is_finished(session):
        started = time.monotonic()
        step = progress.rl_steps
        session.seed_generators("rl", step)
        lr = learning_rate(settings.optimiser, step, settings.steps)
        set_learning_rate(optimiser, lr)
        groups = collect(session, step)
        rollout_seconds = time.monotonic() - started
        row: dict[str, Json] = {"stage": "rl", "step": step + 1, **describe(groups)}
        window = make_window(session, groups)
        if window is not None:
            row |= update(session, optimiser, window, reference, step)
            learner.engine.update_weights()
        if session.curriculum is not None:
            row["level"] = session.curriculum.level
        row |= {
            "groups_used": window.groups_used if window is not None else 0,
            "lr": lr,
            "rollout_seconds": rollout_seconds,
            "seconds": time.monotonic() - started,
        }
        tokens = sum(t.completion_tokens for group in groups for t in group.trajectories)
        row["tokens_per_s"] = tokens / (time.monotonic() - started)
        progress.tokens += tokens
        progress.rl_steps += 1
        accuracy = float(str(row["accuracy"]))
        progress.recent_accuracy = [*progress.recent_accuracy, accuracy][-SOLVED_STEPS:]
        kept = [t for group in groups[: settings.log_groups] for t in group.trajectories]
        session.folder.write_trajectories(f"rl-{progress.rl_steps:06d}", kept)
        session.finish_step(row, optimiser, last=is_finished(session))
    return optimiser


def is_finished(session: Session) -> bool:
    """Return whether RL has taken all its steps, or has solved its task."""
    settings, progress = session.recipe.rl, session.progress
    recent = progress.recent_accuracy
    solved = len(recent) == SOLVED_STEPS and sum(recent) / SOLVED_STEPS >= settings.solved_at
    return progress.rl_steps >= settings.steps or (settings.solved_at > 0.0 and solved)


def collect(session: Session, step: int) -> list[Group]:
    """Return the groups of a step, on tasks of the curriculum's level where there is one."""
    settings = session.recipe.rl
    agent_for = session.policy_agent(session.recipe.sampling.temperature)
    curriculum = session.curriculum
    if curriculum is None:
        tasks = session.draw_tasks(settings.tasks_per_step, "rl", "tasks", step)
        return session.play(agent_for, tasks, settings.samples_per_task, "rl", "play", step)
    rng = derive_rng(session.recipe.seed, "rl", "level", step)
    levels = [curriculum.draw_level(rng) for _ in range(settings.tasks_per_step)]
    groups: list[Group] = []
    for level in sorted(set(levels)):
        tasks = session.draw_tasks(levels.count(level), "rl", "tasks", step, level, level=level)
        played = session.play(
            agent_for,
            tasks,
            settings.samples_per_task,
            *("rl", "play", step, level),
            envs=session.envs(level),
        )
        for trajectory in (t for group in played for t in group.trajectories if t.scorable):
            curriculum.record(level, trajectory.correct)
        groups.extend(played)
    return groups


def describe(groups: list[Group]) -> dict[str, Json]:
    """Return the step's figures; episodes that could not be scored are counted, not averaged."""
    played = [trajectory for group in groups for trajectory in group.trajectories]
    scorable = [trajectory for trajectory in played if trajectory.scorable]
    if not scorable:
        error = next((t.meta.get("error") for t in played if t.meta.get("error")), "no verdict")
        raise RunError(f"none of the {len(played)} episodes of a step could be scored: {error}")
    count = len(scorable)
    return {
        "reward": sum(t.ret for t in scorable) / count,
        "accuracy": sum(t.correct for t in scorable) / count,
        "length": sum(t.completion_tokens for t in scorable) / count,
        "cut_off": sum(_cut_off(t) for t in scorable) / count,
        "no_answer": sum(_no_answer(t) for t in scorable) / count,
        "unscorable": len(played) - count,
        "groups": len(groups),
    }


def _cut_off(trajectory: Trajectory) -> bool:
    return any(
        t.completion is not None and t.completion.finish_reason == "length"
        for t in trajectory.turns
    )


def _no_answer(trajectory: Trajectory) -> bool:
    return trajectory.verdict is not None and trajectory.verdict.outcome is Outcome.NO_ANSWER


def make_window(session: Session, groups: list[Group]) -> Window | None:
    """Return the rows to train on with their advantages, or None where no group has a signal."""
    settings = session.recipe.rl
    rows = [
        (index, trajectory)
        for index, group in enumerate(groups)
        for trajectory in group.trajectories
        if trajectory.scorable and trajectory.traces
    ]
    if not rows:
        return None
    rewards_N = torch.tensor([trajectory.ret for _, trajectory in rows], dtype=torch.float32)
    group_N = torch.tensor([index for index, _ in rows])
    advantages_N = ADVANTAGES[settings.advantage](rewards_N, group_N)
    keep = FILTERS[settings.filter](rewards_N, group_N).tolist()
    traces: list[TokenTrace] = []
    kept_advantages: list[float] = []
    for (_, trajectory), kept, advantage in zip(rows, keep, advantages_N.tolist(), strict=True):
        if kept:
            traces.extend(trajectory.traces)
            kept_advantages.extend([advantage] * len(trajectory.traces))
    if not any(kept_advantages) and settings.kl_weight == 0.0 and settings.entropy_bonus == 0.0:
        return None
    if not traces:
        return None
    device = session.learner.device
    used = {index for (index, _), kept in zip(rows, keep, strict=True) if kept}
    batch = make_batch(traces, session.learner.pad_id, device)
    return Window(batch, torch.tensor(kept_advantages, device=device), len(used))


def update(
    session: Session,
    optimiser: torch.optim.Optimizer,
    window: Window,
    reference: PreTrainedModel | None,
    step: int,
) -> dict[str, Json]:
    """Take the optimiser steps of a window and return their mean figures."""
    settings = session.recipe.rl
    learner, count = session.learner, len(window.batch)
    parts = max(1, min(settings.minibatches, count // settings.minibatch_rows))
    # With one optimiser step the old log-probabilities are the current ones: the ratio is 1 and
    # only its gradient counts.
    single = parts == 1 and settings.epochs == 1
    passes = [split_rows(session, step, epoch, count, parts) for epoch in range(settings.epochs)]
    old_NT = None if single else all_logps(session, learner.model, window.batch, passes[0])
    ref_NT = (
        all_logps(session, reference, window.batch, passes[0]) if reference is not None else None
    )
    figures: list[dict[str, float]] = []
    for rows in (part for one_pass in passes for part in one_pass):
        figures.append(_optimise(session, optimiser, window, rows, old_NT, ref_NT))
        session.progress.rl_updates += 1
    means: dict[str, Json] = {
        name: sum(figure[name] for figure in figures) / len(figures) for name in figures[0]
    }
    return means | {"gap": figures[0]["gap"], "updates": len(figures)}


def _optimise(
    session: Session,
    optimiser: torch.optim.Optimizer,
    window: Window,
    rows: list[int],
    old_NT: torch.Tensor | None,
    ref_NT: torch.Tensor | None,
) -> dict[str, float]:
    """Take one optimiser step on some rows of the window."""
    settings, learner = session.recipe.rl, session.learner
    batch = window.batch.select(rows)
    index = torch.tensor(rows, device=learner.device)
    aggregation = AGGREGATIONS[settings.aggregation]
    weights_NT = aggregation(batch.mask_NT, session.recipe.sampling.max_tokens)
    totals = torch.zeros(5, device=learner.device)
    optimiser.zero_grad(set_to_none=True)
    for micro in plan_micro_batches(batch.lengths, settings.micro_batch_tokens):
        part, at = batch.select(micro), torch.tensor(micro, device=learner.device)
        width = part.mask_NT.shape[1]
        loss, sums = _micro_batch_loss(
            session,
            part,
            weights_NT[at, :width],
            window.advantages_N[index[at]],
            old_NT[index[at], :width] if old_NT is not None else None,
            ref_NT[index[at], :width] if ref_NT is not None else None,
        )
        loss.backward()  # type: ignore[no-untyped-call]
        totals += sums
    norm = torch.nn.utils.clip_grad_norm_(
        learner.model.parameters(), settings.optimiser.clip_norm
    ).item()
    loss_value, entropy, clipped, gap, kl = totals.tolist()
    where = f"update {session.progress.rl_updates + 1} of RL"
    check_finite(loss_value, "the loss", where)
    check_finite(norm, "the gradient's norm", where)
    count = max(batch.mask_NT.sum().item(), 1.0)
    check_gap(gap / count, settings.gap_limit, where)
    optimiser.step()
    figures = {
        "loss": loss_value,
        "entropy": entropy / count,
        "clip_fraction": clipped / count,
        "gap": gap / count,
        "grad_norm": norm,
    }
    return figures | ({"kl": kl / count} if ref_NT is not None else {})


def check_gap(gap: float, limit: float, where: str) -> None:
    """Raise RunError where the sampler's log-probabilities are not the trainer's."""
    if gap > limit:
        raise RunError(
            f"sampler and trainer differ by {gap:.3g} nats a token at {where}",
            f"at most rl.gap_limit = {limit:g}",
            "check the engine's precision, or raise the limit",
        )


def _micro_batch_loss(
    session: Session,
    part: TokenBatch,
    weights_NT: torch.Tensor,
    advantages_N: torch.Tensor,
    old_NT: torch.Tensor | None,
    ref_NT: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the loss of one forward pass, and five sums over its tokens to report.

    The sums are those of the loss, the entropy, the clipped tokens, the sampler's gap and the KL
    term. Without `old_NT` the old log-probabilities are the current ones.
    """
    settings, learner = session.recipe.rl, session.learner
    with learner.mixed_precision():
        logps_NT, entropy_NT = token_logps(
            learner.model,
            part.ids_NL,
            session.recipe.sampling.temperature,
            part.start,
            entropy_gradient=settings.entropy_bonus > 0.0,
        )
    current_NT = logps_NT.detach()
    # Where no token is trained on, both sides are the same, so that no ratio there can overflow.
    acted_NT = part.mask_NT > 0
    old_NT = current_NT if old_NT is None else torch.where(acted_NT, old_NT, current_NT)
    advantages_NT = advantages_N[:, None].expand_as(logps_NT)
    clip = ClipRange(settings.clip_low, settings.clip_high, settings.clip_dual)
    policy = POLICY_LOSSES[settings.policy_loss](logps_NT, old_NT, advantages_NT, clip)
    loss_NT = policy.loss_NT
    log_mismatch_NT = (old_NT - part.sampler_logps_NT) * part.mask_NT
    if settings.mismatch_cap > 0.0:
        loss_NT = loss_NT * log_mismatch_NT.exp().clamp(max=settings.mismatch_cap)
    kl_sum = torch.zeros((), device=learner.device)
    if ref_NT is not None:
        kl_NT = KL_ESTIMATORS[settings.kl](logps_NT, torch.where(acted_NT, ref_NT, current_NT))
        loss_NT = loss_NT + settings.kl_weight * kl_NT
        kl_sum = (kl_NT.detach() * part.mask_NT).sum()
    if settings.entropy_bonus > 0.0:
        loss_NT = loss_NT - settings.entropy_bonus * entropy_NT
    loss = (loss_NT * weights_NT).sum()
    sums = (
        loss.detach(),
        (entropy_NT.detach() * part.mask_NT).sum(),
        (policy.clipped_NT * part.mask_NT).sum(),
        log_mismatch_NT.abs().sum(),
        kl_sum,
    )
    return loss, torch.stack(sums)


def split_rows(session: Session, step: int, epoch: int, count: int, parts: int) -> list[list[int]]:
    """Return the rows of each optimiser step of a pass: a split drawn from seed, step and pass."""
    rng = derive_rng(session.recipe.seed, "rl", "minibatch", step, epoch)
    order = rng.permutation(count).tolist()
    return [sorted(order[p * count // parts : (p + 1) * count // parts]) for p in range(parts)]


@torch.no_grad()
def all_logps(
    session: Session, model: PreTrainedModel, batch: TokenBatch, parts: list[list[int]]
) -> torch.Tensor:
    """Return the log-probabilities of every row under a model, shape `[N, T]`.

    `parts` are the row sets of the optimiser steps: with the same forward passes as theirs, the
    ratio of the first step is 1 to the last bit.
    """
    limit = session.recipe.rl.micro_batch_tokens
    result_NT = torch.zeros_like(batch.mask_NT)
    for rows in parts:
        for micro in plan_micro_batches([batch.lengths[row] for row in rows], limit):
            chosen = [rows[row] for row in micro]
            part = batch.select(chosen)
            with session.learner.mixed_precision():
                logps_NT, _ = token_logps(
                    model, part.ids_NL, session.recipe.sampling.temperature, part.start
                )
            index = torch.tensor(chosen, device=result_NT.device)
            result_NT[index, : logps_NT.shape[1]] = logps_NT
    return result_NT


def make_reference(session: Session) -> PreTrainedModel:
    """Return a frozen copy of the weights with which RL began."""
    model = copy.deepcopy(session.learner.model)
    start = session.folder.path / "reference.pt"
    if session.progress.rl_steps > 0:
        if not start.exists():
            raise RunError(
                f"{start} is not there: the run began without a reference model",
                "rl.kl_weight = 0, as it began",
                "start a new run",
            )
        model.load_state_dict(
            torch.load(start, weights_only=True, map_location=session.learner.device)
        )
    else:
        with open_atomic(start) as file:
            torch.save(model.state_dict(), file)
    model.train(False)
    model.requires_grad_(False)
    return model
