"""The data of the stage: made once as it begins, and kept in the run's folder."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import torch

from gym_reason.errors import RunError
from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.distillation.filters import REFUSED
from gym_reason.trainers.distillation.rows import (
    Coder,
    Data,
    Row,
    check_fits,
    dump_data,
    kept_data,
    read_pairs,
    read_rows,
)
from gym_reason.trainers.distillation.sampling import (
    STAGE,
    sampled_pairs,
    sampled_rows,
    sampled_scored,
)
from gym_reason.trainers.distillation.settings import DistillSettings
from gym_reason.trainers.model.batch import make_batch, plan_micro_batches
from gym_reason.trainers.model.logprobs import score_tokens
from gym_reason.trainers.session import Session

FILE = "distill-data.jsonl.zst"
"""Where the data lie in the folder of a run."""


def takes_pairs(settings: DistillSettings) -> bool:
    """Return whether the objective compares a chosen response with a rejected one."""
    return settings.objective in ("dckd", "adpa") or is_pairwise(settings)


def is_pairwise(settings: DistillSettings) -> bool:
    """Return whether the loss of a row depends on the other one of its pair."""
    return settings.objective == "una" and settings.scores.loss == "pairwise"


def takes_scores(settings: DistillSettings) -> bool:
    """Return whether the objective looks at whole responses and needs the first weights' word."""
    return settings.objective in ("uft", "una")


def prepare_data(session: Session) -> Data:
    """Return the data of the stage: those that it began with, or new ones, which are then kept.

    Raises:
        RunError: The stage goes on and its data are not there, or there are none to train on.
        DataError: A file cannot be read.
    """
    path = session.folder.path / FILE
    if session.world.decide(path.exists, "whether there are data to distil from"):
        return kept_data(path)
    if session.progress.done(STAGE) > 0:
        raise RunError(f"{path} is not there", "what the stage began with", "start a new run")
    log = DropLog()
    data = _make_data(session, log)
    dropped = sum(log.counts.values())
    reasons = ", ".join(f"{count} for {reason}" for reason, count in log.counts.items())
    what = "pairs" if data.paired else "rows"
    session.say(
        f"distillation: {len(data)} {what}" + (f"; {dropped} dropped: {reasons}" if dropped else "")
    )
    if not len(data):
        raise RunError(
            "there is nothing to distil from", f"at least one of the {what} to pass every test"
        )
    check_fits(session.learner.max_positions, data.rows)
    if takes_scores(session.recipe.distill):
        data = dataclasses.replace(data, rows=with_reference(session, data.rows))
    session.folder.keep_rows(path, dump_data(data))
    return data


def _make_data(session: Session, log: DropLog) -> Data:
    settings = session.recipe.distill
    paired, file = takes_pairs(settings), settings.data.path
    if not file:
        make: Callable[[Session, DropLog], list[Row]] = sampled_rows
        if paired:
            make = sampled_pairs
        elif takes_scores(settings):
            make = sampled_scored
        return Data(tuple(make(session, log)), paired)
    coder, path = Coder(session.learner.tokenizer), Path(file)
    if paired:
        return Data(tuple(read_pairs(coder, path, log)), True, from_file=True)
    rows = read_rows(coder, path, log, scored=takes_scores(settings))
    if not takes_scores(settings):
        for row in (row for row in rows if row.score < settings.data.min_score):
            log.add(row.id, REFUSED)
        rows = [row for row in rows if row.score >= settings.data.min_score]
    return Data(tuple(rows), from_file=True)


@torch.no_grad()
def with_reference(session: Session, rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """Return the rows with the log-probability of each response under the weights as they are."""
    learner, limit = session.learner, session.recipe.distill.micro_batch_tokens
    found = list(rows)
    for micro in plan_micro_batches([len(row.ids) for row in rows], limit):
        batch = make_batch([rows[at].trace for at in micro], learner.pad_id, learner.device)
        with learner.mixed_precision():
            logps_NT = score_tokens(learner.model, batch.ids_NL, start=batch.start).logps_NT
        for at, logp in zip(micro, (logps_NT * batch.mask_NT).sum(1).tolist(), strict=True):
            found[at] = dataclasses.replace(rows[at], ref_logp=logp)
    return tuple(found)
