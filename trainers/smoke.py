"""What `smoke=true` makes of a recipe: a run that shows in under a minute that all of it works."""

import dataclasses
from typing import Any

LIMITS: dict[str, int] = {
    "steps": 4,
    "problems": 64,
    "tasks_per_step": 8,
    "samples_per_task": 4,
    "tasks_per_round": 16,
    "batch_rows": 16,
    "minibatch_rows": 8,
    "refill_batches": 1,
    "rounds": 2,
    "epochs": 2,
    "tasks": 64,
    "rl_steps": 4,
}
"""Most of each setting of this name, in every table of a recipe."""
COLD_START_STEPS = 60
"""Of the cold start: enough that some answers are right."""
VALUES: dict[tuple[str, str], Any] = {("data", "source"): "environment"}
"""Settings, by table and name, that change: a teacher of a few steps is right too seldom."""


def cut_down(config: Any, name: str = "") -> Any:
    """Return a copy of a recipe, or of a table called `name`, with its sizes under `LIMITS`."""
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            changes[field.name] = cut_down(value, field.name)
        elif (name, field.name) in VALUES:
            changes[field.name] = VALUES[name, field.name]
        elif field.name in LIMITS and isinstance(value, int):
            limit = LIMITS[field.name]
            if (name, field.name) == ("cold_start", "steps"):
                limit = COLD_START_STEPS
            changes[field.name] = min(value, limit)
    return dataclasses.replace(config, **changes)
