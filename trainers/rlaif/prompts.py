"""The texts that a labelling model is asked with."""

import importlib.resources
import re
from dataclasses import dataclass
from pathlib import Path

from gym_reason.errors import UsageError

PLACEHOLDERS = {
    "pair": ("prompt", "first", "second"),
    "reasons": ("prompt", "first", "second"),
    "verdict": (),
    "rating": ("prompt", "response"),
}
"""What each text has to name, in braces."""


@dataclass(frozen=True, slots=True)
class Prompts:
    """Four texts with placeholders."""

    pair: str
    """Asks which of two answers is better."""
    reasons: str
    """Asks for a comparison first."""
    verdict: str
    """Asks which is better, after the comparison."""
    rating: str
    """Asks for a number from 1 to 10."""

    def fill(self, name: str, **values: str) -> str:
        """Return a text with its placeholders filled; what is filled in is never filled again."""
        template: str = getattr(self, name)
        pattern = "|".join(re.escape(f"{{{key}}}") for key in values)
        if not pattern:
            return template
        return re.sub(pattern, lambda found: values[found[0][1:-1]], template)


def read_prompts(folder: Path | None = None) -> Prompts:
    """Return the package's texts, or those of a folder where it has some of them.

    Raises UsageError for a folder without any, and for a text that lacks a placeholder.
    """
    own = importlib.resources.files("gym_reason.trainers.rlaif")
    texts: dict[str, str] = {}
    found = 0
    for name, placeholders in PLACEHOLDERS.items():
        path = folder / f"{name}.txt" if folder is not None else None
        if path is not None and path.is_file():
            found += 1
            texts[name] = path.read_text("utf-8")
        else:
            texts[name] = (own / f"{name}.txt").read_text("utf-8")
        texts[name] = texts[name].removesuffix("\n")
        for placeholder in placeholders:
            if f"{{{placeholder}}}" not in texts[name]:
                raise UsageError(f"{path} does not name {{{placeholder}}}", "every placeholder")
    if folder is not None and not found:
        names = ", ".join(f"{name}.txt" for name in PLACEHOLDERS)
        raise UsageError(f"{folder} holds no prompt", f"a folder with {names}, or some of them")
    return Prompts(**texts)
