"""Supervised fine-tuning on demonstrations from several sources, mixed in proportion."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gym_reason.agents.build import find_unknown_token
from gym_reason.envs.base import sample_tasks
from gym_reason.errors import DataError
from gym_reason.registry import make
from gym_reason.rollout import EnvPool
from gym_reason.seeding import derive_seed
from gym_reason.trainers.distributed.shares import share_micro_batches
from gym_reason.trainers.model.logprobs import score_tokens
from gym_reason.trainers.model.optimiser import (
    learning_rate,
    make_optimiser,
    set_learning_rate,
    take_step,
)
from gym_reason.trainers.session import Session, check_finite
from gym_reason.trainers.supervised.demonstrations import (
    end_token,
    play_demonstrations,
    read_demonstrations,
)
from gym_reason.trainers.supervised.mixing import Mixer, mixing_shares
from gym_reason.trainers.supervised.packing import (
    Row,
    check_packing,
    pack_rows,
    plan_packs,
    score_packed,
)
from gym_reason.trainers.supervised.settings import SftSource
from gym_reason.types import Json, TokenTrace

STAGE = "sft"


def is_finished(session: Session) -> bool:
    """Return whether the stage has taken all its steps."""
    return session.progress.done(STAGE) >= session.recipe.sft.steps


def run(session: Session) -> None:
    """Train on demonstrations until the stage is done; goes on where a checkpoint left off."""
    settings = session.recipe.sft
    progress, learner = session.progress, session.learner
    sources = [
        load_source(session, source, number) for number, source in enumerate(settings.sources)
    ]
    if settings.packing:
        check_packing(learner.model, sources[0].rows[0], learner.pad_id)
    mixer = mix_sources(session, sources)
    optimiser = make_optimiser(learner.model.parameters(), settings.optimiser)
    session.start_stage(STAGE, settings.steps, {"optimiser": optimiser})
    learner.model.train()
    while not is_finished(session):
        started = time.monotonic()
        step = progress.done(STAGE)
        session.seed_generators(STAGE, step)
        rows = [sources[source].rows[row] for source, row in mixer.draw(step)]
        lr = learning_rate(settings.optimiser, step, settings.steps)
        set_learning_rate(optimiser, lr)
        optimiser.zero_grad(set_to_none=True)
        loss = add_gradient(session, rows)
        check_finite(loss, "the loss", f"step {step} of supervised fine-tuning")
        norm = take_step(session.world, optimiser, settings.optimiser.clip_norm)
        check_finite(norm, "the norm of the gradient", f"step {step} of supervised fine-tuning")
        progress.count_step(STAGE)
        tokens = sum(int(row.learned.sum()) for row in rows)
        progress.tokens += tokens
        seconds = time.monotonic() - started
        figures: dict[str, Json] = {
            "stage": STAGE,
            "step": progress.done(STAGE),
            "loss": loss,
            "lr": lr,
            "grad_norm": norm,
            "tokens_per_s": tokens / seconds,
            "seconds": seconds,
        }
        session.finish_step(figures, last=is_finished(session))
    learner.model.train(False)
    learner.engine.refresh()


def add_gradient(session: Session, rows: Sequence[Row]) -> float:
    """Add the gradient of the mean loss of the rows' learned tokens, and return that loss.

    The mean is over the tokens of all rows, however they are packed, split into passes and shared
    out among processes.
    """
    settings, learner = session.recipe.sft, session.learner
    lengths = [len(row) for row in rows]
    packs = [[row] for row in range(len(rows))]
    if settings.packing:
        packs = plan_packs(lengths, settings.max_tokens)
    widths = [sum(lengths[row] for row in pack) for pack in packs]
    total = sum(int(row.learned.sum()) for row in rows)
    mean = 0.0
    for one in share_micro_batches(learner.world, widths, settings.micro_batch_tokens):
        chosen = [packs[pack] for pack in one.items]
        batch = pack_rows(rows, chosen, learner.pad_id, learner.device)
        with learner.mixed_precision():
            if settings.packing:
                logps_PT = score_packed(learner.model, batch)
            else:
                logps_PT = score_tokens(learner.model, batch.ids_PL, start=batch.start).logps_NT
        loss = -(logps_PT * batch.mask_PT).sum() / total
        one.weigh(loss).backward()  # type: ignore[no-untyped-call]
        mean += loss.item() if one.counts else 0.0
    return learner.world.add_figures({"loss": mean}, "the loss of fine-tuning")["loss"]


@dataclass(frozen=True, slots=True)
class LoadedSource:
    """What there is to learn from a source."""

    settings: SftSource
    """Where it comes from."""
    rows: tuple[Row, ...]
    """Its rows; at least one."""


def mix_sources(session: Session, sources: Sequence[LoadedSource]) -> Mixer:
    """Return what draws the rows of each step, and say how large a share each source has."""
    settings = session.recipe.sft
    sizes = [len(source.rows) for source in sources]
    weights = [source.settings.weight for source in sources]
    shares = mixing_shares(sizes, weights, settings.temperature, settings.cap)
    for source, share in zip(sources, shares, strict=True):
        if len(sources) > 1:
            session.say(f"{share:.1%} of the demonstrations come from {source.settings.name}")
    return Mixer(sizes, shares, settings.batch_rows, session.recipe.seed, STAGE)


def load_source(session: Session, source: SftSource, number: int) -> LoadedSource:
    """Return the rows of a source that can be learned; the others are counted aloud.

    Raises DataError where there are none.
    """
    learner, limit = session.learner, session.recipe.sft.max_tokens
    end_token(learner.tokenizer)
    if source.path:
        traces = read_demonstrations(Path(source.path), learner.encoder, learner.tokenizer)
    else:
        traces = demonstrate(session, source, number)
    short = [trace for trace in traces if len(trace.ids) <= limit]
    unknown = find_unknown_token(learner.tokenizer)
    known = [trace for trace in short if unknown is None or unknown not in trace.ids]
    dropped = [
        f"{count} {why}"
        for count, why in (
            (len(traces) - len(short), f"over {limit} tokens"),
            (len(short) - len(known), "with characters that the tokenizer lacks"),
        )
        if count
    ]
    if not known:
        raise DataError(
            f"{source.name} has no row to learn: {' and '.join(dropped)} of {len(traces)}",
            "rows within sft.max_tokens, in characters that the model knows",
        )
    if dropped:
        session.say(f"{source.name}: dropped {' and '.join(dropped)}, of {len(traces)} rows")
    train_on = session.recipe.sft.train_on
    return LoadedSource(source, tuple(make_row(t, whole=train_on == "all") for t in known))


def make_row(trace: TokenTrace, *, whole: bool) -> Row:
    """Return a stream as a row, its actions or all its tokens learned."""
    learned = np.ones(len(trace.ids), np.bool_) if whole else np.array(trace.action_mask, np.bool_)
    learned[0] = False
    return Row(np.array(trace.ids, np.int32), learned)


def demonstrate(session: Session, source: SftSource, number: int) -> list[TokenTrace]:
    """Return the streams of an environment's demonstrations."""
    recipe = session.recipe
    env_id = source.env or recipe.env.id
    kwargs = dict(source.kwargs if source.env or source.kwargs else recipe.env.kwargs)
    envs = EnvPool(lambda: make(env_id, **kwargs, split=source.split))
    try:
        env = envs.take()
        tasks = sample_tasks(env, source.problems, derive_seed(recipe.seed, STAGE, "tasks", number))
        envs.give_back(env)
        return play_demonstrations(session, tasks, source.think_share, envs, STAGE, number)
    finally:
        envs.close()
