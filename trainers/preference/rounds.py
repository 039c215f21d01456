"""A round of preference training: its records, its reference, and what of both the run keeps.

A round's records depend on the weights as it begins, so they are written down before its first
step: `preference/round-001.pt` for the run to go on with, and the same in words beside it.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import PreTrainedModel

from gym_reason.errors import DataError, RunError
from gym_reason.records import to_json
from gym_reason.seeding import derive_rng
from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.formulas import preference_losses
from gym_reason.trainers.preference.examples import (
    Dataset,
    Example,
    choose,
    dump_dataset,
    make_dataset,
    read_dataset,
)
from gym_reason.trainers.preference.records import find_reason, read_records
from gym_reason.trainers.preference.sampling import (
    add_self_samples,
    distinct_answers,
    make_lists,
    make_negatives,
    make_pairs,
    play_round,
)
from gym_reason.trainers.preference.scores import add_reference
from gym_reason.trainers.preference.settings import STAGE
from gym_reason.trainers.preference.steps import make_step_pairs
from gym_reason.trainers.rl.collect import cut_off
from gym_reason.trainers.session import Session
from gym_reason.trainers.teacher.model import load_teacher
from gym_reason.types import Group, Json


@dataclass(frozen=True, slots=True)
class Round:
    """What the steps of a round work on."""

    number: int
    """Which round, from 0."""
    dataset: Dataset | None
    """Its records; None where the policy's answers held none."""
    reference: PreTrainedModel | None
    """The weights with which it began, where whole distributions of them are read."""
    figures: dict[str, Json]
    """How its records came about, as it begins; empty later."""


def open_round(session: Session, number: int, *, begins: bool) -> Round:
    """Return a round: made anew as it begins, read from the run's folder later.

    Raises RunError or DataError where there is nothing to train on.
    """
    folder = session.folder.path / STAGE
    device = session.learner.device
    if not begins:
        dataset = read_dataset(_file(folder, number), device)
        return Round(number, dataset, _reference(session, folder, number, begins=False), {})
    if session.progress.done(STAGE) > 0:
        # Of the references only this one and the last are kept, so no run may go back behind them.
        session.save()
        session.learner.engine.update_weights()
    reference = _reference(session, folder, number, begins=True)
    dataset, figures = _make_data(session, folder, number)
    if dataset is not None:
        dataset = _with_reference(session, dataset)
    session.folder.keep(_file(folder, number), dump_dataset(dataset))
    return Round(number, dataset, reference, figures)


def _file(folder: Path, number: int, name: str = "round") -> Path:
    return folder / f"{name}-{number + 1:03d}.pt"


def _reference(
    session: Session, folder: Path, number: int, *, begins: bool
) -> PreTrainedModel | None:
    """Return a frozen copy of the weights with which the round began, where the loss reads it."""
    if "kl" not in preference_losses.get(session.recipe.preference.loss).needs:
        return None
    path = _file(folder, number, "reference")
    model = session.learner.copy_frozen()
    if begins:
        session.folder.keep_state(path, model.state_dict())
        if number > 1:
            session.folder.drop(_file(folder, number - 2, "reference"))
    elif path.exists():
        weights = torch.load(path, weights_only=True, map_location=session.learner.device)
        model.load_state_dict(weights)
    else:
        raise RunError(f"{path} is not there", "the reference of the round", "start a new run")
    return session.learner.split(model)


def _with_reference(session: Session, dataset: Dataset) -> Dataset:
    settings = session.recipe.preference
    if "reference" not in preference_losses.get(settings.loss).needs:
        return dataset
    other = None
    if settings.self_reference and settings.loss == "d2o":
        other = load_teacher(session, settings.self_reference)
    return add_reference(session.learner, dataset, settings.micro_batch_tokens, other)


def _make_data(
    session: Session, folder: Path, number: int
) -> tuple[Dataset | None, dict[str, Json]]:
    """Return the records of a round and how they came about."""
    settings, learner = session.recipe.preference, session.learner
    pool = folder / "pool.pt"
    if settings.data == "chunks" and number > 0:
        return _chunk(session, read_dataset(pool, learner.device), number), {}
    log = DropLog()
    figures: dict[str, Json] = {}
    if settings.path:
        examples = read_records(Path(settings.path), settings.records, learner, log)
        if not examples:
            raise DataError(
                f"{settings.path} holds no record that teaches anything ({_reasons(log)})",
                f"records of the kind {settings.records}",
            )
    else:
        tasks = settings.tasks_per_round
        groups = play_round(session, number, tasks * (settings.rounds if _pools(session) else 1))
        examples = _from_groups(session, groups, number, log)
        figures = _describe(session, groups)
    if settings.loss == "d2o":
        examples = add_self_samples(session, examples, number)
    figures |= {"records": len(examples), "records_dropped": log.counts}
    session.say(f"round {number + 1}: {len(examples)} records ({_reasons(log)})")
    if examples and not settings.path:
        lines = [json.dumps(to_json(example.record), ensure_ascii=False) for example in examples]
        words = _file(folder, number).with_suffix(".jsonl")
        session.folder.keep(words, "\n".join(lines) + "\n")
    dataset = make_dataset(examples, learner.pad_id, learner.device) if examples else None
    if not _pools(session):
        return dataset, figures
    session.folder.keep(pool, dump_dataset(dataset))
    return _chunk(session, dataset, number), figures


def _pools(session: Session) -> bool:
    settings = session.recipe.preference
    return settings.data == "chunks" and settings.rounds > 1


def _chunk(session: Session, dataset: Dataset | None, number: int) -> Dataset | None:
    """Return a round's share of the records that there were at the start."""
    if dataset is None:
        return None
    rounds = session.recipe.preference.rounds
    order = derive_rng(session.recipe.seed, STAGE, "chunks").permutation(len(dataset)).tolist()
    share = order[number * len(order) // rounds : (number + 1) * len(order) // rounds]
    return choose(dataset, sorted(share)) if share else None


def _from_groups(session: Session, groups: list[Group], number: int, log: DropLog) -> list[Example]:
    settings, limit = session.recipe.preference, session.recipe.preference.records_per_task
    answers_of = [distinct_answers(group, log) for group in groups]
    if settings.records == "step_pair":
        examples = make_step_pairs(session, answers_of, number, log)
    elif settings.records == "negative":
        retain = settings.loss == "npo" and settings.numbers.retain_weight > 0.0
        examples = [
            example
            for group, answers in zip(groups, answers_of, strict=True)
            for example in make_negatives(group, answers, limit, log, retain=retain)
        ]
    else:
        make = make_pairs if settings.records == "pair" else make_lists
        examples = [
            example
            for group, answers in zip(groups, answers_of, strict=True)
            for example in make(group, answers, limit, log)
        ]
    kept = []
    for example in examples:
        reason = find_reason(example, settings.records, session.learner.max_positions)
        if reason:
            log.add("sampled", reason)
        else:
            kept.append(example)
    return kept


def _describe(session: Session, groups: list[Group]) -> dict[str, Json]:
    """Return figures of the answers, and count their tokens. Raises RunError for no verdict."""
    played = [trajectory for group in groups for trajectory in group.trajectories]
    scorable = [trajectory for trajectory in played if trajectory.scorable]
    if not scorable:
        raise RunError(f"none of the {len(played)} answers of a round could be scored")
    session.progress.tokens += sum(trajectory.completion_tokens for trajectory in played)
    return {
        "sampled_accuracy": sum(t.correct for t in scorable) / len(scorable),
        "cut_off": sum(cut_off(t) for t in scorable) / len(scorable),
        "unscorable": len(played) - len(scorable),
    }


def _reasons(log: DropLog) -> str:
    counts = ", ".join(f"{reason}: {count}" for reason, count in log.counts.items())
    return f"dropped: {counts}" if counts else "none dropped"
