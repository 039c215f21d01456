"""AdamW with a linear warm-up and decay."""

from collections.abc import Iterable

import torch

from gym_reason.trainers.recipe import OptimiserSettings


def make_optimiser(
    parameters: Iterable[torch.nn.Parameter], settings: OptimiserSettings
) -> torch.optim.AdamW:
    """Return AdamW over `parameters`."""
    return torch.optim.AdamW(
        parameters,
        lr=settings.lr,
        betas=(settings.beta1, settings.beta2),
        weight_decay=settings.weight_decay,
        fused=True,
    )


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
