"""Stopping a run politely: Ctrl-C and SIGTERM end it after its current step, with a checkpoint."""

import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any, Self


class StopRequest:
    """Notes SIGINT and SIGTERM inside its `with` block. A second one of them stops at once."""

    def __init__(self, echo_s: float = 0.0) -> None:
        """Start with nothing asked.

        Args:
            echo_s: Seconds within which a second signal counts as the first one come again.
        """
        self.signal: int | None = None
        self._echo_s = echo_s
        self._came = 0.0
        self._before: dict[int, Any] = {}
        self._error: BaseException | None = None

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

    def interrupt(self, error: BaseException) -> bool:
        """Raise an error in the main thread, whatever that waits for; to be called from another.

        Returns False where that cannot be: outside the `with` block, and where the block is in
        another thread than the main one. Code of the C side is not interrupted.
        """
        main = threading.main_thread().ident
        if not self._before or main is None:
            return False
        self._error = error
        signal.pthread_kill(main, signal.SIGINT)
        return True

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        now = time.monotonic()
        if self.signal is None:
            self.signal, self._came = number, now
        elif now - self._came >= self._echo_s:
            raise KeyboardInterrupt


class Stalled(KeyboardInterrupt):
    """Nothing moved for too long. Ends whatever the main thread does, as a second Ctrl-C would."""


class Stopped(Exception):
    """A run ended early because it was asked to; its last checkpoint holds all it did."""

    def __init__(self, number: int) -> None:
        """Keep which signal asked."""
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.exit_code = 128 + number
