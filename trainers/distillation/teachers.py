"""How a student is compared with its teacher, token by token: with a model, or with a cache."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import torch
from transformers import PreTrainedModel

from gym_reason.trainers.distillation.logits import TokenLogits, token_logits
from gym_reason.trainers.distillation.rows import Row
from gym_reason.trainers.formulas.distillation import TopK, compare_on_top_k, take_top_k
from gym_reason.trainers.model.batch import TokenBatch
from gym_reason.trainers.session import Session
from gym_reason.trainers.teacher.cache import TeacherCache
from gym_reason.trainers.teacher.checks import COMPARED
from gym_reason.trainers.teacher.model import find_reference, find_teacher, load_teacher

Categories: TypeAlias = tuple[torch.Tensor, torch.Tensor]
"""Log-probabilities of student and teacher on the same categories, `[K, C]` each."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A teacher's side of M tokens."""

    tensors: tuple[torch.Tensor, ...]
    """What belongs to the tokens, `[M, ...]` each."""
    compare: Callable[..., Categories]
    """From the student's log-probabilities of some tokens, and slices of `tensors`."""


class Teacher(Protocol):
    """Says how likely each token is."""

    def at(self, rows: Sequence[Row], batch: TokenBatch, index_M: torch.Tensor) -> Comparison:
        """Return its side of the chosen tokens of some rows."""
        ...


class ModelTeacher:
    """A model that is asked as training goes on."""

    def __init__(
        self, model: PreTrainedModel, width: int, temperature: float = 1.0, top_k: int = 0
    ) -> None:
        """Keep the model; its `top_k` likeliest tokens and their tail are used, with 0 all."""
        self.model = model
        self._width = width
        self._temperature = temperature
        self._top_k = top_k

    def at(self, rows: Sequence[Row], batch: TokenBatch, index_M: torch.Tensor) -> Comparison:
        """Return its side of the chosen tokens, from one forward pass without a gradient."""
        source = self.logits(batch, index_M)

        def compare(student_KV: torch.Tensor, states_KC: torch.Tensor) -> Categories:
            teacher_KV = (source.of(states_KC) / self._temperature).log_softmax(-1)
            if self._top_k == 0:
                return student_KV, teacher_KV
            return compare_on_top_k(student_KV, take_top_k(teacher_KV, self._top_k))

        return Comparison((source.states_MC,), compare)

    @torch.no_grad()
    def logits(self, batch: TokenBatch, index_M: torch.Tensor) -> TokenLogits:
        """Return what its logits before the chosen tokens are made from."""
        return token_logits(self.model, batch, index_M, self._width)


class CachedTeacher:
    """A teacher that was asked before."""

    def __init__(self, cache: TeacherCache, device: torch.device) -> None:
        """Use a cache that is of the student's tokenizer and of the temperature of the stage."""
        self._cache = cache
        self._device = device

    def at(self, rows: Sequence[Row], batch: TokenBatch, index_M: torch.Tensor) -> Comparison:
        """Return what was kept for the rows. Raises DataError for a row that was not."""
        entries = [self._cache.entry(row.id, row.ids, row.mask) for row in rows]
        tensors = tuple(
            torch.cat([getattr(entry, name) for entry in entries]).to(self._device)
            for name in ("ids_MK", "logps_MK", "tail_M")
        )

        def compare(
            student_KV: torch.Tensor, ids: torch.Tensor, logps: torch.Tensor, tail: torch.Tensor
        ) -> Categories:
            return compare_on_top_k(student_KV, TopK(ids.long(), logps.float(), tail.float()))

        return Comparison(tensors, compare)


@dataclass(frozen=True, slots=True)
class Teachers:
    """Whom the stage learns from, besides the texts."""

    width: int
    """Entries of the vocabulary that all models have; those beyond name no token."""
    teacher: Teacher | None = None
    """Whom the student is compared with."""
    aligned: ModelTeacher | None = None
    """Of `adpa`: the aligned teacher."""
    reference: ModelTeacher | None = None
    """Of `adpa`: the same before it was aligned."""


def open_teachers(session: Session) -> Teachers:
    """Return the teachers that the objective asks for; an embedded one is trained first.

    Raises:
        ModelError: A teacher cannot be read, or has another tokenizer.
        DataError: The cache cannot be read, or is of another tokenizer or temperature.
    """
    settings = session.recipe.distill
    width = vocabulary_of(session.learner.model)
    if settings.objective == "adpa":
        aligned = load_teacher(session, find_teacher(session))
        reference = load_teacher(session, find_reference(session))
        width = min(width, vocabulary_of(aligned), vocabulary_of(reference))
        return Teachers(
            width,
            aligned=ModelTeacher(aligned, width),
            reference=ModelTeacher(reference, width),
        )
    if settings.objective not in COMPARED:
        return Teachers(width)
    if session.recipe.teacher.cache:
        return Teachers(width, _open_cache(session))
    model = load_teacher(session, find_teacher(session))
    width = min(width, vocabulary_of(model))
    temperature = settings.divergence.temperature
    return Teachers(width, ModelTeacher(model, width, temperature, settings.top_k))


def _open_cache(session: Session) -> CachedTeacher:
    learner = session.learner
    cache = TeacherCache(Path(session.recipe.teacher.cache))
    cache.check(learner.tokenizer, session.recipe.distill.divergence.temperature)
    return CachedTeacher(cache, learner.device)


def vocabulary_of(model: PreTrainedModel) -> int:
    """Return how many logits a model has; often a few more than its tokenizer has tokens."""
    return int(model.config.get_text_config().vocab_size)
