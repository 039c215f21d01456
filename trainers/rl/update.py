"""The optimiser steps on a window. It does not know which algorithm it runs."""

from typing import NamedTuple

import torch

from gym_reason.errors import RunError
from gym_reason.seeding import derive_rng
from gym_reason.trainers.distributed.shares import share_micro_batches
from gym_reason.trainers.formulas import aggregations
from gym_reason.trainers.formulas.aggregation import token_mean
from gym_reason.trainers.formulas.gae import explained_variance
from gym_reason.trainers.formulas.token_weights import split_passes
from gym_reason.trainers.model.dual_attention import DualAttentionHead, judge_pruning
from gym_reason.trainers.model.optimiser import clip_gradients, weights_of
from gym_reason.trainers.rl.policy_step import Work, micro_batch_loss
from gym_reason.trainers.rl.streams import Players, Streams, has_signal, make_streams, signal_rows
from gym_reason.trainers.rl.window import Window
from gym_reason.trainers.session import Session, check_finite
from gym_reason.types import Json


class Update(NamedTuple):
    """What the optimiser steps of a window were."""

    figures: dict[str, Json]
    """Their mean figures; how many they were under `updates`."""
    advantages_NT: torch.Tensor
    """The advantages that they followed, before the weights of single tokens."""


def update(session: Session, players: Players, window: Window, step: int) -> Update:
    """Take the optimiser steps of a window."""
    settings = session.recipe.rl
    count = len(window.batch)
    parts = max(1, min(settings.minibatches, count // settings.minibatch_rows))
    passes = [split_rows(session, step, epoch, count, parts) for epoch in range(settings.epochs)]
    # With one optimiser step the old log-probabilities are the current ones: the ratio is 1 and
    # only its gradient counts.
    single = parts == 1 and settings.epochs == 1 and settings.tokens.split_below == 0.0
    streams = make_streams(session, players, window, passes[0], step, single=single)
    if not has_signal(session, streams):
        return Update({"updates": 0}, streams.advantages_NT)
    figures: list[dict[str, float]] = []
    for rows in (part for one_pass in passes for part in one_pass):
        figures += _optimise(session, players, window, streams, rows, step)
    means: dict[str, Json] = {
        name: sum(figure[name] for figure in figures) / len(figures) for name in figures[0]
    }
    if streams.values_NT is not None and streams.returns_NT is not None:
        means["explained_variance"] = explained_variance(
            streams.values_NT, streams.returns_NT, window.batch.mask_NT
        ).item()
    if settings.critic.prune_below > 0.0:
        means |= _judge_pruning(players, window, streams, settings.critic.prune_below)
    truncated = figures[0].pop("truncated_share")
    del means["truncated_share"]
    if session.recipe.rollout.ahead == 0:
        means |= {"gap": figures[0]["gap"]}
    else:
        # The sampler had older weights: its distance is how far the policy has moved since.
        del means["gap"]
        means |= {"drift": figures[0]["gap"], "truncated_share": truncated}
    means |= {"updates": len(figures)}
    return Update(means, streams.advantages_NT)


def _judge_pruning(
    players: Players, window: Window, streams: Streams, share: float
) -> dict[str, Json]:
    """Return what pruning would have saved and lost on the window's episodes."""
    assert players.critic is not None
    assert isinstance(players.critic.head, DualAttentionHead)
    assert streams.values_NT is not None
    # The value before a token is the one behind the token before it.
    values_NT = torch.nn.functional.pad(streams.values_NT[:, 1:], (0, 1))
    found = judge_pruning(
        values_NT,
        window.batch.ids_NL[:, 1:],
        window.batch.mask_NT,
        window.reward_N > 0.0,
        players.critic.head.separators,
        share,
    )
    return {"pruning_saves": found.tokens_saved, "pruning_loses": found.right_lost}


def split_rows(session: Session, step: int, epoch: int, count: int, parts: int) -> list[list[int]]:
    """Return the rows of each optimiser step of a pass: a split drawn from seed, step and pass."""
    rng = derive_rng(session.recipe.seed, "rl", "minibatch", step, epoch)
    order = rng.permutation(count).tolist()
    return [sorted(order[p * count // parts : (p + 1) * count // parts]) for p in range(parts)]


def _optimise(
    session: Session,
    players: Players,
    window: Window,
    streams: Streams,
    rows: list[int],
    step: int,
) -> list[dict[str, float]]:
    """Take the optimiser steps on some rows of the window: one, or one for each pass of tokens."""
    settings, learner = session.recipe.rl, session.learner
    batch = window.batch.select(rows)
    width = batch.mask_NT.shape[1]
    index_N = torch.tensor(rows, device=learner.device)
    part = streams.rows(index_N, width)
    aggregation = aggregations.get(settings.aggregation)
    weights_NT = aggregation(batch.mask_NT, session.recipe.sampling.max_tokens)
    value_weights_NT = token_mean(batch.mask_NT, 1)
    masks: tuple[torch.Tensor, ...] = (batch.mask_NT,)
    if settings.tokens.split_below > 0.0:
        assert part.old_NT is not None
        masks = split_passes(batch.mask_NT, part.old_NT, settings.tokens.split_below)
    signal = signal_rows(session, part).nonzero().flatten().tolist()
    if not signal:
        return []
    critic_alone = step < settings.critic.warmup_steps and players.critic is not None
    lengths = [batch.lengths[row] for row in signal]
    passes = share_micro_batches(session.world, lengths, settings.micro_batch_tokens)
    figures = []
    for mask_NT in masks:
        totals: dict[str, torch.Tensor] = {}
        _zero_gradients(players)
        for one in passes:
            micro = [signal[at] for at in one.items]
            at_N = torch.tensor(micro, device=learner.device)
            rows_batch = batch.select(micro)
            cut = rows_batch.mask_NT.shape[1]
            work = Work(
                rows_batch,
                mask_NT[at_N, :cut],
                weights_NT[at_N, :cut],
                part.rows(at_N, cut),
                window.expert_N[index_N[at_N]],
                value_weights_NT[at_N, :cut],
                None if window.right_step_NT is None else window.right_step_NT[
                    index_N[at_N], :cut
                ],
            )  # fmt: skip
            loss, sums = micro_batch_loss(session, players, work, critic_alone=critic_alone)
            one.weigh(loss).backward()  # type: ignore[no-untyped-call]
            for name, value in sums.items() if one.counts else ():
                totals[name] = totals[name] + value if name in totals else value
        figures.append(_step(session, players, totals))
    return figures


def _zero_gradients(players: Players) -> None:
    players.optimiser.zero_grad(set_to_none=True)
    if players.critic_optimiser is not None:
        players.critic_optimiser.zero_grad(set_to_none=True)


def _step(session: Session, players: Players, sums: dict[str, torch.Tensor]) -> dict[str, float]:
    """Clip, check and step the optimisers; return the figures of the step."""
    settings, progress = session.recipe.rl, session.progress
    own = dict(zip(sums, torch.stack(list(sums.values())).tolist(), strict=True)) if sums else {}
    totals = session.world.add_figures(own, "the figures of an update")
    trained = weights_of(players.optimiser)
    of_critic = weights_of(players.critic_optimiser) if players.critic_optimiser else []
    session.world.sum_gradients([*trained, *of_critic])
    norm = clip_gradients(trained, settings.optimiser.clip_norm)
    progress.updates["rl"] = progress.updates.get("rl", 0) + 1
    where = f"update {progress.updates['rl']} of RL"
    check_finite(totals["loss"], "the loss", where)
    check_finite(norm, "the gradient's norm", where)
    count = max(totals.pop("tokens"), 1.0)
    own_count = max(totals.pop("own_tokens"), 1.0)
    sampler = {name: totals.pop(name) / own_count for name in ("gap", "truncated_share")}
    if session.recipe.rollout.ahead == 0:  # else `rollouts.audit` looks at the sampler
        check_gap(sampler["gap"], settings.mismatch.gap_limit, where)
    players.optimiser.step()
    if players.critic is not None and players.critic_optimiser is not None:
        critic_norm = clip_gradients(
            players.critic.parameters(), settings.critic.optimiser.clip_norm
        )
        check_finite(critic_norm, "the norm of the critic's gradient", where)
        players.critic_optimiser.step()
    means = {
        name: value if name in ("loss", "value_loss") else value / count
        for name, value in totals.items()
    }
    return means | sampler | {"grad_norm": norm}


def check_gap(gap: float, limit: float, where: str) -> None:
    """Raise RunError where the sampler's log-probabilities are not the trainer's."""
    if not gap <= limit:
        raise RunError(
            f"sampler and trainer differ by {gap:.3g} nats a token at {where}",
            f"at most rl.mismatch.gap_limit = {limit:g}",
            "check the engine's precision, or raise the limit",
        )
