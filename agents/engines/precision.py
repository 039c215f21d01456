"""Faster matrix products on the CPU, and how many threads to use: measured, and said."""

import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import torch

from gym_reason.errors import UsageError

Precision: TypeAlias = Literal["highest", "medium"]

ERROR_LIMIT = 1e-5
"""Largest relative error of a product that still counts as single precision."""
SPEED_LIMIT = 1.3
"""Least gain in speed that is worth a choice that other machines may not make."""
STATISTICS = Path("/proc/stat")
"""Where Linux tells what its CPUs do."""
SHAPE = (256, 256, 768)
"""Rows, inputs and outputs of the product that is timed: a layer of a small model."""


@dataclass(frozen=True, slots=True)
class MatmulChoice:
    """What `use_fast_matmul` set; its string is a sentence for a log."""

    precision: Precision
    """The setting in force."""
    reason: str
    """Why."""

    def __str__(self) -> str:
        """Say what was chosen and why."""
        return f"fp32 matmul precision {self.precision}: {self.reason}"


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


def matmul_speedup(rounds: int = 15) -> float:
    """Return how many times faster a typical fp32 product is under `medium` than under `highest`.

    On one thread and by its processor time, which other programs disturb least. Leaves the
    settings as they were.
    """
    generator = torch.Generator().manual_seed(0)
    rows, inputs, outputs = SHAPE
    left = torch.randn(rows, inputs, generator=generator)
    right = torch.randn(outputs, inputs, generator=generator).t()
    before, threads = torch.get_float32_matmul_precision(), torch.get_num_threads()
    torch.set_num_threads(1)
    seconds: dict[str, list[float]] = {"highest": [], "medium": []}
    # In turn, and the fastest of each: what disturbs only ever makes a product slower.
    for _ in range(rounds):
        for name, times in seconds.items():
            torch.set_float32_matmul_precision(name)
            _ = left @ right
            start = time.process_time()
            for _ in range(3):
                _ = left @ right
            times.append(time.process_time() - start)
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision(before)
    return min(seconds["highest"]) / max(min(seconds["medium"]), 1e-9)


def use_fast_matmul(
    precision: Literal["auto", "highest", "medium"] = "auto", device_type: str = "cpu"
) -> MatmulChoice:
    """Set the precision of fp32 products on the CPU and return what was set.

    On some CPUs `medium` selects a faster fp32 kernel of oneDNN; on others it computes in bf16, or
    gains nothing. `auto` measures both and takes `medium` where it is `SPEED_LIMIT` times faster at
    an error below `ERROR_LIMIT`. On a GPU the same setting rounds fp32 products to ten bits, so
    that there `auto` is `highest`. Results differ in the last digits between the two, so a run that
    is to go on as it began must be given the choice that it began with.

    Raises:
        UsageError: `precision` is none of the three.
    """
    if precision not in ("auto", "highest", "medium"):
        raise UsageError(f"matmul precision {precision!r}", "auto, highest or medium")
    if precision != "auto":
        torch.set_float32_matmul_precision(precision)
        return MatmulChoice(precision, "as asked for")
    if device_type != "cpu":
        torch.set_float32_matmul_precision("highest")
        return MatmulChoice("highest", f"'medium' would round fp32 products on {device_type}")
    torch.set_float32_matmul_precision("medium")
    error, speedup = matmul_error(), matmul_speedup()
    chosen: Precision = "medium" if error < ERROR_LIMIT and speedup >= SPEED_LIMIT else "highest"
    torch.set_float32_matmul_precision(chosen)
    return MatmulChoice(
        chosen, f"'medium' is {speedup:.2f} times as fast, at a relative error of {error:.1e}"
    )


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
        return ThreadChoice(requested, f"threads: {requested}, as asked for; cores: {available}")
    idle = idle_share()
    if idle is None:
        return ThreadChoice(available, f"threads: {available}, as many as cores")
    # Other cores than ours may be the busy ones, but which are is not told.
    threads = max(1, math.floor(idle * available + 0.5))
    return ThreadChoice(threads, f"threads: {threads}; cores: {available}, {idle:.0%} idle")


def idle_share(seconds: float = 0.5) -> float | None:
    """Return the idle share of the CPUs over a short time; None where the system does not tell."""
    before = _cpu_times()
    time.sleep(seconds)
    after = _cpu_times()
    if before is None or after is None:
        return None
    spent = [max(0, late - early) for early, late in zip(before, after, strict=True)]
    return (spent[3] + spent[4]) / sum(spent) if sum(spent) else None


def _cpu_times() -> list[int] | None:
    """Return the ticks since start that all CPUs spent by kind: the fourth and fifth are idle."""
    try:
        first = STATISTICS.read_text(encoding="ascii").partition("\n")[0].split()
        # Guests' time, which comes after the first eight, is counted among them already.
        times = [int(value) for value in first[1:9]]
    except (OSError, ValueError, IndexError):
        return None
    return times if len(times) == 8 else None


def _available_cores() -> int:
    """Return how many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def settle_machine() -> None:
    """Let torch use the threads that are free, and the faster products where they are exact."""
    torch.set_num_threads(choose_threads("auto").threads)
    use_fast_matmul(device_type="cuda" if torch.cuda.is_available() else "cpu")
