"""The most memory that is used while something runs. Imports torch, and nothing of ours."""

import resource
import threading
from types import TracebackType
from typing import Self

import torch

GIB = 2.0**30


class MemoryWatch:
    """Looks at a device ten times a second: what torch allots, and all that is in use.

    vLLM keeps its weights and its cache outside of torch's own count, so that both are told.
    """

    def __init__(self, device: str) -> None:
        """Watch nothing yet."""
        self._cuda = device.startswith("cuda")
        self._ended = threading.Event()
        self._most = 0
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        if self._cuda:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""
        self._ended.set()

    def figures(self) -> dict[str, float]:
        """Return the peaks in GiB: of the GPU, or of this process on a CPU."""
        if not self._cuda:
            used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            return {"peak_process_gib": round(used / GIB, 3)}
        return {
            "peak_torch_gib": round(torch.cuda.max_memory_reserved() / GIB, 3),
            "peak_device_gib": round(self._most / GIB, 3),
        }

    def _look(self) -> None:
        while not self._ended.wait(0.1):
            free, total = torch.cuda.mem_get_info()
            self._most = max(self._most, total - free)
