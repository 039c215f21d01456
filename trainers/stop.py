"""Stopping a run politely: Ctrl-C and SIGTERM end it after its current step, with a checkpoint."""

import signal
from types import FrameType, TracebackType
from typing import Any, Self


class StopRequest:
    """Notes SIGINT and SIGTERM inside its `with` block. A second one of them stops at once."""

    def __init__(self) -> None:
        """Start with nothing asked."""
        self.signal: int | None = None
        self._before: dict[int, Any] = {}

    def __bool__(self) -> bool:
        """Whether a stop was asked for."""
        return self.signal is not None

    def __enter__(self) -> Self:
        """Take over both signals; outside the main thread, where Python forbids it, do nothing."""
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        except ValueError:
            self._before.clear()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give both signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number


class Stopped(Exception):
    """A run ended early because it was asked to; its last checkpoint holds all it did."""

    def __init__(self, number: int) -> None:
        """Keep which signal asked."""
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.exit_code = 128 + number
