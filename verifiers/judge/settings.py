"""What a judge is asked, where, and how long it may take."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from gym_reason.config import build, read_toml

Mode: TypeAlias = Literal["pointwise", "pairwise"]


@dataclass(frozen=True, slots=True)
class Criterion:
    """One line of a rubric."""

    name: str
    """A short name; the key of the score in the judge's reply and in the verdict's parts."""
    text: str
    """What is judged, and what the ends of the scale mean."""
    low: int = 0
    """Worst score."""
    high: int = 5
    """Best score."""
    weight: float = 1.0
    """Share in the reward, relative to the other criteria."""

    def __post_init__(self) -> None:
        """Refuse what no judge can score. Raises ValueError."""
        if not self.name.isidentifier() or not self.text.strip():
            raise ValueError(f"the criterion {self.name!r} needs a name of one word and a text")
        if self.name in ("votes", "spread", "order_gap"):
            raise ValueError(f"the criterion {self.name!r} has the name of a part of every verdict")
        if self.low >= self.high:
            raise ValueError(f"{self.name}: low = {self.low} is not below high = {self.high}")
        if not (math.isfinite(self.weight) and self.weight > 0):
            raise ValueError(f"{self.name}: weight = {self.weight} is not a positive number")


CORRECTNESS = Criterion(
    "correctness",
    "Is the final answer right? 5: it is right and complete. 0: it is wrong, missing or evasive. "
    "A right answer with a wrong derivation gets at most 2.",
)


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """The settings of a judge: fields of a TOML file."""

    url: str
    """Base address of an OpenAI-compatible server, such as http://127.0.0.1:8000/v1."""
    model: str
    """Name of the model there."""
    mode: Mode = "pointwise"
    """`pointwise` scores a submission by the rubric, `pairwise` compares it with the reference."""
    criteria: tuple[Criterion, ...] = (CORRECTNESS,)
    """The rubric; names and texts guide a pairwise comparison too."""
    votes: int = 1
    """Replies for each submission (in each order); their mean counts."""
    threshold: float = 0.5
    """Least reward that counts as correct."""
    show_reference: bool = True
    """Whether a pointwise judge sees the task's reference, where there is one."""
    drop_thinking: bool = True
    """Whether the judge sees only what follows `</think>`."""
    max_chars: int = 20_000
    """Longest submission; a longer one is an `output_limit`."""
    prompts: str = ""
    """Folder with other prompts, named as the package's own; empty for those."""
    api_key_env: str = ""
    """Environment variable that holds the key; empty where the server asks for none."""
    temperature: float = 0.0
    """Sampling temperature; negative: not sent."""
    max_reply_tokens: int = 1024
    """Longest reply, as `max_tokens`; 0: not sent."""
    json_mode: bool = True
    """Whether `response_format = json_object` is sent."""
    seed: int = 0
    """Seed of the replies and of the fences; negative: not sent to the server."""
    extra: Mapping[str, object] = field(default_factory=dict)
    """Further fields of every request."""
    timeout_s: float = 60.0
    """Wall-clock limit of one attempt."""
    max_total_s: float = 180.0
    """Wall-clock limit of one verdict, all attempts and waits included."""
    attempts: int = 4
    """Most attempts for one reply, whether the server failed or the reply was no verdict."""
    backoff_s: float = 0.5
    """Wait before the second attempt, at most; it doubles with each further one."""
    max_backoff_s: float = 20.0
    """Longest wait between attempts."""
    concurrency: int = 8
    """Submissions judged at a time by `verify_many` and `verify_group`."""

    def __post_init__(self) -> None:
        """Refuse what cannot be. Raises ValueError."""
        _check_url(self.url)
        names = [criterion.name for criterion in self.criteria]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"the criteria are {names}, expected at least one and each name once")
        for name in ("timeout_s", "max_total_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} = {value}, expected a positive number of seconds")
        for name in ("backoff_s", "max_backoff_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} = {value}, expected a number of seconds, 0 or more")
        for name in ("votes", "attempts", "concurrency", "max_chars"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)}, expected 1 or more")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold = {self.threshold}, expected a number from 0 to 1")
        if not self.model:
            raise ValueError("model is empty, expected the name of a model of the server")
        try:
            json.dumps(dict(self.extra), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"extra cannot be sent: {error}; expected values of JSON") from None


def read_settings(
    path: str | Path = "", overrides: Mapping[str, object] | None = None
) -> JudgeSettings:
    """Return the settings of a TOML file with `overrides` on top.

    Args:
        path: The file; without one the overrides are all there is.
        overrides: Field names and values.

    Raises:
        ConfigError: The file cannot be read, a field is unknown, missing or of the wrong type.
    """
    values = read_toml(Path(path)) if path else {}
    return build(JudgeSettings, {**values, **(overrides or {})})


def _check_url(url: str) -> None:
    # urlsplit would drop line breaks and let everything else through.
    plain = url.isascii() and url.isprintable() and " " not in url
    try:
        parts = urlsplit(url)
        usable = plain and parts.scheme in ("http", "https") and bool(parts.hostname)
        usable = usable and parts.port != 0  # `port` raises where it is no number up to 65535
        has_secret = bool(parts.username or parts.password)
    except ValueError:
        usable, has_secret = False, False
    if has_secret:
        raise ValueError("url holds a user or a password; expected the key in api_key_env")
    if not usable:
        raise ValueError(f"url = {url!r}, expected http://HOST:PORT/v1 or https://HOST/v1")
