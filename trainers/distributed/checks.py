"""What a recipe may not ask of several processes; checked before anything is written."""

from gym_reason.errors import ConfigError
from gym_reason.trainers.distributed.gpus import share_gpus
from gym_reason.trainers.distributed.playing import main_plays
from gym_reason.trainers.distributed.world import World
from gym_reason.trainers.recipe import Recipe


def check_world(recipe: Recipe, world: World) -> None:
    """Refuse a recipe that several processes cannot run together. Raises ConfigError."""
    if world.size == 1:
        return
    if recipe.engine == "vllm" and recipe.rollout.backend == "local":
        raise ConfigError(
            f"engine = 'vllm' in {world.size} processes",
            "engine = 'server', a process of its own: vLLM in this one would take over torch's "
            "process groups, and end them with itself",
        )
    if recipe.engine == "server" and recipe.vllm.gpus and not main_plays(recipe):
        share_gpus(recipe.vllm.gpus, world)
    if world.mesh is not None:
        _check_split(recipe)


def _check_split(recipe: Recipe) -> None:
    """Refuse what needs whole weights in training."""
    found = ""
    if recipe.adapter.kind != "none":
        found = f"adapter.kind = {recipe.adapter.kind!r}"
    elif recipe.rl.steps > 0 and recipe.rl.critic.kind != "none":
        found = f"rl.critic.kind = {recipe.rl.critic.kind!r}"
    elif recipe.reward_model.steps > 0:
        found = "a reward model"
    elif "adamw8bit" in _optimisers(recipe):
        found = "an optimiser of kind adamw8bit"
    if found:
        raise ConfigError(
            f"{found} with FSDP",
            "all weights in each process: it is made for models that fit",
            "leave out --use_fsdp",
        )


def _optimisers(recipe: Recipe) -> set[str]:
    """Return the kinds of optimisers of the stages that a recipe has."""
    stages = (recipe.cold_start, recipe.sft, recipe.preference, recipe.distill, recipe.rl)
    return {stage.optimiser.kind for stage in stages if stage.steps > 0}
