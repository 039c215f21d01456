"""Which experiment trackers a recipe may name."""

from gym_reason.registry import explain_unknown

TRACKERS = ("tensorboard", "wandb", "mlflow")
"""The trackers, by the names of the packages that they need."""


def split_names(names: str) -> list[str]:
    """Return the trackers that a setting names, with commas between them, each once."""
    return list(dict.fromkeys(part.strip() for part in names.split(",") if part.strip()))


def check_names(names: str) -> None:
    """Raise ValueError for a tracker that there is not."""
    for name in split_names(names):
        if name not in TRACKERS:
            raise ValueError(
                "; expected ".join(explain_unknown("tracker", name, list(TRACKERS))[:2])
            )
