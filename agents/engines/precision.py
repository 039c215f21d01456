"""Faster matrix products on the CPU, and how many threads to use: measured, and said."""

import os
from dataclasses import dataclass
from typing import Literal

import torch

from gym_reason.errors import UsageError

ERROR_LIMIT = 1e-5
"""Largest relative error of a product that still counts as single precision."""


@dataclass(frozen=True, slots=True)
class MatmulChoice:
    """What `choose_matmul` decided."""

    precision: Literal["highest", "medium"]
    """The setting in force."""
    error: float
    """Relative error measured under `medium`, against float64."""

    def __str__(self) -> str:
        """Say what was chosen and why."""
        relation = "under" if self.precision == "medium" else "not under"
        return (
            f"fp32 matmul precision {self.precision}: relative error {self.error:.1e} "
            f"under 'medium', {relation} the limit of {ERROR_LIMIT:.0e}"
        )


@dataclass(frozen=True, slots=True)
class ThreadChoice:
    """What `choose_threads` decided."""

    threads: int
    """How many threads torch should use."""
    reason: str
    """Why, in one sentence."""


def matmul_error(size: int = 256) -> float:
    """Return the relative error (Frobenius norm) of an fp32 product at the setting in force."""
    generator = torch.Generator().manual_seed(0)
    left = torch.randn(size, size, generator=generator)
    right = torch.randn(size, size, generator=generator)
    exact = left.double() @ right.double()
    return float(((left @ right).double() - exact).norm() / exact.norm())


def choose_matmul() -> MatmulChoice:
    """Set the fp32 matmul precision to `medium` where that loses nothing, else to `highest`.

    On some CPUs `medium` selects a faster fp32 kernel of oneDNN; on others it computes in bf16.
    Which of the two is told by the measured error.
    """
    torch.set_float32_matmul_precision("medium")
    error = matmul_error()
    if error < ERROR_LIMIT:
        return MatmulChoice("medium", error)
    torch.set_float32_matmul_precision("highest")
    return MatmulChoice("highest", error)


def use_fast_matmul() -> str:
    """Call `choose_matmul` and return its decision as a sentence."""
    return str(choose_matmul())


def choose_threads(requested: int | Literal["auto"] = "auto") -> ThreadChoice:
    """Return how many threads torch should use; sets nothing.

    `auto` leaves out the cores that other programs keep busy: threads that have to share a core
    wait for each other at every product.

    Raises:
        UsageError: `requested` is not positive.
    """
    available = _available_cores()
    if requested != "auto":
        if requested < 1:
            raise UsageError(f"{requested} threads", "at least 1, or auto")
        threads = min(requested, available)
        if threads < requested:
            return ThreadChoice(
                threads, f"{threads} threads: {requested} asked for, {available} cores available"
            )
        return ThreadChoice(threads, f"{threads} threads, as asked for, of {available} cores")
    load = _load_average()
    threads = max(1, available - round(load))
    return ThreadChoice(
        threads, f"{threads} threads: {available} cores available at a load of {load:.1f}"
    )


def _available_cores() -> int:
    """Return how many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _load_average() -> float:
    """Return the load of the last minute, 0.0 where the system does not tell."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return 0.0
