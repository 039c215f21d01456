"""The prompts of a judge: plain files with {{placeholders}}, filled in one pass."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from gym_reason.errors import ConfigError
from gym_reason.types import Task, prompt_messages
from gym_reason.verifiers.judge.settings import Criterion, Mode

_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "pointwise_system": ("number", "check"),
    "pointwise_user": ("rubric", "task", "reference", "submission", "check", "correction"),
    "pairwise_system": ("number", "check"),
    "pairwise_user": ("rubric", "task", "first", "second", "check", "correction"),
}
_ALLOWED = {name for names in _REQUIRED.values() for name in names} | {"scores"}


@dataclass(frozen=True, slots=True)
class Templates:
    """The two prompts of one mode."""

    system: str
    """What the judge is."""
    user: str
    """What it is to judge."""

    def fill(self, values: Mapping[str, str]) -> list[dict[str, str]]:
        """Return the messages of a request. What is filled in is never searched for more."""
        return [
            {"role": "system", "content": _fill(self.system, values)},
            {"role": "user", "content": _fill(self.user, values)},
        ]


def read_templates(mode: Mode, folder: str = "") -> Templates:
    """Return the prompts of a mode, from `folder` or the package's own.

    Raises:
        ConfigError: A file is missing, lacks a placeholder that it needs, or has an unknown one.
    """
    return Templates(_read(f"{mode}_system", folder), _read(f"{mode}_user", folder))


def describe_task(task: Task) -> str:
    """Return the task's prompt as one text; roles are named where there are several messages."""
    messages = prompt_messages(task)
    if len(messages) == 1:
        return messages[0].content
    return "\n\n".join(f"{message.role}: {message.content}" for message in messages)


def describe_rubric(criteria: Sequence[Criterion]) -> str:
    """Return the criteria, one a line."""
    return "\n".join(
        f"- {criterion.name} ({criterion.low} to {criterion.high}): {criterion.text}"
        for criterion in criteria
    )


def describe_scores(criteria: Sequence[Criterion]) -> str:
    """Return what the object of scores looks like."""
    return "{" + ", ".join(f"{json.dumps(c.name)}: <{c.low} to {c.high}>" for c in criteria) + "}"


def _read(name: str, folder: str) -> str:
    if folder:
        path = Path(folder) / f"{name}.txt"
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot read {path}: {error}", "a prompt in UTF-8") from None
    else:
        text = files("gym_reason.verifiers.judge").joinpath(f"{name}.txt").read_text("utf-8")
    found = set(_PLACEHOLDER.findall(text))
    missing, unknown = set(_REQUIRED[name]) - found, found - _ALLOWED
    if missing or unknown:
        wrong = ", ".join(f"{{{{{placeholder}}}}}" for placeholder in sorted(missing or unknown))
        verb = "lacks" if missing else "has"
        raise ConfigError(f"the prompt {name}.txt {verb} {wrong}", "the package's placeholders")
    return text.strip()


def _fill(template: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], ""), template)
