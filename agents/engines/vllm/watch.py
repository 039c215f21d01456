"""Bounded waits: whoever waits for vLLM gets an answer, or an error that names what stalled."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from typing import Any

from gym_reason.errors import RunError


@dataclass(slots=True)
class _Wait:
    what: str
    limit_s: float
    since: float


class Watch:
    """Fails what is waited for once nothing has moved for too long, or once the other side is gone.

    One thread looks at all of it. Whoever waits needs no limit of its own.
    """

    def __init__(self, name: str, find_fault: Callable[[], str | None] | None = None) -> None:
        """Watch nothing yet.

        Args:
            name: What messages call the other side.
            find_fault: Says why the other side will never answer; None while it may.
        """
        self._name = name
        self._find_fault = find_fault
        self._waits: dict[Future[Any], _Wait] = {}
        self._beat = time.monotonic()
        self.beats = 0
        """How often something moved."""
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        self.failure: BaseException | None = None
        """Why nothing will ever come again; None while all is well."""

    def add(self, future: "Future[Any]", what: str, limit_s: float) -> None:
        """Watch a future until it is done. One that comes after a failure fails at once."""
        with self._changed:
            if self.failure is None:
                self._waits[future] = _Wait(what, limit_s, time.monotonic())
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=self._run, name="gym_reason.vllm_watch", daemon=True
                    )
                    self._thread.start()
                self._changed.notify()
        if self.failure is not None:
            settle(future, error=self.failure)
        else:
            future.add_done_callback(self._forget)

    def beat(self) -> None:
        """Take note that something moved."""
        self._beat = time.monotonic()
        self.beats += 1

    def fail(self, error: BaseException) -> None:
        """Fail everything that waits, and everything that ever will."""
        with self._changed:
            if self.failure is None:
                self.failure = error
            waiting = list(self._waits)
            self._waits.clear()
        for future in waiting:
            settle(future, error=self.failure)

    def close(self) -> None:
        """End the thread; what still waits fails."""
        self.fail(RunError(f"{self._name} was closed"))
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _forget(self, future: "Future[Any]") -> None:
        with self._changed:
            self._waits.pop(future, None)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waits and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                shortest = min(wait.limit_s for wait in self._waits.values())
                self._changed.wait(min(0.25, shortest / 4))
            error = self.find_error()
            if error is not None:
                self.fail(error)

    def find_error(self) -> RunError | None:
        """Return what is wrong with the other side now; None where nothing is."""
        fault = self._find_fault() if self._find_fault is not None else None
        if fault is not None:
            return RunError(
                f"{self._name} {fault}", remedy="go on from the checkpoint with --resume"
            )
        now, beat = time.monotonic(), self._beat
        with self._changed:
            for wait in self._waits.values():
                if now - max(wait.since, beat) > wait.limit_s:
                    return RunError(
                        f"{self._name} gave no sign of life for {wait.limit_s:g} s "
                        f"while it was {wait.what}",
                        remedy="go on from the checkpoint with --resume, or raise the recipe's "
                        "vllm.timeout_s",
                    )
        return None


def settle(
    future: "Future[Any]", result: object = None, *, error: BaseException | None = None
) -> None:
    """Give a future its result or its error, unless it is done or cancelled already."""
    try:
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)
    except InvalidStateError:
        pass  # whoever waited has given up, or another thread was faster
