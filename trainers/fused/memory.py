"""How the C library keeps the memory that a pass frees."""

import functools

import torch


@functools.cache
def keep_freed_memory() -> None:
    """Let the C library keep freed blocks of up to 31 MiB for the next allocation.

    glibc maps blocks above a threshold afresh and returns them to the kernel when freed, so that
    every temporary tensor faults in all its pages again: up to a third of the time of a small
    model's pass. Freeing one large block raises the threshold to its size, at most 32 MiB, for the
    whole process. The block is never written, so it takes no memory.

    Source: mallopt(3), M_MMAP_THRESHOLD, on the dynamic threshold.
    """
    torch.empty(31 << 20, dtype=torch.uint8)
