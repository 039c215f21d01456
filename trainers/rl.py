"""The RL loop: episodes, advantages, updates. It does not know which algorithm it runs.

The recipe names an advantage, a filter, a policy loss, an aggregation, a KL term and more; see
`formulas`. The step itself is in `collect`, `window` and `update`.
"""

import copy
import time
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from gym_reason.errors import RunError
from gym_reason.records import open_atomic
from gym_reason.trainers.checkpoint import Part
from gym_reason.trainers.collect import Collected, collect, describe
from gym_reason.trainers.critic import Critic
from gym_reason.trainers.optimiser import learning_rate, make_optimiser, set_learning_rate
from gym_reason.trainers.session import Session
from gym_reason.trainers.streams import Players
from gym_reason.trainers.teacher import find_teacher, load_teacher
from gym_reason.trainers.update import update
from gym_reason.trainers.window import attach_advantages, make_window
from gym_reason.types import Json

STAGE = "rl"
SOLVED_STEPS = 10
"""Steps over which `rl.solved_at` is measured."""


def run(session: Session) -> None:
    """Train by RL until the recipe's steps are done; goes on where a checkpoint left off."""
    settings, progress = session.recipe.rl, session.progress
    players = make_players(session)
    session.start_stage(STAGE, settings.steps, checkpoint_parts(players))
    while not is_finished(session):
        started = time.monotonic()
        step = progress.done(STAGE)
        session.seed_generators(STAGE, step)
        lr = _set_rates(session, players, step)
        collected = collect_or_save(session, step)
        session.learner.engine.rest()
        rollout_seconds = time.monotonic() - started
        row: dict[str, Json] = {"stage": STAGE, "step": step + 1, **describe(collected)}
        window = make_window(session, collected)
        groups = collected.groups
        kept = [t for group in groups[: settings.log_groups] for t in group.trajectories]
        figures: dict[str, Json] = {"updates": 0}
        if window is not None:
            figures, advantages_NT = update(session, players, window, step)
            kept = attach_advantages(kept, collected.samples, advantages_NT)
        if figures["updates"]:
            session.learner.engine.update_weights()
            figures |= session.engine_figures()
            progress.controls["entropy"] = float(str(figures["entropy"]))
        if session.curriculum is not None:
            row["level"] = session.curriculum.level
        row |= figures | {
            "lr": lr,
            "rollout_seconds": rollout_seconds,
            "seconds": time.monotonic() - started,
        }
        tokens = sum(t.completion_tokens for group in groups for t in group.trajectories)
        row["tokens_per_s"] = tokens / (time.monotonic() - started)
        progress.tokens += tokens
        progress.count_step(STAGE, updates=0)  # each update has counted itself
        accuracy = float(str(row["accuracy"]))
        progress.recent_accuracy = [*progress.recent_accuracy, accuracy][-SOLVED_STEPS:]
        session.folder.write_trajectories(f"rl-{progress.done(STAGE):06d}", kept)
        session.finish_step(row, last=is_finished(session))


def collect_or_save(session: Session, step: int) -> Collected:
    """Collect the step's groups; where that fails, leave a checkpoint of the steps before."""
    before = session.curriculum.state() if session.curriculum is not None else None
    try:
        return collect(session, step)
    except RunError:
        last = session.store.last()
        # What a step before has saved is as good; half a step of the curriculum is not.
        if last is None or session.store.load_progress(last).step < session.progress.step:
            if session.curriculum is not None and before is not None:
                session.curriculum.load_state(before)
            session.save()
        raise


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
    model = copy.deepcopy(session.learner.model)
    start = session.folder.path / "reference.pt"
    if session.progress.done(STAGE) > 0:
        model.load_state_dict(_read_reference(start, session.learner.device))
    else:
        with open_atomic(start) as file:
            torch.save(model.state_dict(), file)
    model.train(False)
    model.requires_grad_(False)
    return model


def _read_reference(path: Path, device: torch.device) -> Any:
    if not path.exists():
        raise RunError(
            f"{path} is not there: the run began without a reference model",
            "rl.kl.weight = 0, as it began",
            "start a new run",
        )
    return torch.load(path, weights_only=True, map_location=device)
