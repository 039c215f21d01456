"""Training a reward model: a copy of the policy that scores answers, or the steps of answers.

The policy itself stays as it is. The model is written to `reward_model/` in the run's folder, which
the verifiers `reward_model:` and `process_reward_model:` load.
"""

import time
from collections.abc import Sequence

import torch
from transformers import PreTrainedModel

from gym_reason.agents.reward_models.folder import Head
from gym_reason.seeding import derive_seed
from gym_reason.trainers.distributed.shares import share_passes
from gym_reason.trainers.formulas.reward_model import RewardRows, count_right, reward_losses
from gym_reason.trainers.model.adapters import Adapter, make_adapter
from gym_reason.trainers.model.optimiser import (
    learning_rate,
    make_optimiser,
    set_learning_rate,
    take_step,
)
from gym_reason.trainers.reward_model.data import NAME, load_data
from gym_reason.trainers.reward_model.scorer import (
    Example,
    build_scorer,
    plan_examples,
    score,
    write_scorer,
)
from gym_reason.trainers.run.checkpoint import Part
from gym_reason.trainers.session import Session, check_finite
from gym_reason.trainers.supervised.mixing import Mixer
from gym_reason.types import Json

STAGE = NAME


def is_finished(session: Session) -> bool:
    """Return whether the reward model has taken all its steps."""
    return session.progress.done(STAGE) >= session.recipe.reward_model.steps


def run(session: Session) -> None:
    """Train the reward model and write it; goes on where a checkpoint left off."""
    settings, progress = session.recipe.reward_model, session.progress
    head: Head = "token" if settings.loss == "process" else "sequence"
    labels = settings.labels if settings.loss == "classification" else 1
    data = load_data(session, head)
    scorer = build_scorer(session.learner, head, labels)
    adapter = _adapt(session, scorer)
    trained = scorer if adapter is None else adapter.model
    optimiser = make_optimiser(trained.parameters(), settings.optimiser)
    parts: dict[str, Part] = {"optimiser": optimiser, "reward_model": trained}
    session.start_stage(STAGE, settings.steps, parts)
    mixer = Mixer([len(data.trained)], [1.0], settings.batch_rows, session.recipe.seed, STAGE)
    while not is_finished(session):
        started = time.monotonic()
        step = progress.done(STAGE)
        session.seed_generators(STAGE, step)
        examples = [data.trained[row] for _, row in mixer.draw(step)]
        lr = learning_rate(settings.optimiser, step, settings.steps)
        set_learning_rate(optimiser, lr)
        optimiser.zero_grad(set_to_none=True)
        trained.train()
        loss = add_gradient(session, trained, head, examples)
        check_finite(loss, "the loss", f"step {step} of the reward model")
        norm = take_step(session.world, optimiser, settings.optimiser.clip_norm)
        check_finite(norm, "the norm of the gradient", f"step {step} of the reward model")
        trained.train(False)
        progress.count_step(STAGE)
        row: dict[str, Json] = {
            "stage": STAGE,
            "step": progress.done(STAGE),
            "loss": loss,
            "lr": lr,
            "grad_norm": norm,
        }
        if data.held_out and (
            progress.done(STAGE) % settings.evaluate_every == 0 or is_finished(session)
        ):
            row |= measure(session, trained, head, data.held_out)
        row["seconds"] = time.monotonic() - started
        session.finish_step(row, last=is_finished(session))
    if adapter is not None:
        adapter.merge()
    publish(session, scorer, head, data.held_out or data.trained)


def _adapt(session: Session, scorer: PreTrainedModel) -> Adapter | None:
    """Return an adapter on the scorer where the policy has one."""
    recipe = session.recipe
    if session.learner.adapter is None:
        return None
    seed = derive_seed(recipe.seed, STAGE, "adapter")
    return make_adapter(scorer, recipe.adapter, seed, None, learns_head=True)


def add_gradient(
    session: Session, scorer: PreTrainedModel, head: Head, examples: Sequence[Example]
) -> float:
    """Add the gradient of the examples' mean loss to the scorer, and return that loss."""
    settings = session.recipe.reward_model
    loss_of = reward_losses.get(settings.loss)
    mean = 0.0

    def plan(chosen: list[int]) -> list[list[int]]:
        found = plan_examples([examples[at] for at in chosen], settings.micro_batch_tokens)
        return [[chosen[at] for at in part] for part in found]

    costs = [example.width * len(example.sequences) for example in examples]
    for one in share_passes(session.world, costs, plan):
        with session.learner.mixed_precision():
            rows = score(scorer, head, [examples[index] for index in one.items])
        loss = loss_of(rows, settings.centring).sum() / len(examples)
        one.weigh(loss).backward()  # type: ignore[no-untyped-call]
        mean += loss.item() if one.counts else 0.0
    return session.world.add_figures({"loss": mean}, "the loss of the reward model")["loss"]


@torch.no_grad()
def score_all(
    session: Session, scorer: PreTrainedModel, head: Head, examples: Sequence[Example]
) -> RewardRows:
    """Return what the scorer says of many examples, in passes of limited size."""
    parts: list[RewardRows] = []
    count = 0
    for plan in plan_examples(examples, session.recipe.reward_model.micro_batch_tokens):
        with session.learner.mixed_precision():
            rows = score(scorer, head, [examples[index] for index in plan])
        parts.append(
            RewardRows(rows.logits_RC, rows.targets_RC, rows.example_R + count, rows.margin_R)
        )
        count += len(plan)
    return RewardRows(
        torch.cat([rows.logits_RC for rows in parts]),
        torch.cat([rows.targets_RC for rows in parts]),
        torch.cat([rows.example_R for rows in parts]),
        torch.cat([rows.margin_R for rows in parts]),
    )


def measure(
    session: Session, scorer: PreTrainedModel, head: Head, examples: Sequence[Example]
) -> dict[str, Json]:
    """Return the loss on held-out examples, and the share of judgements that are right."""
    settings = session.recipe.reward_model
    rows = score_all(session, scorer, head, examples)
    loss = reward_losses.get(settings.loss)(rows, settings.centring).mean().item()
    if settings.loss == "regression":  # any two answers can be compared
        rows = RewardRows(
            rows.logits_RC, rows.targets_RC, torch.zeros_like(rows.example_R), rows.margin_R
        )
    right, count = count_right(settings.loss, rows)
    figures: dict[str, Json] = {"held_out_loss": loss, "held_out_count": count}
    return figures | ({"held_out_accuracy": right / count} if count else {})


def publish(
    session: Session, scorer: PreTrainedModel, head: Head, examples: Sequence[Example]
) -> None:
    """Write the model's folder, with the mean score of some answers in it, and say how it is used.

    Raises RunError.
    """
    settings = session.recipe.reward_model
    folder = session.folder.path / STAGE
    center = score_all(session, scorer, head, examples).scores_R.mean().item()
    if session.world.is_main:
        write_scorer(scorer, session.learner, folder, center)
    name = f"reward_model:{folder}"
    if head == "token":
        separator = settings.separator.replace("\n", "\\n")
        name = f"process_{name},min,boundary={settings.boundary},separator={separator}"
    session.say(f"the reward model is {folder}; use it as gym-reason verify '{name}' FILE.jsonl")
