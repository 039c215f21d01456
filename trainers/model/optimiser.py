"""AdamW with a linear warm-up and decay."""

import importlib
import importlib.util
from collections.abc import Iterable
from typing import Any

import torch
from torch.distributed.tensor import DTensor

from gym_reason.errors import UsageError
from gym_reason.trainers.distributed.world import World
from gym_reason.trainers.settings import OptimiserSettings


def make_optimiser(
    parameters: Iterable[torch.nn.Parameter], settings: OptimiserSettings
) -> torch.optim.Optimizer:
    """Return AdamW over those of `parameters` that learn.

    Raises UsageError where the kind needs a package that is not installed.
    """
    learned = [weight for weight in parameters if weight.requires_grad]
    options: dict[str, Any] = {
        "lr": settings.lr,
        "betas": (settings.beta1, settings.beta2),
        "weight_decay": settings.weight_decay,
    }
    if settings.kind == "adamw":
        return torch.optim.AdamW(learned, fused=True, **options)
    if importlib.util.find_spec("bitsandbytes") is None:
        raise UsageError(
            "no package bitsandbytes", "it for kind = 'adamw8bit'", "pip install bitsandbytes"
        )
    made: torch.optim.Optimizer = importlib.import_module("bitsandbytes.optim").AdamW8bit(
        learned, **options
    )
    return made


def learning_rate(settings: OptimiserSettings, step: int, total_steps: int) -> float:
    """Return the learning rate of a step counted from 0.

    It rises to `lr` over the warm-up and falls to `lr * final_share` at the last step.
    """
    if step < settings.warmup_steps:
        return settings.lr * (step + 1) / settings.warmup_steps
    remaining = max(total_steps - settings.warmup_steps - 1, 1)
    done = min((step - settings.warmup_steps) / remaining, 1.0)
    return settings.lr * (1.0 - (1.0 - settings.final_share) * done)


def set_learning_rate(optimiser: torch.optim.Optimizer, lr: float) -> None:
    """Set the learning rate of every parameter group."""
    for group in optimiser.param_groups:
        group["lr"] = lr


def weights_of(optimiser: torch.optim.Optimizer) -> list[torch.Tensor]:
    """Return the weights that an optimiser steps."""
    return [weight for group in optimiser.param_groups for weight in group["params"]]


def clip_gradients(weights: Iterable[torch.Tensor], clip_norm: float) -> float:
    """Clip the gradient of some weights and return the norm that it had."""
    norm = torch.nn.utils.clip_grad_norm_(weights, clip_norm)
    if isinstance(norm, DTensor):  # of weights that are split among processes
        norm = norm.full_tensor()
    return norm.item()


def take_step(world: World, optimiser: torch.optim.Optimizer, clip_norm: float) -> float:
    """Take a step on the gradient of all processes, clipped, and return the norm that it had."""
    trained = weights_of(optimiser)
    world.sum_gradients(trained)
    norm = clip_gradients(trained, clip_norm)
    optimiser.step()
    return norm
