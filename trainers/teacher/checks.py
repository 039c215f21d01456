"""What a recipe may not ask of its teacher; checked before anything is spent."""

from gym_reason.agents.models import resolve_model_folder
from gym_reason.errors import ConfigError
from gym_reason.trainers.recipe import Recipe

COMPARED = ("soft_targets", "gkd", "dckd", "adpa")
"""Objectives of distillation that ask for the teacher's probabilities."""


def check_teacher(recipe: Recipe) -> None:
    """Refuse a recipe whose teacher is not there, or cannot give what the recipe asks for.

    Raises:
        ModelError: A folder holds no model.
        ConfigError: The teacher and the rest of the recipe do not fit.
    """
    teacher = recipe.teacher
    if not _asks_teacher(recipe):
        return
    for path in (teacher.path, teacher.reference):
        if path:
            resolve_model_folder(path)
    if recipe.distill.steps > 0 and teacher.cache:
        _check_cache(recipe)
    elif recipe.model.path and not teacher.path:
        raise ConfigError(
            f"model.path = {recipe.model.path!r} with an empty teacher.path",
            "a teacher with that model's tokenizer",
            "set teacher.path",
        )
    aligned = recipe.distill.steps > 0 and recipe.distill.objective == "adpa"
    if aligned and not teacher.reference and (teacher.path or teacher.rl_steps == 0):
        raise ConfigError(
            "the teacher of adpa has no reference",
            "the same model before it was aligned",
            "set teacher.reference, or for an embedded teacher teacher.rl_steps",
        )


def _asks_teacher(recipe: Recipe) -> bool:
    if recipe.rl.steps > 0 and recipe.rl.teacher.weight > 0.0:
        return True
    distill = recipe.distill
    compared = distill.objective in COMPARED
    sampled = not distill.data.path and distill.data.source == "teacher"
    return distill.steps > 0 and (compared or (sampled and distill.objective != "una"))


def _check_cache(recipe: Recipe) -> None:
    distill = recipe.distill
    if distill.objective == "adpa":
        raise ConfigError(
            "teacher.cache with distill.objective = 'adpa'",
            "models: the student's own states are in no cache",
            "set teacher.path and teacher.reference",
        )
    if not distill.data.path:
        raise ConfigError(
            "teacher.cache without distill.data.path", "the file that the cache was made of"
        )
    if distill.objective == "gkd" and distill.student_share > 0.0:
        raise ConfigError(
            f"teacher.cache with distill.student_share = {distill.student_share}",
            "0: what the student says is in no cache",
            "or set teacher.path",
        )
