"""An event loop in a thread of its own."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """Runs coroutines beside the rest of the program.

    The thread is a daemon: should what it runs never come back, the process can still end.
    """

    def __init__(self, name: str, prepare: Callable[[], None]) -> None:
        """Start the thread `name`; `prepare` is called in it first."""
        self.failure: BaseException | None = None
        """What ended the thread before its time."""
        self._prepare = prepare
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._thread.is_alive()

    @property
    def ident(self) -> int:
        """The thread, for `sys._current_frames`."""
        assert self._thread.ident is not None
        return self._thread.ident

    def submit(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        """Run a coroutine beside those that run already; return a future of its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def call(self, work: Callable[[], None]) -> None:
        """Call a function between two steps of the coroutines."""
        self._loop.call_soon_threadsafe(work)

    def close(self, limit_s: float) -> bool:
        """Cancel all that runs; return whether the thread ended in time."""
        with contextlib.suppress(RuntimeError):  # it has ended already
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(limit_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._prepare()
            self._loop.run_forever()
            self._cancel_all()
        except BaseException as error:  # also what would end a program: it ends this thread
            self.failure = error
        finally:
            # Without waiting for the threads of steps that never end.
            self._loop.close()

    def _cancel_all(self) -> None:
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
