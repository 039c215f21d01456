"""The RL loop: episodes, advantages, updates. It does not know which algorithm it runs.

The recipe names an advantage, a filter, a policy loss, an aggregation, a KL term and more; see
`formulas`. The step itself is in `collect`, `window` and `update`; `rollouts` decides whether the
episodes are played in turn with the updates or ahead of them.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from gym_reason.errors import RunError
from gym_reason.trainers.model.critic import Critic
from gym_reason.trainers.model.optimiser import learning_rate, make_optimiser, set_learning_rate
from gym_reason.trainers.rl.collect import describe
from gym_reason.trainers.rl.streams import Players
from gym_reason.trainers.rl.update import Update, update
from gym_reason.trainers.rl.window import Window, attach_advantages, make_window
from gym_reason.trainers.rollouts.ahead import PlayedAhead
from gym_reason.trainers.rollouts.episodes import STAGE as STAGE
from gym_reason.trainers.rollouts.episodes import EpisodeSource, PlayedInTurn
from gym_reason.trainers.rollouts.followed import PlayedByMain
from gym_reason.trainers.rollouts.stored import NAME
from gym_reason.trainers.run.checkpoint import Part
from gym_reason.trainers.session import Session
from gym_reason.trainers.teacher.model import find_teacher, load_teacher
from gym_reason.types import Json

SOLVED_STEPS = 10
"""Steps over which `rl.solved_at` is measured."""


def run(session: Session) -> None:
    """Train by RL until the recipe's steps are done; goes on where a checkpoint left off."""
    settings, progress = session.recipe.rl, session.progress
    players = make_players(session)
    session.start_stage(STAGE, settings.steps, checkpoint_parts(players))
    with open_source(session) as source:
        while not is_finished(session):
            row = _take_step(session, players, source)
            accuracy = float(str(row["accuracy"]))
            progress.recent_accuracy = [*progress.recent_accuracy, accuracy][-SOLVED_STEPS:]
            session.finish_step(row, last=is_finished(session))


def _take_step(session: Session, players: Players, source: EpisodeSource) -> dict[str, Json]:
    """Take one step and return its line of the metrics."""
    settings, progress = session.recipe.rl, session.progress
    started = time.monotonic()
    step = progress.done(STAGE)
    lr = _set_rates(session, players, step)
    played = source.take(step)
    collected, groups = played.collected, played.collected.groups
    try:
        row: dict[str, Json] = {"stage": STAGE, "step": step + 1, **describe(collected)}
    except RunError:
        session.keep()  # nothing has been learned of this step
        raise
    window = make_window(session, collected)
    kept = [t for group in groups[: settings.log_groups] for t in group.trajectories]
    figures: dict[str, Json] = {"updates": 0}
    if window is not None:
        figures, advantages_NT = _update(session, players, window, step)
        kept = attach_advantages(kept, collected.samples, advantages_NT)
    if figures["updates"]:
        figures |= source.pass_on_weights()
        progress.controls["entropy"] = float(str(figures["entropy"]))
    if played.level is not None:
        row["level"] = played.level
    row |= {**figures, **played.figures}
    row |= {
        "lr": lr,
        "rollout_seconds": played.seconds,
        "seconds": time.monotonic() - started,
    }
    tokens = sum(t.completion_tokens for group in groups for t in group.trajectories)
    row["tokens_per_s"] = tokens / (time.monotonic() - started)
    progress.tokens += tokens
    progress.count_step(STAGE, updates=0)  # each update has counted itself
    session.folder.write_trajectories(f"rl-{progress.done(STAGE):06d}", kept)
    return row


def _update(session: Session, players: Players, window: Window, step: int) -> Update:
    """Take the step's update. Raises RunError where it stands still: its weights are half-way."""
    with session.watched(f"the update of step {step + 1}"):
        return update(session, players, window, step)


@contextlib.contextmanager
def open_source(session: Session) -> Iterator[EpisodeSource]:
    """Lend what plays the episodes, as the recipe has it; it goes on where a checkpoint left off.

    Every checkpoint of the stage holds what is played ahead.
    """
    if session.recipe.rollout.ahead == 0:
        yield PlayedInTurn(session)
        return
    if not session.world.is_main:
        follower = PlayedByMain(session)
        yield follower
        follower.close()
        return
    source = PlayedAhead(session)
    last = session.store.last()
    if session.progress.done(STAGE) > 0 and last is not None and (last / f"{NAME}.pt").exists():
        session.store.load_parts(last, {NAME: source})
    session.parts[NAME] = source
    try:
        yield source
    except BaseException:
        with contextlib.suppress(RunError):  # what ends the run is known
            source.close()
        raise
    # What follows asks the engine, which has to have the last weights.
    source.close(session.recipe.rollout.stall_seconds)


def is_finished(session: Session) -> bool:
    """Return whether RL has taken all its steps, or has solved its task."""
    settings, progress = session.recipe.rl, session.progress
    recent = progress.recent_accuracy
    solved = len(recent) == SOLVED_STEPS and sum(recent) / SOLVED_STEPS >= settings.solved_at
    return progress.done(STAGE) >= settings.steps or (settings.solved_at > 0.0 and solved)


def make_players(session: Session) -> Players:
    """Return the networks and optimisers that the recipe asks for, as RL begins."""
    settings, model = session.recipe.rl, session.learner.model
    parameters = [weight for weight in model.parameters() if weight.requires_grad]
    critic, critic_optimiser = None, None
    if settings.critic.kind != "none":
        separators = None
        if settings.critic.kind == "dual_attention":
            vocabulary = session.learner.tokenizer.get_vocab()
            ends = [vocabulary[one] for one in settings.critic.separators if one in vocabulary]
            separators = frozenset(ends)
        critic = Critic(model, separate=settings.critic.kind != "shared", separators=separators)
        if critic.network is not None:
            trained = [weight for weight in critic.parameters() if weight.requires_grad]
            critic_optimiser = make_optimiser(trained, settings.critic.optimiser)
        else:
            parameters += list(critic.head.parameters())
    return Players(
        optimiser=make_optimiser(parameters, settings.optimiser),
        reference=make_reference(session) if settings.kl.weight > 0.0 else None,
        teacher=(
            load_teacher(session, find_teacher(session)) if settings.teacher.weight > 0.0 else None
        ),
        critic=critic,
        critic_optimiser=critic_optimiser,
    )


def checkpoint_parts(players: Players) -> dict[str, Part]:
    """Return what a checkpoint of RL holds besides the model."""
    parts: dict[str, Part] = {"optimiser": players.optimiser}
    if players.critic is not None:
        parts["critic"] = players.critic
    if players.critic_optimiser is not None:
        parts["critic_optimiser"] = players.critic_optimiser
    return parts


def _set_rates(session: Session, players: Players, step: int) -> float:
    """Set the learning rates of a step and return the policy's."""
    settings = session.recipe.rl
    lr = learning_rate(settings.optimiser, step, settings.steps)
    set_learning_rate(players.optimiser, lr)
    if players.critic_optimiser is not None:
        rate = learning_rate(settings.critic.optimiser, step, settings.steps)
        set_learning_rate(players.critic_optimiser, rate)
    return lr


def make_reference(session: Session) -> PreTrainedModel:
    """Return a frozen copy of the weights with which RL began.

    Raises RunError where RL goes on and the copy is not there.
    """
    model = session.learner.copy_frozen()
    start = session.folder.path / "reference.pt"
    if session.progress.done(STAGE) > 0:
        model.load_state_dict(_read_reference(start, session.learner.device))
    else:
        session.folder.keep_state(start, model.state_dict())
    return session.learner.split(model)


def _read_reference(path: Path, device: torch.device) -> Any:
    if not path.exists():
        raise RunError(
            f"{path} is not there: the run began without a reference model",
            "rl.kl.weight = 0, as it began",
            "start a new run",
        )
    return torch.load(path, weights_only=True, map_location=device)
