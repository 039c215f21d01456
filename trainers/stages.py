"""The stages that a run may have, in their order: which are in a recipe, and when one is done."""

from collections.abc import Callable
from dataclasses import dataclass

from gym_reason.trainers import cold_start
from gym_reason.trainers.distillation import stage as distill
from gym_reason.trainers.preference import stage as preference
from gym_reason.trainers.recipe import Recipe
from gym_reason.trainers.reward_model import stage as reward_model
from gym_reason.trainers.rl import stage as rl
from gym_reason.trainers.session import Session
from gym_reason.trainers.supervised import stage as sft


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a run that has steps, checkpoints and a measurement at its end."""

    name: str
    """Its table in the recipe, and the word in metrics."""
    wanted: Callable[[Recipe], bool]
    """Whether a recipe has it."""
    run: Callable[[Session], None]
    """Runs it to its end, from where the last checkpoint left off."""
    is_finished: Callable[[Session], bool]
    """Whether it has taken all its steps."""


STAGES = (
    Stage(
        cold_start.STAGE,
        lambda recipe: recipe.cold_start.steps > 0,
        cold_start.run,
        cold_start.is_finished,
    ),
    Stage(sft.STAGE, lambda recipe: recipe.sft.steps > 0, sft.run, sft.is_finished),
    Stage(
        reward_model.STAGE,
        lambda recipe: recipe.reward_model.steps > 0,
        reward_model.run,
        reward_model.is_finished,
    ),
    Stage(
        preference.STAGE,
        lambda recipe: recipe.preference.steps > 0,
        preference.run,
        preference.is_finished,
    ),
    Stage(
        distill.STAGE,
        lambda recipe: recipe.distill.steps > 0,
        distill.run,
        distill.is_finished,
    ),
    Stage(rl.STAGE, lambda recipe: recipe.rl.steps > 0, rl.run, rl.is_finished),
)
"""Every stage, in the order in which a run takes them."""


def stages_of(recipe: Recipe) -> tuple[Stage, ...]:
    """Return the stages of a recipe, in order."""
    return tuple(stage for stage in STAGES if stage.wanted(recipe))
