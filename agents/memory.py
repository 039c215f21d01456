"""What running out of memory looks like."""

import torch

_TOLD_BY_TORCH = ("can't allocate memory", "out of memory")
"""What torch says on a CPU and on a GPU, in errors of no class of their own."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that no memory was left."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(told in str(error) for told in _TOLD_BY_TORCH)
