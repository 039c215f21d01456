"""Event loops: in a thread of its own, or for one piece of work."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from gym_reason.trainers.run.stop import Stalled

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

    def submit(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        """Run a coroutine beside those that run already; return a future of its result.

        The future is cancelled where the thread has ended, or ends.
        """
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:  # the loop is closed
            work.close()
            future: Future[T] = Future()
            future.cancel()
            return future

    def call(self, work: Callable[[], None]) -> None:
        """Call a function between two steps of the coroutines, if the thread still runs."""
        with contextlib.suppress(RuntimeError):
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
        except BaseException as error:  # also what would end a program: it ends this thread
            self.failure = error
            # Whoever waits is told of it; the loop would only say it once more.
            self._loop.set_exception_handler(lambda *_: None)
        finally:
            self._loop.run_until_complete(_cancel_all())
            # Without waiting for the threads of steps that never end.
            self._loop.close()


async def _cancel_all() -> None:
    """Cancel every other task of the loop, and wait for them."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns, from an event loop of its own."""

    def report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not isinstance(context.get("exception"), Stalled):  # which ends the run with its line
            loop.default_exception_handler(context)

    with asyncio.Runner() as runner:
        runner.get_loop().set_exception_handler(report)
        return runner.run(work)
