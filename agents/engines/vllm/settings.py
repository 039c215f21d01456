"""The settings of the vLLM engine. Imports neither torch nor vLLM."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

from gym_reason.agents.engines.inspection import require_vllm
from gym_reason.errors import ConfigError, UsageError
from gym_reason.registry import explain_unknown
from gym_reason.verifiers.arguments import bind_texts, split_spec

EngineKind: TypeAlias = Literal["local", "vllm", "server"]
"""Who samples: our own loop, vLLM in this process, or a vLLM server."""
SyncRoute: TypeAlias = Literal["auto", "memory", "shared", "folder", "ipc", "nccl"]
"""How new weights reach vLLM."""
AdapterSync: TypeAlias = Literal["auto", "merged", "alone"]
"""What of a LoRA adapter in training reaches vLLM."""
ROUTES: Mapping[EngineKind, tuple[SyncRoute, ...]] = {
    "local": ("auto",),
    "vllm": ("auto", "memory", "folder"),
    "server": ("auto", "shared", "folder", "ipc", "nccl"),
}
"""The ways that each kind knows; `auto` stands for the first after it."""


@dataclass(frozen=True, slots=True)
class VllmSettings:
    """How vLLM is started, kept up to date and watched."""

    base_url: str = ""
    """Of a server that runs already, for `engine = "server"`; empty starts one for the run."""
    gpus: str = ""
    """GPUs of a server that the run starts, as in CUDA_VISIBLE_DEVICES; empty for the trainer's."""
    dtype: Literal["auto", "fp32", "bf16"] = "auto"
    """Of vLLM's weights; `auto` is that of the trainer's matrix products."""
    max_rows: int = 256
    """Most completions that run at a time."""
    max_positions: int = 0
    """Most tokens of a prompt and its completion; 0 for as many as the model has."""
    memory_share: float = 0.4
    """Share of a GPU's memory that vLLM may take, weights included."""
    cache_gib: int = 1
    """Memory for keys and values on a CPU, in GiB."""
    eager: bool = False
    """Whether vLLM does without CUDA graphs and compilation; on a CPU it always does."""
    prefix_caching: bool = True
    """Whether what prompts have in common is computed once; forgotten with each new version."""
    own_seeds: bool = True
    """Whether each completion draws with its own seed, as the local engine's do. Without, all
    samples of a prompt go out as one request, which is faster, and no run can be repeated."""
    sleep: bool = True
    """Whether vLLM gives its GPU memory back during the update; a CPU has nothing to give."""
    sync: SyncRoute = "auto"
    """How new weights get there: by the fastest exact way, or by a given one."""
    adapter: AdapterSync = "auto"
    """What goes there of a LoRA adapter in training: all weights with it `merged`, or the adapter
    `alone`, which vLLM applies to weights that it keeps. `auto` is alone on a GPU, for models that
    vLLM is known to take adapters for, and merged elsewhere: on a CPU vLLM is slow to apply one."""
    canary_limit: float = 0.0
    """The run stops where, after a sync, vLLM and the model differ by more nats a token on a canary
    prompt. 0 takes 0.002 in fp32 and 0.15 in bf16."""
    timeout_s: float = 300.0
    """Longest silence while tokens or new weights are waited for."""
    start_timeout_s: float = 900.0
    """Longest start of vLLM."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """Further arguments of vLLM's engine, by its names for them."""

    def __post_init__(self) -> None:
        """Refuse what no engine can have."""
        for name, value in (("max_rows", self.max_rows), ("cache_gib", self.cache_gib)):
            if value < 1:
                raise ValueError(f"{name} = {value}; expected 1 or more")
        if self.max_positions < 0:
            raise ValueError(f"max_positions = {self.max_positions}; expected 0 or more")
        if not 0.0 < self.memory_share <= 1.0:
            raise ValueError(f"memory_share = {self.memory_share}; expected above 0, at most 1")
        for name in ("timeout_s", "start_timeout_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0.0):
                raise ValueError(f"{name} = {value}; expected a number of seconds above 0")
        if not (math.isfinite(self.canary_limit) and self.canary_limit >= 0.0):
            raise ValueError(f"canary_limit = {self.canary_limit}; expected 0 or more")
        if not isinstance(self.arguments, Mapping):
            raise ValueError(f"arguments = {self.arguments!r}; expected a table of a recipe")
        if self.base_url:
            _check_url(self.base_url)


@dataclass(frozen=True, slots=True)
class ServerPlace:
    """Where a server that a run starts is to be, which may be one of several."""

    log: Path
    """What it prints."""
    gpus: str = ""
    """GPUs that it may use where `VllmSettings.gpus` names none; empty for all."""
    number: int = 0
    """Its number among the servers that are started on this machine at the same time."""
    count: int = 1
    """How many these are."""


def read_engine(spec: str) -> tuple[EngineKind, VllmSettings]:
    """Return what `vllm:max_rows=64` and the like stand for.

    Raises ConfigError for an unknown engine, UsageError for a setting that it does not have.
    """
    name, positional, keywords = split_spec(spec)
    kinds: tuple[EngineKind, ...] = ("local", "vllm", "server")
    kind: EngineKind | None = next((kind for kind in kinds if kind == name), None)
    if kind is None:
        raise ConfigError(*explain_unknown("engine", name, list(kinds)))
    if kind == "local" and (positional or keywords):
        raise UsageError(f"settings of the local engine in {spec!r}", "none")
    try:
        bound = bind_texts(VllmSettings, positional, keywords, f"the engine {spec!r}")
        return kind, VllmSettings(*bound.args, **bound.kwargs)
    except ValueError as error:
        raise UsageError(f"the engine {spec!r}: {error}") from None


def check_settings(kind: EngineKind, settings: VllmSettings) -> None:
    """Refuse what cannot run, before anything is spent on it.

    Raises UsageError without vLLM, and ConfigError.
    """
    if kind == "local":
        return
    if settings.sync not in ROUTES[kind]:
        raise ConfigError(
            f"vllm.sync = {settings.sync!r} with engine = {kind!r}", " or ".join(ROUTES[kind])
        )
    if kind == "vllm" and settings.base_url:
        raise ConfigError("vllm.base_url with engine = 'vllm'", "engine = 'server'")
    if kind == "vllm" and settings.arguments.get("tensor_parallel_size", 1) != 1:
        raise ConfigError("vLLM in this process on several GPUs", "engine = 'server'")
    if not settings.base_url:
        require_vllm()


def _check_url(url: str) -> None:
    """Raise ValueError for what is no address of a server."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        valid = known and not parts.query and not parts.fragment
    except ValueError:
        valid = False
    if not valid:
        raise ValueError(f"base_url = {url!r}; expected http://HOST:PORT")
