"""Whether vLLM gets a LoRA adapter alone, to apply it itself, or merged into all weights."""

from transformers import PreTrainedModel

from gym_reason.agents.engines.vllm.lora import ARCHITECTURES, LAYERS, RANKS, LoraRoom
from gym_reason.errors import ConfigError
from gym_reason.trainers.model.adapters import linear_names
from gym_reason.trainers.recipe import Recipe


def check_adapter_route(recipe: Recipe) -> None:
    """Refuse an adapter alone that a recipe cannot have. Raises ConfigError."""
    obstacle = find_obstacle(recipe)
    if recipe.vllm.adapter == "alone" and obstacle is not None:
        _refuse(*obstacle)


def choose_room(recipe: Recipe, model: PreTrainedModel) -> LoraRoom | None:
    """Return what vLLM is to keep ready for the recipe's adapter; None where it gets all weights.

    Raises ConfigError where the adapter is to go there alone and vLLM does not apply its like.
    """
    wish = recipe.vllm.adapter
    if wish == "merged" or recipe.adapter.kind == "none":
        return None
    layers = recipe.adapter.target_modules or tuple(linear_names(model))
    obstacle = find_obstacle(recipe) or _find_strange_layers(layers)
    if wish == "alone":
        if obstacle is not None:
            _refuse(*obstacle)
    elif (
        obstacle is not None
        or type(model).__name__ not in ARCHITECTURES
        or model.device.type == "cpu"
        or recipe.vllm.base_url  # it need not have been started with room for one
    ):
        return None
    return LoraRoom(recipe.adapter.rank, layers)


def find_obstacle(recipe: Recipe) -> tuple[str, str] | None:
    """Return what of a recipe keeps its adapter from going to vLLM alone, and what would not."""
    adapter = recipe.adapter
    if adapter.kind != "lora":
        return f"adapter.kind = {adapter.kind!r}", "adapter.kind = 'lora'"
    if adapter.rank > RANKS[-1]:
        return f"adapter.rank = {adapter.rank}", f"at most {RANKS[-1]}"
    if recipe.rollout.backend == "ray":
        # Its workers get weights by name from the trainer, and know no adapter.
        return "rollout.backend = 'ray'", "rollout.backend = 'local'"
    if recipe.vllm.sync in ("ipc", "nccl"):
        return f"vllm.sync = {recipe.vllm.sync!r}", "vllm.sync = 'auto', 'shared' or 'folder'"
    return _find_strange_layers(adapter.target_modules)


def _find_strange_layers(layers: tuple[str, ...]) -> tuple[str, str] | None:
    strange = sorted(set(layers) - set(LAYERS))
    if not strange:
        return None
    return f"an adapter on {', '.join(strange)}", f"adapter.target_modules of {', '.join(LAYERS)}"


def _refuse(found: str, expected: str) -> None:
    raise ConfigError(f"vllm.adapter = 'alone' with {found}", f"{expected}, or 'merged'")
