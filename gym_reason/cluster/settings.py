"""The table `[ray]` of a recipe. Imports no Ray."""

import importlib.metadata
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from gym_reason.errors import UsageError

REMEDY = "pip install 'gym-reason[ray]'; see docs/cluster.md"


@dataclass(frozen=True, slots=True)
class CrewSettings:
    """How many workers of a kind there are, and what each is given."""

    count: int = 2
    """Workers."""
    cpus: float = 1.0
    """Processors of each. Whole ones are also its threads."""
    gpus: float = 0.0
    """GPUs of each; without any it computes on its processors."""
    memory_gib: float = 0.0
    """Memory of each: what Ray sets aside for it, and what it cannot go beyond. 0 for no limit."""
    resources: Mapping[str, float] = field(default_factory=dict)
    """Resources of your own naming that the nodes were started with: `{sandbox = 1}`."""

    def __post_init__(self) -> None:
        """Refuse what no worker can have."""
        if self.count < 0:
            raise ValueError(f"count = {self.count}; expected 0 or more")
        amounts = {"cpus": self.cpus, "gpus": self.gpus, "memory_gib": self.memory_gib}
        for name, value in {**amounts, **self.resources}.items():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not (math.isfinite(value) and value >= 0.0):
                raise ValueError(f"{name} = {value!r}; expected a number, 0 or more")

    def device(self, asked: str) -> str:
        """Return where a worker computes, of what the model's settings ask for."""
        return "cpu" if asked == "auto" and self.gpus == 0.0 else asked

    @property
    def threads(self) -> int:
        """How many threads a worker computes with."""
        return max(1, int(self.cpus))


@dataclass(frozen=True, slots=True)
class RaySettings:
    """Which cluster, who works there, and how long anything is waited for."""

    address: str = ""
    """Of a cluster that runs: `auto` on one of its machines, or `HOST:PORT`. Empty starts Ray on
    this machine for the run alone."""
    workers: CrewSettings = field(default_factory=CrewSettings)
    """Who plays episodes, for `rollout.backend = "ray"`."""
    engines: CrewSettings = field(default_factory=CrewSettings)
    """Who samples, for `engine = "ray"`."""
    verifiers: CrewSettings = field(default_factory=lambda: CrewSettings(count=0))
    """Who judges what heavy environments hand in; with none it is done where the environment is."""
    parts_at_once: int = 1
    """Parts that a rollout worker plays at a time. With more, and parts that are small
    (`rollout.part_tasks`), the long answers of one do not leave its engine idle; but then the last
    bits of a run depend on timing."""
    part_timeout_s: float = 600.0
    """Longest that a worker may take for one part of the work."""
    silence_timeout_s: float = 30.0
    """Longest silence of a worker, which is asked for a sign of life every second or so."""
    start_timeout_s: float = 300.0
    """Longest start of a worker, with the wait for room on a node."""
    object_store_mib: int = 0
    """Shared memory of a Ray that the run starts; 0 takes what its weights need, thrice."""
    canary_limit: float = 0.0
    """The run stops where a worker that took new weights differs from the model by more nats a
    token on a canary prompt. 0 takes 0.002 in fp32 and 0.15 in bf16."""

    def __post_init__(self) -> None:
        """Refuse limits that never or always pass."""
        for name in ("part_timeout_s", "silence_timeout_s", "start_timeout_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0.0):
                raise ValueError(f"{name} = {value}; expected a number of seconds above 0")
        if self.parts_at_once < 1:
            raise ValueError(f"parts_at_once = {self.parts_at_once}; expected 1 or more")
        if self.object_store_mib < 0:
            raise ValueError(f"object_store_mib = {self.object_store_mib}; expected 0 or more")
        if not (math.isfinite(self.canary_limit) and self.canary_limit >= 0.0):
            raise ValueError(f"canary_limit = {self.canary_limit}; expected 0 or more")


def require_ray() -> str:
    """Return Ray's version, without importing it. Raises UsageError where it is absent."""
    try:
        return importlib.metadata.version("ray")
    except importlib.metadata.PackageNotFoundError:
        raise UsageError("no package ray", "it for rollouts on a cluster", REMEDY) from None
